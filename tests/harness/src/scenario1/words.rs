//! The vocabulary of the data. Any change here changes the data, and so [`FINGERPRINT`](super::FINGERPRINT) and those of scenario 2.

/// Given names with the spelling used in e-mail addresses.
pub(crate) const GIVEN_NAMES: &[(&str, &str)] = &[
    ("Aroha", "aroha"),
    ("Zoë", "zoe"),
    ("José", "jose"),
    ("Siobhán", "siobhan"),
    ("Łukasz", "lukasz"),
    ("Ngọc", "ngoc"),
    ("Ольга", "olga"),
    ("美咲", "misaki"),
    ("D'Arcy", "darcy"),
    ("Jean-Luc", "jeanluc"),
    ("Emma", "emma"),
    ("Liam", "liam"),
    ("Priya", "priya"),
    ("Mateus", "mateus"),
    ("Hannah", "hannah"),
    ("Wiremu", "wiremu"),
    ("Grace", "grace"),
    ("Oliver", "oliver"),
    ("Chloe", "chloe"),
    ("Noah", "noah"),
];

/// Family names with the spelling used in e-mail addresses.
pub(crate) const FAMILY_NAMES: &[(&str, &str)] = &[
    ("O'Brien", "obrien"),
    ("D'Angelo", "dangelo"),
    ("Müller", "mueller"),
    ("Te Rangi", "terangi"),
    ("Šimůnek", "simunek"),
    ("García Márquez", "garciamarquez"),
    ("田中", "tanaka"),
    ("Иванова", "ivanova"),
    ("Smith", "smith"),
    ("Ngata", "ngata"),
    ("Patel", "patel"),
    ("Silva", "silva"),
    ("Nguyễn", "nguyen"),
    ("Jones", "jones"),
    ("Dubois", "dubois"),
    ("Williams", "williams"),
    ("Brown", "brown"),
    ("Wilson", "wilson"),
];

/// Countries with the currency of their orders; weights in percent.
pub(crate) const COUNTRIES: &[(u64, (&str, &str))] = &[
    (30, ("US", "USD")),
    (15, ("GB", "GBP")),
    (12, ("DE", "EUR")),
    (8, ("FR", "EUR")),
    (8, ("IN", "INR")),
    (7, ("BR", "BRL")),
    (5, ("JP", "USD")),
    (5, ("AU", "AUD")),
    (5, ("CA", "CAD")),
    (5, ("NZ", "NZD")),
];

pub(crate) const PLANS: &[(u64, &str)] = &[(70, "free"), (22, "team"), (8, "business")];

/// Notes on orders; every one is a trap for some way of quoting.
pub(crate) const NOTES: &[&str] = &[
    "leave at the back door",
    "gift – don't show the price",
    "line one\nline two",
    "tab\there",
    "50 % off",
    "C:\\temp\\new",
    "\"quoted\", with comma",
    "",
    "メモ",
    "naïve café",
    "\\N",
    "under_score",
    "🎁",
];

/// Kinds of workflow with their steps.
pub(crate) const KINDS: &[(u64, (&str, &[&str]))] = &[
    (30, ("import", &["fetch", "validate", "store", "index"])),
    (25, ("export", &["select", "render", "upload"])),
    (20, ("report", &["collect", "aggregate", "render", "mail"])),
    (15, ("transcode", &["probe", "split", "encode", "join"])),
    (10, ("sync", &["diff", "apply"])),
];

pub(crate) const STATUSES: &[(u64, &str)] = &[(72, "COMPLETED"), (14, "FAILED"), (8, "CANCELLED"), (6, "RUNNING")];

pub(crate) const REGIONS: &[&str] = &["ap-southeast-2", "eu-central-1", "us-east-1", "us-west-2"];

pub(crate) const SYSTEMS: &[&str] = &["android", "ios", "linux", "macos", "windows"];

pub(crate) const TAGS: &[&str] = &["beta", "internal", "nightly", "priority", "retry", "vip"];
