//! Constants as SQL text: the one place where a value becomes part of a statement.

use crate::calendar::{self, MICROS_PER_DAY};
use crate::{Dialect, Wrapping};
use headwater_core::{Value, decimal_text};
use std::borrow::Cow;
use std::fmt;

/// Why something cannot be said in a dialect, in words that complete "refused: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsayable(Cow<'static, str>);

impl Unsayable {
    /// With its reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn render(dialect: &Dialect, value: &Value) -> Result<String, Unsayable> {
    match value {
        Value::Null => Ok("NULL".to_owned()),
        Value::Boolean(truth) => Ok(if *truth { "TRUE" } else { "FALSE" }.to_owned()),
        Value::Int64(number) => Ok(number.to_string()),
        Value::UInt64(number) => Ok(number.to_string()),
        Value::Float64(number) => (dialect.float)(*number),
        Value::Decimal { unscaled, scale } => decimal(dialect, *unscaled, *scale),
        Value::Utf8(text) => (dialect.text)(text),
        Value::Binary(bytes) => Ok((dialect.binary)(bytes)),
        Value::Date(days) => date(dialect, *days),
        Value::Time(micros) => time(dialect, *micros),
        Value::Timestamp(micros) => timestamp(dialect, dialect.timestamp, *micros),
        Value::Instant(micros) => timestamp(dialect, dialect.instant, *micros),
        other => Err(Unsayable::new(format!("{other} cannot be written in SQL"))),
    }
}

fn decimal(dialect: &Dialect, unscaled: i128, scale: i8) -> Result<String, Unsayable> {
    let text = decimal_text(unscaled, scale);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > dialect.digits.total || usize::try_from(scale).is_ok_and(|scale| scale > dialect.digits.fraction) {
        return Err(Unsayable::new(format!("the constant has more digits than {} keeps", dialect.product)));
    }
    Ok(text)
}

fn date(dialect: &Dialect, days: i32) -> Result<String, Unsayable> {
    let (date, mark) = calendar::date(dialect, days.into()).ok_or_else(|| out_of_range(dialect))?;
    let Wrapping { before, after } = dialect.date;
    Ok(format!("{before}{date}{mark}{after}"))
}

fn time(dialect: &Dialect, micros: i64) -> Result<String, Unsayable> {
    if !(0..=MICROS_PER_DAY).contains(&micros) {
        return Err(out_of_range(dialect));
    }
    let Wrapping { before, after } = dialect.time;
    Ok(format!("{before}{}{after}", calendar::time(micros)))
}

fn timestamp(dialect: &Dialect, Wrapping { before, after }: Wrapping, micros: i64) -> Result<String, Unsayable> {
    let (days, micros) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    let (date, mark) = calendar::date(dialect, days).ok_or_else(|| out_of_range(dialect))?;
    // PostgreSQL reads `0044-03-15 00:00:00 BC+00` and `0044-03-15 BC 00:00:00+00` alike.
    Ok(format!("{before}{date}{mark} {}{after}", calendar::time(micros)))
}

fn out_of_range(dialect: &Dialect) -> Unsayable {
    Unsayable::new(format!("the constant is outside the dates and times of {}", dialect.product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MYSQL, POSTGRES, SqlText};

    fn postgres(value: Value) -> String {
        written(&POSTGRES, &value)
    }

    fn mysql(value: Value) -> String {
        written(&MYSQL, &value)
    }

    fn written(dialect: &Dialect, value: &Value) -> String {
        SqlText::literal(dialect, value).map_or_else(|e| format!("refused: {e}"), SqlText::into_string)
    }

    #[test]
    fn mysql_text_means_the_same_with_and_without_backslash_escapes() {
        assert_eq!(mysql(Value::Utf8("O'Brien".into())), "'O''Brien'");
        assert_eq!(mysql(Value::Utf8(r"\' OR 1=1 --".into())), "_utf8mb4 X'5c27204f5220313d31202d2d'");
        assert_eq!(mysql(Value::Utf8("a\0".into())), "_utf8mb4 X'6100'");
        assert_eq!(mysql(Value::Binary(vec![0, 0xAF])), "X'00af'");
    }

    #[test]
    fn mysql_numbers_keep_their_type_and_all_their_digits() {
        assert_eq!(mysql(Value::Float64(0.1)), "1e-1");
        assert_eq!(mysql(Value::Float64(-9_007_199_254_740_993.0)), "-9.007199254740992e15");
        assert!(mysql(Value::Float64(f64::NAN)).starts_with("refused"));
        assert_eq!(mysql(Value::Decimal { unscaled: -1250, scale: 2 }), "-12.50");
        assert!(mysql(Value::Decimal { unscaled: 1, scale: 31 }).starts_with("refused"));
        assert!(mysql(Value::Decimal { unscaled: 1, scale: -70 }).starts_with("refused"));
        assert_eq!(mysql(Value::Instant(1)), "TIMESTAMP '1970-01-01 00:00:00.000001'");
        assert!(mysql(Value::Date(-719_163)).starts_with("refused"));
    }

    #[test]
    fn text_cannot_leave_its_quotes_whatever_the_server_settings() {
        assert_eq!(postgres(Value::Utf8("O'Brien".into())), "'O''Brien'");
        assert_eq!(postgres(Value::Utf8(r"\'; DROP TABLE t; --".into())), r"E'\\''; DROP TABLE t; --'");
        assert_eq!(postgres(Value::Utf8(r"\".into())), r"E'\\'");
        assert_eq!(postgres(Value::Utf8("".into())), "''");
        assert!(postgres(Value::Utf8("a\0b".into())).starts_with("refused"));
    }

    #[test]
    fn numbers_are_exact_and_without_exponent() {
        assert_eq!(postgres(Value::Decimal { unscaled: -1250, scale: 2 }), "-12.50");
        assert_eq!(postgres(Value::Decimal { unscaled: 12, scale: -3 }), "12000");
        assert_eq!(postgres(Value::UInt64(u64::MAX)), "18446744073709551615");
        assert_eq!(postgres(Value::Float64(f64::NAN)), "'NaN'::float8");
        assert_eq!(postgres(Value::Float64(f64::NEG_INFINITY)), "'-Infinity'::float8");
        assert_eq!(postgres(Value::Float64(0.1)), "'0.1'::float8");
    }

    #[test]
    fn times_carry_their_type() {
        assert_eq!(postgres(Value::Date(20_486)), "'2026-02-02'::date");
        assert_eq!(postgres(Value::Time(MICROS_PER_DAY)), "'24:00:00'::time");
        assert_eq!(postgres(Value::Timestamp(-1)), "'1969-12-31 23:59:59.999999'::timestamp");
        assert_eq!(postgres(Value::Instant(0)), "'1970-01-01 00:00:00+00'::timestamptz");
        assert!(postgres(Value::Date(i32::MAX)).starts_with("refused"));
        assert!(postgres(Value::Timestamp(i64::MIN)).starts_with("refused"));
        assert_eq!(postgres(Value::Binary(vec![0, 0xAF])), r"E'\\x00af'::bytea");
    }
}
