//! Awkward values in MySQL and MariaDB.

use super::table::{Column, DATE, EXACT, FLOAT, INSTANT, Kind, TEXT, TIMESTAMP, WHOLE, column};
use headwater_harness::Product;

pub(super) const COLUMNS: &[Column] = &[
    column("id", Kind::Whole, WHOLE),
    column("i1", Kind::Whole, WHOLE),
    column("i4", Kind::Whole, WHOLE),
    column("i8", Kind::Whole, WHOLE),
    column("u8", Kind::Whole, WHOLE),
    column("n", Kind::Exact, EXACT),
    column("big", Kind::Exact, EXACT),
    column("wide", Kind::Exact, EXACT),
    column("f4", Kind::Float, FLOAT),
    column("f8", Kind::Float, FLOAT),
    column("tci", Kind::Text, TEXT),
    column("tuni", Kind::Text, TEXT),
    column("tbin", Kind::Text, TEXT),
    column("tnopad", Kind::Text, TEXT),
    column("tlatin", Kind::Text, TEXT),
    column("pad", Kind::Text, TEXT),
    column("e", Kind::Text, TEXT),
    column("s", Kind::Text, TEXT),
    column("d", Kind::Date, DATE),
    column("ts", Kind::Timestamp, TIMESTAMP),
    column("tz", Kind::Instant, INSTANT),
];

const TEXTS: &str = "'a', 'A', 'b', 'B', '', ' ', 'a ', 'a  ', 'ab', 'Ab', 'é', 'e\u{301}', 'É', 'e', 'ß', 'ss', 'ä', 'z', \
    'Z', '日本', '😀', 'a\tb', 'a%b', 'a_b', 'a\\\\b', '10', '9', 'O''Neil', '\u{ff}', NULL, '\u{ffff}', 'x'";

const LATIN: &str = "'a', 'A', 'b', '', ' ', 'a ', 'ab', 'é', 'É', 'e', 'ß', 'ä', 'z', NULL, '10'";

/// One of a list by a number.
fn pick(seed: &str, options: &str) -> String {
    let count = options.matches(", ").count() + 1;
    format!("ELT(1 + ({seed}) % {count}, {options})")
}

/// Two tables of the same columns: one with keys, of some hundred rows, one without, of few.
pub(super) fn setup(product: Product) -> Vec<String> {
    let nopad = if product == Product::MySql { "utf8mb4_0900_as_cs" } else { "utf8mb4_nopad_bin" };
    let columns = format!(
        "id bigint PRIMARY KEY, i1 tinyint, i4 int, i8 bigint, u8 bigint unsigned, n decimal(10,2), big decimal(30,10), \
         wide decimal(65,30), f4 float, f8 double, tci varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, \
         tuni varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, \
         tbin varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \
         tnopad varchar(20) CHARACTER SET utf8mb4 COLLATE {nopad}, tlatin varchar(20) CHARACTER SET latin1, \
         pad char(3) CHARACTER SET utf8mb4, e enum('sad','happy','a','Z') CHARACTER SET utf8mb4, \
         s set('x','y','a') CHARACTER SET utf8mb4, d date, ts datetime(6), tz timestamp(6) NULL, KEY (i4), KEY (tci), \
         KEY (n)"
    );
    let text = |seed: &str| pick(seed, TEXTS);
    let values = [
        "g".to_owned(),
        pick("g * 7", "0, 1, -1, 127, -128, NULL, 2, 7"),
        pick("g * 11", "0, 1, -1, 2147483647, -2147483648, NULL, 7, 127"),
        pick("g * 13", "'0', '1', '-1', '9223372036854775807', '-9223372036854775808', NULL, '2'"),
        pick("g * 5", "'0', '1', '18446744073709551615', '9223372036854775808', NULL, '2', '7'"),
        pick("g * 3", "'0', '1.5', '-1.5', '99999999.99', '-99999999.99', NULL, '0.01', '-0.01', '999.99'"),
        pick("g * 5", "'0', '1.5', '-1.5', '12345678901234567890.0123456789', NULL, '1.505', '-0.0000000001'"),
        pick("g", "'0', '1.5', '1.505', '99999999999999999999999999999999999.5', NULL, '0.1', '-1'"),
        pick("g * 7", "'0', '-0e0', '1.5', '3.4e38', '-3.4e38', NULL, '0.1', '1e-40'"),
        pick("g * 3", "'0', '-0e0', '1.5', '1e300', '-1e300', NULL, '0.1', '1'"),
        text("g"),
        text("g * 3 + 1"),
        text("g * 5 + 2"),
        text("g * 7 + 3"),
        pick("g * 11 + 4", LATIN),
        format!("left({}, 3)", text("g * 13 + 5")),
        pick("g", "'sad', 'happy', 'a', 'Z', NULL"),
        pick("g", "'x', 'y', 'x,y', '', 'a', NULL"),
        pick(
            "g * 3",
            "'2026-01-31', '1970-01-01', '1969-12-31', '9999-12-31', '0000-00-00', '1000-01-01', '2024-02-29', NULL",
        ),
        pick(
            "g * 5",
            "'2026-01-31 01:02:03', '2026-01-31 01:02:03.456789', '1970-01-01 00:00:00', NULL, \
              '9999-12-31 23:59:59', '0000-00-00 00:00:00', '1000-01-01 00:00:00'",
        ),
        pick(
            "g * 7",
            "'2026-01-31 01:02:03', '2026-01-30 23:02:03.456789', '1970-01-01 00:00:01', NULL, \
              '2038-01-19 03:14:07', '0000-00-00 00:00:00'",
        ),
    ];
    let digits = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
                  UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    vec![
        "CREATE DATABASE odd CHARACTER SET utf8mb4".to_owned(),
        "USE odd".to_owned(),
        "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'".to_owned(),
        format!("CREATE TABLE many ({columns})"),
        format!(
            "INSERT INTO many SELECT {} FROM (SELECT 1 + a.n + 10 * b.n + 100 * c.n AS g FROM {digits} a, {digits} b, \
             {digits} c WHERE c.n < 3) AS series WHERE g <= 240",
            values.join(", ")
        ),
        "CREATE TABLE few LIKE many".to_owned(),
        "INSERT INTO few SELECT * FROM many WHERE id % 9 = 0 ORDER BY id DESC".to_owned(),
        "ALTER TABLE few DROP PRIMARY KEY".to_owned(),
        "ANALYZE TABLE many, few".to_owned(),
    ]
}
