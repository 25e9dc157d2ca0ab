//! Lines added to a configuration file, with everything else left as it is: comments, order, blank lines.

use crate::{Error, Result};
use toml::de::{DeTable, DeValue};

/// The text of a configuration file with `lines` at the end of the table `path`, which is made if there is none: after
/// the last table that begins with the first two names of `path`, or at the end.
///
/// # Errors
/// `Config` if the result would not be TOML, or would say anything else than it does now: the table may be written in a
/// way that cannot be added to, such as inline.
pub fn with_lines(source: &str, text: &str, path: &[&str], lines: &[String]) -> Result<String> {
    let by_hand = |reason: &str| {
        Error::config(format!("{source}: lines cannot be added to [{}]: {reason}", path.join(".")))
            .with_hint("add them by hand, as printed without --write")
    };
    let added = spliced(text, path, lines);
    let Ok(after) = DeTable::parse(&added) else {
        return Err(by_hand("it is written inline or with dotted keys, or has some of them already"));
    };
    let wanted = lines.join("\n");
    let parse = |text| DeTable::parse(text).map_err(|error| by_hand(error.message()));
    let (before, wanted) = (parse(text)?, parse(&wanted)?);
    let after = DeValue::Table(after.into_inner());
    let kept = contains(&after, &DeValue::Table(before.into_inner()));
    let there = at(&after, path).is_some_and(|table| contains(table, &DeValue::Table(wanted.into_inner())));
    if kept && there { Ok(added) } else { Err(by_hand("something else would change")) }
}

/// What stands at a path.
fn at<'a>(value: &'a DeValue<'a>, path: &[&str]) -> Option<&'a DeValue<'a>> {
    let Some((first, rest)) = path.split_first() else { return Some(value) };
    let DeValue::Table(table) = value else { return None };
    at(table.get(*first)?.get_ref(), rest)
}

fn spliced(text: &str, path: &[&str], lines: &[String]) -> String {
    let mut all: Vec<&str> = text.lines().collect();
    let found = last_of(&all, |header| header == path);
    let near = last_of(&all, |header| header.len() >= 2 && header.iter().zip(path).take(2).all(|(a, b)| a == b));
    let at = found.or(near).unwrap_or(all.len());
    let header = format!("[{}]", path.iter().map(|name| quoted_key(name)).collect::<Vec<_>>().join("."));
    let mut added: Vec<&str> = Vec::new();
    if found.is_none() {
        added.extend((at > 0).then_some(""));
        added.push(&header);
    }
    added.extend(lines.iter().map(String::as_str));
    all.splice(at..at, added);
    all.join("\n") + "\n"
}

/// The line after the last one with content of the last table whose header is `wanted`.
fn last_of(lines: &[&str], wanted: impl Fn(&[String]) -> bool) -> Option<usize> {
    let (mut found, mut inside) = (None, false);
    for (number, line) in lines.iter().enumerate() {
        if let Some(header) = header_of(line) {
            inside = wanted(&header);
        }
        let has_content = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if inside && has_content {
            found = Some(number + 1);
        }
    }
    found
}

/// The names in a line `[a.b."c d"]`; `None` if it is no such line.
fn header_of(line: &str) -> Option<Vec<String>> {
    if !line.trim_start().starts_with('[') {
        return None;
    }
    let table = DeTable::parse(line).ok()?;
    let mut names = Vec::new();
    let mut table = table.get_ref();
    while let Some((name, value)) = table.iter().next() {
        names.push(name.get_ref().to_string());
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    Some(names)
}

/// Whether everything that `before` says stands in `after`, too.
fn contains(after: &DeValue<'_>, before: &DeValue<'_>) -> bool {
    match (after, before) {
        (DeValue::Table(after), DeValue::Table(before)) => before.iter().all(|(name, value)| {
            after.get(&**name.get_ref()).is_some_and(|known| contains(known.get_ref(), value.get_ref()))
        }),
        (DeValue::Array(a), DeValue::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| contains(a.get_ref(), b.get_ref()))
        }
        (DeValue::String(a), DeValue::String(b)) => a == b,
        (DeValue::Integer(a), DeValue::Integer(b)) => a.as_str() == b.as_str() && a.radix() == b.radix(),
        (DeValue::Float(a), DeValue::Float(b)) => a.as_str() == b.as_str(),
        (DeValue::Boolean(a), DeValue::Boolean(b)) => a == b,
        (DeValue::Datetime(a), DeValue::Datetime(b)) => a == b,
        _ => false,
    }
}

/// A key as TOML wants it: bare if it can be, else quoted.
pub fn quoted_key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { basic_text(name) }
}

/// A text as TOML wants it: with as few backslashes as can be.
pub fn quoted_text(text: &str) -> String {
    let literal = text.contains(['"', '\\']) && !text.contains(|c: char| c == '\'' || c.is_control());
    if literal { format!("'{text}'") } else { basic_text(text) }
}

/// JSON's escapes are TOML's too, but for one sign that JSON lets stand.
fn basic_text(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\nversion = 1\n\n[catalogs.a]\nconnector = \"x\" # as ever\n\n\
                        [catalogs.a.tables.\"t.1\".columns]\nid = \"int64\"\n# of b\n[catalogs.b]\nconnector = \"y\"\n";

    fn added(path: &[&str]) -> Result<String> {
        with_lines("h.toml", FILE, path, &["n = \"text\"".to_owned()])
    }

    #[test]
    fn lines_go_to_the_end_of_their_table_and_nothing_else_changes() {
        let to_known = added(&["catalogs", "a", "tables", "t.1", "columns"]).unwrap();
        assert_eq!(to_known, FILE.replace("id = \"int64\"\n", "id = \"int64\"\nn = \"text\"\n"));
        let to_new = added(&["catalogs", "a", "tables", "u", "columns"]).unwrap();
        let expected = "id = \"int64\"\n\n[catalogs.a.tables.u.columns]\nn = \"text\"\n# of b\n";
        assert_eq!(to_new, FILE.replace("id = \"int64\"\n# of b\n", expected));
    }

    #[test]
    fn what_cannot_be_added_to_is_left_alone() {
        let inline = "[catalogs]\na = { connector = \"x\" }\n";
        let error = with_lines("h.toml", inline, &["catalogs", "a", "tables"], &["n = 1".to_owned()]).unwrap_err();
        assert!(error.to_string().starts_with("h.toml: lines cannot be added to [catalogs.a.tables]"), "{error}");
        let twice = with_lines("h.toml", FILE, &["catalogs", "b"], &["connector = \"z\"".to_owned()]);
        assert!(twice.is_err());
        let in_text = "[catalogs.a]\nnote = \"\"\"\n[catalogs.a.tables]\n\"\"\"\n";
        assert!(with_lines("h.toml", in_text, &["catalogs", "a", "tables"], &["n = 1".to_owned()]).is_err());
    }

    #[test]
    fn keys_and_texts_are_toml() {
        assert_eq!(quoted_key("a-b_1"), "a-b_1");
        assert_eq!(quoted_key("a\u{7f}\n"), "\"a\\u007F\\n\"");
        assert_eq!(quoted_text("a\"b"), "'a\"b'");
        assert_eq!(quoted_text("a\"'"), "\"a\\\"'\"");
    }
}
