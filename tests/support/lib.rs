//! What the end-to-end tests share: servers with scenario 1 in them, the binary, and the engine in process.

mod binary;
mod federation;
mod world;

pub use binary::{Outcome, headwater, spawn};
pub use federation::Federation;
pub use world::{World, engine};
