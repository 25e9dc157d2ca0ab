//! The closed language in which work is handed to a source.
//!
//! Every operator has one meaning, the engine's, written on its variant. What cannot be said here stays in the
//! engine: nothing is sent because it happens to print as SQL. A connector that is not sure that its source means
//! the same answers [`Answer::Inexact`](crate::Answer::Inexact) or refuses.

use crate::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

impl CompareOp {
    /// As SQL writes it; DynamoDB's expressions use the same six.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }

    /// The operator that means the same with its sides exchanged: `a < b` is `b > a`.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Eq | Self::NotEq => self,
            Self::Lt => Self::Gt,
            Self::LtEq => Self::GtEq,
            Self::Gt => Self::Lt,
            Self::GtEq => Self::LtEq,
        }
    }
}

/// An operator on exact numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
}

impl ArithmeticOp {
    /// As SQL writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
        }
    }
}

/// An expression over the columns of one relation. Predicates use SQL's three-valued logic.
///
/// ```
/// use headwater_core::{CompareOp, Expr, Value};
/// let expr = Expr::column("country").compare(CompareOp::Eq, Value::Utf8("NZ".into()));
/// assert_eq!(expr.to_string(), "country = 'NZ'");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expr {
    /// The value of a column, by its name in the table's schema.
    Column(String),
    /// A constant.
    Literal(Value),
    /// Compares two values of one family as [`Value::compare`] does; NULL if a side is NULL.
    Compare {
        /// The operator.
        op: CompareOp,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// False if any part is false, else NULL if any part is NULL, else true. No parts: true.
    And(Vec<Expr>),
    /// True if any part is true, else NULL if any part is NULL, else false. No parts: false.
    Or(Vec<Expr>),
    /// Exchanges true and false; NULL stays NULL.
    Not(Box<Expr>),
    /// Whether the operand is NULL; never NULL itself.
    IsNull(Box<Expr>),
    /// The operand equals one of the constants: the same as an `Or` of `=`.
    ///
    /// So a NULL operand gives NULL, and a NULL among the constants gives NULL where nothing else matches. The planner
    /// never sends a list of floating-point numbers.
    In {
        /// What is looked for.
        operand: Box<Expr>,
        /// The constants.
        list: Vec<Value>,
    },
    /// The text begins with exactly these characters, compared by bytes; NULL if the operand is NULL.
    StartsWith {
        /// The text.
        operand: Box<Expr>,
        /// What it must begin with; the empty prefix matches every text.
        prefix: String,
    },
    /// The text has exactly these characters somewhere, one after another, compared by bytes; NULL if the operand is
    /// NULL.
    Contains {
        /// The text.
        operand: Box<Expr>,
        /// What it must have; every text has the empty one.
        part: String,
    },
    /// The member of a struct; NULL if the struct is NULL. Its operand is a column or a member of one.
    Field {
        /// The struct.
        operand: Box<Expr>,
        /// The member's name in the table's schema.
        name: String,
    },
    /// Integers and decimals, computed without rounding; NULL if a side is NULL.
    ///
    /// The planner sends it only where no values of the columns' types can exceed 38 digits.
    Arithmetic {
        /// The operator.
        op: ArithmeticOp,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
}

impl Expr {
    /// A column reference.
    pub fn column(name: impl Into<String>) -> Self {
        Self::Column(name.into())
    }

    /// The member `name` of the struct `self`.
    #[must_use]
    pub fn field(self, name: impl Into<String>) -> Self {
        Self::Field { operand: Box::new(self), name: name.into() }
    }

    /// `self op value`.
    #[must_use]
    pub fn compare(self, op: CompareOp, value: Value) -> Self {
        Self::Compare { op, left: Box::new(self), right: Box::new(Self::Literal(value)) }
    }

    /// `self IN (list)`.
    #[must_use]
    pub fn is_in(self, list: Vec<Value>) -> Self {
        Self::In { operand: Box::new(self), list }
    }

    /// `self IS NULL`.
    #[must_use]
    pub fn is_null(self) -> Self {
        Self::IsNull(Box::new(self))
    }

    /// `NOT self`.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Calls `visit` with the name of every column used, in order of appearance, repeats included.
    pub fn visit_columns<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Column(name) => visit(name),
            Self::Literal(_) => {}
            Self::Compare { left, right, .. } | Self::Arithmetic { left, right, .. } => {
                left.visit_columns(visit);
                right.visit_columns(visit);
            }
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit_columns(visit)),
            Self::Not(operand)
            | Self::IsNull(operand)
            | Self::In { operand, .. }
            | Self::StartsWith { operand, .. }
            | Self::Contains { operand, .. }
            | Self::Field { operand, .. } => operand.visit_columns(visit),
        }
    }
}

/// How many constants of an `IN` list EXPLAIN prints before it says how many more there are.
const SHOWN_LIST: usize = 8;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => f.write_str(name),
            Self::Literal(value) => write!(f, "{value}"),
            Self::Compare { op, left, right } => write!(f, "{left} {} {right}", op.symbol()),
            Self::Arithmetic { op, left, right } => write!(f, "({left} {} {right})", op.symbol()),
            Self::And(parts) => fmt_joined(f, parts, " AND "),
            Self::Or(parts) => fmt_joined(f, parts, " OR "),
            Self::Not(operand) => match operand.as_ref() {
                Self::IsNull(inner) => write!(f, "{inner} IS NOT NULL"),
                other => write!(f, "NOT ({other})"),
            },
            Self::IsNull(operand) => write!(f, "{operand} IS NULL"),
            Self::In { operand, list } => {
                write!(f, "{operand} IN ({})", shown_list(list))
            }
            Self::StartsWith { operand, prefix } => {
                write!(f, "starts_with({operand}, {})", Value::Utf8(prefix.clone()))
            }
            Self::Contains { operand, part } => write!(f, "contains({operand}, {})", Value::Utf8(part.clone())),
            Self::Field { operand, name } => write!(f, "{operand}[{}]", Value::Utf8(name.clone())),
        }
    }
}

/// The first few values, and how many more there are.
pub fn shown_list(list: &[Value]) -> String {
    let mut shown: Vec<String> = list.iter().take(SHOWN_LIST).map(Value::to_string).collect();
    if list.len() > SHOWN_LIST {
        shown.push(format!("… {} values", list.len()));
    }
    shown.join(", ")
}

fn fmt_joined(f: &mut fmt::Formatter<'_>, parts: &[Expr], separator: &str) -> fmt::Result {
    f.write_str("(")?;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{part}")?;
    }
    f.write_str(")")
}
