//! What a server computes from its own relations.

use crate::metadata::TableDetail;
use crate::ranges;
use headwater_core::{Derived, Error, Relation, Result, TableMetadata};
use headwater_sql::Described;
use std::sync::Arc;

pub(crate) fn derive(relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
    let details = inputs.iter().map(|table| TableDetail::of(table)).collect::<Result<Vec<_>>>()?;
    let Some(product) = details.first().map(|detail| detail.product) else {
        return Ok(Derived::Refused("this source describes no such relation".to_owned()));
    };
    let cut = ranges::of_join(relation, inputs, &details);
    let described = inputs.iter().zip(details).map(|(table, detail)| Described { table, laws: detail.laws });
    let inputs: Vec<_> = described.collect();
    match headwater_sql::derive(product, relation, &inputs) {
        Ok((mut table, laws)) => {
            let (side, bounds) = cut.unzip();
            let detail = TableDetail { product, laws, bounds, side };
            table.detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
            Ok(Derived::Table(Box::new(table)))
        }
        Err(reason) => Ok(Derived::Refused(reason.to_string())),
    }
}
