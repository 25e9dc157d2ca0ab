//! Scenario 1, "two stores, one question": users and orders in PostgreSQL, their workflows in DynamoDB.
//!
//! | store | table | rows | columns |
//! |---|---|---|---|
//! | PostgreSQL, schema `public` | `users` | 10,000 | [`User`] |
//! | | `orders` | 60,000 | [`Order`] |
//! | DynamoDB | `workflow_items` | 100,000 | [`Workflow`], key `user_id` (N), `workflow_id` (S) |
//!
//! The data is the same on every machine: integers and a specified random generator only, seed 42. What a query engine
//! should answer, [`Scenario1::expected`] says without one. Worth knowing for tests:
//!
//! - ids follow the time of sign-up, and each month has a sign-up in its first and in its last second (UTC);
//! - about 5 % of the users are from `NZ`, 4 % are deleted, 28 % have no orders, 12 % no workflows;
//! - names and notes hold apostrophes, quotes, backslashes, line ends and letters of several scripts;
//! - amounts can be negative (refunds) and zero;
//! - `completed_at`, `tags` and parts of `meta` are missing where they do not apply.

mod dynamodb;
mod expected;
mod generate;
mod postgres;
pub(crate) mod words;

use crate::fingerprint::fingerprint;
use crate::timestamp::Timestamp;

pub use dynamodb::WORKFLOW_TABLE;
pub use expected::MonthRow;

/// Identifies this very version of the data; both stores keep it beside the data as a marker.
///
/// A test compares it with the generated data, so it changes when they do.
pub const FINGERPRINT: &str = "4a0e3067ec8c4eeb";

/// The whole data set in memory, about 60 MB.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scenario1 {
    /// By id, which is also by time of sign-up.
    pub users: Vec<User>,
    /// By id, which is also by time.
    pub orders: Vec<Order>,
    /// By workflow id, which is also by start.
    pub workflows: Vec<Workflow>,
}

/// A row of `users`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// `bigint`, 1 to 10,000, primary key.
    pub id: i64,
    /// `text`, unique.
    pub email: String,
    /// `text`, with letters of several scripts and apostrophes.
    pub full_name: String,
    /// `text`, two letters.
    pub country: &'static str,
    /// `text`: free, team or business.
    pub plan: &'static str,
    /// `timestamptz`, 2025-01-01 to 2026-06-30.
    pub created_at: Timestamp,
    /// `timestamptz`, mostly NULL.
    pub deleted_at: Option<Timestamp>,
}

/// A row of `orders`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    /// `bigint`, primary key.
    pub id: i64,
    /// `bigint`, a [`User::id`].
    pub user_id: i64,
    /// `numeric(12,2)`, here in hundredths.
    pub amount_cents: i64,
    /// `text`, three letters.
    pub currency: &'static str,
    /// `timestamptz`, after the user's sign-up.
    pub ordered_at: Timestamp,
    /// `text`, mostly NULL, sometimes empty.
    pub note: Option<&'static str>,
}

/// An item of `workflow_items`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workflow {
    /// N, partition key, a [`User::id`].
    pub user_id: i64,
    /// S, sort key, `wf-0000001` and so on; unique by itself.
    pub workflow_id: String,
    /// S.
    pub kind: &'static str,
    /// S: COMPLETED, RUNNING, FAILED or CANCELLED.
    pub status: &'static str,
    /// S, RFC 3339, after the user's sign-up.
    pub started_at: Timestamp,
    /// S, RFC 3339; there only when COMPLETED.
    pub completed_at: Option<Timestamp>,
    /// N, whole.
    pub attempts: i64,
    /// N, here in millionths.
    pub cost_micros: i64,
    /// L of M.
    pub steps: Vec<Step>,
    /// M.
    pub meta: Meta,
    /// SS, one to three; empty stands for no attribute.
    pub tags: Vec<&'static str>,
}

/// An element of `steps`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// S.
    pub name: &'static str,
    /// N, whole.
    pub seconds: i64,
}

/// The attribute `meta`; what is `None` is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Meta {
    /// S.
    pub region: &'static str,
    /// S in the nested map `client`.
    pub client_os: &'static str,
    /// S in the nested map `client`.
    pub client_version: String,
    /// N, whole.
    pub priority: Option<i64>,
    /// S.
    pub trace: Option<String>,
    /// BOOL.
    pub dry_run: Option<bool>,
}

impl Scenario1 {
    /// Generates the data set.
    pub fn generate() -> Self {
        generate::scenario()
    }

    /// What [`FINGERPRINT`] has to be.
    pub fn fingerprint(&self) -> String {
        fingerprint(self)
    }
}

#[cfg(test)]
mod tests;
