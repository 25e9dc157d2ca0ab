//! The connector against real MySQL and MariaDB servers: every test runs against both.

mod bad_days;
mod cancelling;
mod conformance;
mod connecting;
mod conversion;
mod derived;
mod keys;
mod metadata;
mod nominal;
mod pass_through;
mod pushdown;
mod reading;
mod splitting;
mod support;
