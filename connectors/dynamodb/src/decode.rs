//! From the text of an answer straight into columns: no value of the SDK's, no map per item.
//!
//! `json.rs` pulls one token after the other out of the text; [`page()`] knows the answers of the operations
//! that return items, [`item()`] writes an item's values into the columns of [`crate::convert`], which hold the law.
//! What goes into a `json` column, and the keys from which the next request goes on, are read as values of the SDK's
//! (`attribute.rs`).

mod attribute;
mod flaw;
mod item;
mod json;
mod page;
mod value;

pub(crate) use attribute::attributes;
pub(crate) use flaw::Flaw;
pub(crate) use item::item;
pub(crate) use json::Json;
pub(crate) use page::{Facts, page};

#[cfg(test)]
mod tests;
