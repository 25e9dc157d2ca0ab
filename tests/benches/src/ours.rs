//! Headwater in a process of its own, measured from inside.

use crate::task::{Accesses, Narrow, Outcome, Result, Scanned, Source};
use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::{StreamExt as _, TryStreamExt as _};
use headwater_benches::usage;
use headwater_core::config::{ProcessEnvironment, parse_config};
use headwater_core::{
    CompareOp, Connector, ConnectorList, Expr, KeyDecision, Relation, ScanContext, ScanRequest, SplitStream, TableName,
    Value,
};
use headwater_dynamodb::DynamoDbFactory;
use headwater_mysql::MySqlFactory;
use headwater_planner::{Engine, Ledger, counted};
use headwater_postgres::PostgresFactory;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// The columns of a narrow scan.
pub(crate) const NARROW: [&str; 2] = ["l_orderkey", "l_extendedprice"];

/// The engine's own bound on how many splits of a scan are read at once.
const SPLITS_AT_ONCE: usize = 16;

fn connector(servers: &Accesses, source: Source) -> Result<Arc<dyn Connector>> {
    let url = match source {
        Source::Postgres => servers.postgres.url("postgres"),
        Source::MariaDb => servers.mariadb.url("mysql"),
    };
    let kinds = ConnectorList::new().with(PostgresFactory).with(MySqlFactory);
    Ok(kinds.build(&kinds.check_url(source.catalog(), &url)?)?)
}

fn request(narrow: Option<Narrow>) -> ScanRequest {
    let request = ScanRequest::table(TableName::new("tpch", "lineitem"));
    let Some(Narrow { from, until }) = narrow else { return request };
    let shipped = |op, day| Expr::column("l_shipdate").compare(op, Value::Date(day));
    let filters = vec![shipped(CompareOp::GtEq, from), shipped(CompareOp::Lt, until)];
    request.with_projection(NARROW).with_filters(filters)
}

/// Reads the table through the connector's trait as the engine would: as many splits at once as the plan allows.
pub(crate) async fn scan(servers: &Accesses, source: Source, narrow: Option<Narrow>, verify: bool) -> Result<Outcome> {
    let started = Instant::now();
    drain(started, connector(servers, source)?, &request(narrow), verify).await
}

/// Reads a table of the canned DynamoDB in the same way.
pub(crate) async fn items(servers: &Accesses, table: &str, verify: bool) -> Result<Outcome> {
    let request = ScanRequest::table(TableName::new("default", table));
    drain(Instant::now(), items_connector(servers)?, &request, verify).await
}

fn items_connector(servers: &Accesses) -> Result<Arc<dyn Connector>> {
    let kinds = ConnectorList::new().with(DynamoDbFactory);
    let text = format!(
        "version = 1\n[catalogs.dy]\nconnector = \"dynamodb\"\nregion = \"us-east-1\"\nendpoint = \"{}\"\n\
         access_key_id = \"bench\"\nsecret_access_key = \"bench\"\n",
        servers.dynamodb
    );
    let catalogs = kinds.check_file(parse_config("bench.toml", &text, &ProcessEnvironment)?)?;
    Ok(kinds.build(catalogs.first().ok_or("no catalog")?)?)
}

async fn drain(
    started: Instant,
    connector: Arc<dyn Connector>,
    request: &ScanRequest,
    verify: bool,
) -> Result<Outcome> {
    let Relation::Table(name) = &request.relation else { return Err("a scan reads a table".into()) };
    let table = connector.get_table(name).await?;
    let plan = connector.plan_scan(&table, request).await?;
    let context = Arc::new(ScanContext::new("bench"));
    context.scope.add_scan();
    let splits = connector.splits(&plan, None, &context).await?;
    let at_once = plan.max_parallel_splits.unwrap_or(SPLITS_AT_ONCE).clamp(1, SPLITS_AT_ONCE);
    let connections = at_once.min(plan.requests.len()).max(1);
    let queue = Arc::new(Mutex::new(splits.stream));
    let mut readers = JoinSet::new();
    for _ in 0..connections {
        let (connector, context) = (Arc::clone(&connector), Arc::clone(&context));
        readers.spawn(read(connector, context, Arc::clone(&queue), verify));
    }
    let (mut rows, mut sums) = (0, Sums::default());
    while let Some(read) = readers.join_next().await {
        let (more, of_them) = read??;
        rows += more;
        sums.merge(of_them);
    }
    context.scope.end();
    let seconds = started.elapsed().as_secs_f64();
    let requests = plan.requests.iter().map(ToString::to_string).collect();
    let sums = sums.into_text();
    let received = context.metrics.snapshot().wire_bytes;
    let memory = usage::peak_memory();
    Ok(Outcome { seconds, rows, memory, received, sums, requests, connections, ..Outcome::default() })
}

async fn read(
    connector: Arc<dyn Connector>,
    context: Arc<ScanContext>,
    queue: Arc<Mutex<SplitStream>>,
    verify: bool,
) -> Result<(u64, Sums)> {
    let (mut rows, mut sums) = (0, Sums::default());
    loop {
        let Some(split) = queue.lock().await.next().await else { return Ok((rows, sums)) };
        let mut batches = connector.read(&split?, &context).await?;
        while let Some(batch) = batches.try_next().await? {
            rows += batch.num_rows() as u64;
            if verify {
                sums.add(&batch)?;
            }
        }
    }
}

/// Runs a statement through the engine.
pub(crate) async fn query(servers: &Accesses, sql: &str, twice: bool, count_only: bool) -> Result<Outcome> {
    let mut engine = Engine::builder();
    for (source, kind) in [(Source::Postgres, "postgres"), (Source::MariaDb, "mysql")] {
        engine = engine.with_catalog(source.catalog(), kind, connector(servers, source)?);
    }
    engine = engine.with_catalog("dy", "dynamodb", items_connector(servers)?);
    let engine = engine.build()?;
    let mut outcome = ask(&engine, sql, count_only).await?;
    if twice {
        let again = ask(&engine, sql, count_only).await?;
        outcome = Outcome { seconds: outcome.seconds, again: Some(again.seconds), ..again };
    }
    Ok(Outcome { memory: usage::peak_memory(), ..outcome })
}

async fn ask(engine: &Engine, sql: &str, count_only: bool) -> Result<Outcome> {
    let started = Instant::now();
    let query = engine.plan(sql).await?;
    let mut batches = query.execute()?;
    let (mut rows, mut answer) = (0, Vec::new());
    while let Some(batch) = batches.try_next().await? {
        rows += batch.num_rows() as u64;
        if !count_only {
            answer.extend(texts(&batch)?);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Outcome { seconds, rows, answer, scans: scanned(&query.ledger()), ..Outcome::default() })
}

#[allow(clippy::cast_precision_loss)]
fn scanned(ledger: &Ledger) -> Vec<Scanned> {
    let scans = ledger.scans.iter().map(|scan| Scanned {
        table: format!("{}.{}", scan.catalog, scan.table),
        rows: scan.stats.map_or(0, |stats| stats.rows),
        statements: scan.request_count,
        units: scan.stats.map_or(0.0, |stats| stats.milli_capacity as f64 / 1e3),
        seconds: scan.elapsed.unwrap_or_default().as_secs_f64(),
        keys: match &scan.keys {
            None | Some(KeyDecision::NotOffered) => String::new(),
            Some(KeyDecision::Used { keys }) => format!("{} of the join used", counted(*keys, "key")),
            Some(KeyDecision::Declined { keys, reason }) => {
                format!("{} of the join not used: {reason}", counted(*keys, "key"))
            }
        },
    });
    scans.collect()
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).to_string()).collect()).collect())
}

/// Per column: the sum of integers, of decimals in their last digit, of days, of the bytes of texts, or how often true.
#[derive(Debug, Default)]
struct Sums(BTreeMap<String, (i128, u32)>);

impl Sums {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let (sum, scale): (i128, u32) = match column.data_type() {
                DataType::Int32 => (column.as_primitive::<Int32Type>().iter().flatten().map(i128::from).sum(), 0),
                DataType::Int64 => (column.as_primitive::<Int64Type>().iter().flatten().map(i128::from).sum(), 0),
                DataType::Date32 => (column.as_primitive::<Date32Type>().iter().flatten().map(i128::from).sum(), 0),
                DataType::Decimal128(_, scale) => {
                    let scale = u32::try_from(*scale)?;
                    (column.as_primitive::<Decimal128Type>().iter().flatten().sum(), scale)
                }
                DataType::Utf8 => (column.as_string::<i32>().iter().flatten().map(|text| text.len() as i128).sum(), 0),
                DataType::Boolean => (column.as_boolean().iter().flatten().map(i128::from).sum(), 0),
                other => return Err(format!("column {} has the unexpected type {other}", field.name()).into()),
            };
            let entry: &mut (i128, u32) = self.0.entry(field.name().clone()).or_insert((0, scale));
            entry.0 += sum;
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) {
        for (name, (sum, scale)) in other.0 {
            self.0.entry(name).or_insert((0, scale)).0 += sum;
        }
    }

    fn into_text(self) -> BTreeMap<String, String> {
        let text = |(name, (sum, scale)): (String, (i128, u32))| {
            let unit = 10i128.pow(scale);
            let digits =
                if scale == 0 { String::new() } else { format!(".{:0width$}", sum % unit, width = scale as usize) };
            (name, format!("{}{digits}", sum / unit))
        };
        self.0.into_iter().map(text).collect()
    }
}
