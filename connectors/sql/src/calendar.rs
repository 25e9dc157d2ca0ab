//! Dates and times as SQL writes them, for every day an `i64` of microseconds can name.

use crate::Dialect;

pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// `2026-01-31`, and the mark for years before year 1, which comes after any time of day.
pub(crate) fn date(dialect: &Dialect, days: i64) -> Option<(String, &'static str)> {
    if !dialect.days().contains(&days) {
        return None;
    }
    let (year, month, day) = civil(days);
    if year > 0 {
        return Some((format!("{year:04}-{month:02}-{day:02}"), ""));
    }
    // Astronomers' year 0 is 1 BC.
    Some((format!("{:04}-{month:02}-{day:02}", 1 - year), dialect.before_christ?))
}

/// `23:59:59.999999`, without a fraction when it is zero.
pub(crate) fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { whole } else { format!("{whole}.{fraction:06}") }
}

/// Year, month and day of the proleptic Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`: years begin in March, so that the
/// leap day is the last one; 146,097 days make 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn known_days_have_their_known_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(-719_162), (1, 1, 1));
        assert_eq!(civil(-719_163), (0, 12, 31));
        assert_eq!(civil(-2_440_588), (-4713, 11, 24));
        assert_eq!(civil(20_486), (2026, 2, 2));
    }
}
