//! The contract, kept for a book shop.

use crate::{BooksConnector, convert::batches};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::*;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;

const SCHEMA: &str = "shop";
const PAGE_ROWS: u64 = 500;

#[derive(Deserialize)]
struct Description {
    columns: Vec<(String, DataType, bool)>,
    parts: u64,
    rows: u64,
}

#[derive(Deserialize)]
struct Page {
    rows: Vec<Json>,
    next: Option<String>,
}

impl BooksConnector {
    async fn tables(&self, schema: &str) -> Result<Vec<Result<TableName>>> {
        if schema != SCHEMA {
            return Err(Error::not_found(format!("schema {schema} not found")));
        }
        let names: Vec<String> = self.get("/tables", &json!({}), &ScanContext::new("metadata")).await?;
        Ok(names.into_iter().map(|name| Ok(TableName::new(SCHEMA, name))).collect())
    }
}

#[async_trait]
impl Connector for BooksConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        stream::iter([Ok(SCHEMA.to_owned())]).boxed()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        stream::once(self.tables(schema)).map_ok(stream::iter).try_flatten().boxed()
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        if !self.tables(&name.schema).await?.iter().flatten().any(|table| table == name) {
            return Err(Error::not_found(format!("table {name} not found")));
        }
        let context = ScanContext::new("metadata");
        let table: Description = self.get("/table", &json!({"name": name.table}), &context).await?;
        let fields = table.columns.into_iter().map(|(name, kind, nullable)| Field::new(name, kind, nullable));
        Ok(TableMetadata {
            // Books are sold while we plan: this is an estimate, however well the shop counts.
            row_count: Precision::Inexact(table.rows),
            // Planning asks nobody, so what it needs travels with the metadata.
            detail: table.parts.into(),
            ..TableMetadata::new(name.clone(), Arc::new(Schema::new(fields.collect::<Vec<_>>())))
        })
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let pushed: Vec<_> = request.filters.iter().map(|filter| condition(&table.schema, filter)).collect();
        let filters = pushed.iter().map(|pushed| match pushed {
            Some(_) => Answer::Exact,
            None => Answer::Refused("the shop compares whole numbers only, and only by =".to_owned()),
        });
        // A limit counts the rows that pass all filters. Where one is left to the engine, the shop must not stop early.
        let limit = request.limit.filter(|_| pushed.iter().all(Option::is_some));
        let schema = request.output_schema(table)?;
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let conditions: Vec<&str> = pushed.iter().flatten().map(String::as_str).collect();
        let requests = (0..table.detail.as_u64().unwrap_or_default()).map(|part| SourceRequest::Operation {
            name: "GET /rows".to_owned(),
            parameters: json!({
                "table": table.name.table, "columns": columns.join(","), "where": conditions.join(","),
                "part": part, "limit": limit.unwrap_or(PAGE_ROWS).min(PAGE_ROWS),
            }),
        });
        Ok(ScanPlan {
            limit: request.limit.map(|_| match limit {
                Some(_) => Answer::Inexact("each part of the table stops after the page that reaches it".to_owned()),
                None => Answer::Refused("the engine filters rows that have left the shop".to_owned()),
            }),
            filters: filters.collect(),
            ..ScanPlan::whole_table(table, request, requests.collect())?
        })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        let limit = plan.request.limit.filter(|_| matches!(plan.limit, Some(Answer::Inexact(_))));
        let split = |request: &SourceRequest| Split { limit, ..Split::new(Arc::clone(&plan.schema), request.clone()) };
        let mut splits: Vec<Split> = plan.requests.iter().map(split).collect();
        let keys = match keys.map(|keys| keys.tuples.len() as u64) {
            None => KeyDecision::NotOffered,
            Some(keys) => KeyDecision::Declined { keys, reason: "the shop takes one value for a column".to_owned() },
        };
        // Not a single key: the other side of the join is empty, and so is the answer.
        splits.retain(|_| !matches!(keys, KeyDecision::Declined { keys: 0, .. }));
        Ok(Splits { keys, stream: stream::iter(splits.into_iter().map(Ok)).boxed() })
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let SourceRequest::Operation { parameters: query @ Json::Object(_), .. } = &split.request else {
            return Err(Error::internal("a split of another connector"));
        };
        let start = (self.clone(), split.clone(), context.clone(), Some(query.clone()));
        // A page is asked for once the one before is taken: no more than one per split is ever held.
        let pages = stream::try_unfold(start, |(shop, mut split, context, query)| async move {
            let Some(mut query) = query.filter(|_| split.limit != Some(0)) else { return Ok::<_, Error>(None) };
            // Shown is sent: the object that EXPLAIN has printed becomes the query string.
            let page: Page = shop.get("/rows", &query, &context).await?;
            split.limit = split.limit.map(|left| left.saturating_sub(page.rows.len() as u64));
            query["cursor"] = json!(page.next);
            let next = page.next.map(|_| query);
            Ok(Some((batches(&split.schema, &page.rows, &context)?, (shop, split, context, next))))
        });
        Ok(pages.map_ok(|batches| stream::iter(batches.into_iter().map(Ok))).try_flatten().boxed())
    }
}

/// `shelf = 3` as the shop writes it. Both mean the same by it, of NULL too, so the answer can be `Exact`.
fn condition(schema: &Schema, filter: &Expr) -> Option<String> {
    let Expr::Compare { op: CompareOp::Eq, left, right } = filter else { return None };
    let (Expr::Column(name), Expr::Literal(Value::Int64(value))) = (&**left, &**right) else { return None };
    let is_integer = *schema.field_with_name(name).ok()?.data_type() == DataType::Int64;
    is_integer.then(|| format!("{name}:{value}"))
}
