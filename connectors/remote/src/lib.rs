//! A connector behind a Flight server as a source.
