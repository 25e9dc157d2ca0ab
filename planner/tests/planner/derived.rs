//! Joins, groups and first rows at a source that can compute them: asked for, and put in the right place.

use crate::support::{answer, batch, engine, memory};
use arrow::array::{Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use async_trait::async_trait;
use futures::TryStreamExt;
use headwater_core::{
    AggregateCall, Answer, BatchStream, Connector, Derived, Error, JoinKeys, KeyDecision, MemoryConnector, NameStream,
    Precision, Relation, Result, ScanContext, ScanPlan, ScanRequest, SourceRequest, Split, Splits, TableMetadata,
    TableName,
};
use headwater_planner::{Engine, PushdownMode};
use std::sync::Arc;

/// Computes every relation by a little engine of its own, as a database would.
#[derive(Debug)]
struct Database {
    tables: MemoryConnector,
    engine: Engine,
}

impl Database {
    fn new(tables: MemoryConnector) -> Self {
        let catalogs: Vec<(&str, Arc<dyn Connector>)> = vec![("own", Arc::new(tables.clone()))];
        let engine = engine(catalogs, PushdownMode::Off);
        Self { tables, engine }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn input_sql(input: &headwater_core::Input) -> String {
    let filters: Vec<String> = input.filters.iter().map(ToString::to_string).collect();
    let condition = if filters.is_empty() { String::new() } else { format!(" WHERE {}", filters.join(" AND ")) };
    format!("(SELECT * FROM {}{condition})", relation_sql(&input.relation))
}

fn relation_sql(relation: &Relation) -> String {
    match relation {
        Relation::Table(name) => format!("own.{}.{}", name.schema, name.table),
        Relation::Join(join) => {
            let columns = join.columns.iter().map(|column| {
                let side = if column.side == headwater_core::Side::Left { "l" } else { "r" };
                format!("{side}.{} AS {}", quoted(&column.column), quoted(&column.name))
            });
            let on = join.on.iter().map(|(a, b)| format!("l.{} = r.{}", quoted(a), quoted(b)));
            format!(
                "(SELECT {} FROM {} AS l JOIN {} AS r ON {})",
                columns.collect::<Vec<_>>().join(", "),
                input_sql(&join.left),
                input_sql(&join.right),
                on.collect::<Vec<_>>().join(" AND ")
            )
        }
        Relation::Aggregate(aggregate) => {
            let fields = aggregate.schema.fields();
            let groups: Vec<String> = aggregate.groups.iter().map(|name| quoted(name)).collect();
            let calls = aggregate.calls.iter().zip(fields.iter().skip(groups.len()));
            let calls = calls.map(|(call, field)| {
                let cast =
                    if matches!(call, AggregateCall::Sum(_)) { field.data_type().to_string() } else { String::new() };
                match cast.strip_prefix("Decimal128(").and_then(|rest| rest.strip_suffix(')')) {
                    Some(shape) => format!("CAST({call} AS DECIMAL({shape})) AS {}", quoted(field.name())),
                    None => format!("{call} AS {}", quoted(field.name())),
                }
            });
            let selected: Vec<String> = groups.iter().cloned().chain(calls).collect();
            let by = if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
            format!("(SELECT {} FROM {} AS i{by})", selected.join(", "), input_sql(&aggregate.input))
        }
        other => panic!("{other}"),
    }
}

#[async_trait]
impl Connector for Database {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.tables.list_schemas()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.tables.list_tables(schema)
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        self.tables.get_table(name).await
    }

    async fn derive(&self, relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
        let query = self.engine.plan(&format!("SELECT * FROM {} AS q", relation_sql(relation))).await?;
        let mut derived = TableMetadata::new(inputs[0].name.clone(), query.schema());
        if let Relation::Aggregate(aggregate) = relation {
            derived.schema = Arc::clone(&aggregate.schema);
        }
        derived.row_count = Precision::Inexact(3);
        Ok(Derived::Table(Box::new(derived)))
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let names: Vec<String> =
            request.output_schema(table)?.fields().iter().map(|field| quoted(field.name())).collect();
        let names = if names.is_empty() { "1 AS none".to_owned() } else { names.join(", ") };
        let mut sql = format!("SELECT {names} FROM {} AS q", relation_sql(&request.relation));
        for (index, filter) in request.filters.iter().enumerate() {
            sql += &format!(" {} {filter}", if index == 0 { "WHERE" } else { "AND" });
        }
        if let Some(top) = &request.top {
            let order: Vec<String> = top.order.iter().map(ToString::to_string).collect();
            sql += &format!(" ORDER BY {} LIMIT {}", order.join(", "), top.rows);
        }
        if let Some(limit) = request.limit {
            sql += &format!(" LIMIT {limit}");
        }
        let plan = ScanPlan::whole_table(table, request, vec![SourceRequest::Sql(sql)])?;
        let exact = |_| Answer::Exact;
        Ok(ScanPlan {
            filters: request.filters.iter().map(|_| Answer::Exact).collect(),
            top: request.top.as_ref().map(|_| Answer::Exact),
            limit: request.limit.map(exact),
            ..plan
        })
    }

    async fn splits(&self, plan: &ScanPlan, _: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        let split = Split::new(Arc::clone(&plan.schema), plan.requests[0].clone());
        let stream = Box::pin(futures::stream::iter([Ok(split)]));
        Ok(Splits { keys: KeyDecision::NotOffered, stream })
    }

    async fn read(&self, split: &Split, _: &ScanContext) -> Result<BatchStream> {
        let SourceRequest::Sql(sql) = &split.request else { return Err(Error::internal("not SQL")) };
        let query = self.engine.plan(sql).await?;
        let batches: Vec<RecordBatch> = query.execute()?.try_collect().await?;
        let whole = concat_batches(&query.schema(), &batches).map_err(|e| Error::internal(e.to_string()))?;
        let columns = whole.columns().iter().zip(split.schema.fields());
        let columns = columns.map(|(column, field)| arrow::compute::cast(column, field.data_type()).unwrap()).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(whole.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&split.schema), columns, &options);
        Ok(Box::pin(futures::stream::iter([batch.map_err(|e| Error::internal(e.to_string()))])))
    }
}

fn database() -> Arc<dyn Connector> {
    let amounts = (0..200).map(|n| (n % 7 != 0).then_some(i128::from(n * 13 % 101)));
    let orders = batch(vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..200)) as _),
        ("user_id", Arc::new(Int64Array::from_iter((0..200).map(|n| (n % 11 != 0).then_some(n % 20)))) as _),
        ("amount", Arc::new(amounts.collect::<Decimal128Array>().with_precision_and_scale(12, 2).unwrap()) as _),
    ]);
    let users = batch(vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..20)) as _),
        (
            "country",
            Arc::new(StringArray::from_iter((0..20).map(|n| (n % 5 != 0).then(|| format!("c{}", n % 3))))) as _,
        ),
    ]);
    Arc::new(Database::new(memory(vec![("orders", vec![orders]), ("users", vec![users])])))
}

/// What the ledger must say of each statement, whose answer is the same with pushdown and without.
const STATEMENTS: &[(&str, &[&str])] = &[
    ("SELECT count(*) FROM db.main.orders WHERE id > 50", &["pushed     aggregate count(*)"]),
    (
        "SELECT user_id, sum(amount), avg(amount), count(amount) FROM db.main.orders GROUP BY user_id",
        &["pushed     aggregate sum(amount), sum(amount), count(amount) by user_id"],
    ),
    (
        "SELECT avg(id), min(id), max(amount) FROM db.main.orders",
        &["aggregate sum(id), count(id), min(id), max(amount)"],
    ),
    ("SELECT sum(amount * (1 - amount)) FROM db.main.orders", &["pushed     aggregate sum((amount * (1 - amount)))"]),
    ("SELECT DISTINCT user_id FROM db.main.orders", &["pushed     distinct user_id"]),
    (
        "SELECT count(DISTINCT user_id) FROM db.main.orders",
        &["pushed     distinct user_id", "pushed     aggregate count("],
    ),
    (
        "SELECT user_id, count(*) AS n FROM db.main.orders GROUP BY user_id HAVING count(*) > 9",
        &["pushed     a1 > 9", "pushed     aggregate count(*) by user_id"],
    ),
    (
        "SELECT id, amount FROM db.main.orders ORDER BY amount DESC NULLS LAST, id LIMIT 5",
        &["pushed     top 5 by amount DESC NULLS LAST, id ASC NULLS LAST"],
    ),
    (
        "SELECT user_id, count(*) AS n FROM db.main.orders GROUP BY user_id ORDER BY n DESC, user_id LIMIT 3",
        &["pushed     top 3 by a1 DESC NULLS FIRST, user_id ASC NULLS LAST"],
    ),
    (
        "SELECT u.country, sum(o.amount) FROM db.main.orders o JOIN db.main.users u ON o.user_id = u.id \
      WHERE u.country <> 'c1' AND o.id < 150 GROUP BY u.country",
        &["scan db.groups of main.orders join main.users", "pushed     join on user_id = id", "pushed     id < 150"],
    ),
    (
        "SELECT o.id, u.id, u.country FROM db.main.orders o JOIN db.main.users u ON o.user_id = u.id WHERE o.amount > 0.5",
        &["scan db.main.orders join main.users"],
    ),
    ("SELECT stddev(amount) FROM db.main.orders", &["local      aggregate"]),
    ("SELECT count(*) FROM (SELECT id FROM db.main.orders LIMIT 7)", &["(a limit applies first)"]),
];

#[tokio::test]
async fn what_the_source_computes_is_asked_for_and_changes_no_answer() {
    let with = engine(vec![("db", database())], PushdownMode::Auto);
    let without = engine(vec![("db", database())], PushdownMode::Off);
    for (sql, said) in STATEMENTS {
        let (rows, ledger) = answer(&with, sql).await;
        let (expected, _) = answer(&without, sql).await;
        assert_eq!(rows, expected, "{sql}\n{ledger}");
        for part in *said {
            assert!(ledger.to_string().contains(part), "{sql}: no {part:?} in\n{ledger}");
        }
    }
}

#[tokio::test]
async fn a_join_that_gives_more_rows_than_it_takes_stays() {
    let many = batch(vec![("k", Arc::new(Int64Array::from_iter_values(std::iter::repeat_n(1, 50))) as _)]);
    let source = memory(vec![("a", vec![many.clone()]), ("b", vec![many])]);
    let sizes: Arc<dyn Connector> = Arc::new(Exploding(Database::new(source)));
    let engine = engine(vec![("db", sizes)], PushdownMode::Auto);
    let (rows, ledger) = answer(&engine, "SELECT a.k FROM db.main.a JOIN db.main.b ON a.k = b.k").await;
    assert_eq!(rows.len(), 2_500);
    assert!(ledger.to_string().contains("more than its inputs have"), "{ledger}");
}

/// Knows how many rows its joins have.
#[derive(Debug)]
struct Exploding(Database);

#[async_trait]
impl Connector for Exploding {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.0.list_schemas()
    }
    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.0.list_tables(schema)
    }
    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        self.0.get_table(name).await
    }
    async fn derive(&self, relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
        Ok(match self.0.derive(relation, inputs).await? {
            Derived::Table(table) => {
                Derived::Table(Box::new(TableMetadata { row_count: Precision::Inexact(2_500), ..*table }))
            }
            refused => refused,
        })
    }
    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        self.0.plan_scan(table, request).await
    }
    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        self.0.splits(plan, keys, context).await
    }
    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        self.0.read(split, context).await
    }
}
