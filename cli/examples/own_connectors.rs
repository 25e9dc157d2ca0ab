//! The whole command line with a connector of one's own: this is all it takes.

use arrow::array::{Int64Array, RecordBatch, StringArray};
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec};
use headwater_core::{Connector, ConnectorFactory, ConnectorList, Error, MemoryConnector, Result, TableName};
use std::process::ExitCode;
use std::sync::Arc;

/// Catalogs with one small table, for `connector = "demo"` and `--catalog name=demo://`.
#[derive(Debug)]
struct DemoFactory;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec { name: "url", kind: OptionKind::Text, default: None, description: "Only its scheme matters." },
    OptionSpec { name: "token", kind: OptionKind::Secret, default: None, description: "Not used for anything." },
];

impl ConnectorFactory for DemoFactory {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["demo"]
    }

    fn build(&self, _: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        let ids = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let names = Arc::new(StringArray::from(vec![Some("Ada"), None, Some("")]));
        let people = RecordBatch::try_from_iter([("id", ids as _), ("name", names as _)]);
        let people = people.map_err(|error| Error::internal(error.to_string()))?;
        Ok(Arc::new(MemoryConnector::new().with_table(TableName::new("main", "people"), vec![people])?))
    }
}

fn main() -> ExitCode {
    headwater::main_with(ConnectorList::new().with(DemoFactory))
}
