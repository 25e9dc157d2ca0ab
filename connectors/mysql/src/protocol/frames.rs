//! Payloads out of a stream of frames, and back.
//!
//! A frame is a length of 3 bytes, a number of 1 byte that counts up within a command, and that many bytes. A payload of
//! 16 MiB or more goes over several frames, of which the last is shorter than `0xffffff`, if need be empty.

use super::Failure;
use super::socket::Socket;
use std::ops::Range;

/// Large enough that reading costs little, small enough to stay in a processor's cache.
const CAPACITY: usize = 256 << 10;
const HEADER: usize = 4;
const LONGEST: usize = 0xff_ffff;

/// A payload too long for the buffer is kept apart; what it took is given back from this size on.
const KEPT: usize = 1 << 20;

/// What arrives.
pub(super) struct Frames {
    buffer: Box<[u8]>,
    /// What has arrived and was not looked at.
    unread: Range<usize>,
    /// A payload that the buffer cannot hold.
    long: Vec<u8>,
    /// The number that the next frame must have, whoever sends it.
    sequence: u8,
    max_payload: usize,
    received: u64,
}

/// Where a payload is, until the next one is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Buffer(Range<usize>),
    Long,
}

impl Frames {
    pub(super) fn new(max_payload: usize) -> Self {
        Self {
            buffer: vec![0; CAPACITY].into_boxed_slice(),
            unread: 0..0,
            long: Vec::new(),
            sequence: 0,
            max_payload,
            received: 0,
        }
    }

    /// The payload as frames to be sent; a command begins to count anew.
    pub(super) fn framed(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut framed = Vec::with_capacity(payload.len() + HEADER);
        let mut rest = payload;
        loop {
            let (part, after) = rest.split_at(rest.len().min(LONGEST));
            let [a, b, c, ..] = part.len().to_le_bytes();
            framed.extend_from_slice(&[a, b, c, self.sequence]);
            framed.extend_from_slice(part);
            self.sequence = self.sequence.wrapping_add(1);
            rest = after;
            if part.len() < LONGEST {
                return framed;
            }
        }
    }

    pub(super) fn begin_command(&mut self) {
        self.sequence = 0;
    }

    /// Whether something has arrived that nobody has asked for yet.
    pub(super) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }

    /// Bytes that have arrived since it was asked last.
    pub(super) fn take_received(&mut self) -> u64 {
        std::mem::take(&mut self.received)
    }

    /// The next payload.
    pub(super) async fn next(&mut self, socket: &mut Socket) -> Result<Place, Failure> {
        if self.long.capacity() > KEPT {
            self.long = Vec::new();
        }
        loop {
            if let Some(place) = self.buffered()? {
                return Ok(Place::Buffer(place));
            }
            match self.header() {
                Some((length, _)) if is_long(length) => return self.gather(socket).await,
                _ => self.fill(socket).await?,
            }
        }
    }

    /// The next payload, if all of it lies in the buffer already. Nothing moves: earlier places stay good.
    #[inline]
    pub(super) fn buffered(&mut self) -> Result<Option<Range<usize>>, Failure> {
        let Some((length, sequence)) = self.header() else { return Ok(None) };
        if is_long(length) || self.unread.len() < HEADER + length {
            return Ok(None);
        }
        self.count(sequence)?;
        let start = self.unread.start + HEADER;
        self.unread.start = start + length;
        Ok(Some(start..start + length))
    }

    pub(super) fn bytes(&self, place: &Place) -> &[u8] {
        match place {
            Place::Buffer(range) => self.buffer.get(range.clone()).unwrap_or_default(),
            Place::Long => &self.long,
        }
    }

    /// The bytes that the places of [`buffered`](Self::buffered) lie in.
    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    #[inline]
    fn header(&self) -> Option<(usize, u8)> {
        let unread = self.buffer.get(self.unread.clone())?;
        let [a, b, c, sequence] = unread.first_chunk::<HEADER>()?;
        Some((usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16, *sequence))
    }

    #[inline]
    fn count(&mut self, sequence: u8) -> Result<(), Failure> {
        if sequence != self.sequence {
            return Err(Failure::Malformed("packets out of order"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    /// Puts the frames of a long payload together. Memory follows what has arrived, by steps of a frame.
    async fn gather(&mut self, socket: &mut Socket) -> Result<Place, Failure> {
        self.long.clear();
        loop {
            while self.unread.len() < HEADER {
                self.fill(socket).await?;
            }
            let Some((length, sequence)) = self.header() else { return Err(Failure::Malformed("a frame is missing")) };
            self.count(sequence)?;
            self.unread.start += HEADER;
            if self.long.len() + length > self.max_payload {
                return Err(Failure::TooLarge(self.max_payload));
            }
            self.long.reserve_exact(length);
            self.gather_frame(length, socket).await?;
            if length < LONGEST {
                return Ok(Place::Long);
            }
        }
    }

    async fn gather_frame(&mut self, mut missing: usize, socket: &mut Socket) -> Result<(), Failure> {
        while missing > 0 {
            if self.unread.is_empty() {
                self.fill(socket).await?;
            }
            let end = self.unread.end.min(self.unread.start + missing);
            let arrived = self.buffer.get(self.unread.start..end).unwrap_or_default();
            self.long.extend_from_slice(arrived);
            missing -= arrived.len();
            self.unread.start = end;
        }
        Ok(())
    }

    /// Reads once. Earlier places are void.
    async fn fill(&mut self, socket: &mut Socket) -> Result<(), Failure> {
        if self.unread.is_empty() {
            self.unread = 0..0;
        } else if self.unread.end > CAPACITY / 2 && self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let space = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
        let read = socket.read(space).await?;
        if read == 0 {
            return Err(Failure::Closed);
        }
        self.unread.end += read;
        self.received += u64::try_from(read).unwrap_or_default();
        Ok(())
    }
}

/// Whether the buffer cannot hold it, or more of it follows.
#[inline]
fn is_long(length: usize) -> bool {
    length + HEADER > CAPACITY || length == LONGEST
}
