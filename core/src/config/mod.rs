//! Configuration: a strict file, references to secrets, and one table of options per connector.
//!
//! ```toml
//! version = 1
//!
//! [catalogs.crm]
//! connector = "postgres"
//! url = "postgres://reader@db.internal:5432/app"
//! password = "${env:CRM_PASSWORD}"
//! ```
//!
//! `${env:NAME}` and `${file:PATH}` are resolved once, at load; one that cannot be resolved is an error, never an
//! empty value. An unknown key is an error that names file, line and the nearest known key.

mod edit;
mod file;
mod options;
mod reference;
mod units;

pub use edit::{quoted_key, quoted_text, with_lines};
pub use file::{ConfigFile, RawCatalog, parse_config};
pub use options::{CatalogConfig, OptionKind, OptionSpec, Options, Origin, Setting};
pub use reference::{Environment, ProcessEnvironment};
pub use units::{parse_byte_size, parse_duration};
