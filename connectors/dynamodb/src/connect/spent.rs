//! What a query has taken from a catalog, and where it ends.

use headwater_core::{Error, ErrorKind, QueryScope, Result, ScanContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Thousandths of units taken by all scans of one query.
#[derive(Debug, Default)]
struct Spent(AtomicU64);

/// Charges a query, in the scan's metrics and against the limit of all its scans.
///
/// # Errors
/// `LimitExceeded` once the query has taken more than it may. What is in flight by then is taken too.
pub(crate) fn charge(context: &ScanContext, units: f64, most: Option<u32>) -> Result<()> {
    context.metrics.add_capacity(units);
    let milli = thousandths(units);
    let spent = spent(&context.scope).0.fetch_add(milli, Relaxed) + milli;
    check(spent, most)
}

/// Refuses a request of a query that has taken all it may.
///
/// # Errors
/// As [`charge`].
pub(crate) fn check_spent(context: &ScanContext, most: Option<u32>) -> Result<()> {
    if most.is_none() { Ok(()) } else { check(spent(&context.scope).0.load(Relaxed), most) }
}

fn spent(scope: &QueryScope) -> Arc<Spent> {
    scope.get_or_init(Spent::default)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn thousandths(units: f64) -> u64 {
    (units.max(0.0) * 1000.0).round() as u64
}

fn check(milli: u64, most: Option<u32>) -> Result<()> {
    let Some(most) = most.filter(|most| milli > u64::from(*most) * 1000) else { return Ok(()) };
    let used = format!("{}.{}", milli / 1000, milli % 1000 / 100);
    let message = format!("the query has used {used} read units; max_read_units_per_query allows {most}");
    Err(Error::new(ErrorKind::LimitExceeded, message).with_hint(
        "narrow the query by the table's keys (EXPLAIN shows what it would read), or raise max_read_units_per_query \
         of the catalog",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_scans_of_a_query_share_the_limit() {
        let first = ScanContext::new("q");
        let second = ScanContext { scope: Arc::clone(&first.scope), ..ScanContext::new("q") };
        charge(&first, 6.0, Some(10)).unwrap();
        charge(&second, 4.0, Some(10)).unwrap();
        let error = charge(&first, 0.5, Some(10)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.to_string().contains("has used 10.5 read units"), "{error}");
        assert!(check_spent(&second, Some(10)).is_err());
        charge(&ScanContext::new("other"), 6.0, Some(10)).unwrap();
    }
}
