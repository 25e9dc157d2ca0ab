//! That join keys narrow the reading, and never the answer.

use super::at_least;
use super::planning::expect_planned;
use crate::testing::predicates::is_comparable;
use crate::testing::probe::{Probe, Scanned, context};
use crate::testing::rows::{Allowed, ID, Rows};
use crate::testing::{Fixture, RuleResult, Violation};
use crate::{Expr, JoinKeys, KeyDecision, ScanRequest, Value};

/// Keys on `id`, on each key column of the plan, and on pairs of them: few, many, absent ones, with filters beside
/// them. Every matching row that has one of the keys comes, no row comes twice, and no row comes that an exact
/// filter keeps out.
///
/// # Errors
/// How the rule was broken.
pub async fn join_keys_lose_no_match(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let data = Rows::of_dataset();
    let mut violations = Vec::new();
    for (request, keys) in offers(&probe, &data).await? {
        let named = |violation: Violation| violation.for_keys(&request, &keys);
        let outcome = probe.scan_with(&request, Some(&keys), &context()).await;
        let outcome = outcome.and_then(|scanned| expect_matches(&data, &scanned, &keys));
        violations.extend(outcome.err().map(named));
    }
    Violation::first_of(violations)
}

fn expect_matches(data: &Rows, scanned: &Scanned, keys: &JoinKeys) -> RuleResult {
    let Allowed { must, may } = data.allowed(&scanned.plan);
    let must = must.intersection(&data.with_keys(keys)).copied().collect();
    Allowed { must, may }.hold(&scanned.ids()?)?;
    scanned.batches.iter().try_for_each(|batch| data.hold(batch))
}

/// Requests, each with keys to offer.
async fn offers(probe: &Probe<'_>, data: &Rows) -> Result<Vec<(ScanRequest, JoinKeys)>, Violation> {
    let whole = probe.request();
    let filtered = probe.request().with_filters(vec![Expr::column("name").is_null().negate(), at_least("bucket", 2)]);
    let by_key = probe.request().with_filters(vec![at_least(ID, 30)]).with_projection([ID]);
    let mut offers = Vec::new();
    for request in [whole, filtered, by_key] {
        let columns = key_columns(probe, &request).await?;
        let single = columns.iter().flat_map(|column| keys_on(data, column));
        let pairs = columns.iter().filter(|column| *column != ID).map(|column| pairs_on(data, column));
        offers.extend(single.chain(pairs).map(|keys| (request.clone(), keys)));
    }
    Ok(offers)
}

/// `id`, and the columns of the suite for which the plan wants keys.
async fn key_columns(probe: &Probe<'_>, request: &ScanRequest) -> Result<Vec<String>, Violation> {
    let mut columns = probe.plan(request).await?.key_columns;
    columns.retain(|column| column != ID && is_comparable(&probe.table.schema, column));
    columns.insert(0, ID.to_owned());
    Ok(columns)
}

fn keys_on(data: &Rows, column: &str) -> Vec<JoinKeys> {
    let present = data.distinct(column);
    let absent = absent(present.first());
    let some: Vec<_> = present.iter().step_by(9).cloned().chain(absent.iter().take(2).cloned()).collect();
    let one: Vec<_> = present.iter().take(1).cloned().collect();
    let all: Vec<_> = present.into_iter().chain(absent.iter().cloned()).collect();
    let lists = [one, some, absent.into_iter().take(3).collect(), all];
    let lists = lists.into_iter().filter(|list| !list.is_empty());
    let tuples = |list: Vec<_>| list.into_iter().map(|value| vec![value]).collect();
    lists.map(|list| JoinKeys::new(vec![column.to_owned()], tuples(list))).collect()
}

/// Many keys of the family of `like` that no row has; 1,200 make more than one request where keys are sent by the
/// hundred or the thousand.
fn absent(like: Option<&Value>) -> Vec<Value> {
    let numbers = 1..=1_200i64;
    match like {
        Some(Value::Int64(_)) => numbers.map(|n| Value::Int64(-1_000_000 - n)).collect(),
        Some(Value::Decimal { .. }) => {
            numbers.map(|n| Value::Decimal { unscaled: i128::from(7_777_777_000 + n), scale: 4 }).collect()
        }
        Some(Value::Utf8(_)) => numbers.map(|n| Value::Utf8(format!("no such text {n}"))).collect(),
        Some(Value::Binary(_)) => {
            numbers.map(|n| Value::Binary([b"no such bytes".as_slice(), &n.to_be_bytes()].concat())).collect()
        }
        _ => Vec::new(),
    }
}

/// Keys of two columns: pairs that occur, and pairs of which only the parts occur.
fn pairs_on(data: &Rows, column: &str) -> JoinKeys {
    let ids = data.distinct(ID);
    let tuples = data.distinct(column).into_iter().flat_map(|value| {
        let ids = ids.iter().step_by(7).cloned();
        ids.map(move |id| vec![value.clone(), id]).collect::<Vec<_>>()
    });
    JoinKeys::new(vec![column.to_owned(), ID.to_owned()], tuples.take(300).collect())
}

/// Keys without a single tuple want no row, and get none.
///
/// # Errors
/// How the rule was broken.
pub async fn no_keys_read_nothing(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for column in key_columns(&probe, &probe.request()).await? {
        let keys = JoinKeys::new(vec![column], Vec::new());
        let request = probe.request().with_projection([ID]);
        let scanned = probe.scan_with(&request, Some(&keys), &context()).await?;
        if scanned.row_count() > 0 {
            let seen = format!("{} rows", scanned.row_count());
            return Err(Violation::new("no row for an empty set of keys", seen).for_keys(&request, &keys));
        }
    }
    Ok(())
}

/// `NotOffered` without keys; with keys `Used` or `Declined`, with their number and a reason. Declined keys change
/// nothing: the splits send what the plan shows.
///
/// # Errors
/// How the rule was broken.
pub async fn keys_decision_is_told(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let data = Rows::of_dataset();
    let without = probe.scan(&probe.request()).await?.keys;
    if without != KeyDecision::NotOffered {
        return Err(Violation::new("NotOffered where no keys were offered", format!("{without:?}")));
    }
    for (request, keys) in offers(&probe, &data).await? {
        let scanned = probe.scan_with(&request, Some(&keys), &context()).await?;
        expect_decision(&scanned, &keys).map_err(|violation| violation.for_keys(&request, &keys))?;
    }
    Ok(())
}

fn expect_decision(scanned: &Scanned, keys: &JoinKeys) -> RuleResult {
    let offered = keys.tuples.len() as u64;
    let seen = format!("{:?}", scanned.keys);
    match &scanned.keys {
        KeyDecision::NotOffered => Err(Violation::new("Used or Declined where keys were offered", seen)),
        KeyDecision::Used { keys } if *keys == 0 || *keys > offered => {
            Err(Violation::new(format!("Used with 1 to {offered} keys"), seen))
        }
        KeyDecision::Declined { keys, reason } if *keys != offered || reason.trim().is_empty() => {
            Err(Violation::new(format!("Declined with all {offered} keys and a reason in words"), seen))
        }
        KeyDecision::Used { .. } => Ok(()),
        KeyDecision::Declined { .. } => expect_planned(&scanned.plan, &scanned.splits),
    }
}
