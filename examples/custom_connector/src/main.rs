//! The whole command line of Headwater, with a connector of our own in it.

use headwater_core::ConnectorList;
use headwater_example_connector::BooksFactory;
use std::process::ExitCode;

fn main() -> ExitCode {
    headwater::main_with(ConnectorList::new().with(BooksFactory))
}
