//! The connector against an embedded DynamoDB server, behind a proxy that records what is sent.

mod budgets;
mod conformance;
mod connecting;
mod conversion;
mod declared;
mod faults;
mod join_keys;
mod planning;
mod pushdown;
mod reading;
mod roles;
mod support;
