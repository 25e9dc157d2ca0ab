//! Every rule of the contract, by theme.

mod filters;
mod keys;
mod limits;
mod metadata;
mod planning;
mod reading;
mod resources;
mod secrets;

pub use filters::*;
pub use keys::*;
pub use limits::*;
pub use metadata::*;
pub use planning::*;
pub use reading::*;
pub use resources::*;
pub use secrets::*;

use super::Rule;
use super::probe::Probe;
use crate::{CompareOp, Expr, ScanRequest, Value};

/// A rule is listed by the name of its function, so that the two cannot part.
macro_rules! table_of_rules {
    ($($name:ident: $description:literal,)*) => {
        vec![$(Rule::new(stringify!($name), $description, |fixture| Box::pin($name(fixture)))),*]
    };
}

/// All rules, in the order in which a connector's author will want to meet them.
pub fn rules() -> Vec<Rule> {
    table_of_rules! {
        names_are_listed: "schemas and tables are listed, each once, under the names by which they are found",
        missing_table_is_not_found: "a table that is not there is NotFound, whatever its name looks like",
        missing_schema_is_not_found: "a schema that is not there is NotFound",
        names_are_matched_exactly: "a name in another case is another name",
        metadata_names_every_column: "metadata has every column once, and its keys and facts speak of those columns",
        exact_row_counts_are_true: "a row count called exact is exact",
        planning_is_pure: "equal requests give equal plans, also from metadata that has travelled as JSON",
        plans_answer_every_part: "a plan answers each filter and the limit, says why not, and names known columns",
        unknown_column_is_not_found: "a column that is not there is NotFound",
        planned_requests_are_the_splits: "without join keys the splits send what the plan shows",
        plan_and_splits_survive_json: "plans and splits read the same after a journey as JSON with unknown fields",
        splits_are_disjoint_and_complete: "all splits together hold every row once, with every value unchanged",
        reads_may_be_repeated: "a split that is read again gives the same rows",
        batches_have_the_promised_schema: "every batch has the schema of its split, its plan and its request",
        projection_is_exact: "batches have the projected columns in their order, and rows even without columns",
        empty_table_has_its_schema_and_no_rows: "a table without rows can be described, planned and read",
        filters_mean_what_the_language_says: "each filter keeps the rows its answer promises",
        filters_together_keep_their_promises: "several filters at once keep the rows their answers promise",
        limits_never_lose_rows: "a limit never costs a row that the engine needs to reach it",
        join_keys_lose_no_match: "join keys cost no row that has one of them",
        no_keys_read_nothing: "an empty set of join keys reads no row",
        keys_decision_is_told: "whether join keys are used is told if, and only if, keys were offered",
        batches_are_bounded: "no batch exceeds the limits of its context",
        many_dropped_streams_do_not_exhaust_the_source: "streams that are dropped early give back what they held",
        concurrent_reads_agree: "reads at the same time give the same rows as one alone",
        metrics_are_counted: "requests and rows are counted, all of them",
        secrets_never_show: "no secret of the configuration shows in anything the connector says",
    }
}

fn at_least(column: &str, value: i64) -> Expr {
    Expr::column(column).compare(CompareOp::GtEq, Value::Int64(value))
}

/// A request of every kind, for rules that should hold for all of them; only those whose columns the table has.
fn some_requests(probe: &Probe<'_>) -> Vec<ScanRequest> {
    let request = || probe.request();
    let requests = vec![
        request(),
        request().with_projection(["quantity", "id"]),
        request().with_filters(vec![at_least("id", 100)]),
        request()
            .with_filters(vec![Expr::column("name").is_null().negate(), at_least("bucket", 3)])
            .with_projection(["id", "flag"]),
        request().with_limit(5),
        request().with_filters(vec![at_least("bucket", 2)]).with_limit(9).with_projection(["id"]),
        request().with_projection(Vec::<String>::new()),
        request().with_filters(vec![at_least("bucket", 4)]).with_projection(["name"]),
    ];
    requests.into_iter().filter(|request| probe.has_columns_of(request)).collect()
}
