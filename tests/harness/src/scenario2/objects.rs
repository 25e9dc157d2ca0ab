//! How the versions of objects come about, of which the inventory is the list.

use std::sync::Arc;

use super::generate::{REPORTED, etag, wide};
use super::words::{LIVE_CLASSES, OLD_CLASSES};
use super::{Content, ETag, Item, ObjectVersion, Size};
use crate::random::Random;
use crate::timestamp::Timestamp;

pub(super) fn versions(random: &mut Random, size: Size, items: &[Item]) -> Vec<ObjectVersion> {
    let mut versions = Vec::with_capacity(size.versions);
    for item in items {
        latest(random, item, &mut versions);
    }
    for number in 0..size.items / 50 {
        versions.push(orphan(random, number, items));
    }
    // The rest are older versions of whatever there is, deleted or not.
    let current = versions.len();
    while versions.len() < size.versions {
        let of = random.index(current);
        let version = older(random, &versions[of]);
        versions.push(version);
    }
    versions.sort_by(|a, b| {
        (&a.key, !a.is_latest, b.last_modified, a.version_id).cmp(&(
            &b.key,
            !b.is_latest,
            a.last_modified,
            b.version_id,
        ))
    });
    versions
}

/// The latest version of an item's object; nothing for some that are lost.
fn latest(random: &mut Random, item: &Item, versions: &mut Vec<ObjectVersion>) {
    let lost = !item.deleted && random.below(200) == 0;
    if lost && random.percent(50) {
        return;
    }
    let content = if item.deleted || lost { Content::DeleteMarker } else { live(random, item.bytes, item.etag) };
    versions.push(ObjectVersion {
        key: Arc::clone(&item.object_key),
        version_id: wide(random),
        is_latest: true,
        content,
        last_modified: later(random, item.created_at),
    });
}

fn live(random: &mut Random, size: i64, etag: ETag) -> Content {
    Content::Data { size, etag, storage_class: random.weighted::<&str>(LIVE_CLASSES) }
}

/// An object that no item knows: half of them in an account's folder, half left over from uploads.
fn orphan(random: &mut Random, number: usize, items: &[Item]) -> ObjectVersion {
    let key = match number % 2 {
        0 => format!("u/{}/photos/lost-{number:05}.jpg", random.one_of(items).account_id),
        _ => format!("tmp/upload-{number:05}.part"),
    };
    let (size, etag) = (random.between(0, 6_000_000), etag(random));
    ObjectVersion {
        key: Arc::from(key),
        version_id: wide(random),
        is_latest: true,
        content: live(random, size, etag),
        last_modified: later(random, Timestamp::from_date(2024, 1, 1)),
    }
}

fn older(random: &mut Random, latest: &ObjectVersion) -> ObjectVersion {
    let content = if random.percent(3) {
        Content::DeleteMarker
    } else {
        let (size, etag) = (random.between(100, 5_000_000), etag(random));
        Content::Data { size, etag, storage_class: random.weighted::<&str>(OLD_CLASSES) }
    };
    ObjectVersion {
        key: Arc::clone(&latest.key),
        version_id: wide(random),
        is_latest: false,
        content,
        last_modified: latest.last_modified.plus(-random.between(1, 300 * 86_400)),
    }
}

/// A moment after this one and before the report.
fn later(random: &mut Random, moment: Timestamp) -> Timestamp {
    moment.plus(random.between(0, REPORTED.seconds - moment.seconds - 1))
}
