//! Generated items and generated requests: what DynamoDB leaves, finished by the engine's rules, is what those rules
//! make of everything. `HEADWATER_SEED=7` makes others.

mod items;
mod request;

use crate::indexed::{each, path};
use crate::support::{Source, name, values};
use arrow::array::RecordBatch;
use headwater_core::{
    Answer, Expr, JoinKeys, KeyDecision, ScanPlan, ScanRequest, SortKey, TableMetadata, Value, eval::passes,
};
pub(crate) use items::items as generated_items;
use items::items;
use items::{COLUMNS, DECLARED};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use request::{Case, case};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Requests per table and run.
const CASES: usize = 1_100;

/// Ways that the requests of a run must all take, on the table with a sort key.
const WAYS: &[&str] = &[
    "Scan",
    "Scan by_email",
    "Scan by_total",
    "Query",
    "Query backward",
    "Query by_email",
    "Query by_status",
    "Query by_total",
    "Query total_of_user",
    "Query total_of_user backward",
    "BatchGetItem",
    "keys BatchGetItem",
    "keys Query",
    "keys Query by_email",
    "count",
];

fn seed() -> u64 {
    std::env::var("HEADWATER_SEED").map_or(20_261_121, |seed| seed.parse().expect("HEADWATER_SEED is a number"))
}

pub(crate) fn runner() -> TestRunner {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_to_the_rows_of_a_sorted_table_changes_an_answer() {
    let tally = hold(&[("user", "S"), ("at", "N")]).await;
    for way in WAYS {
        assert!(tally.contains_key(*way), "no {way} in {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_to_the_rows_of_a_table_without_a_sort_key_changes_an_answer() {
    let tally = hold(&[("user", "S")]).await;
    for way in ["Scan", "BatchGetItem", "Query by_email", "Query by_status", "Scan by_total", "keys BatchGetItem"] {
        assert!(tally.contains_key(way), "no {way} in {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_by_times_that_are_stored_as_numbers_changes_an_answer() {
    let tally = hold(&[("user", "S"), ("seen", "N")]).await;
    for way in ["Scan", "Query", "Query backward", "BatchGetItem", "keys BatchGetItem"] {
        assert!(tally.contains_key(way), "no {way} in {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_by_times_that_are_stored_as_text_changes_an_answer() {
    let tally = hold(&[("user", "S"), ("stamp", "S")]).await;
    for way in ["Scan", "Query", "keys Query"] {
        assert!(tally.contains_key(way), "no {way} in {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_by_times_that_are_stored_as_text_of_digits_changes_an_answer() {
    let tally = hold(&[("user", "S"), ("tick", "S")]).await;
    for way in ["Scan", "Query", "keys Query"] {
        assert!(tally.contains_key(way), "no {way} in {tally:?}");
    }
}

async fn hold(keys: &[(&str, &str)]) -> BTreeMap<String, usize> {
    let source = Source::with(DECLARED).await;
    source.server.create_table(crate::indexed::with_indexes("orders", keys)).await.unwrap();
    let mut runner = runner();
    source.server.put_items("orders", items(&mut runner, keys.len() == 1)).await.unwrap();
    let table = source.metadata("orders").await;
    let all = Rows::of(&source.rows("orders").await);
    let lacking = table.detail["indexes"].as_array().unwrap().iter();
    assert!(
        lacking.clone().count() >= 3
            && lacking.clone().all(|index| index["items"].as_u64().unwrap() < all.0.len() as u64)
    );
    let (mut tally, mut with_rows) = (BTreeMap::new(), 0);
    for _ in 0..CASES {
        let case = case(&mut runner);
        let check = Check { source: &source, table: &table, all: &all, case };
        let rows = check.run(&mut tally).await;
        with_rows += usize::from(rows > 0);
    }
    println!("HEADWATER_SEED={}: {with_rows} of {CASES} with rows, {tally:?}", seed());
    assert!(with_rows > CASES / 3, "{with_rows} of {CASES} requests have rows: too few to prove anything");
    tally
}

/// Rows as values by the names of their columns.
#[derive(Debug)]
struct Rows(Vec<BTreeMap<String, Value>>);

impl Rows {
    fn of(batch: &RecordBatch) -> Self {
        let schema = batch.schema();
        let known = schema.fields().iter().filter(|field| COLUMNS.contains(&field.name().as_str()));
        let columns: Vec<(String, Vec<Value>)> =
            known.map(|field| (field.name().clone(), values(batch, field.name()))).collect();
        let row = |row: usize| columns.iter().map(|(name, values)| (name.clone(), values[row].clone())).collect();
        Self((0..batch.num_rows()).map(row).collect())
    }

    /// Those that pass all filters.
    fn passing<'a>(&self, filters: impl IntoIterator<Item = &'a Expr>) -> Self {
        let filters: Vec<&Expr> = filters.into_iter().collect();
        let pass =
            |row: &&BTreeMap<String, Value>| filters.iter().all(|filter| passes(filter, &|column| row[column].clone()));
        Self(self.0.iter().filter(pass).cloned().collect())
    }

    /// Those that have one of the keys.
    fn joined(&self, keys: &JoinKeys) -> Self {
        let matches = |row: &&BTreeMap<String, Value>| {
            let equal = |tuple: &Vec<Value>| {
                keys.columns.iter().zip(tuple).all(|(column, key)| row[column].compare(key) == Some(Ordering::Equal))
            };
            keys.tuples.iter().any(equal)
        };
        Self(self.0.iter().filter(matches).cloned().collect())
    }

    /// The columns of each row as text, sorted: what two answers are compared by.
    fn texts(&self, columns: &[String]) -> Vec<String> {
        let text = |row: &BTreeMap<String, Value>| columns.iter().map(|column| format!("{} ", row[column])).collect();
        let mut texts: Vec<String> = self.0.iter().map(text).collect();
        texts.sort();
        texts
    }

    /// The first rows' values of the ordering columns, in order.
    fn first(&self, order: &[SortKey], count: usize) -> Vec<String> {
        let mut rows: Vec<&BTreeMap<String, Value>> = self.0.iter().collect();
        rows.sort_by(|a, b| order.iter().map(|key| by_key(key, a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
        let text = |row: &&BTreeMap<String, Value>| order.iter().map(|key| format!("{} ", row[&key.column])).collect();
        rows.iter().take(count).map(text).collect()
    }
}

fn by_key(key: &SortKey, a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>) -> Ordering {
    let (a, b) = (&a[&key.column], &b[&key.column]);
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => {
            if key.nulls_first {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if key.nulls_first {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let order = a.compare(b).unwrap();
            if key.descending { order.reverse() } else { order }
        }
    }
}

/// One request, and everything it is held against.
struct Check<'a> {
    source: &'a Source,
    table: &'a TableMetadata,
    all: &'a Rows,
    case: Case,
}

impl Check<'_> {
    /// The number of rows that are right.
    async fn run(&self, tally: &mut BTreeMap<String, usize>) -> usize {
        let Case { filters, top, limit, .. } = &self.case;
        // The engine first asks what becomes of the filters alone, and fetches the columns of those it checks again.
        let asked = ScanRequest::table(name("orders")).with_filters(filters.clone());
        let mut request = asked.clone().with_projection(self.columns());
        (request.top, request.limit) = (top.clone(), *limit);
        let plan = self.source.connector.plan_scan(self.table, &request).await.unwrap();
        if !plan.requests.is_empty() {
            *tally.entry(way(&plan)).or_default() += 1;
        }
        let right = self.all.passing(filters);
        if let Some(keys) = &self.case.keys {
            self.by_keys(&plan, keys, &right, tally).await;
        }
        let batch = self.source.read(&plan).await;
        if self.columns().is_empty() {
            assert_eq!(self.unfinished(&plan), 0, "{}", self.told(&plan));
            *tally.entry("count".to_owned()).or_default() += 1;
            let most = limit.map_or(right.0.len(), |limit| right.0.len().min(limit as usize));
            assert!(batch.num_rows() >= most && (limit.is_some() || batch.num_rows() == most), "{}", self.told(&plan));
            return right.0.len();
        }
        let rows = Rows::of(&batch).passing(self.again(&plan));
        self.compare(&plan, &rows, &right);
        right.0.len()
    }

    fn columns(&self) -> Vec<String> {
        self.case.columns()
    }

    fn again<'p>(&self, plan: &'p ScanPlan) -> Vec<&'p Expr> {
        let answers = plan.request.filters.iter().zip(&plan.filters);
        answers.filter(|(_, answer)| **answer != Answer::Exact).map(|(filter, _)| filter).collect()
    }

    fn unfinished(&self, plan: &ScanPlan) -> usize {
        // A count's filters that are not exact make the engine fetch their columns instead.
        if plan.filters.iter().all(|answer| *answer == Answer::Exact) { 0 } else { 1 }
    }

    fn compare(&self, plan: &ScanPlan, rows: &Rows, right: &Rows) {
        let columns = self.columns();
        let accepted = |answer: &Option<Answer>| matches!(answer, Some(Answer::Exact | Answer::Inexact(_)));
        let (found, wanted) = (rows.texts(&columns), right.texts(&columns));
        match (&self.case.top, self.case.limit) {
            (Some(top), _) if accepted(&plan.top) => {
                let most = usize::try_from(top.rows).unwrap();
                assert_eq!(rows.first(&top.order, most), right.first(&top.order, most), "{}", self.told(plan));
                assert!(plan.top != Some(Answer::Exact) || rows.0.len() <= most);
                assert!(found.iter().all(|row| wanted.binary_search(row).is_ok()), "{}", self.told(plan));
            }
            (_, Some(limit)) if accepted(&plan.limit) => {
                let most = usize::try_from(limit).unwrap();
                assert!(found.len() >= most.min(wanted.len()), "{}", self.told(plan));
                assert!(plan.limit != Some(Answer::Exact) || found.len() <= most);
                assert!(found.iter().all(|row| wanted.binary_search(row).is_ok()), "{}", self.told(plan));
            }
            _ => assert_eq!(found, wanted, "{}", self.told(plan)),
        }
    }

    async fn by_keys(&self, plan: &ScanPlan, keys: &JoinKeys, right: &Rows, tally: &mut BTreeMap<String, usize>) {
        let has_keys = keys.columns.iter().all(|column| self.columns().contains(column));
        if self.case.top.is_some() || self.case.limit.is_some() || !has_keys {
            return;
        }
        let outcome = self.source.try_read(plan, Some(keys)).await.unwrap();
        if let (KeyDecision::Used { .. }, Some(split)) = (&outcome.decision, outcome.splits.first()) {
            let shown = ScanPlan { requests: vec![split.request.clone()], ..plan.clone() };
            *tally.entry(format!("keys {}", way(&shown))).or_default() += 1;
        }
        let rows = Rows::of(&outcome.rows).passing(self.again(plan)).joined(keys);
        let columns = self.columns();
        let told = self.told(plan);
        assert_eq!(rows.texts(&columns), right.joined(keys).texts(&columns), "{keys:?} {:?} {told}", outcome.decision);
    }

    fn told(&self, plan: &ScanPlan) -> String {
        let shown: Vec<String> = plan.requests.iter().take(3).map(ToString::to_string).collect();
        format!(
            "HEADWATER_SEED={}\n{:?}\n{:?} {:?} {:?}\n{}",
            seed(),
            self.case,
            plan.filters,
            plan.top,
            plan.limit,
            shown.join("\n")
        )
    }
}

/// The operation, the index and the direction of a plan's requests.
fn way(plan: &ScanPlan) -> String {
    let (operation, index) = path(plan);
    let backward = each(plan, "ScanIndexForward").first().is_some_and(|forward| *forward == false);
    let index = index.map_or_else(String::new, |index| format!(" {index}"));
    format!("{operation}{index}{}", if backward { " backward" } else { "" })
}
