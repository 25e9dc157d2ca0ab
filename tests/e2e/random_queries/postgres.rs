//! Awkward values in PostgreSQL.

use super::table::{BOOLEAN, Column, DATE, EXACT, FLOAT, INSTANT, Kind, TEXT, TIMESTAMP, WHOLE, column};

pub(super) const COLUMNS: &[Column] = &[
    column("id", Kind::Whole, WHOLE),
    column("i2", Kind::Whole, WHOLE),
    column("i4", Kind::Whole, WHOLE),
    column("i8", Kind::Whole, WHOLE),
    column("n", Kind::Exact, EXACT),
    column("wide", Kind::Exact, EXACT),
    column("free", Kind::Text, TEXT),
    column("f4", Kind::Float, FLOAT),
    column("f8", Kind::Float, FLOAT),
    column("tc", Kind::Text, TEXT),
    column("ticu", Kind::Text, TEXT),
    column("tdef", Kind::Text, TEXT),
    column("tnd", Kind::Text, TEXT),
    column("ci", Kind::Text, TEXT),
    column("pad", Kind::Text, TEXT),
    column("m", Kind::Text, TEXT),
    column("u", Kind::Text, UUIDS),
    column("b", Kind::Boolean, BOOLEAN),
    column("d", Kind::Date, DATE),
    column("ts", Kind::Timestamp, TIMESTAMP),
    column("tz", Kind::Instant, INSTANT),
];

const UUIDS: &[&str] = &[
    "'00000000-0000-0000-0000-000000000000'",
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
    "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
    "'a'",
    "''",
    "NULL",
];

/// Two tables of the same columns: one with a key, of some hundred rows, one without, of few.
pub(super) const SETUP: &str = r#"
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA odd;
CREATE COLLATION odd.anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE odd.mood AS ENUM ('sad', 'happy', 'a', 'Z');
CREATE TABLE odd.many (id bigint PRIMARY KEY, i2 smallint, i4 int, i8 bigint, n numeric(10,2), wide numeric(30,10),
  free numeric, f4 real, f8 double precision, tc text COLLATE "C", ticu text COLLATE "und-x-icu", tdef text,
  tnd text COLLATE odd.anycase, ci citext, pad char(3), m odd.mood, u uuid, b bool, d date, ts timestamp,
  tz timestamptz);
CREATE FUNCTION odd.pick(seed int, VARIADIC options text[]) RETURNS text IMMUTABLE LANGUAGE sql
  AS 'SELECT options[1 + seed % array_length(options, 1)]';
INSERT INTO odd.many SELECT g,
  odd.pick(g * 7, '0', '1', '-1', '32767', '-32768', NULL, '2', '7')::smallint,
  odd.pick(g * 11, '0', '1', '-1', '2147483647', '-2147483648', NULL, '7', '127')::int,
  odd.pick(g * 13, '0', '1', '-1', '9223372036854775807', '-9223372036854775808', NULL, '2')::bigint,
  odd.pick(g * 3, '0', '1.5', '-1.5', '99999999.99', '-99999999.99', NULL, '0.01', '-0.01', '999.99')::numeric,
  odd.pick(g * 5, '0', '1.5', '-1.5', '12345678901234567890.0123456789', NULL, '1.505', '-0.0000000001')::numeric,
  odd.pick(g, '0', '1.5', '1.50', 'NaN', '1e50', '0.1', NULL, '-1', '10', '9')::numeric,
  odd.pick(g * 7, '0', '-0', '1.5', 'NaN', 'Infinity', '-Infinity', '1e-45', '3.4e38', NULL, '0.1')::real,
  odd.pick(g * 3, '0', '-0', '1.5', 'NaN', 'Infinity', '-Infinity', '1e300', '-1e300', NULL, '0.1', '1')::float8,
  t.x, odd.pick(g * 3 + 1, VARIADIC t.options), odd.pick(g * 5 + 2, VARIADIC t.options), odd.pick(g * 7 + 3, VARIADIC t.options),
  odd.pick(g * 11 + 4, VARIADIC t.options), left(odd.pick(g * 13 + 5, VARIADIC t.options), 3),
  odd.pick(g, 'sad', 'happy', 'a', 'Z', NULL)::odd.mood,
  odd.pick(g, '00000000-0000-0000-0000-000000000000', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL)::uuid,
  odd.pick(g, 'true', 'false', NULL)::bool,
  odd.pick(g * 3, '2026-01-31', '1970-01-01', '1969-12-31', '9999-12-31', '0044-03-15 BC', '0001-01-01', '2024-02-29',
    NULL)::date,
  odd.pick(g * 5, '2026-01-31 01:02:03', '2026-01-31 01:02:03.456789', '1970-01-01', '9999-12-31 23:59:59', NULL,
    '0044-03-15 12:00:00 BC', '1000-01-01')::timestamp,
  odd.pick(g * 7, '2026-01-31 01:02:03+00', '2026-01-30 23:02:03.456789+00', '1970-01-01 00:00:01+00', NULL,
    '9999-12-31 23:59:59+00')::timestamptz
FROM generate_series(1, 240) AS g, LATERAL (SELECT odd.pick(g, VARIADIC a) AS x, a AS options FROM (SELECT ARRAY['a', 'A',
  'b', 'B', '', ' ', 'a ', 'a  ', 'ab', 'Ab', 'é', E'e\u0301', 'É', 'e', 'ß', 'ss', 'ä', 'z', 'Z', '日本', '😀', E'a\tb',
  'a%b', 'a_b', 'a\b', '10', '9', 'O''Neil', E'\u00ff', NULL, E'\uffff', 'x'] AS a) AS o) AS t;
CREATE TABLE odd.few AS SELECT * FROM odd.many WHERE id % 9 = 0 ORDER BY id DESC;
ANALYZE;
"#;
