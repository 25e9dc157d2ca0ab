//! Loading the DynamoDB half.

use dynoxide::{AttributeValue, Item};
use serde_json::{Value, json};

use super::{FINGERPRINT, Meta, Scenario1, Step, Workflow};
use crate::attribute::{attributes, number, string};
use crate::dynamodb::{DynamoDb, ITEMS_PER_TRANSACTION};
use crate::error::Result;

/// The DynamoDB table of the scenario.
pub const WORKFLOW_TABLE: &str = "workflow_items";

/// A tag of the table is the marker: unlike a table of ours it shows up nowhere, and it goes when the data goes.
const MARKER_TAG: &str = "headwater:scenario1";

impl Scenario1 {
    /// Puts the workflows into the table [`WORKFLOW_TABLE`], replacing one of that name; does nothing when this very
    /// data is there already.
    ///
    /// # Errors
    ///
    /// The storage of the server fails.
    pub async fn load_dynamodb(&self, server: &DynamoDb) -> Result<()> {
        if Self::is_in_dynamodb(server)? {
            return Ok(());
        }
        server.delete_table(WORKFLOW_TABLE).await?;
        server.create_table(table()).await?;
        for workflows in self.workflows.chunks(ITEMS_PER_TRANSACTION) {
            server.import(WORKFLOW_TABLE, workflows.iter().map(Workflow::to_item).collect()).await?;
        }
        server.set_tag(WORKFLOW_TABLE, MARKER_TAG, FINGERPRINT)
    }

    /// Whether this very data is in the server; answers without generating it.
    ///
    /// # Errors
    ///
    /// The storage of the server fails.
    pub fn is_in_dynamodb(server: &DynamoDb) -> Result<bool> {
        Ok(server.tag(WORKFLOW_TABLE, MARKER_TAG)?.as_deref() == Some(FINGERPRINT))
    }
}

fn table() -> Value {
    json!({
        "TableName": WORKFLOW_TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "user_id", "AttributeType": "N" },
            { "AttributeName": "workflow_id", "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": "user_id", "KeyType": "HASH" },
            { "AttributeName": "workflow_id", "KeyType": "RANGE" },
        ],
    })
}

impl Workflow {
    fn to_item(&self) -> Item {
        let mut item = attributes([
            ("user_id", number(self.user_id)),
            ("workflow_id", string(&self.workflow_id)),
            ("kind", string(self.kind)),
            ("status", string(self.status)),
            ("started_at", string(self.started_at)),
            ("attempts", number(self.attempts)),
            ("cost", number(decimal(self.cost_micros))),
            ("steps", AttributeValue::L(self.steps.iter().map(Step::to_value).collect())),
            ("meta", self.meta.to_value()),
        ]);
        item.extend(self.completed_at.map(|at| ("completed_at".to_owned(), string(at))));
        if !self.tags.is_empty() {
            let tags = self.tags.iter().copied().map(str::to_owned).collect();
            item.insert("tags".to_owned(), AttributeValue::SS(tags));
        }
        item
    }
}

impl Step {
    fn to_value(&self) -> AttributeValue {
        AttributeValue::M(attributes([("name", string(self.name)), ("seconds", number(self.seconds))]))
    }
}

impl Meta {
    fn to_value(&self) -> AttributeValue {
        let client = attributes([("os", string(self.client_os)), ("version", string(&self.client_version))]);
        let mut meta = attributes([("region", string(self.region)), ("client", AttributeValue::M(client))]);
        meta.extend(self.priority.map(|priority| ("priority".to_owned(), number(priority))));
        meta.extend(self.trace.as_ref().map(|trace| ("trace".to_owned(), string(trace))));
        meta.extend(self.dry_run.map(|dry_run| ("dry_run".to_owned(), AttributeValue::BOOL(dry_run))));
        AttributeValue::M(meta)
    }
}

/// Millionths the way DynamoDB writes numbers, without zeros at the end: `1.25`, `3`, `0`.
fn decimal(micros: i64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_are_written_the_way_dynamodb_does() {
        let texts = [0, 1, 1_250_000, 3_000_000, 10_000_000].map(decimal);
        assert_eq!(texts, ["0", "0.000001", "1.25", "3", "10"]);
    }
}
