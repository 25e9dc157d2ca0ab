//! The contract, kept through a server and a connection.

use crate::support::{Running, certificate, config, connector, first_split, name, with_token};
use arrow::array::{ArrayRef, DictionaryArray, Int64Array, ListArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int8Type, Int32Type};
use futures::TryStreamExt;
use headwater_core::testing::{Fixture, Report, check, dataset};
use headwater_core::{MemoryConnector, ScanContext, Secret};
use headwater_remote::RemoteConfig;
use headwater_server::FlightServer;
use std::sync::Arc;

const TOKEN: &str = "a-token-that-nobody-must-see-again";
const TICKET_SECRET: &str = "a-ticket-secret-that-nobody-must-see";

fn tables(data: &RecordBatch) -> MemoryConnector {
    let pieces = [(0, 50), (50, 0), (50, 1), (51, 99), (150, 60)].map(|(start, rows)| data.slice(start, rows));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
    let large = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let tables = MemoryConnector::new().with_table(name("suite"), pieces.to_vec());
    let tables = tables.and_then(|tables| tables.with_table(name("empty"), vec![data.slice(0, 0)]));
    tables.and_then(|tables| tables.with_table(name("large"), vec![large])).unwrap()
}

fn fixture(one: RemoteConfig, twin: RemoteConfig) -> Fixture {
    Fixture::new(connector(one), name("suite"), name("empty"))
        .with_twin(connector(twin))
        .with_large_table(name("large"))
        .with_secrets([TOKEN, TICKET_SECRET])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_runs_unchanged_through_a_server() -> Result<(), Report> {
    let server = Running::of(tables(&dataset())).await;
    check(&fixture(config(server.port), config(server.port))).await.into_result()
}

/// Two servers with one ticket secret: a plan of one is read at the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_suite_runs_over_tls_with_a_token_and_two_servers() -> Result<(), Report> {
    let directory = tempfile::tempdir().unwrap();
    let (identity, authority) = certificate(&directory, "authority.pem");
    let server = || {
        FlightServer::builder()
            .with_catalog("main", "memory", Arc::new(tables(&dataset())))
            .with_catalog("other", "memory", Arc::new(MemoryConnector::new()))
            .with_token(Secret::new(TOKEN))
            .with_ticket_secret(Secret::new(TICKET_SECRET))
            .with_tls(identity.clone())
    };
    let (one, two) = (Running::new(server()).await, Running::new(server()).await);
    let [one, twin] = [one.port, two.port].map(|port| RemoteConfig {
        tls: true,
        sslrootcert: Some(authority.clone()),
        catalog: Some("main".to_owned()),
        host: "localhost".to_owned(),
        ..with_token(port, TOKEN)
    });
    check(&fixture(one, twin)).await.into_result()
}

/// Readers of files make text views.
#[tokio::test(flavor = "multi_thread")]
async fn the_suite_runs_with_views() -> Result<(), Report> {
    let data = dataset();
    let schema = data.schema();
    let columns = schema.fields().iter().zip(data.columns()).map(|(field, column)| {
        let data_type = match field.name().as_str() {
            "name" => DataType::Utf8View,
            "payload" => DataType::BinaryView,
            _ => field.data_type().clone(),
        };
        (field.name().clone(), cast(column, &data_type).unwrap(), field.is_nullable())
    });
    let data = RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap();
    let server = Running::of(tables(&data)).await;
    check(&fixture(config(server.port), config(server.port))).await.into_result()
}

/// Types of which the pushdown language knows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn dictionaries_and_lists_arrive_as_they_are() {
    let words: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::from_iter([Some("a"), None, Some("b"), Some("a")]));
    let lists = [Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(2)])];
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
    let batch = RecordBatch::try_from_iter([("words", words), ("lists", lists)]).unwrap();
    let tables = MemoryConnector::new().with_table(name("odd"), vec![batch.clone()]).unwrap();
    let server = Running::of(tables).await;
    let remote = server.remote();
    let split = first_split(&remote, "odd").await;
    // Two batches, so that the dictionary comes again.
    let context = ScanContext { max_batch_rows: 2, ..ScanContext::new("odd") };
    let batches: Vec<_> = remote.read(&split, &context).await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches, [batch.slice(0, 2), batch.slice(2, 2)]);
}
