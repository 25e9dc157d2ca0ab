//! The planner over in-memory sources: meaning, join keys, errors.

mod derived;
mod errors;
mod join_keys;
mod late_answers;
mod parallel;
mod promises;
mod recursion;
mod runtime;
mod scopes;
mod semantics;
mod sums;
mod support;
mod verify;
