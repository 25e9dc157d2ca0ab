//! What `make bench` counts and writes down: figures, the use of processors, tables.
//!
//! The measuring itself is in the program of this package; here is what needs neither servers nor an engine.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod contest;
pub mod figures;
pub mod usage;
