//! End to end, on real servers.

mod bad_input;
mod bad_sources;
mod differential;
mod explain;
mod explain_paths;
mod interrupt;
mod join_keys;
mod pass_through;
mod random_queries;
mod scenario1;
mod scenario2;
mod schema;
mod structure;
mod tpch;
