//! Values evenly between two others. They need not exist, and need not be in the server's order.

use headwater_core::Value;

/// Printable ASCII, in which most keys are written.
const PRINTABLE: u128 = 95;

/// Up to `count - 1` values above `low`, up to `high`.
pub(super) fn between(low: &Value, high: &Value, count: usize) -> Vec<Value> {
    match (low, high) {
        (Value::Utf8(low), Value::Utf8(high)) => texts(low, high, count),
        (Value::Binary(low), Value::Binary(high)) => bytes(low, high, count),
        (Value::Date(low), Value::Date(high)) => {
            let days = steps(i128::from(*low), i128::from(*high), count);
            days.into_iter().filter_map(|day| i32::try_from(day).ok().map(Value::Date)).collect()
        }
        (Value::Timestamp(low), Value::Timestamp(high)) => instants(*low, *high, count, Value::Timestamp),
        (Value::Instant(low), Value::Instant(high)) => instants(*low, *high, count, Value::Instant),
        _ => match (whole(low), whole(high)) {
            (Some(low), Some(high)) => steps(low, high, count).into_iter().filter_map(number).collect(),
            _ => Vec::new(),
        },
    }
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int64(number) => Some((*number).into()),
        Value::UInt64(number) => Some((*number).into()),
        _ => None,
    }
}

fn number(number: i128) -> Option<Value> {
    i64::try_from(number).map(Value::Int64).or_else(|_| u64::try_from(number).map(Value::UInt64)).ok()
}

/// In whole seconds: a column may keep no fractions.
fn instants(low: i64, high: i64, count: usize, of: fn(i64) -> Value) -> Vec<Value> {
    let seconds = steps(i128::from(low.div_euclid(1_000_000)), i128::from(high.div_euclid(1_000_000)), count);
    seconds.into_iter().filter_map(|second| i64::try_from(second * 1_000_000).ok().map(of)).collect()
}

fn steps(low: i128, high: i128, count: usize) -> Vec<i128> {
    let Some(width) = high.checked_sub(low).filter(|width| *width > 0) else { return Vec::new() };
    let count = i128::try_from(count).unwrap_or(1).clamp(1, width);
    (1..count).map(|step| low + width * step / count).collect()
}

/// By the first character in which they differ, and the one after it.
fn texts(low: &str, high: &str, count: usize) -> Vec<Value> {
    let common: String = low.chars().zip(high.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let rank = |text: &str| {
        let mut rest = text.get(common.len()..).unwrap_or_default().chars();
        let mut next = || rest.next().map_or(32, u128::from);
        i128::try_from(next() * PRINTABLE + next().clamp(32, 126) - 32).unwrap_or_default()
    };
    // Order by a language may have the larger text first.
    let (a, b) = (rank(low), rank(high));
    let ranks = steps(a.min(b), a.max(b), count);
    let text = |rank: i128| {
        let rank = u128::try_from(rank).ok()?;
        let first = char::from_u32(u32::try_from(rank / PRINTABLE).ok()?).filter(|first| !first.is_control())?;
        let second = char::from_u32(u32::try_from(rank % PRINTABLE + 32).ok()?)?;
        Some(Value::Utf8(format!("{common}{first}{second}")))
    };
    ranks.into_iter().filter_map(text).collect()
}

/// By the first eight bytes from where they differ.
fn bytes(low: &[u8], high: &[u8], count: usize) -> Vec<Value> {
    let common: Vec<u8> = low.iter().zip(high).take_while(|(a, b)| a == b).map(|(a, _)| *a).collect();
    let rank = |bytes: &[u8]| {
        let mut first = [0; 8];
        for (place, byte) in first.iter_mut().zip(bytes.iter().skip(common.len())) {
            *place = *byte;
        }
        i128::from(u64::from_be_bytes(first))
    };
    let ranks = steps(rank(low), rank(high), count);
    let bytes = |rank: i128| {
        let rank = u64::try_from(rank).ok()?;
        Some(Value::Binary([common.as_slice(), &rank.to_be_bytes()].concat()))
    };
    ranks.into_iter().filter_map(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_evenly_even_at_their_ends() {
        assert_eq!(between(&Value::Int64(0), &Value::Int64(100), 4), [25, 50, 75].map(Value::Int64));
        let halves = between(&Value::Int64(i64::MIN), &Value::UInt64(u64::MAX), 2);
        assert_eq!(halves, [Value::Int64(4_611_686_018_427_387_903)]);
        assert!(between(&Value::Int64(7), &Value::Int64(7), 4).is_empty());
        assert_eq!(between(&Value::Int64(1), &Value::Int64(3), 32), [Value::Int64(2)]);
    }

    #[test]
    fn texts_are_cut_by_what_they_do_not_share() {
        let texts = between(&Value::Utf8("user-0aa".into()), &Value::Utf8("user-9zz".into()), 4);
        assert_eq!(texts.len(), 3);
        for text in &texts {
            let Value::Utf8(text) = text else { panic!("{text}") };
            assert!(text.starts_with("user-") && text.len() == 7, "{text}");
        }
        assert!(between(&Value::Utf8(String::new()), &Value::Utf8("z".into()), 8).len() > 3);
        assert!(between(&Value::Utf8("b".into()), &Value::Utf8("A".into()), 8).len() > 3);
    }

    #[test]
    fn bytes_and_days_are_cut_too() {
        assert_eq!(between(&Value::Binary(vec![9, 0]), &Value::Binary(vec![9, 255]), 4).len(), 3);
        assert_eq!(between(&Value::Date(0), &Value::Date(10), 2), [Value::Date(5)]);
        assert_eq!(between(&Value::Timestamp(0), &Value::Timestamp(10_000_000), 2), [Value::Timestamp(5_000_000)]);
    }
}
