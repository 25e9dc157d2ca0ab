//! The suite against connectors that keep the contract, and against some that do not.
