//! The conformance suite: the rules of the contract, one async function per rule.
