//! Files on disk and on a real S3 server.

mod conformance;
mod formats;
mod local;
mod partitions;
mod s3;
mod splitting;
mod support;
