//! The harness itself: its servers are what they promise, its data is what it says.

mod canned;
mod gone;
mod mysql;
mod s3;
mod scenario2;
mod tpch;
