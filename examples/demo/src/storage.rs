//! Scenario 2: accounts in MySQL, plans in Postgres, items in DynamoDB behind a Flight server, objects on S3.

use headwater_harness::scenario2::{AccountBytes, Scenario2};
use std::collections::HashMap;

/// The statement.
pub const SQL: &str = include_str!("../sql/storage_by_account.sql");

/// The bucket of the inventory report and of the usage.
pub const BUCKET: &str = "storage-reports";

/// The statement's answer as lines of CSV, without the names.
pub fn expected(data: &Scenario2) -> Vec<String> {
    let countries: HashMap<i64, &str> = data.accounts.iter().map(|account| (account.id, account.country)).collect();
    let mut lost: HashMap<i64, i64> = HashMap::new();
    for missing in data.expected_missing() {
        *lost.entry(missing.account_id).or_default() += 1;
    }
    let mut uploads: HashMap<i64, i64> = HashMap::new();
    for usage in data.usage.iter().filter(|usage| usage.day.to_string().as_str() >= "2025-12") {
        *uploads.entry(usage.account_id).or_default() += i64::from(usage.uploads);
    }
    let mut rows = data.expected_bytes_by_account();
    rows.retain(|row| countries.get(&row.account_id) == Some(&"NZ"));
    rows.sort_by(|a, b| percent(b).cmp(&percent(a)).then_with(|| a.email.cmp(&b.email)));
    let line = |row: &AccountBytes| {
        let AccountBytes { account_id, email, plan, contacts, documents, photos, .. } = row;
        let lost = lost.get(account_id).copied().unwrap_or_default();
        let uploads = uploads.get(account_id).map(ToString::to_string).unwrap_or_default();
        format!("{email},{plan},{contacts},{documents},{photos},{},{lost},{uploads}", percent(row))
    };
    rows.iter().take(20).map(line).collect()
}

fn percent(row: &AccountBytes) -> i64 {
    row.total() * 100 / row.quota_bytes
}
