//! Negotiation for a caller, who may be of a later version.

use crate::actions::message;
use crate::catalogs::Catalog;
use crate::seal::{Purpose, foreign};
use crate::service::Service;
use headwater_core::wire::{PlanAnswer, PlanScan};
use headwater_core::{Answer, Error, ErrorKind, Expr, Relation, Result, TableMetadata};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What is answered to a condition of a later version.
const UNKNOWN: &str = "the server does not know this condition";
const UNCHECKED: &str = "conditions that the server does not know apply first";

pub(crate) async fn plan_scan(service: &Service, body: &[u8]) -> Result<PlanAnswer> {
    let (ask, known) = lenient(body)?;
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let Described { relation, table } = opened(service, catalog, Purpose::Table, &ask.handle)?;
    let mut request = ask.request;
    if request.relation != relation {
        return Err(another(&relation));
    }
    let all_known = known.iter().all(|known| *known);
    let (top, limit) = if all_known { (None, None) } else { (request.top.take(), request.limit.take()) };
    let plan = service.in_time(catalog.connector.plan_scan(&table, &request)).await?;
    let handle = service.seal.close(Purpose::Plan, &catalog.name, None, &plan)?;
    let mut answer = PlanAnswer::new(plan, handle);
    let parallel = answer.max_parallel_splits.unwrap_or(service.max_reads);
    answer.max_parallel_splits = Some(parallel.min(service.max_reads));
    if !all_known {
        let mut answered = answer.filters.into_iter();
        let fill = |known: bool| if known { answered.next() } else { Some(Answer::Refused(UNKNOWN.to_owned())) };
        answer.filters = known.into_iter().filter_map(fill).collect();
        answer.top = top.map(|_| Answer::Refused(UNCHECKED.to_owned()));
        answer.limit = limit.map(|_| Answer::Refused(UNCHECKED.to_owned()));
    }
    Ok(answer)
}

/// What a handle of a table stands for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) relation: Relation,
    pub(crate) table: TableMetadata,
}

/// The caller sent the handle of another relation than it asks about.
pub(crate) fn another(relation: &Relation) -> Error {
    let message = format!("the handle is that of {relation}, the request is about another");
    Error::new(ErrorKind::InvalidInput, message)
        .with_hint("send the handle that headwater.get-table or headwater.derive gave for this very relation")
}

/// What we gave to a caller and get back, for a catalog.
pub(crate) fn opened<V: DeserializeOwned>(
    service: &Service,
    catalog: &Catalog,
    purpose: Purpose,
    handle: &str,
) -> Result<V> {
    let (of_catalog, value) = service.seal.open(purpose, handle)?;
    if of_catalog == catalog.name { Ok(value) } else { Err(foreign()) }
}

/// The message without the conditions that cannot be read, and which of all conditions can.
fn lenient(body: &[u8]) -> Result<(PlanScan, Vec<bool>)> {
    let mut json: Json = message(body)?;
    let relation = json.pointer("/request/relation");
    if relation.is_some_and(|relation| Relation::deserialize(relation).is_err()) {
        return Err(Error::new(ErrorKind::Unsupported, "the server does not know this kind of relation")
            .with_hint("a server of an older version reads tables only"));
    }
    let mut known = Vec::new();
    if let Some(filters) = json.pointer_mut("/request/filters").and_then(Json::as_array_mut) {
        known = filters.iter().map(|filter| Expr::deserialize(filter).is_ok()).collect();
        let mut each = known.iter();
        filters.retain(|_| each.next().copied().unwrap_or(false));
    }
    Ok((message(json.to_string().as_bytes())?, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_a_later_version_are_set_aside() -> Result<()> {
        let body = r#"{"request": {"relation": {"table": {"schema": "s", "table": "t"}}, "limit": 3, "filters": [
            {"sounds_like": {"operand": {"column": "a"}}}, {"is_null": {"column": "a"}}], "later": 1}}"#;
        let (ask, known) = lenient(body.as_bytes())?;
        assert_eq!(known, [false, true]);
        assert_eq!(ask.request.filters, [Expr::column("a").is_null()]);
        Ok(())
    }

    #[test]
    fn relations_of_a_later_version_are_unsupported() {
        let error = lenient(br#"{"request": {"relation": {"join": []}}}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
