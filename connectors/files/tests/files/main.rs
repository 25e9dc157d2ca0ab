//! Files on disk and on a real S3 server.

mod bad_input;
mod conformance;
mod credentials;
mod faults;
mod formats;
mod inventory;
mod listing_odd;
mod local;
mod partitions;
mod pushdown;
mod s3;
mod splitting;
mod support;
mod unions;
