//! The `headwater` program: the command line with the connectors of this repository.

use headwater_core::ConnectorList;
use std::process::ExitCode;

fn main() -> ExitCode {
    headwater::main_with(ConnectorList::new())
}
