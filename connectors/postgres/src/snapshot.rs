//! One snapshot for all statements of a query.
//!
//! ```text
//! first read ─▶ keeper: BEGIN … pg_export_snapshot() ─────────── idle ───────────▶ query's end: COMMIT, into the pool
//!                            │ its name
//! every read ─▶ BEGIN; SET TRANSACTION SNAPSHOT 'name'; … COPY
//! ```
//!
//! The keeper does nothing else: a connection that reads could not be counted on to outlive all others. When it is
//! lost, what was not begun yet fails; nothing is ever read at another moment.

use crate::connect::{Connections, Moment};
use crate::lease::Lease;
use crate::plan::SplitDetail;
use futures::future::{BoxFuture, FutureExt as _, Shared};
use headwater_core::{Error, ErrorKind, Result, ScanContext, Value};
use headwater_sql::{POSTGRES, SqlText};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::SimpleQueryMessage;

/// The name of an exported snapshot, as the server gave it.
#[derive(Debug)]
pub(crate) struct SnapshotId(SqlText);

impl SnapshotId {
    /// The one value that the last of some statements returned.
    pub(crate) fn of(answers: &[SimpleQueryMessage]) -> Result<Self> {
        let rows = answers.iter().filter_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        rows.last().and_then(Self::parse).ok_or_else(|| Error::new(ErrorKind::Corrupt, "the server named no snapshot"))
    }

    /// Digits of the base 16, and `-`: it becomes part of a statement.
    fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte) || byte == b'-';
        let plain = (1..=64).contains(&text.len()) && text.bytes().all(is_plain);
        plain.then(|| SqlText::literal(&POSTGRES, &Value::Utf8(text.to_owned())).ok().map(Self)).flatten()
    }

    pub(crate) fn literal(&self) -> &SqlText {
        &self.0
    }
}

/// A transaction for one of a query's statements, in the query's snapshot if it is not the only one.
pub(crate) async fn begin(
    connections: &Arc<Connections>,
    detail: &SplitDetail,
    context: &ScanContext,
) -> Result<Lease> {
    let query_id = context.query_id.as_str();
    let is_alone = !detail.one_of_many && context.scope.scans() < 2;
    if is_alone || !connections.config().shares_snapshots() {
        return connections.begin(Some(query_id), Moment::Own).await;
    }
    let kept = context.scope.get_or_init(|| Kept::new(connections, query_id));
    let keeper = kept.0.clone().await.map_err(|error| repeated(&error))?;
    connections.begin(Some(query_id), Moment::Of(&keeper.id)).await
}

/// In the query's scope. Whoever waits for it drives it: none waits for one who has stopped asking.
struct Kept(Shared<BoxFuture<'static, Result<Arc<Keeper>, Arc<Error>>>>);

impl Kept {
    fn new(connections: &Arc<Connections>, query_id: &str) -> Self {
        let (connections, query_id) = (Arc::clone(connections), query_id.to_owned());
        let keeper = async move { Keeper::begin(connections, &query_id).await.map(Arc::new).map_err(Arc::new) };
        Self(keeper.boxed().shared())
    }
}

/// The same error for each who waited.
fn repeated(error: &Error) -> Error {
    let again = Error::new(error.kind(), error.to_string()).with_retry(error.retry());
    match error.hint() {
        Some(hint) => again.with_hint(hint.to_owned()),
        None => again,
    }
}

/// The connection that keeps the snapshot. Dropped, it ends its transaction and goes back into the pool.
struct Keeper {
    id: SnapshotId,
    held: Option<(Lease, OwnedSemaphorePermit)>,
    connections: Arc<Connections>,
    /// `Drop` may run outside of the runtime.
    runtime: Handle,
}

impl Keeper {
    async fn begin(connections: Arc<Connections>, query_id: &str) -> Result<Self> {
        let permit = connections.keeper().await?;
        let (lease, id) = connections.begin_exporting(query_id).await?;
        Ok(Self { id, held: Some((lease, permit)), connections, runtime: Handle::current() })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some((lease, permit)) = self.held.take() else { return };
        let connections = Arc::clone(&self.connections);
        drop(self.runtime.spawn(async move {
            // A connection that cannot end its transaction is closed, and nobody needs it any more.
            let _ = lease.finish(connections.config()).await;
            drop(permit);
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::SnapshotId;

    #[test]
    fn only_a_name_without_quotes_becomes_part_of_a_statement() {
        assert_eq!(SnapshotId::parse("00000004-0000001A-1").unwrap().literal().as_str(), "'00000004-0000001A-1'");
        for odd in ["", "1'; DROP TABLE t; --", "0000000a-1", &"0".repeat(65)] {
            assert!(SnapshotId::parse(odd).is_none(), "{odd}");
        }
    }
}
