//! Types as a person writes them: `list(struct(city text, zip = "Zip Code" text))`.
//!
//! ```text
//! type    = text | number | int64 | float64 | boolean | binary | json | decimal(PRECISION,SCALE)
//!         | timestamp | timestamp(epoch_s | epoch_ms | epoch_us | "PATTERN")
//!         | date | date(epoch_days | "PATTERN")
//!         | list(type) | map(type) | struct(member, …)
//! member  = name type                    the entry of that name
//!         | name = entry type            the entry under a name of ours
//! name    = letters, digits, `_`, `-`; or any text in double quotes, a quote in it doubled
//! ```

use super::column::{ColumnType, Member};
use super::pattern::Pattern;
use super::temporal::{DateFormat, EPOCH_DAYS, EpochUnit, TimestampFormat};
use headwater_core::name::nearest;
use std::collections::HashSet;
use std::fmt;

const NAMES: [&str; 13] = [
    "text",
    "number",
    "int64",
    "float64",
    "decimal",
    "boolean",
    "binary",
    "timestamp",
    "date",
    "json",
    "list",
    "map",
    "struct",
];
const DECIMAL_FORM: &str = "a decimal is written decimal(PRECISION,SCALE), at most 38 digits: decimal(12,2)";
const TIMESTAMP_FORM: &str =
    "write timestamp, timestamp(epoch_s), timestamp(epoch_ms), timestamp(epoch_us) or timestamp(\"%Y-%m-%d %H:%M:%S\")";
const DATE_FORM: &str = "write date, date(epoch_days) or date(\"%d.%m.%Y\")";
const STRUCT_FORM: &str = "a struct is written struct(NAME TYPE, NAME = \"ENTRY\" TYPE, …)";
/// DynamoDB nests 32 deep.
const MAX_DEPTH: usize = 32;

/// What to say of a text that is no type: a hint.
pub(crate) type Wrong = String;

impl ColumnType {
    /// Reads a declared type.
    ///
    /// # Errors
    /// A hint: the nearest word, or how the type is written.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut reader = Reader { rest: text.trim(), depth: 0 };
        let kind = reader.kind()?;
        if reader.rest.is_empty() { Ok(kind) } else { Err(format!("nothing may follow: `{}`", reader.rest)) }
    }
}

/// As a person would declare it. What cannot be declared, the whole item, has a name of its own.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Json => f.write_str("json"),
            Self::Item => f.write_str("item"),
            Self::Digits => f.write_str("number"),
            Self::Int64 => f.write_str("int64"),
            Self::Float64 => f.write_str("float64"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Boolean => f.write_str("boolean"),
            Self::Binary => f.write_str("binary"),
            Self::Timestamp(TimestampFormat::Rfc3339) => f.write_str("timestamp"),
            Self::Timestamp(TimestampFormat::Epoch(unit)) => write!(f, "timestamp({})", unit.name()),
            Self::Timestamp(TimestampFormat::Pattern(pattern)) => write!(f, "timestamp({})", quoted(pattern.text())),
            Self::Date(DateFormat::Iso) => f.write_str("date"),
            Self::Date(DateFormat::EpochDays) => write!(f, "date({EPOCH_DAYS})"),
            Self::Date(DateFormat::Pattern(pattern)) => write!(f, "date({})", quoted(pattern.text())),
            Self::List(element) => write!(f, "list({element})"),
            Self::Map(value) => write!(f, "map({value})"),
            Self::Struct(members) => {
                let members: Vec<String> = members.iter().map(ToString::to_string).collect();
                write!(f, "struct({})", members.join(", "))
            }
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name_text(&self.name))?;
        if self.attribute != self.name {
            write!(f, " = {}", quoted(&self.attribute))?;
        }
        write!(f, " {}", self.kind)
    }
}

fn name_text(name: &str) -> String {
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// What is left of the text, and how deep in it we are.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn kind(&mut self) -> Result<ColumnType, Wrong> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("items are nested at most {MAX_DEPTH} deep"));
        }
        let word = self.word();
        let kind = match word {
            "text" => ColumnType::Text,
            "number" => ColumnType::Digits,
            "int64" => ColumnType::Int64,
            "float64" => ColumnType::Float64,
            "boolean" => ColumnType::Boolean,
            "binary" => ColumnType::Binary,
            "json" => ColumnType::Json,
            "decimal" => self.decimal().ok_or(DECIMAL_FORM)?,
            "timestamp" => ColumnType::Timestamp(self.timestamp()?),
            "date" => ColumnType::Date(self.date()?),
            "list" | "map" => {
                self.expect('(').ok_or_else(|| format!("write {word}(TYPE): {word}(text)"))?;
                let inner = Box::new(self.kind()?);
                self.expect(')').ok_or_else(|| format!("{word}( is not closed by `)`"))?;
                if word == "list" { ColumnType::List(inner) } else { ColumnType::Map(inner) }
            }
            "struct" => ColumnType::Struct(self.members()?),
            _ => return Err(unknown(word)),
        };
        self.depth -= 1;
        Ok(kind)
    }

    /// A bare word; empty if there is none.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c| !is_bare(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn expect(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?.trim_start();
        Some(())
    }

    /// Text in double quotes.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix('"')?;
        loop {
            let (part, after) = rest.split_once('"')?;
            text.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    rest = more;
                }
                None => {
                    self.rest = after.trim_start();
                    return Some(text);
                }
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        if self.rest.starts_with('"') {
            return self.quoted();
        }
        Some(self.word().to_owned()).filter(|word| !word.is_empty())
    }

    fn decimal(&mut self) -> Option<ColumnType> {
        self.expect('(')?;
        let precision: u8 = self.word().parse().ok()?;
        self.expect(',')?;
        let scale: i8 = self.word().parse().ok()?;
        self.expect(')')?;
        let sound = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
        sound.then_some(ColumnType::Decimal { precision, scale })
    }

    fn timestamp(&mut self) -> Result<TimestampFormat, Wrong> {
        if self.expect('(').is_none() {
            return Ok(TimestampFormat::Rfc3339);
        }
        let format = if let Some(pattern) = self.quoted() {
            TimestampFormat::Pattern(Pattern::of_timestamps(&pattern).map_err(|why| of_pattern(&pattern, &why))?)
        } else {
            let word = self.word();
            let unit = EpochUnit::ALL.into_iter().find(|unit| unit.name() == word);
            TimestampFormat::Epoch(unit.ok_or(TIMESTAMP_FORM)?)
        };
        self.expect(')').ok_or(TIMESTAMP_FORM)?;
        Ok(format)
    }

    fn date(&mut self) -> Result<DateFormat, Wrong> {
        if self.expect('(').is_none() {
            return Ok(DateFormat::Iso);
        }
        let format = if let Some(pattern) = self.quoted() {
            DateFormat::Pattern(Pattern::of_dates(&pattern).map_err(|why| of_pattern(&pattern, &why))?)
        } else if self.word() == EPOCH_DAYS {
            DateFormat::EpochDays
        } else {
            return Err(DATE_FORM.to_owned());
        };
        self.expect(')').ok_or(DATE_FORM)?;
        Ok(format)
    }

    fn members(&mut self) -> Result<Vec<Member>, Wrong> {
        self.expect('(').ok_or(STRUCT_FORM)?;
        let (mut members, mut names) = (Vec::new(), HashSet::new());
        loop {
            let member = self.member()?;
            if !names.insert(member.name.clone()) {
                return Err(format!("the struct has two members `{}`", member.name));
            }
            members.push(member);
            if self.expect(',').is_none() {
                break;
            }
        }
        self.expect(')').ok_or(STRUCT_FORM)?;
        Ok(members)
    }

    fn member(&mut self) -> Result<Member, Wrong> {
        let name = self.name().ok_or(STRUCT_FORM)?;
        let attribute = match self.expect('=') {
            Some(()) => self.name().ok_or(STRUCT_FORM)?,
            None => name.clone(),
        };
        Ok(Member { name, attribute, kind: self.kind()? })
    }
}

fn of_pattern(pattern: &str, why: &str) -> Wrong {
    format!("pattern {}: {why}", quoted(pattern))
}

fn unknown(word: &str) -> Wrong {
    match nearest(word, NAMES.iter().copied()) {
        Some("decimal") => DECIMAL_FORM.to_owned(),
        Some(near) => format!("did you mean `{near}`?"),
        None => known_types(),
    }
}

/// Every type that can be declared.
pub(crate) fn known_types() -> String {
    "known types: text, number, int64, float64, decimal(p,s), boolean, binary, timestamp, date, json, list(TYPE), \
     map(TYPE), struct(NAME TYPE, …)"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [
            "text",
            "number",
            "int64",
            "float64",
            "decimal(12,2)",
            "boolean",
            "binary",
            "json",
            "timestamp",
            "timestamp(epoch_s)",
            "timestamp(epoch_ms)",
            "timestamp(epoch_us)",
            "timestamp(\"%Y-%m-%d %H:%M:%S\")",
            "date",
            "date(epoch_days)",
            "date(\"%d.%m.%Y\")",
            "list(list(int64))",
            "map(struct(a text, \"Zip Code\" int64, ü = \"x\"\"y\" date))".replace('ü', "b").as_str(),
        ] {
            let kind = ColumnType::parse(text).unwrap();
            assert_eq!(kind.to_string(), text);
            let field = kind.field_of("Column", "attribute");
            assert_eq!(ColumnType::of(&field), Some(kind), "{text}: by way of Arrow");
        }
        let loose = ColumnType::parse(" struct( a text ,\"a b\"=c decimal( 3 , 1 ) ) ").unwrap();
        assert_eq!(loose.to_string(), "struct(a text, \"a b\" = \"c\" decimal(3,1))");
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_a_hint() {
        for (text, hint) in [
            ("timestmap", "did you mean `timestamp`?"),
            ("list(txt)", "did you mean `text`?"),
            ("decimal(40,2)", DECIMAL_FORM),
            ("decimel(4,2)", DECIMAL_FORM),
            ("timestamp(epoch)", TIMESTAMP_FORM),
            ("date(\"%m\")", "pattern \"%m\": it does not say a year, a month and a day"),
            ("struct(a text, a int64)", "the struct has two members `a`"),
            ("struct(a)", "known types"),
            ("list", "write list(TYPE): list(text)"),
            ("list(text", "list( is not closed by `)`"),
            ("text text", "nothing may follow: `text`"),
            ("zzz", "known types"),
            ("", "known types"),
        ] {
            let found = ColumnType::parse(text).unwrap_err();
            assert!(found.starts_with(hint), "{text}: {found}");
        }
        assert!(ColumnType::parse(&"list(".repeat(5_000)).unwrap_err().contains("32 deep"));
    }
}
