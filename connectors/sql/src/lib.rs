//! What all SQL sources share: text that cannot be injected into, and the translation of a scan into a statement.
//!
//! What differs between products is data, a [`Dialect`]; what is asked comes as core's pushdown language.
//!
//! ```
//! use headwater_core::{CompareOp, Expr, Value};
//! use headwater_sql::{ColumnSql, Comparison, POSTGRES, Pushed, SqlText, push_down};
//! use std::collections::BTreeMap;
//!
//! let id = SqlText::identifier(&POSTGRES, "id");
//! let columns = BTreeMap::from([("id".to_owned(), ColumnSql::plain(id, Comparison::Number))]);
//! let filter = Expr::column("id").compare(CompareOp::GtEq, Value::Int64(7));
//! let Pushed::Exact(condition) = push_down(&POSTGRES, &columns, &filter) else { panic!("not exact") };
//! assert_eq!(condition.as_str(), r#""id" >= 7"#);
//! ```
//!
//! - [`SqlText`] is the only way to a statement: static text, quoted identifiers, rendered literals.
//! - [`push_down`] says for one filter whether the source means exactly the same, a superset, or cannot say it.
//! - [`negotiate`] does so for a whole [`ScanRequest`](headwater_core::ScanRequest) and gives the [`Select`].
//! - [`derive()`] describes what the source would compute from its own relations: joins and groups.
//! - [`key_chunks`] cuts join keys into conditions; [`estimated_rows`] and [`access_path`] say what to expect.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod block;
mod bytes;
mod calendar;
mod column;
mod compare;
mod derive;
mod dialect;
mod estimate;
mod float;
mod groups;
mod keys;
mod literal;
mod misfit;
mod negotiate;
mod number;
mod order;
mod pass_through;
mod predicate;
mod primitives;
mod room;
mod select;
mod server;
mod share;
mod text;

pub use bytes::ByteValues;
pub use column::{ColumnSql, Comparison, Step};
pub use derive::{Described, derive};
pub use dialect::{Dialect, Digits, MARIADB, MYSQL, POSTGRES, TextTests, Wrapping};
pub use estimate::{access_path, column_notes, estimated_rows, used_columns};
pub use keys::{ChunkSize, declined_keys, integer_key, key_chunks, max_keys};
pub use literal::Unsayable;
pub use misfit::Misfit;
pub use negotiate::{Asked, Negotiated, negotiate};
pub use number::{Arithmetic, Totals};
pub use order::NullOrder;
pub use pass_through::{as_subselect, check_statement, refused_statement};
pub use predicate::{Pushed, push_down};
pub use primitives::Primitives;
pub use room::Room;
pub use select::Select;
pub use server::{Laws, Server};
pub use text::SqlText;
