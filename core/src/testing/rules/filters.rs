//! That filters mean at the source what [`eval`](crate::eval) says they mean.

use crate::testing::predicates::{combinations, predicates};
use crate::testing::probe::{Probe, Scanned};
use crate::testing::rows::Rows;
use crate::testing::{Fixture, RuleResult, Violation};
use crate::{Expr, ScanRequest};

/// Each of several hundred predicates, alone. `Exact`: just the rows for which it is true. `Inexact`: those, and
/// perhaps others. `Refused`: all rows.
///
/// # Errors
/// How the rule was broken.
pub async fn filters_mean_what_the_language_says(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let filters = predicates(&probe.table.schema);
    expect_promised(&probe, filters.into_iter().map(|filter| vec![filter]).collect()).await
}

/// Two to four predicates at once, which may get different answers: the exact ones hold for every row, the inexact
/// ones cost no match, the refused ones do nothing.
///
/// # Errors
/// How the rule was broken.
pub async fn filters_together_keep_their_promises(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let filters = combinations(&probe.table.schema);
    expect_promised(&probe, filters).await
}

async fn expect_promised(probe: &Probe<'_>, lists: Vec<Vec<Expr>>) -> RuleResult {
    let data = Rows::of_dataset();
    let mut violations = Vec::new();
    for (number, filters) in lists.into_iter().enumerate() {
        let request = probe.request().with_filters(filters);
        // With the filter's columns among the projected ones, and without them.
        let request = if number % 3 == 0 { request } else { request.with_projection(["id"]) };
        let outcome = probe.scan(&request).await.and_then(|scanned| expect_allowed(&data, &scanned, &request));
        violations.extend(outcome.err());
    }
    Violation::first_of(violations)
}

fn expect_allowed(data: &Rows, scanned: &Scanned, request: &ScanRequest) -> RuleResult {
    data.allowed(&scanned.plan).hold(&scanned.ids()?).map_err(|violation| {
        let expected = format!("{}, as the filters were answered {:?}", violation.expected, scanned.plan.filters);
        Violation { expected, ..violation }.for_request(request)
    })
}
