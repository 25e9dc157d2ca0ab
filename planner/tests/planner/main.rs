//! The planner over in-memory sources: meaning, join keys, errors.

mod errors;
mod join_keys;
mod promises;
mod recursion;
mod semantics;
mod support;
