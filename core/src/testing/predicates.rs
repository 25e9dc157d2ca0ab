//! The predicates that every source is asked: each operator, each column, each awkward constant.

use super::dataset;
use super::dataset::{long_text, mix};
use crate::{CompareOp, Expr, Value};
use arrow_schema::{DataType, Schema};

const OPERATORS: [CompareOp; 6] =
    [CompareOp::Eq, CompareOp::NotEq, CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq];

const COLUMNS: [&str; 7] = ["id", "bucket", "name", "amount", "quantity", "flag", "payload"];

/// How many nested predicates are made up beside the listed ones, and how many lists of several.
const NESTED: u64 = 80;
const COMBINATIONS: u64 = 80;

/// Every predicate that makes sense against `schema`: comparing values of different families never reaches a
/// connector, so a column that the source returns in another family is only asked whether it is NULL.
pub(super) fn predicates(schema: &Schema) -> Vec<Expr> {
    let mut all = atoms();
    let nested: Vec<Expr> = (0..NESTED).filter_map(|seed| nested(&all, seed, 3)).collect();
    all.extend(nested);
    all.retain(|filter| makes_sense(filter, schema));
    all
}

/// Lists of two to four of the same predicates.
pub(super) fn combinations(schema: &Schema) -> Vec<Vec<Expr>> {
    let all = predicates(schema);
    let list = |seed: u64| (0..2 + seed % 3).filter_map(|part| pick(&all, seed << 8 | part).cloned()).collect();
    (1_000..1_000 + COMBINATIONS).map(list).collect()
}

/// Whether the source returns `column` in the family that the suite's data has.
pub(super) fn is_comparable(schema: &Schema, column: &str) -> bool {
    let data = dataset().schema();
    let family_in = |schema: &Schema| schema.field_with_name(column).ok().map(|field| family(field.data_type()));
    family_in(&data).is_some_and(|family| family_in(schema) == Some(family))
}

#[derive(PartialEq)]
enum Family {
    Number,
    Text,
    Bytes,
    Boolean,
    Other,
}

fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Boolean => Family::Boolean,
        DataType::Decimal128(..) => Family::Number,
        other if other.is_integer() || matches!(other, DataType::Float32 | DataType::Float64) => Family::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Family::Bytes,
        _ => Family::Other,
    }
}

fn makes_sense(filter: &Expr, schema: &Schema) -> bool {
    let asks_for_null = |filter: &Expr| matches!(filter, Expr::IsNull(of) if matches!(**of, Expr::Column(_)));
    if asks_for_null(filter) || matches!(filter, Expr::Not(inner) if asks_for_null(inner)) {
        return true;
    }
    let mut comparable = true;
    filter.visit_columns(&mut |column| comparable &= is_comparable(schema, column));
    comparable
}

fn atoms() -> Vec<Expr> {
    let mut atoms: Vec<Expr> = COLUMNS.iter().flat_map(|column| comparisons(column)).collect();
    for column in COLUMNS {
        let null = Expr::column(column).is_null();
        atoms.extend([null.clone(), null.negate()]);
        atoms.extend(lists(column));
    }
    atoms.extend(prefixes());
    atoms.extend(columns_compared());
    atoms.extend(oddities());
    atoms
}

fn text(value: &str) -> Value {
    Value::Utf8(value.to_owned())
}

fn decimal(unscaled: i128, scale: i8) -> Value {
    Value::Decimal { unscaled, scale }
}

/// Constants for a column: values it has, values beside them, and values that its type cannot hold.
fn constants(column: &str) -> Vec<Value> {
    const TEXTS: [&str; 18] = [
        "",
        " ",
        "a",
        "A",
        "a ",
        "ab",
        "B",
        "_",
        "%",
        "\\",
        "O'Brien",
        "\u{e9}",
        "e\u{301}",
        "\u{ff5e}",
        "😀",
        "10",
        "' OR 1=1 --",
        "nothing like it",
    ];
    match column {
        "id" => vec![Value::Int64(105), Value::Int64(211), decimal(1_055, 1), decimal(1_050, 1), Value::UInt64(7)],
        "bucket" => vec![Value::Int64(0), Value::Int64(3), Value::Int64(-1), Value::Float64(2.5)],
        "name" => TEXTS.into_iter().map(text).chain([text(long_text('a'))]).collect(),
        "amount" => vec![
            decimal(0, 4),
            decimal(15, 1),
            decimal(-15_000, 4),
            // One digit more than the column's scale has.
            decimal(150_001, 5),
            // As many more, and none of them needed.
            decimal(150_000, 5),
            decimal(-15 * 10i128.pow(14), 15),
            decimal(150_010, 5),
            decimal(999_999_999_999_999_999, 4),
            decimal(-999_999_999_999_999_999, 4),
            decimal(10i128.pow(37), 0),
            decimal(-(10i128.pow(37)), 0),
            Value::Int64(100),
            Value::Int64(i64::MAX),
            Value::Float64(1.5),
        ],
        "quantity" => [0, -1, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1]
            .into_iter()
            .map(Value::Int64)
            .collect::<Vec<_>>()
            .into_iter()
            .chain([
                Value::UInt64(1 << 63),
                Value::UInt64(u64::MAX),
                decimal(5, 1),
                decimal(-15, 1),
                decimal(10i128.pow(30), 0),
            ])
            .chain(
                [0.5, -0.0, 9_007_199_254_740_992.0, 1e19, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]
                    .map(Value::Float64),
            )
            .collect(),
        "flag" => vec![Value::Boolean(true), Value::Boolean(false)],
        _ => [b"".as_slice(), b"\x00", b"\xFF", b"\x00\xFF", b"\xC3\x28", b"'"]
            .map(|b| Value::Binary(b.to_vec()))
            .to_vec(),
    }
}

fn comparisons(column: &str) -> Vec<Expr> {
    let constants = constants(column).into_iter().chain([Value::Null]);
    let each = constants.flat_map(|value| OPERATORS.map(|op| Expr::column(column).compare(op, value.clone())));
    each.collect()
}

fn lists(column: &str) -> Vec<Expr> {
    let all = constants(column);
    let repeated: Vec<Value> = all.iter().chain(&all).cloned().collect();
    let with_null: Vec<Value> = all.iter().take(3).cloned().chain([Value::Null]).collect();
    // A list with a float among exact numbers is one that sources are right to refuse.
    let exact: Vec<Value> = all.iter().filter(|value| !matches!(value, Value::Float64(_))).cloned().collect();
    let lists = [all, repeated, exact, with_null, vec![Value::Null], Vec::new()];
    let each = lists.into_iter().map(|list| Expr::column(column).is_in(list));
    each.flat_map(|filter| [filter.clone(), filter.negate()]).collect()
}

/// What texts begin with, or have in them.
fn prefixes() -> Vec<Expr> {
    const PREFIXES: [&str; 18] = [
        "",
        " ",
        "a",
        "A",
        "a_",
        "a%",
        "%",
        "_",
        "\\",
        "a\\",
        "'",
        "\"",
        "\u{e9}",
        "e",
        "e\u{301}",
        "👩",
        "long long ",
        "nothing like it",
    ];
    let starts =
        PREFIXES.map(|prefix| Expr::StartsWith { operand: Box::new(Expr::column("name")), prefix: prefix.to_owned() });
    let contains =
        PREFIXES.map(|part| Expr::Contains { operand: Box::new(Expr::column("name")), part: part.to_owned() });
    starts.into_iter().chain(contains).flat_map(|filter| [filter.clone(), filter.negate()]).collect()
}

fn compare(left: Expr, op: CompareOp, right: Expr) -> Expr {
    Expr::Compare { op, left: Box::new(left), right: Box::new(right) }
}

fn columns_compared() -> Vec<Expr> {
    let pairs =
        [("id", "bucket"), ("quantity", "id"), ("bucket", "quantity"), ("name", "name"), ("amount", "quantity")];
    let both = pairs
        .into_iter()
        .flat_map(|(left, right)| OPERATORS.map(|op| compare(Expr::column(left), op, Expr::column(right))));
    let reversed = OPERATORS.map(|op| compare(Expr::Literal(Value::Int64(5)), op, Expr::column("quantity")));
    both.chain(reversed).collect()
}

/// Predicates that no person writes, and that optimisers leave behind.
fn oddities() -> Vec<Expr> {
    let literal = Expr::Literal;
    let flag = || Expr::column("flag");
    let small = || Expr::column("quantity").compare(CompareOp::Lt, Value::Int64(5));
    vec![
        literal(Value::Boolean(true)),
        literal(Value::Boolean(false)),
        literal(Value::Null),
        literal(Value::Null).negate(),
        literal(Value::Null).is_null(),
        literal(Value::Int64(1)).is_null(),
        literal(Value::Int64(1)).compare(CompareOp::Lt, Value::Int64(2)),
        literal(Value::Null).compare(CompareOp::Eq, Value::Null),
        Expr::And(vec![]),
        Expr::Or(vec![]),
        Expr::And(vec![small()]),
        flag(),
        flag().negate(),
        flag().negate().negate(),
        small().is_null(),
        small().is_null().negate(),
        compare(flag(), CompareOp::Eq, small()),
        compare(flag(), CompareOp::NotEq, Expr::column("name").is_null()),
        Expr::And(vec![flag(), literal(Value::Null)]),
        Expr::Or(vec![flag(), literal(Value::Null)]),
        Expr::Or(vec![flag(), literal(Value::Null)]).negate(),
    ]
}

/// A tree of AND, OR and NOT over some of `atoms`, the same for the same seed.
fn nested(atoms: &[Expr], seed: u64, depth: u64) -> Option<Expr> {
    let draw = mix(seed);
    if depth == 0 || draw.is_multiple_of(8) {
        return pick(atoms, seed).cloned();
    }
    let parts = || (0..2 + draw / 16 % 2).filter_map(|part| nested(atoms, mix(draw ^ part), depth - 1)).collect();
    match draw % 5 {
        0 | 1 => Some(Expr::And(parts())),
        2 | 3 => Some(Expr::Or(parts())),
        _ => nested(atoms, mix(draw), depth - 1).map(Expr::negate),
    }
}

fn pick<T>(items: &[T], seed: u64) -> Option<&T> {
    let index = mix(seed).checked_rem(items.len() as u64)?;
    items.get(usize::try_from(index).ok()?)
}
