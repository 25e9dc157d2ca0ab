//! Moments in whole seconds, UTC.

use std::fmt;

const SECONDS_PER_DAY: i64 = 86_400;

/// A moment in seconds since 1970-01-01T00:00:00Z; shown as RFC 3339, `2026-03-05T10:11:12Z`.
///
/// Whole seconds, so that every store and every engine keeps it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
}

impl Timestamp {
    /// Midnight UTC at the beginning of a day of the Gregorian calendar.
    pub const fn from_date(year: i64, month: i64, day: i64) -> Self {
        Self { seconds: days_from_date(year, month, day) * SECONDS_PER_DAY }
    }

    /// This moment and `seconds` more.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self { seconds: self.seconds + seconds }
    }

    /// Year, month and day, UTC.
    pub const fn date(self) -> (i64, i64, i64) {
        date_from_days(self.seconds.div_euclid(SECONDS_PER_DAY))
    }

    /// Days since 1970-01-01, UTC.
    pub const fn days(self) -> i64 {
        self.seconds.div_euclid(SECONDS_PER_DAY)
    }

    /// Midnight UTC at the beginning of this moment's month.
    #[must_use]
    pub const fn month(self) -> Self {
        let (year, month, _) = self.date();
        Self::from_date(year, month, 1)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let second = self.seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
    }
}

// Both conversions count years from March, which puts the leap day last: howardhinnant.github.io/date_algorithms.html.

const fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = days.div_euclid(146_097) * 400 + year_of_era;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_shown_as_rfc_3339() {
        assert_eq!(Timestamp { seconds: 0 }.to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp { seconds: -1 }.to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp { seconds: 1_709_210_096 }.to_string(), "2024-02-29T12:34:56Z");
    }

    #[test]
    fn every_day_of_two_centuries_survives_the_round_trip() {
        for days in -36_525..36_525 {
            let (year, month, day) = date_from_days(days);
            assert_eq!(days_from_date(year, month, day), days);
        }
    }
}
