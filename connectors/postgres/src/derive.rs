//! What PostgreSQL computes from its own relations.

use crate::convert::PostgreSql;
use crate::metadata::TableDetail;
use headwater_core::{Derived, Error, Relation, Result, TableMetadata};
use headwater_sql::Described;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) fn derive(relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
    let described = |table: &'_ Arc<TableMetadata>| TableDetail::of(table).map(|detail| detail.laws);
    let laws = inputs.iter().map(described).collect::<Result<Vec<_>>>()?;
    let inputs: Vec<_> = inputs.iter().zip(laws).map(|(table, laws)| Described { table, laws }).collect();
    match headwater_sql::derive(PostgreSql, relation, &inputs) {
        Ok((mut table, laws)) => {
            table.detail = serde_json::to_value(TableDetail { laws, stored: None, clustered: BTreeSet::new() })
                .map_err(|e| Error::internal(e.to_string()))?;
            Ok(Derived::Table(Box::new(table)))
        }
        Err(reason) => Ok(Derived::Refused(reason.to_string())),
    }
}
