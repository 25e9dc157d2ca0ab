//! Loading DynamoDB's share.

use dynoxide::{AttributeValue, Item};
use serde_json::json;

use super::Table;
use super::cell::{Cell, date};
use crate::copy::hundredths;
use crate::dynamodb::DynamoDb;
use crate::error::{Context as _, Result};

/// Puts `part` and `supplier` into tables of these names, replacing them; the partition key is the number of the part or
/// the supplier, and there is no sort key.
///
/// # Errors
///
/// The storage of the server fails.
pub async fn load_dynamodb(server: &DynamoDb) -> Result<()> {
    for table in [Table::Part, Table::Supplier] {
        server.delete_table(table.name()).await?;
        let key = table.primary_key();
        let definition = json!({
            "TableName": table.name(),
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": key, "AttributeType": "N" }],
            "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
        });
        server.create_table(definition).await?;
        for batch in table.batches() {
            let columns = table.columns(&batch.context(|| table.generating())?)?;
            let item = |row| -> Item { columns.row(row).map(|(name, cell)| (name.to_owned(), value(cell))).collect() };
            server.import(table.name(), (0..columns.rows()).map(item).collect()).await?;
        }
    }
    Ok(())
}

fn value(cell: Cell<'_>) -> AttributeValue {
    match cell {
        Cell::Integer(value) => AttributeValue::N(value.to_string()),
        // The way DynamoDB writes numbers: without zeros at the end.
        Cell::Decimal(value) => {
            AttributeValue::N(hundredths(value).trim_end_matches('0').trim_end_matches('.').to_owned())
        }
        Cell::Date(days) => AttributeValue::S(date(days)),
        Cell::Text(text) => AttributeValue::S(text.to_owned()),
    }
}
