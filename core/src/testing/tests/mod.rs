//! The suite against connectors that keep the contract, and against some that do not.

mod altered;
mod twist;

use super::{Fixture, Report, RuleResult, check, dataset, rules};
use crate::{Connector, MemoryConnector, TableName};
use altered::{Altered, SECRET};
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use twist::Twist::{self, *};

/// The data in several batches, one of them empty, and a large table.
fn tables(data: &RecordBatch) -> MemoryConnector {
    let pieces = [(0, 50), (50, 0), (50, 1), (51, 99), (150, 60)].map(|(start, rows)| data.slice(start, rows));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20_000));
    let large = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let tables = MemoryConnector::new().with_table(TableName::new("main", "suite"), pieces.to_vec());
    let tables = tables.and_then(|tables| tables.with_table(TableName::new("main", "empty"), vec![data.slice(0, 0)]));
    tables.and_then(|tables| tables.with_table(TableName::new("main", "large"), vec![large])).unwrap()
}

fn fixture(connector: Arc<dyn Connector>) -> Fixture {
    Fixture::new(connector, TableName::new("main", "suite"), TableName::new("main", "empty"))
        .with_large_table(TableName::new("main", "large"))
        .with_secrets([SECRET])
}

fn twisted(twist: Twist) -> Fixture {
    let [one, twin] = [1, 2].map(|instance| -> Arc<dyn Connector> {
        let (inner, counter) = (tables(&dataset()), Arc::new(AtomicUsize::new(0)));
        Arc::new(Altered { inner, twist, instance, counter, seen: Default::default() })
    });
    fixture(one).with_twin(twin)
}

async fn outcome(name: &str, fixture: &Fixture) -> RuleResult {
    let rule = rules().into_iter().find(|rule| rule.name == name);
    rule.unwrap_or_else(|| panic!("no rule {name}")).check(fixture).await
}

/// How a connector goes wrong, and the rule that notices.
const FAULTS: &[(Twist, &str)] = &[
    (ListsATableTwice, "names_are_listed"),
    (ListsNoTables, "names_are_listed"),
    (ForbidsMissingTables, "missing_table_is_not_found"),
    (ForbidsMissingTables, "missing_schema_is_not_found"),
    (ListsMissingSchemas, "missing_schema_is_not_found"),
    (FoldsCase, "names_are_matched_exactly"),
    (LeavesOutAColumn, "metadata_names_every_column"),
    (HasAKeyOnNothing, "metadata_names_every_column"),
    (CallsEstimatesExact, "exact_row_counts_are_true"),
    (CountsPlans, "planning_is_pure"),
    (AnswersNoFilter, "plans_answer_every_part"),
    (RefusesWithoutReason, "plans_answer_every_part"),
    (InventsColumns, "unknown_column_is_not_found"),
    (RefusesUnknownProjections, "unknown_column_is_not_found"),
    (PlansNothingSendsAll, "planned_requests_are_the_splits"),
    (LosesASplit, "planned_requests_are_the_splits"),
    (SplitsLeanOnTheInstance, "plan_and_splits_survive_json"),
    (LosesASplit, "splits_are_disjoint_and_complete"),
    (ReadsASplitTwice, "splits_are_disjoint_and_complete"),
    (ReordersAmounts, "splits_are_disjoint_and_complete"),
    (UsesUpSplits, "reads_may_be_repeated"),
    (PanicsWhenReading, "reads_may_be_repeated"),
    (MakesColumnsNullable, "batches_have_the_promised_schema"),
    (SortsTheProjection, "batches_have_the_promised_schema"),
    (SortsTheProjection, "projection_is_exact"),
    (LosesRowsWithoutColumns, "projection_is_exact"),
    (FailsOnEmptyTables, "empty_table_has_its_schema_and_no_rows"),
    (ExactButUnfiltered, "filters_mean_what_the_language_says"),
    (RefusedButFiltered, "filters_mean_what_the_language_says"),
    (InexactButLosesRows, "filters_mean_what_the_language_says"),
    (IgnoresCase, "filters_mean_what_the_language_says"),
    (NullIsFalse, "filters_mean_what_the_language_says"),
    (PrefixIsAPattern, "filters_mean_what_the_language_says"),
    (NumbersAreFloats, "filters_mean_what_the_language_says"),
    (OnlyTheFirstFilter, "filters_together_keep_their_promises"),
    (LimitBeneathARefusedFilter, "limits_never_lose_rows"),
    (ExactLimitBeneathAnInexactFilter, "limits_never_lose_rows"),
    (ExactLimitPerSplit, "limits_never_lose_rows"),
    (UsesSomeKeys, "join_keys_lose_no_match"),
    (ReadsTwicePerKey, "join_keys_lose_no_match"),
    (EmptyKeysReadAll, "no_keys_read_nothing"),
    (KeysAreNotTold, "keys_decision_is_told"),
    (DeclinesButUsesKeys, "keys_decision_is_told"),
    (NoBatchRows, "batches_are_bounded"),
    (NoBatchBytes, "batches_are_bounded"),
    (KeepsDroppedStreams, "many_dropped_streams_do_not_exhaust_the_source"),
    (OneReaderAtATime, "concurrent_reads_agree"),
    (CountsNothing, "metrics_are_counted"),
    (SecretInDebug, "secrets_never_show"),
    (SecretInSplits, "secrets_never_show"),
    (SecretInErrors, "secrets_never_show"),
];

#[tokio::test]
async fn the_in_memory_connector_keeps_the_contract() -> Result<(), Report> {
    check(&fixture(Arc::new(tables(&dataset())))).await.into_result()
}

#[tokio::test]
async fn a_modest_connector_keeps_the_contract() -> Result<(), Report> {
    for twist in [RefusesEverything, InexactForEverything, AnswersByTurns, DeclinesKeys] {
        check(&twisted(twist)).await.into_result()?;
    }
    Ok(())
}

#[tokio::test]
async fn other_types_and_another_column_order_keep_the_contract() -> Result<(), Report> {
    let data = dataset();
    let schema = data.schema();
    let columns = schema.fields().iter().zip(data.columns()).rev().map(|(field, column)| {
        let data_type = match field.name().as_str() {
            "id" | "quantity" => DataType::Decimal128(38, 0),
            "amount" => DataType::Utf8,
            "name" => DataType::Utf8View,
            _ => field.data_type().clone(),
        };
        (field.name().clone(), cast(column, &data_type).unwrap(), field.is_nullable())
    });
    let data = RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap();
    check(&fixture(Arc::new(tables(&data)))).await.into_result()
}

#[tokio::test]
async fn each_fault_is_noticed_by_its_rule() {
    let mut unnoticed = Vec::new();
    for (twist, rule) in FAULTS {
        match outcome(rule, &twisted(*twist)).await {
            Ok(()) => unnoticed.push((twist, rule)),
            Err(violation) => assert!(!violation.to_string().contains(SECRET), "{rule} repeats the secret"),
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[test]
fn each_rule_is_proved_to_notice_something() {
    let unproved = rules().into_iter().filter(|rule| !FAULTS.iter().any(|(_, name)| *name == rule.name));
    assert_eq!(unproved.map(|rule| rule.name).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_report_tells_which_rule_broke_how_and_for_which_request() {
    let report = check(&twisted(ExactButUnfiltered)).await;
    let text = report.into_result().unwrap_err().to_string();
    assert!(text.contains("filters_mean_what_the_language_says: each filter keeps the rows"), "{text}");
    assert!(text.contains("request:  main.suite, columns [id], where id"), "{text}");
}

#[test]
fn there_are_hundreds_of_predicates_and_all_differ() {
    let predicates = super::predicates::predicates(&dataset().schema());
    let different: std::collections::BTreeSet<_> = predicates.iter().map(|filter| format!("{filter:?}")).collect();
    assert!(different.len() > 400, "{} different of {}", different.len(), predicates.len());
}
