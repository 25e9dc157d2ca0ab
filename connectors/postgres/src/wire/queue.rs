//! From the task that reads the socket to the one that decodes: one chunk at a time, and its memory back.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes that are read at once: large enough that reading costs little, small enough for a processor's cache.
pub(super) const CAPACITY: usize = 128 << 10;

/// Whole CopyData messages, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// Where the messages lie.
    pub(super) range: Range<usize>,
}

impl Chunk {
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }
}

/// The rows that a connection takes past its driver.
#[derive(Debug)]
pub(crate) struct CopiedRows(Arc<Queue>);

/// Where a connection puts them.
#[derive(Debug)]
pub(super) struct Sender(Arc<Queue>);

/// Both ends of a queue.
pub(super) fn queue() -> (Sender, CopiedRows) {
    let queue = Arc::new(Queue::default());
    (Sender(Arc::clone(&queue)), CopiedRows(queue))
}

#[derive(Debug, Default)]
struct Queue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    chunk: Option<Chunk>,
    /// The memory of a chunk that is decoded.
    spare: Option<Vec<u8>>,
    /// Who waits for the chunk to be taken, and for one to be there.
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

impl Queue {
    /// Nothing panics while it is locked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CopiedRows {
    /// The next chunk. `decoded` is the one before it, whose memory is used again.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>, decoded: &mut Chunk) -> Poll<Chunk> {
        let mut state = self.0.lock();
        let memory = std::mem::take(&mut decoded.bytes);
        if memory.len() == CAPACITY {
            state.spare = Some(memory);
        }
        let Some(chunk) = state.chunk.take() else {
            state.receiver = Some(context.waker().clone());
            let sender = state.sender.take();
            drop(state);
            sender.into_iter().for_each(Waker::wake);
            return Poll::Pending;
        };
        state.receiver = None;
        let sender = state.sender.take();
        drop(state);
        sender.into_iter().for_each(Waker::wake);
        Poll::Ready(chunk)
    }

    /// Forgets what the last reader left.
    pub(crate) fn clear(&self) {
        let mut state = self.0.lock();
        (state.chunk, state.receiver) = (None, None);
    }
}

impl Sender {
    /// Whether there is room for a chunk; if not, the task is woken when there is.
    pub(super) fn poll_vacant(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.chunk.is_none() {
            return Poll::Ready(());
        }
        state.sender = Some(context.waker().clone());
        Poll::Pending
    }

    /// Whether somebody waits for a chunk; if not, the task is woken when somebody does.
    pub(super) fn poll_wanted(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.chunk.is_none() && state.receiver.is_some() {
            return Poll::Ready(());
        }
        state.sender = Some(context.waker().clone());
        Poll::Pending
    }

    /// Memory for the next chunk.
    pub(super) fn memory(&self) -> Vec<u8> {
        let spare = self.0.lock().spare.take();
        spare.unwrap_or_else(|| vec![0; CAPACITY])
    }

    /// Puts a chunk where there is room.
    pub(super) fn send(&self, chunk: Chunk) {
        let mut state = self.0.lock();
        state.chunk = Some(chunk);
        let receiver = state.receiver.take();
        drop(state);
        receiver.into_iter().for_each(Waker::wake);
    }
}
