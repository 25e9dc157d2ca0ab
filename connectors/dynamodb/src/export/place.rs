//! The way to an export: S3 with the catalog's credentials, or a folder.

use super::corrupt;
use crate::connect::Connection;
use bytes::Bytes;
use headwater_aws::error::store_error;
use headwater_core::{Error, Result};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use std::ops::Range;
use std::sync::Arc;
use url::Url;

/// The folder of an export.
#[derive(Debug, Clone)]
pub(super) struct Place {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    /// As it is written in the configuration.
    url: String,
    /// `S3`, or the endpoint in its place.
    server: String,
}

/// A part of a file.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// Of the whole file.
    pub(super) size: u64,
    pub(super) etag: Option<String>,
}

impl Place {
    /// # Errors
    /// `Config` for an address that is neither of S3 nor of a folder, `Unauthenticated` without credentials.
    pub(super) async fn open(connection: &Connection, url: &str) -> Result<Self> {
        let wrong = |reason: String| Error::config(format!("export {url}: {reason}"));
        let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        let store: Arc<dyn ObjectStore> = match (parsed.scheme(), parsed.host_str()) {
            ("s3", Some(bucket)) => connection.bucket(bucket).await?,
            ("file", None) => Arc::new(LocalFileSystem::new()),
            _ => return Err(wrong("is neither s3://bucket/… nor file:///…".to_owned())),
        };
        // Of an address on S3, everything after the bucket is the key, as in all of AWS's own tools.
        let key = url.strip_prefix("s3://").map(|rest| rest.split_once('/').map_or("", |(_, key)| key));
        let folder = match key {
            Some(key) => Path::parse(key.trim_matches('/')).map_err(|error| wrong(error.to_string()))?,
            None => Path::from_url_path(parsed.path()).map_err(|error| wrong(error.to_string()))?,
        };
        let server = connection.config().exports.endpoint.clone().unwrap_or_else(|| "S3".to_owned());
        Ok(Self { store, folder, url: url.to_owned(), server })
    }

    /// All bytes of a small file.
    pub(super) async fn whole(&self, file: &str) -> Result<Bytes> {
        let read = async { self.store.get(&self.path(file)).await?.bytes().await };
        read.await.map_err(|error| self.error(file, &error))
    }

    /// A part of a file, which must still be the one with this ETag.
    ///
    /// # Errors
    /// What the store says; `Corrupt` for a file of no bytes, of which no part can be asked for.
    pub(super) async fn piece(&self, file: &str, range: Range<u64>, etag: Option<String>) -> Result<Piece> {
        let is_first = range.start == 0;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), if_match: etag, ..GetOptions::default() };
        let read = async {
            let answer = self.store.get_opts(&self.path(file), options).await?;
            let (size, etag) = (answer.meta.size, answer.meta.e_tag.clone());
            Ok(Piece { bytes: answer.bytes().await?, size, etag })
        };
        match read.await {
            Ok(piece) => Ok(piece),
            Err(_) if is_first && self.is_empty(file).await => Err(corrupt(format!("{}/{file} is empty", self.url))),
            Err(error) => Err(self.error(file, &error)),
        }
    }

    async fn is_empty(&self, file: &str) -> bool {
        self.store.head(&self.path(file)).await.is_ok_and(|found| found.size == 0)
    }

    fn path(&self, file: &str) -> Path {
        file.split('/').fold(self.folder.clone(), |path, part| path.join(part))
    }

    fn error(&self, file: &str, error: &object_store::Error) -> Error {
        store_error(error, &format!("{}/{file}", self.url), &self.server)
    }
}
