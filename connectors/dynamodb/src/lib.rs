//! DynamoDB as a source of tables.
mod config;
mod connect;
mod convert;
mod error;
