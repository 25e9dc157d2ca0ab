//! What is sent for joins, groups and orders, per dialect.

use arrow_schema::{DataType, Field, Schema};
use headwater_core::{
    Aggregate, AggregateCall, Answer, ArithmeticOp, CompareOp, Expr, Input, Join, JoinColumn, Precision, Relation,
    ScanRequest, Side, SortKey, TableMetadata, TableName, TextComparison, Top, Value,
};
use headwater_sql::{
    Asked, ColumnSql, Comparison, Described, Dialect, Laws, MARIADB, MYSQL, Negotiated, POSTGRES, Server, SqlText,
    derive, negotiate,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A product whose columns are read as they come: text in some collation, numbers, floating-point numbers.
#[derive(Debug, Clone, Copy)]
struct Plain(&'static Dialect);

impl Server for Plain {
    type Law = (DataType, TextComparison);

    fn dialect(self) -> &'static Dialect {
        self.0
    }

    fn column(self, law: &Self::Law, name: SqlText) -> ColumnSql {
        let comparison = match law.0 {
            DataType::Utf8 => Comparison::Text(law.1),
            DataType::Float64 => Comparison::Float,
            _ => Comparison::Number,
        };
        ColumnSql::plain(name, comparison)
    }

    fn data_type(self, law: &Self::Law) -> DataType {
        law.0.clone()
    }

    fn text(self, _: Option<&'static str>) -> Self::Law {
        (DataType::Utf8, TextComparison::Bytes)
    }

    fn number(self, data_type: &DataType) -> Option<Self::Law> {
        Some((data_type.clone(), TextComparison::Loose))
    }

    fn total(self, data_type: &DataType) -> Option<Self::Law> {
        self.number(data_type)
    }
}

type Described1 = (TableMetadata, Laws<(DataType, TextComparison)>);

fn table(name: &str, rows: u64) -> Described1 {
    let columns = [
        ("id", DataType::Int64, false),
        ("n", DataType::Int32, true),
        ("price", DataType::Decimal128(15, 2), true),
        ("country", DataType::Utf8, true),
        ("x", DataType::Float64, true),
    ];
    let fields: Vec<_> = columns.iter().map(|(name, kind, null)| Field::new(*name, kind.clone(), *null)).collect();
    let mut table = TableMetadata::new(TableName::new("s", name), Arc::new(Schema::new(fields)));
    table.row_count = Precision::Inexact(rows);
    for (name, ..) in &columns {
        let facts = headwater_core::ColumnFacts { distinct: Precision::Inexact(20), ..Default::default() };
        table.columns.insert((*name).to_owned(), facts);
    }
    let law = |(name, kind, _): (&str, DataType, bool)| (name.to_owned(), (kind, TextComparison::BytesEqualityOnly));
    (table, Laws::table(columns.into_iter().map(law).collect::<BTreeMap<_, _>>()))
}

fn input(name: &str, filters: Vec<Expr>) -> Input {
    Input { relation: Relation::Table(TableName::new("s", name)), filters }
}

fn groups(input: Input, groups: &[&str], calls: Vec<(AggregateCall, DataType)>) -> Relation {
    let of_group = |name: &&str| Field::new(*name, DataType::Utf8, true);
    let of_call = |(index, (_, kind)): (usize, &(AggregateCall, DataType))| {
        Field::new(format!("a{}", index + 1), kind.clone(), true)
    };
    let fields: Vec<_> = groups.iter().map(of_group).chain(calls.iter().enumerate().map(of_call)).collect();
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let calls = calls.into_iter().map(|(call, _)| call).collect();
    Relation::Aggregate(Box::new(Aggregate { input, groups, calls, schema: Arc::new(Schema::new(fields)) }))
}

fn described(server: Plain, relation: &Relation, inputs: &[&Described1]) -> Result<Described1, String> {
    let inputs: Vec<_> = inputs.iter().map(|(table, laws)| Described { table, laws: laws.clone() }).collect();
    derive(server, relation, &inputs).map_err(|reason| reason.to_string())
}

fn asked(server: Plain, (table, laws): &Described1, request: &ScanRequest) -> Negotiated {
    let schema = request.output_schema(table).unwrap();
    let projection: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    negotiate(server, Asked { request, projection: &projection, laws, schema: &table.schema }).unwrap()
}

fn sent(server: Plain, of: &Described1, request: &ScanRequest) -> String {
    asked(server, of, request).select.to_sql().into_string()
}

fn revenue() -> Relation {
    let one = Box::new(Expr::Literal(Value::Int64(1)));
    let rest = Expr::Arithmetic { op: ArithmeticOp::Subtract, left: one, right: Box::new(Expr::column("n")) };
    let left = Box::new(Expr::column("price"));
    let product = Expr::Arithmetic { op: ArithmeticOp::Multiply, left, right: Box::new(rest) };
    let calls = vec![
        (AggregateCall::Sum(product), DataType::Decimal128(38, 2)),
        (AggregateCall::Max(Expr::column("country")), DataType::Utf8),
        (AggregateCall::CountRows, DataType::Int64),
    ];
    groups(input("orders", vec![Expr::column("id").compare(CompareOp::Gt, Value::Int64(7))]), &["country"], calls)
}

#[test]
fn groups_are_a_subselect_above_which_conditions_and_orders_stand() {
    let orders = table("orders", 1_000);
    let relation = revenue();
    let key = |column: &str| SortKey { column: column.to_owned(), descending: true, nulls_first: true };
    let request = ScanRequest::relation(relation.clone())
        .with_filters(vec![Expr::column("a3").compare(CompareOp::GtEq, Value::Int64(2))])
        .with_top(Top { order: vec![key("a1"), key("country")], rows: 10 });
    let postgres = described(Plain(&POSTGRES), &relation, &[&orders]).unwrap();
    assert_eq!(postgres.0.row_count, Precision::Inexact(20));
    assert_eq!(
        sent(Plain(&POSTGRES), &postgres, &request),
        "SELECT q.\"country\", q.\"a1\", q.\"a2\", q.\"a3\" FROM (SELECT \"country\" AS \"country\", \
         sum((\"price\" * (1::numeric - \"n\"::numeric)))::numeric(38, 2) AS \"a1\", \
         max(\"country\" COLLATE \"C\") AS \"a2\", count(*) AS \"a3\" FROM \"s\".\"orders\" WHERE \"id\" > 7 \
         GROUP BY \"country\") AS q WHERE q.\"a3\" >= 2 \
         ORDER BY q.\"a1\" DESC NULLS FIRST, q.\"country\" COLLATE \"C\" DESC NULLS FIRST LIMIT 10"
    );
    let mysql = described(Plain(&MYSQL), &relation, &[&orders]).unwrap();
    assert_eq!(
        sent(Plain(&MYSQL), &mysql, &request),
        "SELECT q.`country`, q.`a1`, q.`a2`, q.`a3` FROM (SELECT `country` AS `country`, \
         sum((`price` * (CAST(1 AS DECIMAL(20, 0)) - CAST(`n` AS DECIMAL(20, 0))))) AS `a1`, \
         max(`country` COLLATE utf8mb4_0900_bin) AS `a2`, count(*) AS `a3` FROM `s`.`orders` WHERE `id` > 7 \
         GROUP BY `country`) AS q WHERE q.`a3` >= 2 \
         ORDER BY q.`a1` IS NULL DESC, q.`a1` DESC, q.`country` COLLATE utf8mb4_0900_bin IS NULL DESC, \
         q.`country` COLLATE utf8mb4_0900_bin DESC LIMIT 10"
    );
}

#[test]
fn joins_of_joins_are_one_list_of_tables() {
    let server = Plain(&POSTGRES);
    let (orders, users) = (table("orders", 1_000), table("users", 50));
    let column = |side, column: &str, name: &str| JoinColumn { side, column: column.into(), name: name.into() };
    let join = |left, right, on: (&str, &str), columns| {
        let on = vec![(on.0.to_owned(), on.1.to_owned())];
        Relation::Join(Box::new(Join { left, right, on, columns }))
    };
    let paid = vec![Expr::column("price").is_null().negate()];
    let columns = vec![
        column(Side::Left, "price", "price"),
        column(Side::Right, "n", "n"),
        column(Side::Right, "country", "from"),
    ];
    let first = join(input("orders", paid), input("users", vec![]), ("n", "id"), columns);
    let of_first = described(server, &first, &[&orders, &users]).unwrap();
    assert_eq!(of_first.0.row_count, Precision::Inexact(2_375));
    let above = Input { relation: first, filters: vec![Expr::column("n").compare(CompareOp::Lt, Value::Int64(9))] };
    let columns = vec![column(Side::Right, "price", "price"), column(Side::Left, "country", "to")];
    let second = join(input("users", vec![]), above, ("country", "from"), columns);
    let of_second = described(server, &second, &[&users, &of_first]).unwrap();
    assert_eq!(
        sent(server, &of_second, &ScanRequest::relation(second).with_projection(["to"])),
        "SELECT t1.\"country\" FROM \"s\".\"users\" AS t1 JOIN (\"s\".\"orders\" AS t2 JOIN \"s\".\"users\" AS t3 \
         ON t2.\"n\" = t3.\"id\") ON t1.\"country\" COLLATE \"C\" = t3.\"country\" \
         WHERE t2.\"price\" IS NOT NULL AND t3.\"n\" < 9"
    );
}

#[test]
fn what_the_source_would_not_do_as_the_engine_is_refused() {
    let orders = table("orders", 10);
    let refused = |relation: &Relation| described(Plain(&MYSQL), relation, &[&orders]).unwrap_err();
    let float = |call: fn(Expr) -> AggregateCall| {
        refused(&groups(input("orders", vec![]), &[], vec![(call(Expr::column("x")), DataType::Float64)]))
    };
    assert!(float(AggregateCall::Max).contains("-0.0"));
    assert!(float(AggregateCall::Sum).contains("not an exact number"));
    let zero = vec![Expr::column("x").compare(CompareOp::Lt, Value::Float64(0.0))];
    let count = || vec![(AggregateCall::CountRows, DataType::Int64)];
    assert!(refused(&groups(input("orders", zero), &[], count())).contains("checked by the engine first"));
    let narrow = vec![(AggregateCall::Sum(Expr::column("price")), DataType::Decimal128(38, 1))];
    assert!(refused(&groups(input("orders", vec![]), &[], narrow)).contains("rounded"));
    let square = |expr: Expr| Expr::Arithmetic {
        op: ArithmeticOp::Multiply,
        left: Box::new(expr.clone()),
        right: Box::new(expr),
    };
    let many = square(square(Expr::column("id")));
    let many = vec![(AggregateCall::Sum(many), DataType::Decimal128(38, 0))];
    assert!(refused(&groups(input("orders", vec![]), &[], many)).contains("more digits"));
}

#[test]
fn null_is_sorted_where_the_engine_has_it_and_by_index_where_that_is_its_place() {
    let orders = table("orders", 10);
    let order = |server, column: &str, descending, nulls_first| {
        let key = SortKey { column: column.to_owned(), descending, nulls_first };
        let request = ScanRequest::table(TableName::new("s", "orders")).with_projection(["id"]);
        let sql = sent(server, &orders, &request.with_top(Top { order: vec![key], rows: 1 }));
        sql.split_once(" ORDER BY ").unwrap().1.to_owned()
    };
    assert_eq!(order(Plain(&POSTGRES), "id", true, false), "\"id\" DESC LIMIT 1");
    assert_eq!(order(Plain(&POSTGRES), "n", false, true), "\"n\" NULLS FIRST LIMIT 1");
    assert_eq!(order(Plain(&MARIADB), "id", false, false), "`id` LIMIT 1");
    assert_eq!(order(Plain(&MARIADB), "n", false, true), "`n` LIMIT 1");
    assert_eq!(order(Plain(&MARIADB), "n", true, false), "`n` DESC LIMIT 1");
    assert_eq!(order(Plain(&MARIADB), "n", false, false), "`n` IS NULL, `n` LIMIT 1");
    assert_eq!(order(Plain(&MARIADB), "n", true, true), "`n` IS NULL DESC, `n` DESC LIMIT 1");
}

#[test]
fn mariadb_is_made_to_look_at_the_length_of_text_that_it_sorts_and_groups() {
    let orders = table("orders", 10);
    let relation = groups(input("orders", vec![]), &["country"], vec![(AggregateCall::CountRows, DataType::Int64)]);
    let of_groups = described(Plain(&MARIADB), &relation, &[&orders]).unwrap();
    let key = SortKey { column: "country".to_owned(), descending: true, nulls_first: false };
    let request = ScanRequest::relation(relation).with_top(Top { order: vec![key], rows: 3 });
    assert_eq!(
        sent(Plain(&MARIADB), &of_groups, &request),
        "SELECT q.`country`, q.`a1` FROM (SELECT `country` AS `country`, count(*) AS `a1` FROM `s`.`orders` \
         GROUP BY `country`, LENGTH(`country`)) AS q ORDER BY q.`country` COLLATE utf8mb4_nopad_bin DESC, \
         LENGTH(q.`country` COLLATE utf8mb4_nopad_bin) DESC LIMIT 3"
    );
}

#[test]
fn first_rows_are_not_taken_below_a_filter_that_is_applied_again() {
    let orders = table("orders", 10);
    let key = SortKey { column: "id".to_owned(), descending: false, nulls_first: false };
    let zero = Expr::column("x").compare(CompareOp::Lt, Value::Float64(0.0));
    let request = ScanRequest::table(TableName::new("s", "orders"));
    let request = request.with_filters(vec![zero]).with_top(Top { order: vec![key], rows: 1 });
    let negotiated = asked(Plain(&POSTGRES), &orders, &request);
    assert!(matches!(negotiated.top, Some(Answer::Refused(_))));
    assert!(!negotiated.select.to_sql().as_str().contains("ORDER"));
}
