//! The `headwater` program: the command line with the connectors of this repository.

use headwater_core::ConnectorList;
use std::process::ExitCode;

fn main() -> ExitCode {
    let connectors = ConnectorList::new()
        .with(headwater_postgres::PostgresFactory)
        .with(headwater_mysql::MySqlFactory)
        .with(headwater_dynamodb::DynamoDbFactory)
        .with(headwater_files::FilesFactory)
        .with(headwater_remote::RemoteFactory);
    headwater::main_with(connectors)
}
