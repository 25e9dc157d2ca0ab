//! What is promised before anything is read.

use super::metadata::expect_not_found;
use super::{at_least, some_requests};
use crate::testing::probe::{self, Probe, context};
use crate::testing::rows::Rows;
use crate::testing::{Fixture, RuleResult, Violation};
use crate::{AccessPath, Answer, ErrorKind, ScanPlan, Split};
use arrow::array::RecordBatch;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

fn to_json(value: &impl Serialize) -> Result<Json, Violation> {
    serde_json::to_value(value).map_err(|error| Violation::new("a value that serialises as JSON", error.to_string()))
}

/// `value` after a journey to another process, of a version that has written fields unknown to this one.
fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> Result<T, Violation> {
    let mut json = to_json(value)?;
    for place in ["", "/request"] {
        if let Some(object) = json.pointer_mut(place).and_then(Json::as_object_mut) {
            // A request in the source's own terms is an enum: its only key is the variant.
            if place.is_empty() || object.contains_key("relation") {
                object.insert("of_a_later_version".to_owned(), json!({"x": [1]}));
            }
        }
    }
    serde_json::from_value(json).map_err(|error| {
        Violation::new("a value that can be read back from its JSON, unknown fields ignored", error.to_string())
    })
}

/// The same request twice gives the same plan, in memory and as JSON, with another request planned in between; and so
/// does metadata that has travelled as JSON.
///
/// # Errors
/// How the rule was broken.
pub async fn planning_is_pure(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let elsewhere = Probe { connector: fixture.twin().as_ref(), table: travelled(&probe.table)? };
    for request in some_requests(&probe) {
        let first = probe.plan(&request).await?;
        probe.plan(&probe.request().with_limit(3)).await?;
        expect_equal("equal requests", &first, &probe.plan(&request).await?)?;
        expect_equal("metadata that was JSON in between", &first, &elsewhere.plan(&request).await?)?;
        if first.request != request {
            let seen = format!("{:?}", first.request);
            return Err(Violation::new("a plan that holds the request it is for", seen).for_request(&request));
        }
    }
    Ok(())
}

fn expect_equal(given: &str, first: &ScanPlan, second: &ScanPlan) -> RuleResult {
    let [first_json, second_json] = [to_json(first)?, to_json(second)?];
    if first == second && first_json == second_json {
        return Ok(());
    }
    let fields = first_json.as_object().into_iter().flatten();
    let differing = fields.filter(|(name, value)| second_json.get(name) != Some(value));
    let differing = differing.map(|(name, value)| {
        let second = second_json.get(name).unwrap_or(&Json::Null);
        format!("{name}: {value}, and then {second}")
    });
    let seen = differing.collect::<Vec<_>>().join("; ");
    Err(Violation::new(format!("equal plans for {given}"), seen).for_request(&first.request))
}

/// One answer per filter, one for the limit if there is one, a reason with every answer that is not `Exact`, and no
/// column named as key or access path that the table does not have.
///
/// # Errors
/// How the rule was broken.
pub async fn plans_answer_every_part(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for request in some_requests(&probe) {
        let plan = probe.plan(&request).await?;
        let fail = |expected: &str, seen: String| Err(Violation::new(expected, seen).for_request(&request));
        if plan.filters.len() != request.filters.len() {
            return fail("one answer per filter", format!("{} answers", plan.filters.len()));
        }
        if plan.limit.is_some() != request.limit.is_some() {
            return fail("an answer for the limit if, and only if, there is one", format!("{:?}", plan.limit));
        }
        if plan.filters.iter().chain(&plan.limit).any(is_without_reason) {
            return fail("a reason, in words, for what is not exact", format!("{:?} {:?}", plan.filters, plan.limit));
        }
        let path: &[String] = if let AccessPath::Keys(columns) = &plan.access { columns } else { &[] };
        let mut named = path.iter().chain(&plan.key_columns);
        if let Some(unknown) = named.find(|name| probe.table.schema.index_of(name).is_err()) {
            return fail("key columns and access path name columns of the table", format!("{unknown:?}"));
        }
    }
    Ok(())
}

fn is_without_reason(answer: &Answer) -> bool {
    match answer {
        Answer::Exact => false,
        Answer::Inexact(reason) | Answer::Refused(reason) => reason.trim().is_empty(),
    }
}

/// A projection with a column that the table does not have is `NotFound`. A filter with one is `NotFound` or refused.
///
/// # Errors
/// How the rule was broken.
pub async fn unknown_column_is_not_found(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for column in ["no_such_column", "ID", "id ", ""] {
        if probe.table.schema.index_of(column).is_ok() {
            continue;
        }
        let request = probe.request().with_projection(["id", column]);
        let planned = probe.connector.plan_scan(&probe.table, &request).await;
        expect_not_found("plan_scan of an unknown column", planned).map_err(|v| v.for_request(&request))?;
        let request = probe.request().with_filters(vec![at_least(column, 1)]);
        let seen = match probe.connector.plan_scan(&probe.table, &request).await {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Ok(plan) if matches!(plan.filters.as_slice(), [Answer::Refused(_)]) => continue,
            Ok(plan) => format!("{:?}", plan.filters),
            Err(error) => format!("{error:?}"),
        };
        let expected = "NotFound, or a refusal, for a filter on an unknown column";
        return Err(Violation::new(expected, seen).for_request(&request));
    }
    Ok(())
}

/// Without join keys the splits' requests are `plan.requests`, in their order: what is shown is what is sent.
///
/// # Errors
/// How the rule was broken.
pub async fn planned_requests_are_the_splits(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for request in some_requests(&probe) {
        let plan = probe.plan(&request).await?;
        let (_, splits) = probe::splits(probe.connector, &plan, None, &context()).await?;
        expect_planned(&plan, &splits)?;
    }
    Ok(())
}

pub(super) fn expect_planned(plan: &ScanPlan, splits: &[Split]) -> RuleResult {
    let sent: Vec<_> = splits.iter().map(|split| split.request.clone()).collect();
    if sent == plan.requests {
        return Ok(());
    }
    let list = |requests: &[crate::SourceRequest]| {
        let shown: Vec<_> = requests.iter().map(|request| format!("{:.300}", request.to_string())).collect();
        format!("{} requests: {}", requests.len(), shown.join("; "))
    };
    let expected = format!("the splits send the plan's {}", list(&plan.requests));
    Err(Violation::new(expected, list(&sent)).for_request(&plan.request))
}

/// Plans and splits that became JSON, gained fields of a later version and were read back, each by another instance
/// if the fixture has two, give the same rows.
///
/// # Errors
/// How the rule was broken.
pub async fn plan_and_splits_survive_json(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let data = Rows::of_dataset();
    for request in some_requests(&probe) {
        let plan = probe.plan(&request).await?;
        let arrived = travelled(&plan)?;
        if plan != arrived {
            return Err(Violation::new("a plan equal to the one that left", format!("{arrived:?}")));
        }
        let rows = rows_elsewhere(fixture, &arrived).await.map_err(|violation| violation.for_request(&request))?;
        let here = probe.scan(&request).await?.row_count();
        if request.limit.is_none() && rows != here {
            let seen = format!("{rows} rows after the journey, {here} without");
            return Err(Violation::new("the same rows from splits that were JSON", seen).for_request(&request));
        }
        let allowed = data.allowed(&plan);
        if request.limit.is_none() && rows < allowed.must.len() {
            let expected = format!("at least {} rows", allowed.must.len());
            return Err(Violation::new(expected, format!("{rows} rows")).for_request(&request));
        }
    }
    Ok(())
}

/// The plan came from the connector; its twin makes the splits, and the connector reads them: each leg of the journey
/// ends at another instance.
async fn rows_elsewhere(fixture: &Fixture, plan: &ScanPlan) -> Result<usize, Violation> {
    let (_, splits) = probe::splits(fixture.twin().as_ref(), plan, None, &context()).await?;
    let mut rows = 0;
    for split in splits {
        let arrived: Split = travelled(&split)?;
        if arrived != split {
            return Err(Violation::new("a split equal to the one that left", format!("{arrived:?}")));
        }
        let batches = probe::read(fixture.connector().as_ref(), &arrived, &context()).await?;
        rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    }
    Ok(rows)
}
