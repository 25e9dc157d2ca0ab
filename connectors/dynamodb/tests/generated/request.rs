//! Generated requests.

use super::items::COLUMNS;
use headwater_core::{CompareOp, Expr, JoinKeys, SortKey, Top, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// A request in parts.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) filters: Vec<Expr>,
    projection: Vec<&'static str>,
    pub(crate) top: Option<Top>,
    pub(crate) limit: Option<u64>,
    pub(crate) keys: Option<JoinKeys>,
}

impl Case {
    /// The projection, with the columns that the engine needs to check filters, to sort and to join. Counting without
    /// any such need asks for no columns at all.
    pub(crate) fn columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = self.projection.iter().map(|column| (*column).to_owned()).collect();
        let mut add = |column: &str| {
            if !columns.iter().any(|known| known == column) {
                columns.push(column.to_owned());
            }
        };
        if !self.counts() {
            self.filters.iter().for_each(|filter| filter.visit_columns(&mut add));
        }
        self.top.iter().flat_map(|top| &top.order).for_each(|key| add(&key.column));
        self.keys.iter().flat_map(|keys| &keys.columns).for_each(|column| add(column));
        columns
    }

    /// Only filters that every way can finish are counted: the engine would fetch columns for the others.
    fn counts(&self) -> bool {
        let simple = |filter: &Expr| match filter {
            Expr::Compare { op: CompareOp::Eq, left, right } => {
                let column = matches!(left.as_ref(), Expr::Column(name) if ["email", "user"].contains(&name.as_str()));
                column && matches!(right.as_ref(), Expr::Literal(Value::Utf8(text)) if !text.is_empty())
            }
            _ => false,
        };
        self.projection.is_empty() && self.keys.is_none() && self.top.is_none() && self.filters.iter().all(simple)
    }
}

/// The next request.
pub(crate) fn case(runner: &mut TestRunner) -> Case {
    strategy().new_tree(runner).unwrap().current()
}

fn strategy() -> impl Strategy<Value = Case> {
    let filters = (vec(predicate(), 0..3), prop_oneof![1 => Just(Vec::new()), 2 => leading()])
        .prop_map(|(random, leading)| if leading.is_empty() { random } else { [leading, random].concat() });
    let counted =
        prop_oneof![Just(vec![]), equal("email").prop_map(|one| vec![one]), equal("user").prop_map(|one| vec![one])];
    let filters = prop_oneof![5 => filters, 3 => leading(), 1 => counted, 1 => Just(vec![])];
    let projection =
        prop_oneof![3 => subsequence(COLUMNS.to_vec(), 1..=4), 1 => Just(COLUMNS.to_vec()), 1 => Just(vec![])];
    let most = prop_oneof![2 => Just((None, None)), 1 => (Just(None), (1..20u64).prop_map(Some)), 2 => (top().prop_map(Some), Just(None))];
    let keys = prop_oneof![1 => Just(None), 1 => keys().prop_map(Some)];
    (filters, projection, most, keys).prop_map(|(filters, projection, (top, limit), keys)| Case {
        filters,
        projection,
        top,
        limit,
        keys,
    })
}

fn text(text: &str) -> Value {
    Value::Utf8(text.to_owned())
}

fn values_of(column: &str) -> Vec<Value> {
    let dec = |unscaled: i128, scale: i8| Value::Decimal { unscaled, scale };
    let nines = 99_999_999_999_999_999_999_999_999_999_999_999_999;
    let two_53 = 9_007_199_254_740_992;
    match column {
        "user" => ["u0", "u1", "u5", "u77", "zz", ""].map(text).to_vec(),
        "email" => ["a", "b", "ä", "😀", "Z", "nobody", ""].map(text).to_vec(),
        "status" => ["open", "done", "Open", "o", ""].map(text).to_vec(),
        "txt" => ["", "a", "A", "ab", "ä", "😀", "\u{ff5e}", "S", "b"].map(text).to_vec(),
        "digits" => ["1E-130", "999E123", "0", "1.5"].map(text).to_vec(),
        "at" => {
            vec![Value::Int64(-40), Value::Int64(0), Value::Int64(60), Value::Int64(1_000), dec(55, 1), dec(600, 1)]
        }
        "total" => vec![
            Value::Int64(0),
            Value::Int64(1),
            Value::Int64(5),
            Value::Int64(two_53),
            Value::Int64(two_53 + 1),
            Value::UInt64(u64::MAX),
            dec(5, 1),
        ],
        "int" | "dec" | "big" => vec![
            Value::Int64(0),
            Value::Int64(-1),
            Value::Int64(i64::MAX),
            Value::Int64(two_53 + 1),
            Value::UInt64(u64::MAX),
            dec(5, 1),
            dec(-250, 3),
            dec(12_345_678_901_234_567_890, 0),
            dec(nines, 0),
            dec(-nines, 0),
            dec(i128::MAX, 0),
            dec(1, 38),
        ],
        "tick" => [0, 60, 600, 1_234, 17_940].map(|seconds| Value::Instant(seconds * 1_000_000)).to_vec(),
        "seen" => [0, 60_000_000, 55_500_000, -40_000_000, 1_000_000_000_000].map(Value::Instant).to_vec(),
        "stamp" => {
            [0, 5, 12, 50, 51, 700].map(|hours| Value::Instant((1_772_712_000 + hours * 3_600) * 1_000_000)).to_vec()
        }
        "when" => [0, -1_000, 1, 1_772_712_000_000_000, 1_772_712_000_000_500].map(Value::Instant).to_vec(),
        "day" => [0, 20_517, 20_518, -719_162, 2_932_896, i32::MAX].map(Value::Date).to_vec(),
        "flag" => vec![Value::Boolean(true), Value::Boolean(false)],
        _ => vec![Value::Binary(vec![]), Value::Binary(vec![0]), Value::Binary(vec![255])],
    }
}

fn literal(column: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![12 => select(values_of(column)), 1 => Just(Value::Null)]
}

fn any_column() -> impl Strategy<Value = &'static str> {
    select(COLUMNS.to_vec())
}

fn compared(column: &'static str, ops: &'static [CompareOp]) -> impl Strategy<Value = Expr> {
    (select(ops), literal(column), any::<bool>()).prop_map(move |(op, value, flipped)| {
        let (left, right) = (Box::new(Expr::column(column)), Box::new(Expr::Literal(value)));
        if flipped { Expr::Compare { op, left: right, right: left } } else { Expr::Compare { op, left, right } }
    })
}

fn equal(column: &'static str) -> impl Strategy<Value = Expr> {
    select(values_of(column)).prop_map(move |value| Expr::column(column).compare(CompareOp::Eq, value))
}

fn listed(column: &'static str) -> impl Strategy<Value = Expr> {
    vec(literal(column), 0..4).prop_map(move |list| Expr::column(column).is_in(list))
}

const ALL: &[CompareOp] =
    &[CompareOp::Eq, CompareOp::NotEq, CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq];
const RANGES: &[CompareOp] = &[CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq];

/// An entry of a map, or of one within it.
fn member() -> impl Strategy<Value = Expr> {
    let map = || Expr::column("map");
    let inner = || map().field("in");
    select(vec![map().field("s"), map().field("n"), inner(), inner().field("t.u"), inner().field("yes")])
}

fn members_values() -> Vec<Value> {
    let half = Value::Decimal { unscaled: 5, scale: 1 };
    let mut values = vec![Value::Null, Value::Boolean(true), Value::Int64(0), Value::Int64(-1), half];
    values.extend(["", "a", "ab", "ä", "😀"].map(text));
    values
}

fn leaf() -> impl Strategy<Value = Expr> {
    let texts = vec!["txt", "user", "email", "status", "digits", "stamp"];
    let texts = prop_oneof![3 => select(texts).prop_map(Expr::column), 1 => member()];
    let sought = select(vec!["", "a", "ä", "u", "o", "b", "pe", "😀", "1"]);
    let found = (texts, sought, any::<bool>()).prop_map(|(text, sought, anywhere)| {
        let (operand, sought) = (Box::new(text), sought.to_owned());
        if anywhere { Expr::Contains { operand, part: sought } } else { Expr::StartsWith { operand, prefix: sought } }
    });
    let of_member =
        (member(), select(ALL), select(members_values())).prop_map(|(member, op, value)| member.compare(op, value));
    let member_listed = (member(), vec(select(members_values()), 0..4)).prop_map(|(member, list)| member.is_in(list));
    prop_oneof![
        3 => of_member,
        1 => member_listed,
        2 => member().prop_map(Expr::is_null),
        1 => Just(Expr::column("map").field("in").field("yes")),
        6 => any_column().prop_flat_map(|column| compared(column, ALL)),
        2 => any_column().prop_flat_map(listed),
        2 => found,
        1 => any_column().prop_map(|column| Expr::column(column).is_null()),
        1 => Just(Expr::column("flag")),
        1 => select(vec![Value::Null, Value::Boolean(true), Value::Boolean(false)]).prop_map(Expr::Literal),
    ]
}

fn predicate() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Expr::And),
            vec(inner.clone(), 1..4).prop_map(Expr::Or),
            inner.prop_map(Expr::negate),
        ]
    })
}

/// Conditions that lead to the rows by a key of the table or of an index.
fn leading() -> impl Strategy<Value = Vec<Expr>> {
    let not_null = |column: &'static str| Just(Expr::column(column).is_null().negate());
    let ranged = |column: &'static str| {
        prop_oneof![
            3 => vec(compared(column, RANGES), 1..3).prop_map(Expr::And),
            1 => listed(column),
            1 => not_null(column),
        ]
    };
    let bound = |column: &'static str| prop_oneof![2 => equal(column), 1 => listed(column)];
    prop_oneof![
        2 => bound("user").prop_map(|one| vec![one]),
        2 => (bound("user"), ranged("at")).prop_map(|(a, b)| vec![a, b]),
        2 => (bound("user"), ranged("seen")).prop_map(|(a, b)| vec![a, b]),
        2 => (bound("user"), ranged("stamp")).prop_map(|(a, b)| vec![a, b]),
        1 => (bound("user"), ranged("tick")).prop_map(|(a, b)| vec![a, b]),
        1 => bound("tick").prop_map(|one| vec![one]),
        4 => (bound("user"), ranged("total")).prop_map(|(a, b)| vec![a, b]),
        2 => bound("email").prop_map(|one| vec![one]),
        1 => ranged("email").prop_map(|one| vec![one]),
        2 => (bound("status"), ranged("total")).prop_map(|(a, b)| vec![a, b]),
        1 => bound("status").prop_map(|one| vec![one]),
        1 => bound("total").prop_map(|one| vec![one]),
        1 => ranged("total").prop_map(|one| vec![one]),
    ]
}

fn top() -> impl Strategy<Value = Top> {
    let key = prop_oneof![3 => Just("at"), 3 => Just("total"), 2 => Just("seen"), 1 => Just("stamp"), 1 => Just("user"), 1 => Just("txt")];
    let key = (key, any::<bool>(), any::<bool>()).prop_map(|(column, descending, nulls_first)| SortKey {
        column: column.to_owned(),
        descending,
        nulls_first,
    });
    let order = prop_oneof![3 => vec(key.clone(), 1), 1 => vec(key, 2)];
    (order, 1..8u64).prop_map(|(order, rows)| Top { order, rows })
}

fn keys() -> impl Strategy<Value = JoinKeys> {
    let columns = select(vec![
        vec!["user"],
        vec!["email"],
        vec!["user", "at"],
        vec!["user", "seen"],
        vec!["user", "stamp"],
        vec!["user", "tick"],
        vec!["status", "total"],
        vec!["total"],
        vec!["status"],
        vec!["txt"],
    ]);
    columns.prop_flat_map(|columns| {
        let tuple: Vec<_> = columns.iter().map(|column| select(values_of(column))).collect();
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        vec(tuple, 0..5).prop_map(move |tuples| JoinKeys::new(columns.clone(), tuples))
    })
}
