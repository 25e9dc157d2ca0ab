//! `pushdown = "verify"`: a statement runs with pushdown and without, and its answer is given only if both agree.
//!
//! ```text
//! SQL ─plan─▶ what is determined   determined.rs, lineage.rs
//!     ├─ with pushdown ────▶ rows ─┐                          answer.rs
//!     └─ without ──────────▶ rows ─┴─ compare ─▶ answer       compare.rs, contain.rs
//!                                        └─────▶ difference   difference.rs
//! ```
//!
//! Both runs are one query to the sources: where a source gives a query one moment, both read that. Elsewhere what is
//! written in between looks like a difference.

mod answer;
mod compare;
mod contain;
mod determined;
mod difference;
mod lineage;
mod outcome;
mod run;

pub(crate) use determined::{Comparison, Extent, comparison, without_limit};
pub use outcome::Verification;
pub(crate) use run::{Check, Run};
