//! Folders with files, connectors over them, and readers for the tests.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use futures::TryStreamExt;
use headwater_core::config::{Environment, parse_config};
use headwater_core::{
    Connector, ConnectorList, Error, JoinKeys, KeyDecision, Result, ScanContext, ScanPlan, ScanRequest, Split,
    TableMetadata, TableName, Value, values_of,
};
use headwater_files::FilesFactory;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// The connector of a catalog `lake` with these lines of configuration.
pub(crate) fn configured(lines: &str) -> Result<Arc<dyn Connector>> {
    let text = format!("version = 1\n[catalogs.lake]\nconnector = \"files\"\n{lines}");
    let connectors = ConnectorList::new().with(FilesFactory);
    let catalogs = connectors.check_file(parse_config("test.toml", &text, &NoEnvironment)?)?;
    connectors.build(&catalogs[0])
}

/// A folder that is gone with its handle.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, below: &str) -> String {
        self.0.path().join(below).to_str().unwrap().to_owned()
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn put(&self, below: &str, content: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A connector of this folder with further lines of configuration.
    pub(crate) fn connector(&self, lines: &str) -> Arc<dyn Connector> {
        configured(&format!("path = \"{}\"\n{lines}", self.path(""))).unwrap()
    }
}

pub(crate) fn table(name: &str) -> TableName {
    TableName::new("default", name)
}

pub(crate) fn path(name: impl Into<String>) -> TableName {
    TableName::new("path", name)
}

/// A Parquet file in memory, as `properties` have it.
pub(crate) fn parquet_with(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub(crate) fn parquet(batch: &RecordBatch) -> Vec<u8> {
    parquet_with(batch, WriterProperties::builder().build())
}

/// Small row groups and pages, so that statistics have something to leave out.
pub(crate) fn small_groups() -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(64))
        .set_data_page_row_count_limit(16)
        .set_write_batch_size(16)
        .set_dictionary_enabled(false)
        .build()
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// What one scan gave.
pub(crate) struct Outcome {
    pub(crate) metadata: TableMetadata,
    pub(crate) plan: ScanPlan,
    pub(crate) decision: KeyDecision,
    pub(crate) splits: Vec<Split>,
    pub(crate) rows: RecordBatch,
    pub(crate) context: ScanContext,
}

pub(crate) async fn scan(
    connector: &Arc<dyn Connector>,
    name: TableName,
    change: impl FnOnce(ScanRequest) -> ScanRequest,
    keys: Option<&JoinKeys>,
) -> Result<Outcome> {
    let metadata = connector.get_table(&name).await?;
    let plan = connector.plan_scan(&metadata, &change(ScanRequest::table(name))).await?;
    run(connector, metadata, plan, keys).await
}

pub(crate) async fn run(
    connector: &Arc<dyn Connector>,
    metadata: TableMetadata,
    plan: ScanPlan,
    keys: Option<&JoinKeys>,
) -> Result<Outcome> {
    let context = ScanContext::new("test");
    let splits = connector.splits(&plan, keys, &context).await?;
    let (decision, splits): (_, Vec<Split>) = (splits.keys, splits.stream.try_collect().await?);
    let mut batches = Vec::new();
    for split in &splits {
        let read: Vec<RecordBatch> = connector.read(split, &context).await?.try_collect().await?;
        batches.extend(read);
    }
    let rows = if plan.schema.fields().is_empty() {
        let count = batches.iter().map(RecordBatch::num_rows).sum();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        RecordBatch::try_new_with_options(Arc::clone(&plan.schema), vec![], &options).unwrap()
    } else {
        concat_batches(&plan.schema, &batches).unwrap()
    };
    Ok(Outcome { metadata, plan, decision, splits, rows, context })
}

/// All rows of a table.
pub(crate) async fn rows(connector: &Arc<dyn Connector>, name: TableName) -> RecordBatch {
    scan(connector, name, |request| request, None).await.unwrap().rows
}

pub(crate) async fn failure(connector: &Arc<dyn Connector>, name: TableName) -> Error {
    match scan(connector, name, |request| request, None).await {
        Err(error) => error,
        Ok(outcome) => panic!("no error, but {:?}", outcome.rows),
    }
}

/// The values of a column as they came.
pub(crate) fn values(rows: &RecordBatch, name: &str) -> Vec<Value> {
    values_of(rows.column_by_name(name).unwrap()).unwrap()
}

/// The values of a column in their own order, NULL first.
pub(crate) fn sorted(rows: &RecordBatch, name: &str) -> Vec<Value> {
    let mut found = values(rows, name);
    found.sort_by(|a, b| b.is_null().cmp(&a.is_null()).then(a.compare(b).unwrap_or(std::cmp::Ordering::Equal)));
    found
}

pub(crate) fn text(value: &str) -> Value {
    Value::Utf8(value.to_owned())
}

pub(crate) fn ints(values: impl IntoIterator<Item = i64>) -> Vec<Value> {
    values.into_iter().map(Value::Int64).collect()
}

/// Types of the columns, by name.
pub(crate) fn types(metadata: &TableMetadata) -> Vec<(String, String)> {
    let pair = |field: &arrow::datatypes::FieldRef| (field.name().clone(), field.data_type().to_string());
    metadata.schema.fields().iter().map(pair).collect()
}

/// The rows as lines of CSV with quotes around every text; NULL is an empty field.
pub(crate) fn csv_of(batch: &RecordBatch) -> String {
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut out = names.join(",") + "\n";
    for row in 0..batch.num_rows() {
        let fields: Vec<String> = batch.columns().iter().map(|column| csv_field(column, row)).collect();
        out.push_str(&fields.join(","));
        out.push('\n');
    }
    out
}

fn csv_field(column: &ArrayRef, row: usize) -> String {
    if let Some(truths) = column.as_any().downcast_ref::<BooleanArray>().filter(|array| array.is_valid(row)) {
        return truths.value(row).to_string();
    }
    match Value::from_array(column.as_ref(), row).unwrap() {
        Value::Null => String::new(),
        Value::Utf8(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::Binary(_) => {
            let hex: String = column.as_binary::<i32>().value(row).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{hex}")
        }
        other => other.to_string(),
    }
}
