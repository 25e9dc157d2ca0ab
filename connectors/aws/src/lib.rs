//! What the connectors of AWS's services share: who asks, and how S3 is read.
//!
//! | module | |
//! |---|---|
//! | [`config`] | options for credentials and endpoints, checked |
//! | [`credentials`] | the configuration's keys, or what the SDK's chain finds |
//! | [`bucket`] | a bucket as an object store, with those credentials |
//! | [`error`] | refusals of S3 in the words of the contract |

pub mod bucket;
pub mod config;
pub mod credentials;
pub mod error;
