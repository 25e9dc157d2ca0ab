//! The connector against a real PostgreSQL server.

mod bad_days;
mod cancelling;
mod conformance;
mod connecting;
mod conversion;
mod derived;
mod keys;
mod metadata;
mod pushdown;
mod reading;
mod snapshots;
mod splitting;
mod support;
