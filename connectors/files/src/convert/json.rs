//! A line of JSON taken apart, numbers as they are written.
//!
//! Our own reader, because serde_json's turns `1.10` and 20-digit numbers into binary fractions.

use std::borrow::Cow;

/// Deeper nesting than this is refused, as it would exhaust the stack.
const MAX_DEPTH: usize = 64;

/// A value, borrowed from the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Boolean(bool),
    /// As written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// In the order of the text.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads the one value that `text` holds.
    ///
    /// # Errors
    /// What is wrong, and at which byte, from 1.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        parser.blanks();
        if parser.at < text.len() { Err(parser.wrong("something after the value")) } else { Ok(value) }
    }

    /// In a word, for messages.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// A key that an object has more than once.
fn twice<'a>(entries: &'a [(Cow<'_, str>, Json<'_>)]) -> Option<&'a str> {
    let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_ref()).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}

/// As JSON, without blanks.
impl std::fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Number(text) => f.write_str(text),
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_ref())),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    let key = serde_json::Value::from(key.as_ref());
                    write!(f, "{}{key}:{value}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, reason: &str) -> String {
        format!("{reason} at byte {}", self.at + 1)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, String> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nesting deeper than 64"));
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.word(),
            None => Err(self.wrong("no value")),
        }
    }

    fn word(&mut self) -> Result<Json<'a>, String> {
        let words = [("null", Json::Null), ("true", Json::Boolean(true)), ("false", Json::Boolean(false))];
        let rest = self.text.get(self.at..).unwrap_or_default();
        match words.into_iter().find(|(word, _)| rest.starts_with(word)) {
            Some((word, value)) => {
                self.at += word.len();
                Ok(value)
            }
            None => Err(self.wrong("no JSON value")),
        }
    }

    fn number(&mut self) -> Result<Json<'a>, String> {
        let begin = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let whole = self.digits();
        let mut sound = whole > 0 && (whole == 1 || self.text.as_bytes().get(self.at - whole) != Some(&b'0'));
        if self.peek() == Some(b'.') {
            self.at += 1;
            sound &= self.digits() > 0;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            sound &= self.digits() > 0;
        }
        match self.text.get(begin..self.at) {
            Some(text) if sound => Ok(Json::Number(text)),
            _ => Err(self.wrong("no number")),
        }
    }

    fn digits(&mut self) -> usize {
        let begin = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - begin
    }

    fn string(&mut self) -> Result<Cow<'a, str>, String> {
        let begin = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..=0x1f) => return Err(self.wrong("a control character in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a text without an end")),
            }
        }
        self.at += 1;
        let quoted = self.text.get(begin..self.at).unwrap_or_default();
        if escaped {
            return serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| self.wrong("a wrong escape in a text"));
        }
        Ok(Cow::Borrowed(quoted.get(1..quoted.len() - 1).unwrap_or_default()))
    }

    fn list(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.eat(b']') {
                return Ok(Json::List(items));
            }
            if !self.eat(b',') {
                return Err(self.wrong("neither `,` nor `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, String> {
        self.at += 1;
        let mut entries: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        if self.eat(b'}') {
            return Ok(Json::Object(entries));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("no key"));
            }
            let key = self.string()?;
            if !self.eat(b':') {
                return Err(self.wrong("no `:`"));
            }
            entries.push((key, self.value(depth + 1)?));
            if self.eat(b'}') {
                return match twice(&entries) {
                    Some(key) => Err(self.wrong(&format!("the key `{key}` a second time in the object that ends"))),
                    None => Ok(Json::Object(entries)),
                };
            }
            if !self.eat(b',') {
                return Err(self.wrong("neither `,` nor `}`"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_written() {
        let json = Json::parse(r#" {"a": [1.10, -2e5, null], "é\n": {"b": true}, "c": "x"} "#).unwrap();
        let Json::Object(entries) = &json else { panic!("no object") };
        assert_eq!(entries[0].1, Json::List(vec![Json::Number("1.10"), Json::Number("-2e5"), Json::Null]));
        assert_eq!(entries[1].0, "é\n");
        assert_eq!(entries[2].1, Json::Text("x".into()));
        assert_eq!(Json::parse("\"\\ud83d\\ude00\"").unwrap(), Json::Text("😀".into()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(100);
        let wrong = [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":1,}",
            "[1,]",
            "01",
            "1.",
            "-",
            "1e",
            "nul",
            "\"a",
            "{} {}",
            "'a'",
            "{\"a\":1,\"a\":2}",
            "\"\\x\"",
            "\"\\",
            deep.as_str(),
        ];
        for text in wrong {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }
}
