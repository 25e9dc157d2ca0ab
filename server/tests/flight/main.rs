//! The server and its client, over real connections.

mod conformance;
mod derived;
mod document;
mod doors;
mod endings;
mod held;
mod keys_and_limits;
mod rogue;
mod support;
mod tickets;
mod watched;
