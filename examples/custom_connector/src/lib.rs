//! A connector of your own, whole: the catalogue of a book shop, over HTTP and JSON.
//!
//! The shop's API has three requests. Types go by their Arrow names; bytes are hexadecimal text, and decimals are text,
//! because a JSON number would be read as a float somewhere on the way, and rounded.
//!
//! | `GET` | answers |
//! |---|---|
//! | `/tables` | `["books"]` |
//! | `/table?name=books` | `{"columns": [["id", "Int64", false], …], "parts": 4, "rows": 210}` |
//! | `/rows?table=books&columns=id,title&part=2&where=shelf:3&limit=500` | `{"rows": [{"id": 7, "title": "Emma"}, …], "next": "…"}`; the next page with `&cursor=…` |
//!
//! Read `connect` (options, requests), `connector` (the contract), `convert` (JSON to Arrow), and [`fixture`], a shop.

mod connect;
mod connector;
mod convert;
pub mod fixture;

pub use connect::{BooksConnector, BooksFactory};
