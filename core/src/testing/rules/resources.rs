//! That reading is bounded, gives back what it took, and is counted.

use super::reading::expect_dataset;
use super::some_requests;
use crate::ScanContext;
use crate::testing::probe::{self, Probe, context, read_one_batch};
use crate::testing::{Fixture, RuleResult, Violation};
use arrow::array::{Array, RecordBatch};
use futures::FutureExt;
use futures::future::{join_all, try_join_all};

/// A batch bound that takes a few dozen ordinary rows and not one with a text of 5,000 bytes.
const SMALL_BATCH: usize = 4_096;

/// At most `max_batch_rows` rows; a batch is closed once it passes `max_batch_bytes`; and still every row comes.
///
/// # Errors
/// How the rule was broken.
pub async fn batches_are_bounded(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for (max_rows, max_bytes) in [(7, 16 << 20), (1, 16 << 20), (8_192, 1), (8_192, SMALL_BATCH)] {
        let context = ScanContext { max_batch_rows: max_rows, max_batch_bytes: max_bytes, ..context() };
        let scanned = probe.scan_with(&probe.request(), None, &context).await?;
        expect_dataset(&scanned)?;
        for batch in &scanned.batches {
            expect_bounded(batch, &context)?;
        }
    }
    Ok(())
}

fn expect_bounded(batch: &RecordBatch, context: &ScanContext) -> RuleResult {
    let rows = batch.num_rows();
    if rows > context.max_batch_rows {
        let expected = format!("no more than {} rows in a batch", context.max_batch_rows);
        return Err(Violation::new(expected, format!("{rows} rows")));
    }
    // The row that passes the bound closes the batch, so the rows before it are within. Connectors count bytes as
    // they decode, which is not quite Arrow's own count: twice the bound is still a bound.
    let before_last = decoded_bytes(&batch.slice(0, rows.saturating_sub(1)));
    let most = context.max_batch_bytes.saturating_mul(2);
    if rows > 1 && before_last > most {
        let expected = format!("a batch is closed once it passes {} bytes", context.max_batch_bytes);
        return Err(Violation::new(expected, format!("{rows} rows, {before_last} bytes before the last of them")));
    }
    Ok(())
}

fn decoded_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(usize::MAX / 1_024)).sum()
}

/// 64 reads of the large table are dropped before they begin to answer, 64 after their first batch, and 64 more at
/// the same time; then the suite's table still reads in full. What is not given back is missing by then.
///
/// # Errors
/// How the rule was broken.
pub async fn many_dropped_streams_do_not_exhaust_the_source(fixture: &Fixture) -> RuleResult {
    const STREAMS: usize = 64;
    let large = Probe::of_table(fixture, fixture.large_table()).await?;
    let plan = large.plan(&large.request()).await?;
    let (_, splits) = probe::splits(large.connector, &plan, None, &context()).await?;
    let context = ScanContext { max_batch_rows: 16, ..context() };
    let reads = || splits.iter().cycle().take(STREAMS);
    for split in reads() {
        drop(large.connector.read(split, &context).now_or_never());
    }
    for split in reads() {
        read_one_batch(large.connector, split, &context).await?;
    }
    try_join_all(reads().map(|split| read_one_batch(large.connector, split, &context))).await?;
    let probe = Probe::of(fixture).await?;
    expect_dataset(&probe.scan(&probe.request()).await?)
}

/// 16 scans at the same time each give the data set.
///
/// # Errors
/// How the rule was broken.
pub async fn concurrent_reads_agree(fixture: &Fixture) -> RuleResult {
    const READERS: usize = 16;
    let probe = Probe::of(fixture).await?;
    let request = probe.request();
    for scanned in join_all((0..READERS).map(|_| probe.scan(&request))).await {
        expect_dataset(&scanned?)?;
    }
    Ok(())
}

/// After a scan its context has counted all rows that came, and at least one request if any came.
///
/// # Errors
/// How the rule was broken.
pub async fn metrics_are_counted(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for request in some_requests(&probe) {
        let context = context();
        let rows = probe.scan_with(&request, None, &context).await?.row_count() as u64;
        let counted = context.metrics.snapshot();
        if counted.rows != rows || (rows > 0 && counted.requests == 0) {
            let expected = format!("{rows} rows and at least one request counted");
            let seen = format!("{} rows, {} requests", counted.rows, counted.requests);
            return Err(Violation::new(expected, seen).for_request(&request));
        }
    }
    Ok(())
}
