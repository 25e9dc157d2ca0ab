//! That a limit stays above whatever the engine still has to filter.

use super::at_least;
use crate::testing::predicates::predicates;
use crate::testing::probe::{Probe, Scanned};
use crate::testing::rows::Rows;
use crate::testing::{DATASET_ROWS, Fixture, RuleResult, Violation};
use crate::{Answer, Expr};
use std::collections::BTreeSet;

/// Every how many-th predicate is tried beneath limits.
const STEP: usize = 5;

/// Limits of 0, 1, 7, all rows, and more, without and with filters. After the engine has applied all filters again,
/// as many rows are left as match, or as the limit asks for. `Exact`, which only exact filters allow: no row more.
///
/// # Errors
/// How the rule was broken.
pub async fn limits_never_lose_rows(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let data = Rows::of_dataset();
    let rows = DATASET_ROWS as u64;
    let mut filters = vec![vec![], vec![at_least("id", 200)], vec![at_least("bucket", 7), at_least("id", 100)]];
    filters.extend(predicates(&probe.table.schema).into_iter().step_by(STEP).map(|filter| vec![filter]));
    let mut violations = Vec::new();
    for filters in filters {
        for limit in [0, 1, 7, rows, rows + 1, u64::MAX] {
            let request = probe.request().with_projection(["id"]).with_filters(filters.clone()).with_limit(limit);
            let outcome = probe.scan(&request).await.and_then(|scanned| expect_enough(&data, &scanned, limit));
            violations.extend(outcome.err().map(|violation| violation.for_request(&request)));
        }
    }
    Violation::first_of(violations)
}

fn expect_enough(data: &Rows, scanned: &Scanned, limit: u64) -> RuleResult {
    let plan = &scanned.plan;
    let is_exact = plan.limit == Some(Answer::Exact);
    if is_exact && plan.filters.iter().any(|answer| *answer != Answer::Exact) {
        let expected = "an exact limit only where every filter is exact: the engine filters again, after the limit";
        return Err(Violation::new(expected, format!("filters {:?}, limit Exact", plan.filters)));
    }
    let returned: BTreeSet<i64> = scanned.ids()?.into_iter().collect();
    let mut allowed = data.allowed(plan);
    allowed.must.clear();
    allowed.hold(&scanned.ids()?)?;
    let matching = matching(data, &plan.request.filters);
    let kept = returned.intersection(&matching).count();
    let needed = matching.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
    if kept < needed {
        let expected = format!("at least {needed} of the {} matching rows", matching.len());
        return Err(Violation::new(expected, format!("{kept} matching rows (limit answered {:?})", plan.limit)));
    }
    if is_exact && returned.len() > needed {
        let seen = format!("{} rows", returned.len());
        return Err(Violation::new(format!("{needed} rows, as the limit was answered Exact"), seen));
    }
    Ok(())
}

fn matching(data: &Rows, filters: &[Expr]) -> BTreeSet<i64> {
    data.matching(filters.iter())
}
