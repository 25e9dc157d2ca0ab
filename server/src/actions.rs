//! The actions: a JSON object in, JSON objects out.

use crate::context::{context_of, named_query};
use crate::plan::Described;
use crate::seal::Purpose;
use crate::service::{Answers, Service};
use crate::{derive, held, plan, splits};
use arrow_flight::Action;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::wire::{
    GetSplits, GetTable, ListSchemas, ListTables, SchemasPage, ServerAnswer, TableAnswer, TablesPage, action,
};
use headwater_core::{Error, ErrorKind, Relation, Result, TableMetadata, WIRE_VERSION};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Request;

/// Names per page.
const PAGE: usize = 1_000;

pub(crate) async fn answer(service: &Service, request: Request<Action>) -> Result<Answers<arrow_flight::Result>> {
    let (headers, _, call) = request.into_parts();
    let body = call.body.as_ref();
    match call.r#type.as_str() {
        action::DESCRIBE => one(&describe(service)),
        action::LIST_SCHEMAS => list_schemas(service, &message(body)?).await,
        action::LIST_TABLES => list_tables(service, &message(body)?).await,
        action::GET_TABLE => one(&get_table(service, &message(body)?).await?),
        action::DERIVE => one(&derive::derive(service, message(body)?).await?),
        action::PLAN_SCAN => one(&plan::plan_scan(service, body).await?),
        action::HOLD_QUERY => held::hold(service, &message(body)?, &named_query(&headers)?),
        action::GET_SPLITS => {
            let ask: GetSplits = message(body)?;
            let pages = splits::pages(service, ask, context_of(&headers)?).await?;
            Ok(pages.map(|page| page.and_then(|page| result(&page)).map_err(|e| crate::status::to_status(&e))).boxed())
        }
        other => Err(Error::new(ErrorKind::Unsupported, format!("this server has no action {other:.40}"))
            .with_hint("a server of an older version may not know it")),
    }
}

/// A message of the caller.
pub(crate) fn message<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, format!("the message cannot be read: {error}"))
            .with_hint("docs/flight-protocol.md has the messages")
    })
}

fn result(value: &impl Serialize) -> Result<arrow_flight::Result> {
    let body = serde_json::to_vec(value).map_err(|error| Error::internal(format!("an answer: {error}")))?;
    Ok(arrow_flight::Result { body: body.into() })
}

fn one(value: &impl Serialize) -> Result<Answers<arrow_flight::Result>> {
    let result = result(value)?;
    Ok(stream::iter([Ok(result)]).boxed())
}

fn describe(service: &Service) -> ServerAnswer {
    ServerAnswer {
        version: WIRE_VERSION,
        server: concat!("headwater ", env!("CARGO_PKG_VERSION")).to_owned(),
        catalogs: service.catalogs.entries(),
    }
}

async fn list_schemas(service: &Service, ask: &ListSchemas) -> Result<Answers<arrow_flight::Result>> {
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let names: Vec<String> = service.in_time(catalog.connector.list_schemas().try_collect()).await?;
    pages(names, |schemas, end| SchemasPage { version: WIRE_VERSION, schemas, end })
}

async fn list_tables(service: &Service, ask: &ListTables) -> Result<Answers<arrow_flight::Result>> {
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let names: Vec<_> = service.in_time(catalog.connector.list_tables(&ask.schema).try_collect()).await?;
    pages(names, |tables, end| TablesPage { version: WIRE_VERSION, tables, end })
}

fn pages<T: Clone, P: Serialize>(
    names: Vec<T>,
    page: impl Fn(Vec<T>, bool) -> P,
) -> Result<Answers<arrow_flight::Result>> {
    let mut pages: Vec<_> = names.chunks(PAGE).map(|names| result(&page(names.to_vec(), false))).collect();
    pages.push(result(&page(Vec::new(), true)));
    let pages: Vec<_> = pages.into_iter().collect::<Result<_>>()?;
    Ok(stream::iter(pages.into_iter().map(Ok)).boxed())
}

async fn get_table(service: &Service, ask: &GetTable) -> Result<TableAnswer> {
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let table = service.in_time(catalog.connector.get_table(&ask.table)).await?;
    let described = Described { relation: Relation::Table(table.name.clone()), table };
    let handle = service.seal.close(Purpose::Table, &catalog.name, None, &described)?;
    // The connector's own business: it comes back inside the handle.
    let table = TableMetadata { detail: serde_json::Value::Null, ..described.table };
    Ok(TableAnswer { version: WIRE_VERSION, table, handle })
}
