//! gzip and Zstandard, unpacked on a thread of their own.
//!
//! The decoders block, which also keeps the unpacking off the runtime's threads; and unlike the asynchronous ones they
//! read all members of a gzip file, and all frames of a Zstandard file, of several.

use crate::connect::Chunks;
use crate::error::corrupt;
use crate::listing::Packing;
use arrow::buffer::Buffer;
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, stream};
use headwater_core::{Error, ErrorKind, Result};
use std::io::{self, Read};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender};

/// Unpacked pieces that may wait for their reader.
const PIECES_AHEAD: usize = 4;
const PIECE: usize = 256 << 10;

/// Unpacks a file. Dropping the stream ends the thread.
pub(super) fn unpacked(stored: Chunks, packing: Packing, file: String) -> Chunks {
    let (sender, receiver) = mpsc::channel::<Result<Buffer>>(PIECES_AHEAD);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let packed = Packed { stored, handle, gone: sender.clone(), chunk: Buffer::from(Vec::<u8>::new()) };
        if let Err(error) = unpack(packed, packing, &file, &sender) {
            // Nobody listens any more: then nobody wants to know.
            drop(sender.blocking_send(Err(error)));
        }
    });
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|piece| (piece, receiver)) }).boxed()
}

fn unpack(packed: Packed, packing: Packing, file: &str, sender: &Sender<Result<Buffer>>) -> Result<()> {
    let mut reader: Box<dyn Read> = if packing == Packing::Gzip {
        Box::new(MultiGzDecoder::new(packed))
    } else {
        Box::new(zstd::Decoder::new(packed).map_err(|error| unpack_error(error, packing, file))?)
    };
    loop {
        let mut piece = vec![0; PIECE];
        let read = reader.read(&mut piece).map_err(|error| unpack_error(error, packing, file))?;
        if read == 0 {
            return Ok(());
        }
        piece.truncate(read);
        if sender.blocking_send(Ok(Buffer::from(piece))).is_err() {
            return Ok(());
        }
    }
}

/// The store's own error, or that of a file that is cut off or damaged.
fn unpack_error(error: io::Error, packing: Packing, file: &str) -> Error {
    let format = if packing == Packing::Gzip { "gzip" } else { "Zstandard" };
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
        return inner.map_or_else(|| corrupt(file, format, "it cannot be read"), |error| *error);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::new(ErrorKind::Corrupt, format!("{file} is cut off: the {format} data ends too early"))
                .with_hint("was it copied whole?")
        }
        _ => corrupt(file, format, &error.to_string()),
    }
}

/// The packed bytes for a reader that blocks.
struct Packed {
    stored: Chunks,
    handle: Handle,
    gone: Sender<Result<Buffer>>,
    chunk: Buffer,
}

impl Read for Packed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let (stored, gone) = (&mut self.stored, &self.gone);
            let next = self.handle.block_on(async {
                tokio::select! {
                    chunk = stored.next() => chunk,
                    () = gone.closed() => Some(Err(Error::new(ErrorKind::Cancelled, "the reader went away"))),
                }
            });
            match next {
                None => return Ok(0),
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        let length = out.len().min(self.chunk.len());
        if let (Some(to), Some(from)) = (out.get_mut(..length), self.chunk.get(..length)) {
            to.copy_from_slice(from);
        }
        self.chunk.advance(length);
        Ok(length)
    }
}
