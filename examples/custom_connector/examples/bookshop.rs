//! A book shop with four books, for trying the `books` program: `cargo run --example bookshop`.

use arrow::array::{BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use headwater_example_connector::fixture::BookShop;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let prices = Decimal128Array::from(vec![Some(895), Some(1250), None, Some(999)]).with_precision_and_scale(10, 2)?;
    let books = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as _),
        ("shelf", Arc::new(Int64Array::from(vec![1, 1, 2, 2])) as _),
        ("title", Arc::new(StringArray::from(vec!["Emma", "Middlemarch", "The Waves", "Orlando"])) as _),
        ("price", Arc::new(prices) as _),
        ("in_print", Arc::new(BooleanArray::from(vec![true, true, true, false])) as _),
    ])?;
    let shop = BookShop { tables: [("books", books)].into(), token: std::env::var("SHOP_TOKEN").ok() };
    println!("the shop is open at books://{}", shop.open(7070).await?);
    std::future::pending().await
}
