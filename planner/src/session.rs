//! The engine's settings, and why each differs from its default.

use crate::literals::Constants;
use crate::types::Microseconds;
use datafusion::execution::memory_pool::{GreedyMemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::optimizer::Analyzer;
use datafusion::prelude::SessionConfig;
use headwater_core::Result;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Whether sources are asked to do work that the engine could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushdownMode {
    /// Whatever a connector can do without changing the answer.
    #[default]
    Auto,
    /// Only the choice of columns: every other part is done by the engine. For comparing answers.
    Off,
    /// Both: a statement runs as with `Auto` and as with `Off`, and its answer is given only if they agree.
    Verify,
}

/// The engine's state without any catalog; each query adds the tables that it names.
pub(crate) fn session(pushdown: PushdownMode, runtime: &Arc<RuntimeEnv>) -> SessionState {
    let mut config = SessionConfig::new().with_information_schema(false);
    let options = config.options_mut();
    options.catalog.create_default_catalog_and_schema = false;
    // Errors point into the SQL.
    options.sql_parser.collect_spans = true;
    // 1.5 is a decimal, as SQL has it: a binary fraction would round what it is compared and multiplied with.
    options.sql_parser.parse_float_as_decimal = true;
    // One text type for all connectors: a view type on one side of a join would hide its keys behind a cast.
    options.sql_parser.map_string_types_to_utf8view = false;
    options.optimizer.enable_dynamic_filter_pushdown = pushdown != PushdownMode::Off;
    // A join's keys are taken from its build side (`keys`): the engine need not list them.
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = 0;
    let mut analysis = Analyzer::new().rules;
    // Before the engine's own coercion, which is the first to look at types.
    analysis.insert(0, Arc::new(Constants));
    let builder =
        SessionStateBuilder::new().with_config(config).with_runtime_env(Arc::clone(runtime)).with_default_features();
    let builder = builder.with_type_planner(Arc::new(Microseconds));
    builder.with_analyzer_rules(analysis).build()
}

/// What all statements share: above all the bound on memory.
pub(crate) fn runtime(memory_limit: usize) -> Result<Arc<RuntimeEnv>> {
    let top = NonZeroUsize::MIN.saturating_add(4);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(TrackConsumersPool::new(GreedyMemoryPool::new(memory_limit), top)))
        .build_arc()
        .map_err(crate::error::from_engine)
}
