//! Loading the daily figures of usage.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow::error::ArrowError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::{Scenario2, Usage, marker};
use crate::error::{Context as _, Result};
use crate::parquet::parquet;
use crate::s3::S3;

/// The object that says that all is there; it lies in no table's folder.
const MARKER_KEY: &str = "headwater-scenario2";

/// Objects written at once.
const WRITERS: usize = 8;

impl Scenario2 {
    /// Puts inventory and usage into `bucket`, which is made when it does not exist; does nothing when this very data is
    /// there already.
    ///
    /// # Errors
    ///
    /// The server refuses a request or is stopped.
    pub async fn load_s3(&self, server: &S3, bucket: &str) -> Result<()> {
        let fingerprint = self.fingerprint();
        server.create_bucket(bucket).await?;
        if Self::is_in_s3(server, bucket, &fingerprint).await? {
            return Ok(());
        }
        self.load_inventory(server, bucket).await?;
        self.load_usage(server, bucket).await?;
        server.put(bucket, MARKER_KEY, marker(&fingerprint)).await
    }

    /// Whether the data of this fingerprint is in `bucket`, which exists; answers without generating it.
    ///
    /// # Errors
    ///
    /// The server refuses a request or is stopped.
    pub async fn is_in_s3(server: &S3, bucket: &str, fingerprint: &str) -> Result<bool> {
        let doing = || format!("looking for scenario 2 in bucket `{bucket}`");
        match server.client(bucket)?.get(&Path::from(MARKER_KEY)).await {
            Ok(found) => Ok(found.bytes().await.context(doing)? == marker(fingerprint)),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error).context(doing),
        }
    }

    /// Puts the usage into `bucket`, which exists: `usage/day=2025-12-31/part-0.parquet` and so on.
    ///
    /// # Errors
    ///
    /// The server refuses a request or is stopped.
    pub async fn load_usage(&self, server: &S3, bucket: &str) -> Result<()> {
        let client = server.client(bucket)?;
        let objects = self.usage.chunk_by(|a, b| a.day == b.day).map(|day| {
            let client = &client;
            async move {
                let key = key(day);
                let bytes = batch(day).and_then(|batch| Ok(parquet(&batch.schema(), [Ok(batch)])?));
                let bytes = bytes.context(|| format!("writing {key}"))?;
                let put = client.put(&Path::parse(&key).context(|| key.clone())?, PutPayload::from(bytes)).await;
                put.context(|| format!("writing s3://{bucket}/{key}")).map(drop)
            }
        });
        let objects: Vec<_> = objects.collect();
        stream::iter(objects).buffer_unordered(WRITERS).try_collect().await
    }
}

fn key(day: &[Usage]) -> String {
    let date = day.first().map(|usage| usage.day.to_string()).unwrap_or_default();
    format!("usage/day={}/part-0.parquet", date.split('T').next().unwrap_or_default())
}

fn batch(day: &[Usage]) -> Result<RecordBatch, ArrowError> {
    let long = |of: fn(&Usage) -> i64| -> ArrayRef { Arc::new(day.iter().map(of).collect::<Int64Array>()) };
    let short = |of: fn(&Usage) -> i32| -> ArrayRef { Arc::new(day.iter().map(of).collect::<Int32Array>()) };
    RecordBatch::try_from_iter([
        ("account_id", long(|usage| usage.account_id)),
        ("uploads", short(|usage| usage.uploads)),
        ("downloads", short(|usage| usage.downloads)),
        ("bytes_in", long(|usage| usage.bytes_in)),
        ("bytes_out", long(|usage| usage.bytes_out)),
    ])
}
