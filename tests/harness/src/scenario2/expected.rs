//! The answers, computed without a query engine.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Content, ETag, Item, Kind, ObjectVersion, Scenario2};
use crate::timestamp::Timestamp;

/// What one account stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBytes {
    /// The account.
    pub account_id: i64,
    /// Its address.
    pub email: String,
    /// Name of its plan.
    pub plan: &'static str,
    /// What the plan allows, in bytes.
    pub quota_bytes: i64,
    /// Number of items.
    pub items: i64,
    /// Bytes of contacts.
    pub contacts: i64,
    /// Bytes of documents.
    pub documents: i64,
    /// Bytes of photos.
    pub photos: i64,
}

impl AccountBytes {
    /// Bytes of all kinds.
    pub fn total(&self) -> i64 {
        self.contacts + self.documents + self.photos
    }

    /// Whether that is more than the plan allows.
    pub fn is_over_quota(&self) -> bool {
        self.total() > self.quota_bytes
    }
}

/// What there is of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindBytes {
    /// The kind.
    pub kind: Kind,
    /// Number of items.
    pub items: i64,
    /// Their bytes.
    pub bytes: i64,
}

/// An item whose object is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingObject {
    /// The item's account.
    pub account_id: i64,
    /// The item.
    pub item_id: String,
    /// The key of the object that should be there.
    pub object_key: String,
}

/// Several objects with the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The ETag of all.
    pub etag: ETag,
    /// The size of each, in bytes.
    pub size: i64,
    /// How many there are, at least two.
    pub objects: i64,
}

impl Duplicate {
    /// Bytes of all but one.
    pub fn wasted_bytes(&self) -> i64 {
        self.size * (self.objects - 1)
    }
}

/// What the inventory lists beside the objects that are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OldVersions {
    /// Versions with data that are not the latest.
    pub versions: i64,
    /// Their bytes.
    pub bytes: i64,
    /// Delete markers, the latest of their objects or not.
    pub delete_markers: i64,
}

/// What all accounts did on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayUsage {
    /// Midnight UTC.
    pub day: Timestamp,
    /// Number of accounts that did something.
    pub accounts: i64,
    /// Sum over them.
    pub uploads: i64,
    /// Sum over them.
    pub downloads: i64,
    /// Sum over them, bytes.
    pub bytes_in: i64,
    /// Sum over them, bytes.
    pub bytes_out: i64,
}

impl Scenario2 {
    /// What the items that are not deleted say, by account id; accounts without any are left out.
    pub fn expected_bytes_by_account(&self) -> Vec<AccountBytes> {
        self.by_account(|_| true)
    }

    /// The same for those whose object is there.
    pub fn expected_stored_by_account(&self) -> Vec<AccountBytes> {
        let live = self.live_keys();
        self.by_account(|item| live.contains(&*item.object_key))
    }

    /// The rows of [`expected_bytes_by_account`](Self::expected_bytes_by_account) above their quota.
    pub fn expected_over_quota(&self) -> Vec<AccountBytes> {
        self.expected_bytes_by_account().into_iter().filter(AccountBytes::is_over_quota).collect()
    }

    /// The items that are not deleted, by name of their kind.
    pub fn expected_bytes_by_kind(&self) -> Vec<KindBytes> {
        let of = |kind| {
            let items = self.kept().filter(|item| item.kind == kind);
            items.fold(KindBytes { kind, items: 0, bytes: 0 }, |sum, item| KindBytes {
                items: sum.items + 1,
                bytes: sum.bytes + item.bytes,
                ..sum
            })
        };
        Kind::ALL.map(of).into()
    }

    /// Key and size of the objects that no item knows, deleted or not; by key.
    pub fn expected_orphans(&self) -> Vec<(String, i64)> {
        let known: HashSet<&str> = self.items.iter().map(|item| &*item.object_key).collect();
        let orphans = self.live().filter(|(key, _, _)| !known.contains(key));
        orphans.map(|(key, size, _)| (key.to_owned(), size)).collect()
    }

    /// The items that are not deleted and whose object is not there; by item id.
    pub fn expected_missing(&self) -> Vec<MissingObject> {
        let live = self.live_keys();
        let missing = self.kept().filter(|item| !live.contains(&*item.object_key));
        let missing = missing.map(|item| MissingObject {
            account_id: item.account_id,
            item_id: item.item_id.clone(),
            object_key: item.object_key.to_string(),
        });
        missing.collect()
    }

    /// The ETags and sizes that several objects have in common; by ETag.
    pub fn expected_duplicates(&self) -> Vec<Duplicate> {
        let mut counts: BTreeMap<(ETag, i64), i64> = BTreeMap::new();
        for (_, size, etag) in self.live() {
            *counts.entry((etag, size)).or_default() += 1;
        }
        let several = counts.into_iter().filter(|(_, objects)| *objects > 1);
        several.map(|((etag, size), objects)| Duplicate { etag, size, objects }).collect()
    }

    /// What is kept of objects beside their latest data.
    pub fn expected_old_versions(&self) -> OldVersions {
        let mut old = OldVersions::default();
        for version in &self.versions {
            match version.content {
                Content::DeleteMarker => old.delete_markers += 1,
                Content::Data { size, .. } if !version.is_latest => {
                    old.versions += 1;
                    old.bytes += size;
                }
                Content::Data { .. } => {}
            }
        }
        old
    }

    /// Usage by day, in order.
    pub fn expected_usage_by_day(&self) -> Vec<DayUsage> {
        let mut days: BTreeMap<Timestamp, DayUsage> = BTreeMap::new();
        for usage in &self.usage {
            let day = days.entry(usage.day).or_insert(DayUsage {
                day: usage.day,
                accounts: 0,
                uploads: 0,
                downloads: 0,
                bytes_in: 0,
                bytes_out: 0,
            });
            day.accounts += 1;
            day.uploads += i64::from(usage.uploads);
            day.downloads += i64::from(usage.downloads);
            day.bytes_in += usage.bytes_in;
            day.bytes_out += usage.bytes_out;
        }
        days.into_values().collect()
    }

    /// Key, size and ETag of the objects that are there, by key.
    fn live(&self) -> impl Iterator<Item = (&str, i64, ETag)> {
        let live = |version: &ObjectVersion| version.live();
        self.versions.iter().filter_map(move |version| live(version).map(|(size, etag)| (&*version.key, size, etag)))
    }

    fn live_keys(&self) -> HashSet<&str> {
        self.live().map(|(key, _, _)| key).collect()
    }

    fn kept(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.deleted)
    }

    fn by_account(&self, is_counted: impl Fn(&Item) -> bool) -> Vec<AccountBytes> {
        let plans: HashMap<i32, _> = self.plans.iter().map(|plan| (plan.id, plan)).collect();
        let mut sums: BTreeMap<i64, (i64, BTreeMap<Kind, i64>)> = BTreeMap::new();
        for item in self.kept().filter(|item| is_counted(item)) {
            let (items, bytes) = sums.entry(item.account_id).or_default();
            *items += 1;
            *bytes.entry(item.kind).or_default() += item.bytes;
        }
        let accounts = self.accounts.iter().filter_map(|account| {
            let ((items, bytes), plan) = (sums.get(&account.id)?, plans.get(&account.plan_id)?);
            let of = |kind| bytes.get(&kind).copied().unwrap_or_default();
            Some(AccountBytes {
                account_id: account.id,
                email: account.email.clone(),
                plan: plan.name,
                quota_bytes: plan.quota_bytes,
                items: *items,
                contacts: of(Kind::Contact),
                documents: of(Kind::Document),
                photos: of(Kind::Photo),
            })
        });
        accounts.collect()
    }
}
