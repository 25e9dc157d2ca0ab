//! Connectors as a standalone Flight server.
