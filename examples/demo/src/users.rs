//! Scenario 1: users and orders in Postgres, workflows in DynamoDB.

use headwater_harness::scenario1::{MonthRow, Scenario1};

/// The statement.
pub const SQL: &str = include_str!("../sql/users_by_month.sql");

/// Its answer as lines of CSV, without the names.
pub fn expected(data: &Scenario1) -> Vec<String> {
    data.expected(Some("NZ")).iter().map(MonthRow::csv_line).collect()
}
