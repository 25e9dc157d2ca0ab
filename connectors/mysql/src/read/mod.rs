//! The rows of one split: a prepared statement in the binary protocol, decoded straight into Arrow builders.
//!
//! ```text
//! server ─▶ socket ─▶ buffer (the rows that have arrived) ─▶ BatchBuilder (one batch) ─▶ caller
//! ```
//!
//! Nothing runs ahead of the caller: when nobody asks for a batch, the server waits.

mod batch;
mod shape;

use crate::connect::Connections;
use crate::plan::SplitDetail;
use crate::protocol::Statement;
use crate::together::{self, Held};
use arrow::array::RecordBatch;
use batch::BatchBuilder;
use futures::{StreamExt as _, stream};
use headwater_core::{BatchStream, Error, Result, Retry, ScanContext, ScanMetrics, SourceRequest, Split};
use serde::Deserialize as _;
use std::sync::Arc;
use std::time::Instant;

/// Sends the split's statement; the first rows may not have come yet when this returns.
pub(crate) async fn read(connections: &Arc<Connections>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Sql(sql) = &split.request else {
        return Err(Error::internal("a split of another connector reached the mysql connector"));
    };
    let detail = SplitDetail::deserialize(&split.detail)
        .map_err(|e| Error::internal(format!("this split is another connector's: {e}")))?;
    let (decodings, config) = (&detail.decodings, connections.config());
    let started = Instant::now();
    let mut held = together::begin(connections, detail.one_of_many, context).await?;
    let Held { lease, .. } = &mut held;
    let sql = format!("{}{sql}", tag(&context.query_id));
    let statement = lease.prepare(&sql, config).await?;
    let prepared: Vec<_> = statement.columns.iter().map(|(_, definition)| *definition).collect();
    shape::check(&prepared, &split.schema, decodings)?;
    let sent = lease.execute(&statement, config).await;
    context.metrics.add_request(started.elapsed());
    let columns = sent?;
    // The table may have been altered in between.
    shape::check(&columns, &split.schema, decodings)?;
    let reader = Reader {
        connections: Arc::clone(connections),
        metrics: Arc::clone(&context.metrics),
        reading: Some(Reading { statement, held }),
        batch: BatchBuilder::new(Arc::clone(&split.schema), decodings, &columns, context, split.limit),
        yielded: false,
    };
    Ok(stream::unfold(Some(reader), step).boxed())
}

/// Stands before a statement, so that the process list and the server's log tell whose it is.
fn tag(query_id: &str) -> String {
    // The contract allows letters, digits and `-` only; nothing else may end the comment.
    let plain: String = query_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    format!("/* headwater query={plain} */ ")
}

struct Reader {
    connections: Arc<Connections>,
    metrics: Arc<ScanMetrics>,
    /// Gone when all is read, or after an error.
    reading: Option<Reading>,
    batch: BatchBuilder,
    /// Whether a batch has left: from then on a repeated read would give rows twice.
    yielded: bool,
}

/// Dropped before its end, the lease kills the statement.
struct Reading {
    statement: Statement,
    held: Held,
}

/// The next batch. Nothing follows an error.
async fn step(reader: Option<Reader>) -> Option<(Result<RecordBatch>, Option<Reader>)> {
    let mut reader = reader?;
    match reader.next_batch().await {
        Ok(Some(batch)) => {
            reader.yielded = true;
            reader.metrics.add_batch(count(batch.num_rows()), count(batch.get_array_memory_size()));
            Some((Ok(batch), Some(reader)))
        }
        Ok(None) => None,
        Err(error) if reader.yielded => Some((Err(error.with_retry(Retry::No)), None)),
        Err(error) => Some((Err(error), None)),
    }
}

impl Reader {
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.batch.is_full() {
            if self.batch.is_done() {
                self.reading = None;
            }
            let Some(reading) = &mut self.reading else { break };
            let rows = reading.held.lease.rows(self.batch.room(), self.connections.config()).await?;
            if rows.len() == 0 {
                self.end().await?;
            } else {
                self.batch.append(rows)?;
            }
        }
        self.count_received();
        self.batch.finish()
    }

    fn count_received(&mut self) {
        if let Some(reading) = &mut self.reading {
            self.metrics.add_wire_bytes(reading.held.lease.take_received());
        }
    }

    async fn end(&mut self) -> Result<()> {
        self.count_received();
        let Some(Reading { statement, mut held }) = self.reading.take() else { return Ok(()) };
        held.lease.close(statement, self.connections.config()).await?;
        held.finish(&self.connections).await
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn a_query_id_cannot_end_the_comment() {
        assert_eq!(tag("q-1 */ DROP TABLE t"), "/* headwater query=q-1DROPTABLEt */ ");
    }
}
