//! The connector against an embedded DynamoDB server, behind a proxy that records what is sent.

mod budgets;
mod canned;
mod conformance;
mod connecting;
mod conversion;
mod declared;
mod exports;
mod faults;
mod generated;
mod indexed;
mod join_keys;
mod partiql;
mod paths;
mod planning;
mod reading;
mod roles;
mod sampling;
mod support;
