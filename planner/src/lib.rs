//! The engine room: plans one SQL statement over many catalogs and runs it.
//!
//! This crate alone knows DataFusion. It resolves only the tables a statement names, negotiates each scan with its
//! connector, and reads splits through one operator, to which the keys of a join's small side flow before it reads.
//! See [`Engine`] for an example.
//!
//! | module | does |
//! |---|---|
//! | `statement`, `resolve`, `cache` | SQL text to tables |
//! | `pass_through` | statements in a source's own language |
//! | `distinct_from` | how far the right side of `IS DISTINCT FROM` goes |
//! | `literals` | decimal constants beside floating-point columns |
//! | `translate`, `provider` | the engine's filters to the pushdown language and back to its promises |
//! | `scan`, `keys` | the scan operator; join keys from the build sides of joins |
//! | `ledger`, `kept` | what EXPLAIN shows |
//! | `runtime` | `system.runtime.scans` |
//! | `verify` | answers with pushdown held against those without |

mod average;
mod cache;
mod distinct_from;
mod engine;
mod error;
mod federate;
mod function;
mod hidden;
mod implied;
mod kept;
mod keys;
mod ledger;
mod literals;
mod negotiation;
mod pass_through;
mod provider;
mod query;
mod resolve;
mod runtime;
mod scan;
mod session;
mod statement;
mod sums;
mod translate;
mod types;
mod unheeded;
mod verify;
mod widening;

pub use engine::{Engine, EngineBuilder};
pub use ledger::{Ledger, Part, SHOWN_REQUESTS, ScanLedger, bytes_text, counted, grouped, units_text};
pub use query::Query;
pub use session::PushdownMode;
pub use verify::Verification;
