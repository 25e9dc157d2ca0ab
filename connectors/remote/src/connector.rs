//! The connector: the contract's methods, each a question to the server.

use crate::call::Pages;
use crate::connect::Link;
use crate::filters::Sent;
use crate::{RemoteConfig, error, read, splits};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::wire::{
    Derive, DeriveAnswer, GetTable, ListSchemas, ListTables, PlanAnswer, PlanScan, SchemasPage, TableAnswer,
    TablesPage, action,
};
use headwater_core::{
    BatchStream, Connector, Derived, ErrorKind, JoinKeys, NameStream, Relation, Result, ScanContext, ScanPlan,
    ScanRequest, Split, Splits, TableMetadata, TableName,
};
use serde_json::{Value as Json, json};
use std::fmt;
use std::sync::Arc;

/// One catalog of a connector server.
///
/// # Exactness
/// As the server's connector answers.
///
/// # Concurrency
/// All calls share one connection. The server bounds how many reads are under way; those beyond wait.
///
/// # Cancellation
/// Dropping a stream cancels its call; the server then stops its source's work.
pub struct RemoteConnector {
    link: Arc<Link>,
}

impl fmt::Debug for RemoteConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteConnector").field(&self.link).finish()
    }
}

impl RemoteConnector {
    /// Does no I/O.
    ///
    /// # Errors
    /// `Config` when the token cannot be sent.
    pub fn new(config: RemoteConfig) -> Result<Self> {
        Ok(Self { link: Arc::new(Link::new(config)?) })
    }

    fn catalog(&self) -> Option<String> {
        self.link.config.catalog.clone()
    }

    async fn schemas(&self) -> Result<Vec<String>> {
        let question = ListSchemas { catalog: self.catalog() };
        let pages =
            async { Pages::<SchemasPage>::ask(&self.link, action::LIST_SCHEMAS, &question, None).await?.all().await };
        Ok(self.link.in_time(pages).await?.into_iter().flat_map(|page| page.schemas).collect())
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableName>> {
        let question = ListTables { catalog: self.catalog(), schema: schema.to_owned() };
        let pages =
            async { Pages::<TablesPage>::ask(&self.link, action::LIST_TABLES, &question, None).await?.all().await };
        Ok(self.link.in_time(pages).await?.into_iter().flat_map(|page| page.tables).collect())
    }
}

#[async_trait]
impl Connector for RemoteConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        names(self.schemas())
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        names(self.tables(schema))
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        let question = GetTable { catalog: self.catalog(), table: name.clone() };
        let answer: TableAnswer = self.link.ask(action::GET_TABLE, &question).await?;
        if answer.table.name != *name {
            let what = format!("asked for table {name}, it describes {}", answer.table.name);
            return Err(error::unexpected(what, &self.link.config));
        }
        let mut table = answer.table;
        // The far configuration is where columns are declared.
        table.columns.values_mut().for_each(|facts| facts.declaration = None);
        Ok(TableMetadata { detail: json!({ "handle": answer.handle }), ..table })
    }

    async fn derive(&self, relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
        let handles = inputs.iter().map(|input| text(&input.detail, "handle")).collect();
        let question = Derive { catalog: self.catalog(), relation: relation.clone(), handles };
        let answer: DeriveAnswer = match self.link.ask(action::DERIVE, &question).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                return Ok(Derived::Refused("the server computes neither joins nor groups".to_owned()));
            }
            answer => answer?,
        };
        Ok(match (answer.table, answer.refused) {
            (Some(table), _) => {
                Derived::Table(Box::new(TableMetadata { detail: json!({ "handle": answer.handle }), ..table }))
            }
            (None, Some(reason)) => Derived::Refused(reason),
            (None, None) => return Err(error::unexpected("it neither derives nor refuses", &self.link.config)),
        })
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        // An unknown column needs no journey.
        request.output_schema(table)?;
        let sent = Sent::new(request);
        let question =
            PlanScan { catalog: self.catalog(), handle: text(&table.detail, "handle"), request: sent.request.clone() };
        let answer: PlanAnswer = self.link.ask(action::PLAN_SCAN, &question).await?;
        let detail = json!({ "handle": answer.handle });
        let answer = sent.complete(answer, request.limit);
        let answer = answer.map_err(|what| error::unexpected(what, &self.link.config))?;
        answer.into_plan(table, request, detail).map_err(|error| error::unexpected(error, &self.link.config))
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        splits::splits(&self.link, plan, keys, context).await
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        read::read(&self.link, split, context).await
    }
}

/// What the server gave us to give back; nothing if it gave nothing.
pub(crate) fn text(detail: &Json, name: &str) -> String {
    detail.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn names<'a, T: Send + 'a>(list: impl Future<Output = Result<Vec<T>>> + Send + 'a) -> NameStream<'a, T> {
    stream::once(list).map_ok(|names| stream::iter(names.into_iter().map(Ok))).try_flatten().boxed()
}
