//! Scenario 2, "storage accounting": accounts in MySQL, their plans in PostgreSQL, one DynamoDB item for each thing they
//! have stored, and on S3 an inventory of the objects and daily figures of usage.
//!
//! | store | table | rows ([`Size::DEMO`]) | columns |
//! |---|---|---|---|
//! | MySQL, the client's database | `accounts` | 2,000 | [`Account`] |
//! | PostgreSQL, schema `public` | `plans` | 5 | [`Plan`] |
//! | DynamoDB | `items` | 200,000 | [`Item`], key `account_id` (N), `item_id` (S) |
//! | S3 Inventory, Parquet or CSV | `inventory/documents/daily/…` | 1,000,000 | [`ObjectVersion`] |
//! | S3, Parquet | `usage/day=2025-12-31/part-0.parquet` | 365 files | [`Usage`] |
//!
//! The data is the same on every machine: integers and a specified random generator only, seed 42. What a query engine
//! should answer, the `expected_…` functions say without one. Worth knowing for tests:
//!
//! - the inventory lists every version of every object of the bucket [`SOURCE_BUCKET`]; an object is there when its latest
//!   version is no delete marker, and then it has the size and the ETag of its item;
//! - about 5 % of the items are deleted: their object's latest version is a delete marker;
//! - about 0.5 % of the other items have lost their object: half of those have a delete marker, half nothing at all;
//! - for every fifty items there is an object under `u/…` or `tmp/…` that no item knows;
//! - about 4 % of the items have the same content, and so the same ETag and size, as an earlier one;
//! - keys of documents hold blanks, letters of several scripts, `+`, `&` and `%`, which inventories in CSV encode;
//! - quotas are beyond 32 bits, and one or two in a hundred accounts, mostly of the plan Free, are above theirs;
//! - a delete marker has neither size nor ETag nor storage class.

mod dynamodb;
mod expected;
mod generate;
mod inventory;
mod objects;
mod relational;
mod usage;
mod words;

use std::sync::Arc;

use crate::fingerprint::fingerprint;
use crate::timestamp::Timestamp;

pub use dynamodb::ITEM_TABLE;
pub use expected::{AccountBytes, DayUsage, Duplicate, KindBytes, MissingObject, OldVersions};
pub use inventory::{MANIFEST_KEY, SOURCE_BUCKET};

/// How much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Rows of `accounts`.
    pub accounts: usize,
    /// Items.
    pub items: usize,
    /// Rows of the inventory; at least 1.2 times the items.
    pub versions: usize,
    /// Parquet files that the inventory is divided among.
    pub inventory_files: usize,
    /// Days of usage up to the last of 2025, one object each.
    pub days: usize,
}

impl Size {
    /// For the demo: 200,000 items, 1,000,000 rows of inventory.
    pub const DEMO: Self = Self { accounts: 2_000, items: 200_000, versions: 1_000_000, inventory_files: 8, days: 365 };

    /// For tests: 4,000 items, 20,000 rows of inventory.
    pub const TEST: Self = Self { accounts: 200, items: 4_000, versions: 20_000, inventory_files: 3, days: 31 };
}

/// Identifies this very version of the data of size [`Size::DEMO`]; a test compares it with the generated data.
pub const DEMO_FINGERPRINT: &str = "2842954b7316a11d";

/// The same for [`Size::TEST`].
pub const TEST_FINGERPRINT: &str = "51f74def890b1aee";

/// The whole data set in memory; of the demo's size, about 250 MB.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scenario2 {
    /// How much of it there is.
    pub size: Size,
    /// By id.
    pub plans: Vec<Plan>,
    /// By id, which is also by time of creation.
    pub accounts: Vec<Account>,
    /// By item id, which is also by time of creation.
    pub items: Vec<Item>,
    /// The inventory: by key and, within a key, the latest version first.
    pub versions: Vec<ObjectVersion>,
    /// By day, within a day by account.
    pub usage: Vec<Usage>,
}

/// A row of `plans`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// `integer`, 1 to 5, primary key.
    pub id: i32,
    /// `text`, unique.
    pub name: &'static str,
    /// `bigint`, bytes.
    pub quota_bytes: i64,
    /// `numeric(10,2)`, here in hundredths: the price of a month.
    pub price_cents: i64,
}

/// A row of `accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// `bigint`, from 1, primary key.
    pub id: i64,
    /// `varchar(255)`, unique.
    pub email: String,
    /// `varchar(100)`, with letters of several scripts and apostrophes.
    pub full_name: String,
    /// `varchar(2)`.
    pub country: &'static str,
    /// `int`, a [`Plan::id`].
    pub plan_id: i32,
    /// `datetime`, UTC, 2023 to 2025.
    pub created_at: Timestamp,
    /// `datetime`, UTC, mostly NULL.
    pub closed_at: Option<Timestamp>,
}

/// An item of `items`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item {
    /// N, partition key, an [`Account::id`].
    pub account_id: i64,
    /// S, sort key, `it-0000001` and so on; unique by itself.
    pub item_id: String,
    /// S: photo, document or contact.
    pub kind: Kind,
    /// N, whole.
    pub bytes: i64,
    /// S, the key of an object, unique.
    pub object_key: Arc<str>,
    /// S, 32 hexadecimal digits.
    pub etag: ETag,
    /// BOOL.
    pub deleted: bool,
    /// S, RFC 3339, after the account's creation.
    pub created_at: Timestamp,
    /// M.
    pub meta: Meta,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Contact,
    Document,
    Photo,
}

impl Kind {
    /// In the order of their names.
    pub const ALL: [Self; 3] = [Self::Contact, Self::Document, Self::Photo];

    /// The value of the attribute `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Document => "document",
            Self::Photo => "photo",
        }
    }
}

/// The attribute `meta`, which differs by kind; what is `None` is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Meta {
    /// Of a contact.
    Contact {
        /// S.
        source: &'static str,
    },
    /// Of a document.
    Document {
        /// S.
        content_type: &'static str,
        /// N, whole.
        pages: Option<i64>,
    },
    /// Of a photo.
    Photo {
        /// S in the nested map `camera`.
        make: &'static str,
        /// N in the nested map `camera`, whole.
        iso: i64,
        /// N, whole.
        width: i64,
        /// N, whole.
        height: i64,
        /// BOOL.
        favourite: Option<bool>,
    },
}

/// An ETag, shown as 32 hexadecimal digits without quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(pub u128);

impl std::fmt::Display for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A row of the inventory; its column `bucket` is always [`SOURCE_BUCKET`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectVersion {
    /// `key`.
    pub key: Arc<str>,
    /// `version_id`, shown as 32 hexadecimal digits.
    pub version_id: u128,
    /// `is_latest`.
    pub is_latest: bool,
    /// What it is.
    pub content: Content,
    /// `last_modified_date`.
    pub last_modified: Timestamp,
}

/// What a version of an object is: `is_delete_marker`, and what a marker has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// The object was deleted.
    DeleteMarker,
    /// The object's data.
    Data {
        /// `size`, bytes.
        size: i64,
        /// `e_tag`.
        etag: ETag,
        /// `storage_class`.
        storage_class: &'static str,
    },
}

impl ObjectVersion {
    /// Size and ETag of an object that is there; `None` for older versions and delete markers.
    pub fn live(&self) -> Option<(i64, ETag)> {
        match self.content {
            Content::Data { size, etag, .. } if self.is_latest => Some((size, etag)),
            Content::Data { .. } | Content::DeleteMarker => None,
        }
    }
}

/// What one account did on one day.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Midnight UTC; it is in the object's key only, as `day=2025-12-31`.
    pub day: Timestamp,
    /// `account_id`, 64 bits.
    pub account_id: i64,
    /// `uploads`, 32 bits.
    pub uploads: i32,
    /// `downloads`, 32 bits.
    pub downloads: i32,
    /// `bytes_in`, 64 bits.
    pub bytes_in: i64,
    /// `bytes_out`, 64 bits.
    pub bytes_out: i64,
}

impl Scenario2 {
    /// Generates the data set.
    pub fn generate(size: Size) -> Self {
        generate::scenario(size)
    }

    /// Identifies this very data; what [`DEMO_FINGERPRINT`] and [`TEST_FINGERPRINT`] have to be. The loaders leave it in
    /// each store beside the data as a marker.
    pub fn fingerprint(&self) -> String {
        fingerprint(self)
    }
}

/// The text of a marker.
fn marker(fingerprint: &str) -> String {
    format!("headwater scenario 2, {fingerprint}")
}
