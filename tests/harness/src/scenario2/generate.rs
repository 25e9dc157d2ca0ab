//! How plans, accounts, items and usage come about; objects are made of the items.

use std::iter::repeat_n;
use std::sync::Arc;

use super::words::{CAMERAS, CONTACT_SOURCES, DOCUMENT_TYPES, DOCUMENTS, PLANS};
use super::{Account, ETag, Item, Kind, Meta, Plan, Scenario2, Size, Usage, objects};
use crate::random::Random;
use crate::scenario1::words::{COUNTRIES, FAMILY_NAMES, GIVEN_NAMES};
use crate::timestamp::Timestamp;

const SEED: u64 = 42;
const FIRST: Timestamp = Timestamp::from_date(2023, 1, 1);

/// Nothing happens from this moment on: the day of the inventory.
pub(super) const REPORTED: Timestamp = Timestamp::from_date(2026, 1, 1);

const DAY: i64 = 86_400;

pub(super) fn scenario(size: Size) -> Scenario2 {
    let mut random = Random::new(SEED);
    let plans = plans(size);
    let accounts = accounts(&mut random, size);
    let items = items(&mut random, size, &accounts);
    let versions = objects::versions(&mut random, size, &items);
    let usage = usage(&mut random, size, &accounts);
    Scenario2 { size, plans, accounts, items, versions, usage }
}

/// Quotas grow with the number of items of an account, so that in every size some are exceeded.
fn plans(size: Size) -> Vec<Plan> {
    let items_each = (size.items / size.accounts) as i64;
    let plan = |(id, (_, (name, megabytes, price_cents))): (i32, &(u64, (&'static str, i64, i64)))| Plan {
        id,
        name,
        quota_bytes: megabytes * 10_000 * items_each,
        price_cents: *price_cents,
    };
    (1..).zip(PLANS).map(plan).collect()
}

fn accounts(random: &mut Random, size: Size) -> Vec<Account> {
    let range = REPORTED.seconds - FIRST.seconds - 30 * DAY;
    let mut times: Vec<i64> = (0..size.accounts).map(|_| random.between(0, range)).collect();
    times.sort_unstable();
    (1..).zip(times).map(|(id, seconds)| account(random, id, FIRST.plus(seconds))).collect()
}

fn account(random: &mut Random, id: i64, created_at: Timestamp) -> Account {
    let (given, given_ascii) = *random.one_of(GIVEN_NAMES);
    let (family, family_ascii) = *random.one_of(FAMILY_NAMES);
    let (country, _) = *random.weighted(COUNTRIES);
    let weights: Vec<(u64, i32)> = PLANS.iter().zip(1..).map(|((weight, _), id)| (*weight, id)).collect();
    let closed_at = created_at.plus(random.between(DAY, 900 * DAY));
    Account {
        id,
        email: format!("{given_ascii}.{family_ascii}.{id}@example.net"),
        full_name: format!("{given} {family}"),
        country,
        plan_id: *random.weighted(&weights),
        created_at,
        closed_at: (random.percent(6) && closed_at < REPORTED).then_some(closed_at),
    }
}

/// Sorted by time; ids, and the keys made with them, follow the order.
fn items(random: &mut Random, size: Size, accounts: &[Account]) -> Vec<Item> {
    let shares = shares(random, accounts);
    let mut owners: Vec<(Timestamp, &Account)> = Vec::with_capacity(size.items);
    while owners.len() < size.items {
        let account = *random.one_of(&shares);
        let left = REPORTED.seconds - account.created_at.seconds - 1;
        owners.push((account.created_at.plus(random.between(1, left)), account));
    }
    owners.sort_by_key(|(at, account)| (*at, account.id));
    let mut items: Vec<Item> = Vec::with_capacity(size.items);
    for (number, (created_at, account)) in (1..).zip(owners) {
        let mut item = item(random, number, account.id, created_at);
        share_content(random, &mut item, &items);
        items.push(item);
    }
    items
}

fn item(random: &mut Random, number: i64, account_id: i64, created_at: Timestamp) -> Item {
    let kind = *random.weighted(&[(60, Kind::Photo), (30, Kind::Document), (10, Kind::Contact)]);
    let item_id = format!("it-{number:07}");
    let (name, meta) = content(random, kind, number, &item_id);
    Item {
        account_id,
        kind,
        bytes: bytes(random, kind),
        object_key: Arc::from(format!("u/{account_id}/{}s/{name}", kind.name())),
        item_id,
        etag: etag(random),
        deleted: random.percent(5),
        created_at,
        meta,
    }
}

/// Name of the object within its folder, and the attribute `meta`.
fn content(random: &mut Random, kind: Kind, number: i64, item_id: &str) -> (String, Meta) {
    match kind {
        Kind::Contact => (format!("{item_id}.vcf"), Meta::Contact { source: random.one_of::<&str>(CONTACT_SOURCES) }),
        Kind::Document => {
            let (ending, content_type) = *random.weighted(DOCUMENT_TYPES);
            let name = *random.one_of(DOCUMENTS);
            let pages = random.percent(70).then(|| random.between(1, 300));
            (format!("{name} {number}.{ending}"), Meta::Document { content_type, pages })
        }
        Kind::Photo => (format!("{item_id}.jpg"), photo(random)),
    }
}

fn photo(random: &mut Random) -> Meta {
    let (width, height) = *random.one_of(&[(4_032, 3_024), (6_000, 4_000), (1_920, 1_080), (3_024, 4_032)]);
    Meta::Photo {
        make: random.one_of::<&str>(CAMERAS),
        iso: 100 << random.below(6),
        width,
        height,
        favourite: random.percent(15).then(|| random.percent(80)),
    }
}

/// More small ones than large ones.
fn bytes(random: &mut Random, kind: Kind) -> i64 {
    let (least, most) = match kind {
        Kind::Contact => (200, 8_000),
        Kind::Document => (1_000, 4_000_000),
        Kind::Photo => (200_000, 8_000_000),
    };
    random.between(least, most).min(random.between(least, most))
}

pub(super) fn etag(random: &mut Random) -> ETag {
    ETag(wide(random))
}

pub(super) fn wide(random: &mut Random) -> u128 {
    u128::from(random.bits()) << 64 | u128::from(random.bits())
}

/// Gives some items the content of an earlier one of the same kind.
fn share_content(random: &mut Random, item: &mut Item, earlier: &[Item]) {
    if earlier.is_empty() || !random.percent(9) {
        return;
    }
    let other = random.one_of(earlier);
    if other.kind == item.kind {
        (item.bytes, item.etag) = (other.bytes, other.etag);
    }
}

/// The accounts that store something, each as often as its share of it: one to sixteen times.
fn shares<'a>(random: &mut Random, accounts: &'a [Account]) -> Vec<&'a Account> {
    let mut shares = Vec::new();
    for account in accounts {
        if !random.percent(4) {
            let share = 1 + random.index(16).min(random.index(16));
            shares.extend(repeat_n(account, share));
        }
    }
    shares
}

fn usage(random: &mut Random, size: Size, accounts: &[Account]) -> Vec<Usage> {
    let mut usage = Vec::new();
    for back in (1..=size.days as i64).rev() {
        let day = REPORTED.plus(-back * DAY);
        for account in accounts.iter().filter(|account| account.created_at < day) {
            if random.percent(30) {
                usage.push(day_of(random, day, account.id));
            }
        }
    }
    usage
}

fn day_of(random: &mut Random, day: Timestamp, account_id: i64) -> Usage {
    let (uploads, downloads) = (random.below(20) as i32, random.below(80) as i32);
    Usage {
        day,
        account_id,
        uploads,
        downloads,
        bytes_in: i64::from(uploads) * random.between(1_000, 4_000_000),
        bytes_out: i64::from(downloads) * random.between(1_000, 4_000_000),
    }
}
