//! What `make demo` shows, in parts that the tests run too: servers with data, the configuration that names them, the
//! statements, and their answers known without any query engine.

pub mod configuration;
pub mod program;
pub mod servers;
pub mod storage;
pub mod users;
