//! The ways to disk and S3: made at first use, shared by everything the catalog does.

mod aws;
mod s3;
mod store;

pub(crate) use s3::Found;
pub(crate) use store::{Chunks, FileStore};

use crate::config::{FilesConfig, Root};
use aws::Aws;
use headwater_core::{Error, Result, ScanMetrics};
use object_store::ObjectStore;
use object_store::aws::AmazonS3;
use object_store::local::LocalFileSystem;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{OnceCell, Semaphore};

/// A bucket in its region: the SDK's client for names, the object store for bytes.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) client: aws_sdk_s3::Client,
    pub(crate) store: Arc<AmazonS3>,
}

/// The way to all files that a catalog may read.
#[derive(Debug)]
pub(crate) struct Connection {
    config: Arc<FilesConfig>,
    disk: Arc<LocalFileSystem>,
    aws: OnceCell<Aws>,
    buckets: Mutex<HashMap<String, Arc<OnceCell<Arc<Bucket>>>>>,
    permits: Arc<Semaphore>,
}

impl Connection {
    /// Does no I/O.
    pub(crate) fn new(config: Arc<FilesConfig>) -> Self {
        let permits = Arc::new(Semaphore::new(config.max_requests_in_flight));
        let disk = Arc::new(LocalFileSystem::new());
        Self { config, disk, aws: OnceCell::new(), buckets: Mutex::default(), permits }
    }

    pub(crate) fn config(&self) -> &FilesConfig {
        &self.config
    }

    pub(crate) fn disk(&self) -> &Arc<LocalFileSystem> {
        &self.disk
    }

    /// The account; the first call looks for credentials.
    pub(crate) async fn aws(&self) -> Result<&Aws> {
        self.aws.get_or_try_init(|| Aws::connect(&self.config)).await
    }

    /// A bucket; the first call finds its region.
    ///
    /// # Errors
    /// `Unauthenticated` without credentials, `Config` for a name that no bucket can have.
    pub(crate) async fn bucket(&self, name: &str) -> Result<Arc<Bucket>> {
        let cell = {
            let mut buckets = self.buckets.lock().map_err(|_| Error::internal("the list of buckets is poisoned"))?;
            Arc::clone(buckets.entry(name.to_owned()).or_default())
        };
        let bucket =
            cell.get_or_try_init(|| async { self.aws().await?.bucket(name, &self.config).await.map(Arc::new) });
        bucket.await.cloned()
    }

    /// The store for one file: counts what is read, and reads nothing but the file's version `etag`.
    pub(crate) async fn file(
        &self,
        root: &Root,
        path: &str,
        etag: Option<&str>,
        metrics: Option<&Arc<ScanMetrics>>,
    ) -> Result<FileStore> {
        let inner: Arc<dyn ObjectStore> = match root {
            Root::Disk => Arc::clone(&self.disk) as _,
            Root::Bucket(name) => Arc::clone(&self.bucket(name).await?.store) as _,
        };
        Ok(FileStore {
            inner,
            path: root.store_path(path)?,
            name: root.name_of(path),
            place: self.config.place(),
            on_disk: *root == Root::Disk,
            etag: etag.map(str::to_owned),
            metrics: metrics.map(Arc::clone),
            permits: Arc::clone(&self.permits),
        })
    }
}
