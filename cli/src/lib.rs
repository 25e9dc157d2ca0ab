//! The command line of Headwater, to be built into a program with connectors of one's own choice.
//!
//! ```no_run
//! use headwater_core::ConnectorList;
//! use std::process::ExitCode;
//!
//! fn main() -> ExitCode {
//!     headwater::main_with(ConnectorList::new()) // .with(MyFactory)
//! }
//! ```
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 the query failed, 2 bad
//! usage or configuration, 3 a source is unreachable or did not accept us, 4 a timeout or limit, 5 two answers under
//! `--pushdown verify`, 130 interrupted (143 by SIGTERM).
//!
//! | module | does |
//! |---|---|
//! | `args`, `settings` | what was typed; what it means together with the configuration |
//! | `run`, `interrupt` | runtime, time limit, Ctrl-C |
//! | `commands` | one module per command |
//! | `statements` | SQL text to single statements that remember where they stood |
//! | `render` | the only module that writes to standard output |
//! | `report`, `progress` | standard error |

mod args;
mod commands;
mod interrupt;
mod progress;
mod render;
mod report;
mod run;
mod settings;
mod statements;

pub use run::main_with;
