//! Files on S3 and on disk as a source: Parquet, CSV and JSON lines.
//!
//! ```toml
//! [catalogs.lake]
//! connector = "files"
//! url = "s3://company-lake/raw"          # or path = "/data"; credentials: the AWS SDK's own ways
//!
//! [catalogs.lake.tables.events]
//! path = "events/*/part-*.csv.gz"
//! delimiter = ";"
//!
//! [catalogs.lake.tables.events.columns]
//! zip_code = "text"
//! ```
//!
//! ```
//! use headwater_core::ConnectorList;
//! use headwater_files::FilesFactory;
//!
//! # fn main() -> headwater_core::Result<()> {
//! let connectors = ConnectorList::new().with(FilesFactory);
//! let config = connectors.check_url("lake", "s3://company-lake/raw?region=eu-west-1")?;
//! let lake = connectors.build(&config)?; // no I/O yet
//! # drop(lake);
//! # Ok(()) }
//! ```
//!
//! | concept | here |
//! |---|---|
//! | schemas | `default` for a catalog of one place; the buckets where the url is `s3://`; in every catalog `path`, whose tables are paths: a file, a folder, a pattern, an S3 Inventory's `manifest.json` |
//! | tables | folders and files of the place, by name without ending, and declared ones |
//! | files of a folder | all below it, but none whose name, or whose folder's name, begins with `_` or `.`; all of one format, told by their endings; packed by gzip (`.gz`) or Zstandard (`.zst`) |
//! | columns | those of all files that are looked at (`sample_files`, `sample_size`); NULL in a file that lacks one; a file that has another one, met at reading, is an error |
//! | types | the law is in `convert.rs` |
//! | `column=value` folders | columns; the files that they rule out are not read |
//! | filters | on such columns exact; Parquet leaves out row groups and pages by their statistics, and the engine checks again |
//! | splits | row groups of Parquet; ranges of lines of CSV and JSON that is not packed; else whole files. a CSV file is cut, and read by several cores, only where its table is declared with `newlines_in_quotes = false`, as a cut within quotes would be seen too late |
//! | memory | a few batches a split, and of Parquet the packed bytes of one row group's wanted columns |
//! | versions | a file that was changed after planning is an error, not a mixture |
//!
//! Bytes come through the `object_store` crate, which resumes broken answers; names and permissions through the AWS
//! SDK, which tells a refusal from an absence. Parquet is decoded by Arrow's own `parquet` crate, packed files by
//! DataFusion's decoders. CSV and JSON have readers of their own, which keep every digit and know every line.

mod config;
mod connect;
mod convert;
mod error;
mod listing;
mod metadata;
mod plan;
mod read;

use async_trait::async_trait;
use config::FilesConfig;
use connect::Connection;
use futures::{StreamExt, TryStreamExt, future, stream};
use headwater_core::config::{CatalogConfig, OptionSpec};
use headwater_core::{
    BatchStream, Connector, ConnectorFactory, Error, JoinKeys, NameStream, Result, ScanContext, ScanPlan, ScanRequest,
    Split, Splits, TableMetadata, TableName,
};
use std::sync::Arc;

/// Builds [`FilesConnector`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesFactory;

impl ConnectorFactory for FilesFactory {
    fn name(&self) -> &'static str {
        "files"
    }

    fn options(&self) -> &'static [OptionSpec] {
        config::OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["s3", "file"]
    }

    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(FilesConnector::new(catalog)?))
    }
}

/// The files of a place, of all buckets of an account, or of paths that statements name.
#[derive(Debug)]
pub struct FilesConnector {
    connection: Arc<Connection>,
}

impl FilesConnector {
    /// A connector of a checked catalog. Does no I/O.
    ///
    /// # Errors
    /// `Config` when options contradict each other or a declaration is wrong.
    pub fn new(catalog: &CatalogConfig) -> Result<Self> {
        let config = Arc::new(FilesConfig::parse(catalog)?);
        Ok(Self { connection: Arc::new(Connection::new(config)) })
    }

    fn of_catalog(&self, error: Error) -> Error {
        error.with_catalog(&self.connection.config().catalog)
    }

    /// Names that are found at once, as a stream.
    fn names<'a, T: Send + 'a>(&'a self, found: impl Future<Output = Result<Vec<T>>> + Send + 'a) -> NameStream<'a, T> {
        let found = stream::once(found).map_err(|error| self.of_catalog(error));
        found.map_ok(|names| stream::iter(names.into_iter().map(Ok))).try_flatten().boxed()
    }
}

#[async_trait]
impl Connector for FilesConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.names(metadata::list_schemas(&self.connection))
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.names(metadata::table_names(&self.connection, schema))
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        metadata::get_table(&self.connection, name).await.map_err(|error| self.of_catalog(error))
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        future::ready(plan::plan_scan(table, request, self.connection.config().split_bytes)).await
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        plan::splits(plan, keys)
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let catalog = self.connection.config().catalog.clone();
        let batches = read::read(Arc::clone(&self.connection), split, context)?;
        Ok(batches.map_err(move |error| error.with_catalog(&catalog)).boxed())
    }
}
