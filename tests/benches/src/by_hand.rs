//! What a person would write with the AWS SDK, to compare with.

mod typed;

use crate::task::{Access, Accesses, Outcome, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_benches::usage;
use std::collections::HashMap;
use std::time::Instant;
use tokio::task::JoinSet;
use typed::Columns;

/// Segments of a Scan, all read at once: as many as our connector makes of the same table.
const SEGMENTS: i32 = 4;
/// Most keys of a `BatchGetItem`.
const BATCH: usize = 100;

fn client(servers: &Accesses) -> Client {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(HttpBuilder::new().tls_provider(ring).build_https())
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .region(Region::from_static("us-east-1"))
        .endpoint_url(&servers.dynamodb);
    Client::from_conf(config.build())
}

/// All items of the table `flat` as the SDK gives them, into a batch per page.
pub(crate) async fn items(servers: &Accesses, table: &str) -> Result<Outcome> {
    let started = Instant::now();
    let client = client(servers);
    let mut segments = JoinSet::new();
    for segment in 0..SEGMENTS {
        segments.spawn(scan(client.clone(), table.to_owned(), segment));
    }
    let mut rows = 0;
    while let Some(read) = segments.join_next().await {
        rows += read??;
    }
    Ok(Outcome { seconds: started.elapsed().as_secs_f64(), rows, memory: usage::peak_memory(), ..Outcome::default() })
}

async fn scan(client: Client, table: String, segment: i32) -> Result<u64> {
    let (mut rows, mut after) = (0, None);
    loop {
        let scan = client.scan().table_name(&table).segment(segment).total_segments(SEGMENTS);
        let answer = scan.set_exclusive_start_key(after).send().await?;
        let mut columns = Columns::default();
        for item in answer.items() {
            columns.push(item)?;
        }
        rows += columns.finish()?.num_rows() as u64;
        after = answer.last_evaluated_key;
        if after.is_none() {
            return Ok(rows);
        }
    }
}

/// Keys from PostgreSQL, and their items: twice, as our engine is asked twice.
pub(crate) async fn lookup(servers: &Accesses, keys: u32, at_once: usize) -> Result<Outcome> {
    let (client, postgres) = (client(servers), connect(&servers.postgres).await?);
    let first = look_up(&client, &postgres, keys, at_once).await?;
    let again = look_up(&client, &postgres, keys, at_once).await?;
    Ok(Outcome { seconds: first.seconds, again: Some(again.seconds), memory: usage::peak_memory(), ..again })
}

async fn connect(access: &Access) -> Result<tokio_postgres::Client> {
    let mut config = tokio_postgres::Config::new();
    config.host(&access.host).port(access.port).user(&access.user).password(&access.password);
    config.dbname(&access.database);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn look_up(client: &Client, postgres: &tokio_postgres::Client, keys: u32, at_once: usize) -> Result<Outcome> {
    let started = Instant::now();
    // Of 32 numbers TPC-H uses the first eight.
    let last = 4 * keys;
    let sql = format!(
        "SELECT l_comment, l_orderkey::bigint FROM tpch.lineitem WHERE l_orderkey <= {last} AND l_linenumber = 1"
    );
    let lines = postgres.query(sql.as_str(), &[]).await?;
    let comments: HashMap<i64, String> = lines.iter().map(|row| (row.get(1), row.get(0))).collect();
    let wanted: Vec<i64> = comments.keys().copied().collect();
    let answers = stream::iter(wanted.chunks(BATCH)).map(|keys| get(client, keys)).buffer_unordered(at_once.max(1));
    let answers: Vec<(Vec<Item>, f64)> = answers.try_collect().await?;
    let (mut rows, mut units) = (0, 0.0);
    for (items, charged) in answers {
        let mut columns = Columns::default();
        for item in items.iter().filter(|item| id(item).is_some_and(|id| comments.contains_key(&id))) {
            columns.push(item)?;
        }
        rows += columns.finish()?.num_rows() as u64;
        units += charged;
    }
    Ok(Outcome { seconds: started.elapsed().as_secs_f64(), rows, units, ..Outcome::default() })
}

type Item = HashMap<String, AttributeValue>;

fn id(item: &Item) -> Option<i64> {
    item.get("id")?.as_n().ok()?.parse().ok()
}

async fn get(client: &Client, keys: &[i64]) -> Result<(Vec<Item>, f64)> {
    let key = |id: &i64| HashMap::from([("id".to_owned(), AttributeValue::N(id.to_string()))]);
    let mut left = Some(KeysAndAttributes::builder().set_keys(Some(keys.iter().map(key).collect())).build()?);
    let (mut items, mut units) = (Vec::new(), 0.0);
    while let Some(keys) = left.take() {
        let request = client.batch_get_item().request_items("flat", keys);
        let mut answer = request.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await?;
        units += answer.consumed_capacity().iter().filter_map(|consumed| consumed.capacity_units).sum::<f64>();
        left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove("flat"));
        items.extend(answer.responses.and_then(|mut tables| tables.remove("flat")).unwrap_or_default());
    }
    Ok((items, units))
}
