//! The rows that every fixture holds: few, and each of them awkward.

use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use std::sync::Arc;

/// How many rows [`dataset`] has. 211 is prime, so multiplying by any number below it shuffles `1..=210`.
pub const DATASET_ROWS: usize = 210;
const PRIME: usize = DATASET_ROWS + 1;

/// The rows to load into [`Fixture::table`](super::Fixture::table), the same in every run.
///
/// | column | type | what is in it |
/// |---|---|---|
/// | `id` | `Int64`, not null, unique | the key: 1 to 210, shuffled |
/// | `bucket` | `Int64`, not null | 0 to 7 |
/// | `name` | `Utf8` | empty, blanks at the ends, letters in both cases, accents composed and not, emoji, quotes, wildcards, newlines, 5 kB, text that looks like SQL or a number |
/// | `amount` | `Decimal128(18, 4)` | largest, smallest, zero, trailing zeros |
/// | `quantity` | `Int64` | largest, smallest, 2^53 and its neighbours, zero, -1 |
/// | `flag` | `Boolean` | |
/// | `payload` | `Binary` | empty, zero bytes, 0xFF, invalid UTF-8 |
///
/// Nullable columns have NULLs. A NULL is distinct from an empty text or an empty binary value.
///
/// A source may return other Arrow types under the same names, in another order, with more columns beside them:
/// values compare as [`Value::compare`](crate::Value::compare) does, and a number may come back as its decimal text
/// (then the predicates on that column are left out). A value must not be rounded. No text holds U+0000, which
/// Postgres cannot store.
///
/// # Panics
/// Never: the columns are of one length and of the declared types.
pub fn dataset() -> RecordBatch {
    let (names, payloads) = (names(), payloads());
    let amount = Decimal128Array::from(column(&AMOUNTS, 2)).with_data_type(DataType::Decimal128(18, 4));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(ids())),
        Arc::new(Int64Array::from_iter_values(ids().map(|id| id % 8))),
        Arc::new(StringArray::from(column(&names, 1))),
        Arc::new(amount),
        Arc::new(Int64Array::from(column(&QUANTITIES, 3))),
        Arc::new(BooleanArray::from(column(&[Some(true), Some(false), None], 4))),
        Arc::new(BinaryArray::from(column(&payloads, 5))),
    ];
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("bucket", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("amount", DataType::Decimal128(18, 4), true),
        Field::new("quantity", DataType::Int64, true),
        Field::new("flag", DataType::Boolean, true),
        Field::new("payload", DataType::Binary, true),
    ]);
    // Invariant: the schema above repeats the types and the lengths of the columns above it.
    RecordBatch::try_new(Arc::new(schema), columns).expect("the columns fit the schema")
}

fn ids() -> impl Iterator<Item = i64> {
    (1..PRIME).filter_map(|row| i64::try_from(row * 97 % PRIME).ok())
}

/// Each value once, then any of them: every awkward value occurs, in changing company.
fn column<T: Copy>(values: &[T], salt: u64) -> Vec<T> {
    let len = values.len() as u64;
    let pick = |row: u64| if row < len { row } else { mix(row << 8 | salt) % len };
    (0..DATASET_ROWS as u64).filter_map(|row| values.get(usize::try_from(pick(row)).ok()?).copied()).collect()
}

/// SplitMix64: a number that looks random and is the same in every run and on every machine.
pub(super) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Unscaled, of scale 4.
const AMOUNTS: [Option<i128>; 20] = [
    Some(0),
    None,
    Some(1),
    Some(-1),
    Some(15_000),
    Some(15_001),
    Some(-15_000),
    Some(10_000),
    Some(1_000_000),
    Some(999_999_999_999_999_999),
    Some(-999_999_999_999_999_999),
    // 0.1, 0.2 and 0.3: sums and texts of binary fractions give themselves away here.
    Some(1_000),
    Some(2_000),
    Some(3_000),
    Some(99_999),
    Some(100_000),
    Some(-99_900),
    // 2^53 + 1 and 2^53 + 2 ten-thousandths.
    Some(9_007_199_254_740_993),
    Some(9_007_199_254_740_994),
    Some(20_000),
];

const QUANTITIES: [Option<i64>; 20] = [
    Some(0),
    Some(-1),
    None,
    Some(1),
    Some(i64::MAX),
    Some(i64::MIN),
    Some(i64::MAX - 1),
    Some(i64::MIN + 1),
    Some(1 << 53),
    Some((1 << 53) + 1),
    Some((1 << 53) - 1),
    Some(-(1 << 53) - 1),
    Some(2),
    Some(3),
    Some(7),
    Some(10),
    Some(100),
    Some(2_147_483_647),
    Some(2_147_483_648),
    Some(-2_147_483_649),
];

fn payloads() -> [Option<&'static [u8]>; 12] {
    [
        Some(b""),
        None,
        Some(b"\x00"),
        Some(b"\xFF"),
        Some(b"\x00\x00"),
        Some(b"\x00\xFF"),
        Some(b"\xFF\x00"),
        Some(b"\xC3\x28"),
        Some(b"plain text"),
        Some(b"\\x00"),
        Some(b"'"),
        Some(b"\x7F\x80"),
    ]
}

/// A text of 5,000 bytes that ends in `end`.
pub(super) fn long_text(end: char) -> &'static str {
    static LONG: std::sync::OnceLock<[String; 2]> = std::sync::OnceLock::new();
    let [a, b] = LONG.get_or_init(|| ['a', 'b'].map(|end| format!("{}{end}", "long ".repeat(1_000))));
    if end == 'a' { a } else { b }
}

fn names() -> Vec<Option<&'static str>> {
    NAMES.iter().copied().map(Some).chain([None, Some(long_text('a')), Some(long_text('b'))]).collect()
}

const NAMES: [&str; 54] = [
    "",
    " ",
    "a",
    "A",
    "a ",
    " a",
    "ab",
    "AB",
    "aB",
    "abc",
    "b",
    "B",
    "z",
    "Z",
    "_",
    "%",
    "a%",
    "a_",
    "a%b",
    "a_b",
    "\\",
    "a\\",
    "\\%",
    "a\\_b",
    "'",
    "''",
    "O'Brien",
    "\"",
    "\"quoted\"",
    "`",
    // Composed and decomposed: equal to a reader, different to the bytes.
    "\u{e9}",
    "e\u{301}",
    "caf\u{e9}",
    "cafe\u{301}",
    "\u{c9}",
    // Letters whose case or order depends on the language.
    "ß",
    "SS",
    "İ",
    "ı",
    "ä",
    // By bytes the emoji comes after U+FF5E, by UTF-16 units before it.
    "\u{ff5e}",
    "😀",
    "👩‍👩‍👧",
    "日本",
    "\n",
    "a\nb",
    "a\tb\r\n",
    "10",
    "9",
    "1e3",
    "NULL",
    "null",
    "' OR 1=1 --",
    "$1; DROP TABLE t; --",
];
