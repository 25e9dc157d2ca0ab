//! An item in DynamoDB's JSON, on a line of its own: `{"Item":{"id":{"N":"1"}}}`.

use super::Item;
use crate::convert::RowBuilder;
use crate::decode::{Flaw, Json, attributes, item};

/// Reads a line into the next row.
///
/// # Errors
/// Text that is no such line, or a value that does not fit its column.
pub(super) fn row(line: &[u8], rows: &mut RowBuilder) -> Result<(), Flaw> {
    of_line(line, |json| item(json, rows))
}

/// Reads a line as values.
///
/// # Errors
/// Text that is no such line.
pub(super) fn values(line: &[u8]) -> Result<Item, Flaw> {
    of_line(line, |json| Ok(attributes(json)?))
}

fn of_line<T>(line: &[u8], read: impl FnOnce(&mut Json<'_>) -> Result<T, Flaw>) -> Result<T, Flaw> {
    let json = &mut Json::new(line)?;
    json.open_object()?;
    if json.next_key()? != Some("Item") {
        return Err(json.broken("a line without an item").into());
    }
    let found = read(json)?;
    if json.next_key()?.is_some() {
        return Err(json.broken("more than an item in a line").into());
    }
    json.end()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    #[test]
    fn a_line_has_one_item() {
        let item = values(br#"{"Item":{"id":{"N":"1"},"tags":{"SS":["a"]}}}"#).unwrap();
        assert_eq!(item["id"], AttributeValue::N("1".to_owned()));
        assert_eq!(item["tags"], AttributeValue::Ss(vec!["a".to_owned()]));
    }

    #[test]
    fn anything_else_is_told() {
        let lines =
            ["{}", "[]", r#"{"Keys":{}}"#, r#"{"Item":{}}{"Item":{}}"#, r#"{"Item":{},"Item":{}}"#, r#"{"Item":{"#];
        for line in lines {
            assert!(values(line.as_bytes()).is_err(), "{line}");
        }
    }
}
