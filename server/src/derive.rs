//! Relations that a source computes, for a caller.

use crate::plan::{Described, another, opened};
use crate::seal::Purpose;
use crate::service::Service;
use headwater_core::wire::{Derive, DeriveAnswer};
use headwater_core::{Derived, Relation, Result, TableMetadata, WIRE_VERSION};
use std::sync::Arc;

/// A statement of the caller's own could reach what the catalog's configuration hides.
const NO_QUERIES: &str = "a server takes no statements in the source's own language";

pub(crate) async fn derive(service: &Service, ask: Derive) -> Result<DeriveAnswer> {
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let mut inputs = Vec::with_capacity(ask.handles.len());
    let expected = match &ask.relation {
        Relation::Join(join) => vec![&join.left.relation, &join.right.relation],
        Relation::Aggregate(aggregate) => vec![&aggregate.input.relation],
        _ => return Ok(refused(NO_QUERIES.to_owned())),
    };
    if expected.len() != ask.handles.len() {
        return Err(another(&ask.relation));
    }
    for (handle, expected) in ask.handles.iter().zip(expected) {
        let Described { relation, table } = opened(service, catalog, Purpose::Table, handle)?;
        if relation != *expected {
            return Err(another(&relation));
        }
        inputs.push(Arc::new(table));
    }
    match service.in_time(catalog.connector.derive(&ask.relation, &inputs)).await? {
        Derived::Refused(reason) => Ok(refused(reason)),
        Derived::Table(table) => {
            let described = Described { relation: ask.relation, table: *table };
            let handle = service.seal.close(Purpose::Table, &catalog.name, None, &described)?;
            let table = TableMetadata { detail: serde_json::Value::Null, ..described.table };
            Ok(DeriveAnswer { version: WIRE_VERSION, table: Some(table), handle, refused: None })
        }
    }
}

fn refused(reason: String) -> DeriveAnswer {
    DeriveAnswer { version: WIRE_VERSION, table: None, handle: String::new(), refused: Some(reason) }
}
