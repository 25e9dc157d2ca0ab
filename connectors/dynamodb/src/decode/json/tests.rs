//! The parser against `serde_json`: on texts that are right, and on the same with a byte changed.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// All of a text, the way the decoder reads: one expected thing after the other.
fn parsed(text: &[u8]) -> Result<Value> {
    let mut json = Json::new(text)?;
    let value = value(&mut json)?;
    json.end()?;
    Ok(value)
}

fn value(json: &mut Json<'_>) -> Result<Value> {
    json.skip_space();
    match json.peek() {
        Some(b'{') => {
            let mut entries = Map::new();
            json.open_object()?;
            while let Some(key) = json.next_key()?.map(str::to_owned) {
                entries.insert(key, value(json)?);
            }
            Ok(Value::Object(entries))
        }
        Some(b'[') => {
            let mut values = Vec::new();
            json.open_array()?;
            while json.next_element()? {
                values.push(value(json)?);
            }
            Ok(Value::Array(values))
        }
        Some(b'"') => json.string().map(Value::from),
        Some(b'n') => json.null().map(|_| Value::Null),
        Some(b't' | b'f') => json.boolean().map(Value::from),
        _ => {
            let broken = json.broken("a number beyond what serde_json takes");
            json.number()?.parse().map(Value::Number).map_err(|_| broken)
        }
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,20}", any::<String>(), "[\\\\\"/\\x00-\\x1f\u{80}-\u{10ffff}]{0,12}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Everything beyond ASCII, and now and then a letter, as `\u` escapes.
fn escaped(text: &str) -> String {
    let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
    text.chars().map(|c| if c.is_ascii() && c != 'q' { c.to_string() } else { units(c) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_serde_writes_is_read(value in any_value(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        for text in [escaped(&text), text] {
            prop_assert_eq!(parsed(text.as_bytes()).unwrap(), value.clone());
            let mut json = Json::new(text.as_bytes()).unwrap();
            json.skip().unwrap();
            json.end().unwrap();
        }
    }

    #[test]
    fn what_serde_refuses_is_refused(value in any_value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = escaped(&value.to_string()).into_bytes();
        let at = at.index(text.len());
        for change in 0..3 {
            match change {
                0 => text[at] = byte,
                1 => { text.insert(at, byte); }
                _ => text.truncate(at),
            }
            let expected = serde_json::from_slice::<Value>(&text);
            let found = parsed(&text);
            prop_assert_eq!(found.is_ok(), expected.is_ok(), "{:?} {:?}", String::from_utf8_lossy(&text), found);
            if let (Ok(found), Ok(expected)) = (found, expected) {
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn the_end_of_plain_text_is_the_first_special_byte(text in prop::collection::vec(any::<u8>(), 0..40), start in 0usize..40) {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let slow = text.iter().skip(start).position(special).map_or(text.len(), |at| start + at);
        prop_assert_eq!(end_of_plain(&text, start.min(text.len())), if start > text.len() { text.len() } else { slow });
    }
}

#[test]
fn half_of_a_surrogate_pair_is_refused() {
    for wrong in [r#""\ud800""#, r#""\ud800x""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\u12g4""#, r#""\u+123""#] {
        assert!(parsed(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert_eq!(parsed(br#""\ud83d\uDE00""#), Ok(Value::from("😀")));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parsed(nested(128).as_bytes()).is_ok());
    assert!(parsed(nested(129).as_bytes()).is_err());
    assert!(Json::new(nested(100_000).as_bytes()).unwrap().skip().is_err());
}
