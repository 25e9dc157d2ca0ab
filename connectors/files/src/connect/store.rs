//! One file of a store, in the version that was planned, with every request counted.

use crate::error::store_error;
use arrow::buffer::Buffer;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{Error, Result, ScanMetrics};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResult, GetResultPayload, OBJECT_STORE_COALESCE_DEFAULT, ObjectStore, coalesce_ranges,
};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Bytes of a file, as they arrive.
pub(crate) type Chunks = BoxStream<'static, Result<Buffer>>;

/// How much is read from a disk at once.
const DISK_PIECE: u64 = 1 << 20;
/// Ranges of a file on disk that are no further apart are read together.
const DISK_GAP: u64 = 16 << 10;

/// Reads one file and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct FileStore {
    pub(super) inner: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    /// `/dir/file` or `s3://bucket/key`.
    pub(super) name: String,
    pub(super) place: String,
    pub(super) on_disk: bool,
    pub(super) etag: Option<String>,
    pub(super) metrics: Option<Arc<ScanMetrics>>,
    pub(super) permits: Arc<Semaphore>,
}

impl FileStore {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// All bytes of a small file.
    pub(crate) async fn whole(&self) -> Result<Buffer> {
        let read = async { self.get(None).await?.bytes().await };
        read.await.map(Buffer::from).map_err(|error| self.error(&error))
    }

    /// The bytes of a range, which must lie within the file.
    pub(crate) fn chunks(self, range: Range<u64>) -> Chunks {
        if range.is_empty() {
            return stream::empty().boxed();
        }
        if self.on_disk { self.pieces(range) } else { self.streamed(range) }
    }

    fn pieces(self, range: Range<u64>) -> Chunks {
        let next = |(store, at, end): (Self, u64, u64)| async move {
            if at >= end {
                return Ok(None);
            }
            let upto = (at + DISK_PIECE).min(end);
            let piece = store.range(at..upto).await.map_err(|error| store.error(&error))?;
            if piece.is_empty() {
                return Err(crate::error::changed(&store.name));
            }
            let read = at + piece.len() as u64;
            Ok(Some((Buffer::from(piece), (store, read, end))))
        };
        stream::try_unfold((self, range.start, range.end), next).boxed()
    }

    fn streamed(self, range: Range<u64>) -> Chunks {
        let opened = async move {
            let answer = self.get(Some(GetRange::Bounded(range))).await.map_err(|error| self.error(&error))?;
            let bytes = answer.into_stream().map(move |bytes| match bytes {
                Ok(bytes) => Ok(Buffer::from(bytes)),
                Err(error) => Err(self.error(&error)),
            });
            Ok::<_, Error>(bytes)
        };
        stream::once(opened).try_flatten().boxed()
    }

    pub(crate) fn error(&self, error: &object_store::Error) -> Error {
        store_error(error, &self.name, &self.place)
    }

    /// The bytes of several ranges, near ones by one request.
    pub(crate) async fn ranges(&self, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        let gap = if self.on_disk { DISK_GAP } else { OBJECT_STORE_COALESCE_DEFAULT };
        coalesce_ranges(ranges, |range| self.range(range), gap).await
    }

    /// The bytes of one range.
    pub(crate) async fn range(&self, range: Range<u64>) -> object_store::Result<Bytes> {
        self.get(Some(GetRange::Bounded(range))).await?.bytes().await
    }

    /// Every request goes through here.
    async fn get(&self, range: Option<GetRange>) -> object_store::Result<GetResult> {
        // Held until the answer begins, not to the body's end: a reader that waits for another scan of this catalog
        // would hold it forever.
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| object_store::Error::Generic { store: "headwater", source: Box::new(error) })?;
        let options = GetOptions { range, if_match: self.etag.clone(), ..GetOptions::default() };
        let begin = Instant::now();
        let answer = self.inner.get_opts(&self.path, options).await;
        let Some(metrics) = self.metrics.clone() else { return answer };
        metrics.add_request(begin.elapsed());
        let mut answer = answer?;
        answer.payload = match answer.payload {
            GetResultPayload::Stream(bytes) => {
                let count = move |bytes: &Bytes| metrics.add_wire_bytes(bytes.len() as u64);
                GetResultPayload::Stream(bytes.inspect_ok(count).boxed())
            }
            file @ GetResultPayload::File(..) => {
                metrics.add_wire_bytes(answer.range.end - answer.range.start);
                file
            }
        };
        Ok(answer)
    }
}
