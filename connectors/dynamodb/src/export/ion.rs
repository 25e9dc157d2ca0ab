//! An item in Ion text, as exports write it: `$ion_1_0 {Item:{id:1.,tags:$dynamodb_SS::["a"],raw:{{aGk=}}}}`.
//!
//! | Ion | here |
//! |---|---|
//! | string, decimal or integer, blob, bool, null | S, N, B, BOOL, NULL |
//! | struct, list | M, L |
//! | list with `$dynamodb_SS`, `$dynamodb_NS`, `$dynamodb_BS` | SS, NS, BS |
//!
//! Nothing else of Ion occurs in exports; it is an error here.

use super::Item;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;

const MARKER: &str = "$ion_1_0";
/// DynamoDB nests 32 deep; a text that goes on is no item.
const DEEPEST: u32 = 64;

type Parsed<T> = Result<T, String>;

/// Reads a line; a reason if it is no item.
pub(super) fn item(line: &[u8]) -> Parsed<Item> {
    let text = std::str::from_utf8(line).map_err(|_| "bytes that are not UTF-8".to_owned())?;
    let rest = text.trim().strip_prefix(MARKER).ok_or_else(|| format!("no {MARKER} at its beginning"))?;
    let mut text = Text { rest, depth: 0 };
    let AttributeValue::M(mut line) = text.value()? else { return Err("no struct".to_owned()) };
    text.blanks();
    match (line.remove("Item"), text.rest) {
        (Some(AttributeValue::M(item)), "") => Ok(item),
        (Some(_), "") | (None, _) => Err("no struct `Item`".to_owned()),
        (Some(_), _) => Err("something after the item".to_owned()),
    }
}

struct Text<'a> {
    rest: &'a str,
    depth: u32,
}

impl Text<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a sign if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { Err(format!("`{sign}` expected before {}", self.seen())) }
    }

    fn seen(&self) -> String {
        if self.rest.is_empty() {
            "the end".to_owned()
        } else {
            format!("`{}`", self.rest.chars().take(20).collect::<String>())
        }
    }

    fn value(&mut self) -> Parsed<AttributeValue> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("values nested too deep".to_owned());
        }
        self.blanks();
        let value = match self.rest.chars().next() {
            Some('{') if self.rest.starts_with("{{") => self.blob().map(AttributeValue::B),
            Some('{') => self.fields(),
            Some('[') => self.list().map(AttributeValue::L),
            Some('"') => self.string('"').map(AttributeValue::S),
            Some('0'..='9' | '-' | '+') => self.number().map(AttributeValue::N),
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    /// `true`, `false`, `null`, `null.string`, or the annotation of a set.
    fn word(&mut self) -> Parsed<AttributeValue> {
        let word = self.symbol()?;
        if self.take("::") {
            return self.set(&word);
        }
        match word.as_str() {
            "true" => Ok(AttributeValue::Bool(true)),
            "false" => Ok(AttributeValue::Bool(false)),
            "null" => Ok(AttributeValue::Null(true)),
            word if word.starts_with("null.") => Ok(AttributeValue::Null(true)),
            word => Err(format!("unknown word `{word}`")),
        }
    }

    fn set(&mut self, annotation: &str) -> Parsed<AttributeValue> {
        let values = self.list()?;
        let of = |kind: &str| format!("something else than {kind} in a set");
        match annotation {
            "$dynamodb_SS" => {
                let text = |value| if let AttributeValue::S(text) = value { Ok(text) } else { Err(of("text")) };
                values.into_iter().map(text).collect::<Parsed<_>>().map(AttributeValue::Ss)
            }
            "$dynamodb_NS" => {
                let number = |value| if let AttributeValue::N(text) = value { Ok(text) } else { Err(of("numbers")) };
                values.into_iter().map(number).collect::<Parsed<_>>().map(AttributeValue::Ns)
            }
            "$dynamodb_BS" => {
                let blob = |value| if let AttributeValue::B(blob) = value { Ok(blob) } else { Err(of("blobs")) };
                values.into_iter().map(blob).collect::<Parsed<_>>().map(AttributeValue::Bs)
            }
            other => Err(format!("unknown annotation `{other}`")),
        }
    }

    fn list(&mut self) -> Parsed<Vec<AttributeValue>> {
        self.expect("[")?;
        let mut values = Vec::new();
        while !self.take("]") {
            values.push(self.value()?);
            if !self.take(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(values)
    }

    fn fields(&mut self) -> Parsed<AttributeValue> {
        self.expect("{")?;
        let mut fields = Item::new();
        while !self.take("}") {
            self.blanks();
            let name = if self.rest.starts_with('"') { self.string('"')? } else { self.symbol()? };
            self.expect(":")?;
            let value = self.value()?;
            if fields.insert(name.clone(), value).is_some() {
                return Err(format!("field `{name}` twice"));
            }
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(AttributeValue::M(fields))
    }

    fn symbol(&mut self) -> Parsed<String> {
        self.blanks();
        if self.rest.starts_with('\'') {
            return self.string('\'');
        }
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.');
        let (word, rest) = self.rest.split_at(self.rest.find(|c| !part(c)).unwrap_or(self.rest.len()));
        if word.is_empty() {
            return Err(format!("a name expected before {}", self.seen()));
        }
        self.rest = rest;
        Ok(word.to_owned())
    }

    fn blob(&mut self) -> Parsed<Blob> {
        self.expect("{{")?;
        let (content, rest) = self.rest.split_once("}}").ok_or("a blob without an end")?;
        self.rest = rest;
        let content: String = content.split_whitespace().collect();
        base64::decode(content).map(Blob::new).map_err(|_| "a blob that is not base64".to_owned())
    }

    /// A decimal as DynamoDB writes it: `103.` as `103`, `6d2` as `6E2`.
    fn number(&mut self) -> Parsed<String> {
        let part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'd' | 'D' | '_');
        let (digits, rest) = self.rest.split_at(self.rest.find(|c| !part(c)).unwrap_or(self.rest.len()));
        if rest.starts_with(|c: char| c.is_alphabetic()) {
            return Err(format!("no decimal: {}", self.seen()));
        }
        let text = digits.replace('_', "");
        let (mantissa, exponent) = match text.split_once(['d', 'D']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text.as_str(), None),
        };
        let mantissa = mantissa.strip_suffix('.').unwrap_or(mantissa);
        self.rest = rest;
        let text = exponent.map_or_else(|| mantissa.to_owned(), |exponent| format!("{mantissa}E{exponent}"));
        // Whatever the notation: the same text that the live table gives.
        crate::convert::Number::parse(&text).map(|number| number.to_string()).ok_or(format!("no number: `{text}`"))
    }

    fn string(&mut self, quote: char) -> Parsed<String> {
        if self.rest.starts_with("'''") {
            return Err("a long string".to_owned());
        }
        let mut content = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(content);
                }
                '\\' => {
                    let (escaped, length) = escape(self.rest.get(at + 1..).unwrap_or_default())?;
                    content.extend(escaped);
                    chars.by_ref().take(length).for_each(|_| ());
                }
                c => content.push(c),
            }
        }
        Err("a string without an end".to_owned())
    }
}

/// What an escape after its backslash stands for (a line break in the source: nothing), and how many characters it has.
fn escape(text: &str) -> Parsed<(Option<char>, usize)> {
    let simple = |c| Ok((Some(c), 1));
    match text.chars().next() {
        Some('n') => simple('\n'),
        Some('t') => simple('\t'),
        Some('r') => simple('\r'),
        Some('0') => simple('\0'),
        Some('a') => simple('\u{7}'),
        Some('b') => simple('\u{8}'),
        Some('v') => simple('\u{b}'),
        Some('f') => simple('\u{c}'),
        Some('\n') => Ok((None, 1)),
        Some(c @ ('"' | '\'' | '\\' | '/' | '?')) => simple(c),
        Some('x') => coded(text, 2),
        Some('U') => coded(text, 8),
        Some('u') => match hex(text, 1, 4)? {
            high @ 0xd800..0xdc00 => {
                let low = if text.get(5..7) == Some("\\u") { hex(text, 7, 4)? } else { 0 };
                let both = char::decode_utf16([high as u16, u16::try_from(low).unwrap_or(0)]).next();
                both.and_then(Result::ok).map(|c| (Some(c), 11)).ok_or("half a character".to_owned())
            }
            _ => coded(text, 4),
        },
        _ => Err("an unknown escape".to_owned()),
    }
}

fn coded(text: &str, digits: usize) -> Parsed<(Option<char>, usize)> {
    let c = char::from_u32(hex(text, 1, digits)?).ok_or("an escape of no character")?;
    Ok((Some(c), digits + 1))
}

fn hex(text: &str, at: usize, digits: usize) -> Parsed<u32> {
    let digits = text.get(at..at + digits).ok_or("an escape without an end")?;
    u32::from_str_radix(digits, 16).map_err(|_| "an escape of no number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let line = r#"$ion_1_0 {Item:{Authors:$dynamodb_SS::["Author1","Author2"],Id:103.,InPublication:false,
            PageCount:6d2,Price:2d-3,Title:"Book \"103\" \u00e9\ud83d\ude00",raw:{{aGk=}},none:null,
            'a b':{k:[1.5,"x",true,{}]},"q":$dynamodb_NS::[1.,-2.],bs:$dynamodb_BS::[{{aGk=}}]}}"#;
        let item = item(line.as_bytes()).unwrap();
        assert_eq!(item["Authors"], AttributeValue::Ss(vec!["Author1".to_owned(), "Author2".to_owned()]));
        assert_eq!((&item["Id"], &item["PageCount"], &item["Price"]), (&n("103"), &n("600"), &n("0.002")));
        assert_eq!(item["Title"], s("Book \"103\" é😀"));
        assert_eq!(item["raw"], AttributeValue::B(Blob::new("hi")));
        assert_eq!(item["none"], AttributeValue::Null(true));
        assert_eq!(item["q"], AttributeValue::Ns(vec!["1".to_owned(), "-2".to_owned()]));
        assert_eq!(item["bs"], AttributeValue::Bs(vec![Blob::new("hi")]));
        let list = vec![n("1.5"), s("x"), AttributeValue::Bool(true), AttributeValue::M(Item::new())];
        assert_eq!(item["a b"], AttributeValue::M(Item::from([("k".to_owned(), AttributeValue::L(list))])));
    }

    #[test]
    fn what_exports_do_not_have_is_an_error() {
        for line in [
            "",
            "$ion_1_0",
            "[1]",
            "{Item:1}",
            "{Item:{a:2007-01-01}}",
            "{Item:{a:sym}}",
            "{Item:{a:x::[]}}",
            "{Item:{a:1e3}}",
            "{Item:{a:\"x}}",
            "{Item:{a:1.}",
            "{Item:{a:1.,a:2.}}",
            "{Item:{}} more",
            "{Item:{a:'''x'''}}",
            "{Item:{a:$dynamodb_SS::[1.]}}",
            "{Item:{a:{{!}}}}",
        ] {
            let line = format!("$ion_1_0 {line}");
            assert!(item(line.as_bytes()).is_err(), "{line}");
        }
        assert!(item(b"{Item:{a:1.}}").is_err(), "JSON, perhaps");
        let deep = format!("$ion_1_0 {{Item:{{a:{}{}}}}}", "[".repeat(100), "]".repeat(100));
        assert!(item(deep.as_bytes()).is_err());
    }
}
