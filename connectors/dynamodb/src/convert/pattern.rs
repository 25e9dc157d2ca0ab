//! Dates and times after a pattern of `strftime`'s letters: `%d.%m.%Y %H:%M`.

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Timelike, Utc};
use std::fmt::Write;
use std::sync::Arc;

/// Digits after the point that the parser looks at; it passes over further ones.
const FRACTION_DIGITS: usize = 9;
/// An instant whose parts all differ, to try a pattern with: 2001-02-03T16:05:00Z.
const TRIED: i64 = 981_216_300;

/// A pattern that determines an instant, or a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: Arc<str>,
    items: Arc<[Item<'static>]>,
}

impl Pattern {
    /// A pattern of instants.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn of_timestamps(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text)?;
        match pattern.written(TRIED).and_then(|written| pattern.micros(&written)) {
            Some(micros) if micros == TRIED * 1_000_000 => Ok(pattern),
            _ => Err("it does not say a day and at least hour and minute of it".to_owned()),
        }
    }

    /// A pattern of days.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn of_dates(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text)?;
        let tried = DateTime::<Utc>::from_timestamp(TRIED, 0).map(|instant| days_of(instant.date_naive()));
        match pattern.written(TRIED).and_then(|written| pattern.days(&written)) {
            days if days.is_some() && days == tried => Ok(pattern),
            _ => Err("it does not say a year, a month and a day".to_owned()),
        }
    }

    fn read(text: &str) -> Result<Self, String> {
        let items = StrftimeItems::new(text).parse_to_owned();
        let items = items.map_err(|_| "it has a letter after `%` that means nothing".to_owned())?;
        if items.contains(&Item::Fixed(Fixed::TimezoneName)) {
            return Err("names of time zones (`%Z`) are not understood, only offsets (`%z`)".to_owned());
        }
        Ok(Self { text: text.into(), items: items.into() })
    }

    /// As a person wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Microseconds since 1970-01-01T00:00:00Z; `None` if the text is not after the pattern or is finer.
    pub(super) fn micros(&self, text: &str) -> Option<i64> {
        let parsed = self.parsed(text)?;
        let instant: NaiveDateTime = match parsed.offset() {
            Some(_) => parsed.to_datetime().ok()?.naive_utc(),
            None => parsed.to_naive_datetime_with_offset(0).ok()?,
        };
        // A leap second is written as more than a second's worth of nanoseconds, and has no place of its own.
        let nanos = instant.nanosecond();
        (nanos.is_multiple_of(1_000) && nanos < 1_000_000_000).then(|| instant.and_utc().timestamp_micros())
    }

    /// Days since 1970-01-01; `None` if the text is not after the pattern.
    pub(super) fn days(&self, text: &str) -> Option<i32> {
        self.parsed(text)?.to_naive_date().ok().map(days_of)
    }

    fn parsed(&self, text: &str) -> Option<Parsed> {
        let of_any_length = [Item::Fixed(Fixed::Nanosecond), Item::Fixed(Fixed::RFC3339)];
        if has_longer_fraction(text) && of_any_length.iter().any(|item| self.items.contains(item)) {
            return None;
        }
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        Some(parsed)
    }

    /// An instant as the pattern has it.
    fn written(&self, seconds: i64) -> Option<String> {
        let instant: DateTime<FixedOffset> = DateTime::<Utc>::from_timestamp(seconds, 0)?.fixed_offset();
        // The lenient offset can be read, and panics when it is written.
        let lenient = StrftimeItems::new("%#z").next();
        let writable = self.items.iter().map(|item| match Some(item) == lenient.as_ref() {
            true => Item::Fixed(Fixed::TimezoneOffset),
            false => item.clone(),
        });
        let mut text = String::new();
        write!(text, "{}", instant.format_with_items(writable)).ok()?;
        Some(text)
    }
}

fn days_of(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

/// Whether digits would be passed over.
fn has_longer_fraction(text: &str) -> bool {
    text.split('.').skip(1).any(|part| part.bytes().take_while(u8::is_ascii_digit).count() > FRACTION_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_exactly_in_utc_or_with_their_offset() {
        let micros = |pattern: &str, text| Pattern::of_timestamps(pattern).unwrap().micros(text);
        assert_eq!(micros("%Y-%m-%d %H:%M:%S", "1970-01-01 00:00:01"), Some(1_000_000));
        assert_eq!(micros("%Y-%m-%d %H:%M:%S", "1970-01-01 00:00:01Z"), None);
        assert_eq!(micros("%Y-%m-%dT%H:%M:%S%z", "1970-01-01T02:00:00+0200"), Some(0));
        assert_eq!(micros("%Y-%m-%dT%H:%M:%S%#z", "1970-01-01T02:00:00+02"), Some(0));
        assert_eq!(micros("%d.%m.%Y %H:%M", "02.01.1970 00:00"), Some(86_400_000_000));
        assert_eq!(micros("%Y%m%d%H%M%S", "19700101000002"), Some(2_000_000));
        assert_eq!(micros("%Y-%m-%d %H:%M:%S%.f", "1970-01-01 00:00:00.000001"), Some(1));
        assert_eq!(micros("%b %d, %Y %I:%M %p", "Jan 02, 1970 12:30 PM"), Some(131_400_000_000));
        for finer in ["1970-01-01 00:00:00.0000001", "1970-01-01 00:00:00.00000100001", "1970-01-01 00:00:60.5"] {
            assert_eq!(micros("%Y-%m-%d %H:%M:%S%.f", finer), None, "{finer}");
        }
    }

    #[test]
    fn a_pattern_that_determines_nothing_is_refused() {
        for wrong in ["%Y-%m-%d", "%H:%M", "%Y-%m-%d %H", "%Y-%m-%d %I:%M", "%Q", "", "%Y-%m-%d %H:%M %Z"] {
            assert!(Pattern::of_timestamps(wrong).is_err(), "{wrong}");
        }
        for wrong in ["%Y-%m", "%H:%M", "day"] {
            assert!(Pattern::of_dates(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Pattern::of_dates("%d.%m.%Y").unwrap().days("02.01.1970"), Some(1));
        assert_eq!(Pattern::of_dates("%Y%m%d").unwrap().days("19700230"), None);
    }
}
