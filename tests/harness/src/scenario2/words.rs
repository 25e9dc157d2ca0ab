//! The vocabulary of the data. Any change here changes the data, and so its fingerprints.

/// Names, gigabytes per hundred items of an average account, in thousandths, prices in hundredths; weights in percent.
pub(super) const PLANS: &[(u64, (&str, i64, i64))] = &[
    (55, ("Free", 500, 0)),
    (25, ("Basic", 2_000, 199)),
    (12, ("Family", 5_000, 999)),
    (6, ("Pro", 20_000, 2_450)),
    (2, ("Archive", 100_000, 12_000)),
];

/// File names of documents; a number and the ending are put behind them.
pub(super) const DOCUMENTS: &[&str] = &[
    "Quarterly report",
    "Rechnung für März",
    "C++ notes & drafts",
    "contrat d'été",
    "100% final",
    "契約書",
    "scan",
    "Письмо",
    "a=b",
    "plan_v2.1",
];

/// Endings and content types of documents.
pub(super) const DOCUMENT_TYPES: &[(u64, (&str, &str))] = &[
    (60, ("pdf", "application/pdf")),
    (25, ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")),
    (15, ("txt", "text/plain; charset=utf-8")),
];

pub(super) const CAMERAS: &[&str] = &["Fuji", "Canon", "Nikon", "Sony", "Leica", "Pixel", "iPhone"];

pub(super) const CONTACT_SOURCES: &[&str] = &["phone", "import", "web"];

/// Storage classes of objects that are there; weights in percent.
pub(super) const LIVE_CLASSES: &[(u64, &str)] = &[(70, "STANDARD"), (30, "INTELLIGENT_TIERING")];

/// Storage classes of older versions; weights in percent.
pub(super) const OLD_CLASSES: &[(u64, &str)] = &[(60, "STANDARD_IA"), (30, "GLACIER_IR"), (10, "DEEP_ARCHIVE")];
