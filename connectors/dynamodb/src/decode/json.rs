//! A pull parser for JSON: the caller says what it expects next, and nothing is kept that it does not ask for.

use std::fmt;

/// Far more than DynamoDB's 32 levels, each of which is two of JSON; deeper text would use up the stack.
const MAX_DEPTH: u32 = 128;
const DEEP: &str = "values nested in more than 128 others";

/// Text that is not the JSON expected at that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

type Result<T> = std::result::Result<T, Broken>;

/// A place in a JSON text.
///
/// Objects are read by [`open_object`](Self::open_object) and then [`next_key`](Self::next_key) until there is none,
/// each key followed by its value; arrays by [`open_array`](Self::open_array) and [`next_element`](Self::next_element).
#[derive(Debug)]
pub(crate) struct Json<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    /// Whether an object or array was opened just now, so that no comma is due.
    fresh: bool,
    /// The last text that had escapes.
    unescaped: String,
}

/// Where the characters of a string are.
enum Characters {
    Plain { start: usize, end: usize },
    Unescaped,
}

impl<'a> Json<'a> {
    /// # Errors
    /// The bytes are not UTF-8.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(body)
            .map_err(|error| Broken { what: "bytes that are not UTF-8", at: error.valid_up_to() })?;
        Ok(Self { text, at: 0, depth: 0, fresh: false, unescaped: String::new() })
    }

    /// Another reader at the same place.
    pub(crate) fn fork(&self) -> Self {
        Self { text: self.text, at: self.at, depth: self.depth, fresh: self.fresh, unescaped: String::new() }
    }

    /// What is wrong here.
    pub(crate) fn broken(&self, what: &'static str) -> Broken {
        Broken { what, at: self.at }
    }

    /// # Errors
    /// Something else is next.
    pub(crate) fn open_object(&mut self) -> Result<()> {
        self.open(b'{', "no object")
    }

    /// # Errors
    /// Something else is next.
    pub(crate) fn open_array(&mut self) -> Result<()> {
        self.open(b'[', "no array")
    }

    /// Whether an object is next.
    pub(crate) fn is_object(&mut self) -> bool {
        self.skip_space();
        self.peek() == Some(b'{')
    }

    /// The next key of the object; `None` at its end, which is then passed.
    ///
    /// # Errors
    /// The text goes on in another way.
    #[inline]
    pub(crate) fn next_key(&mut self) -> Result<Option<&str>> {
        if !self.goes_on(b'}')? {
            return Ok(None);
        }
        let key = self.characters()?;
        self.expect(b':', "no `:` behind a key")?;
        Ok(Some(self.resolve(&key)))
    }

    /// Whether the array has another element; its end is then passed.
    ///
    /// # Errors
    /// The text goes on in another way.
    pub(crate) fn next_element(&mut self) -> Result<bool> {
        self.goes_on(b']')
    }

    /// # Errors
    /// No string is next, or one with half a surrogate pair.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&str> {
        let characters = self.characters()?;
        Ok(self.resolve(&characters))
    }

    /// The kind of a scalar, `S`, `N` or `B`, if one is next as DynamoDB writes it: `{"S":"text"}`. Its string is then
    /// next, and after that [`end_scalar`](Self::end_scalar).
    #[inline]
    pub(crate) fn begin_scalar(&mut self) -> Option<u8> {
        match self.rest().first_chunk::<6>() {
            Some([b'{', b'"', kind @ (b'S' | b'N' | b'B'), b'"', b':', b'"']) => {
                let kind = *kind;
                self.at += 5;
                Some(kind)
            }
            _ => None,
        }
    }

    /// # Errors
    /// The scalar's object has another key.
    #[inline]
    pub(crate) fn end_scalar(&mut self) -> Result<()> {
        self.expect(b'}', "a value of more than one type")
    }

    /// # Errors
    /// Neither `true` nor `false` is next.
    pub(crate) fn boolean(&mut self) -> Result<bool> {
        self.skip_space();
        let truth = self.rest().starts_with(b"true");
        self.literal(if truth { "true" } else { "false" })?;
        Ok(truth)
    }

    /// The digits of a number.
    ///
    /// # Errors
    /// No number is next.
    pub(crate) fn number(&mut self) -> Result<&'a str> {
        self.skip_space();
        let start = self.at;
        self.pass(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err(self.broken("no number"));
        }
        if self.pass(b'.') && self.digits() == 0 {
            return Err(self.broken("no digit behind a point"));
        }
        if self.pass(b'e') || self.pass(b'E') {
            let _ = self.pass(b'+') || self.pass(b'-');
            if self.digits() == 0 {
                return Err(self.broken("no digit in an exponent"));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Whether `null` was next; it is then passed.
    ///
    /// # Errors
    /// Something else begins with `n`.
    pub(crate) fn null(&mut self) -> Result<bool> {
        self.skip_space();
        let null = self.peek() == Some(b'n');
        if null {
            self.literal("null")?;
        }
        Ok(null)
    }

    /// Passes a value of any kind. The escapes in its strings are not looked at.
    ///
    /// # Errors
    /// No value is next.
    pub(crate) fn skip(&mut self) -> Result<()> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => {
                self.open_object()?;
                while self.goes_on(b'}')? {
                    self.skip_string()?;
                    self.expect(b':', "no `:` behind a key")?;
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.open_array()?;
                while self.goes_on(b']')? {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'"') => self.skip_string(),
            Some(b'n') => self.literal("null"),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            _ => self.number().map(drop),
        }
    }

    /// # Errors
    /// There is more text.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.broken("text behind the end")) }
    }

    #[inline]
    fn open(&mut self, bracket: u8, otherwise: &'static str) -> Result<()> {
        self.expect(bracket, otherwise)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.broken(DEEP));
        }
        self.fresh = true;
        Ok(())
    }

    /// Whether the object or array that ends with `bracket` has another member, before which a comma is passed.
    #[inline]
    fn goes_on(&mut self, bracket: u8) -> Result<bool> {
        self.skip_space();
        let first = std::mem::take(&mut self.fresh);
        if self.pass(bracket) {
            self.depth -= 1;
            return Ok(false);
        }
        if !first {
            self.expect(b',', "no `,` between members")?;
        }
        Ok(true)
    }

    #[inline]
    fn characters(&mut self) -> Result<Characters> {
        self.expect(b'"', "no string")?;
        let start = self.at;
        self.at = end_of_plain(self.text.as_bytes(), start);
        if self.pass(b'"') {
            return Ok(Characters::Plain { start, end: self.at - 1 });
        }
        self.unescape(start)
    }

    /// The rest of a string that has escapes, or no end.
    #[cold]
    fn unescape(&mut self, start: usize) -> Result<Characters> {
        self.unescaped.clear();
        let mut run = start;
        loop {
            self.unescaped.push_str(self.text.get(run..self.at).unwrap_or_default());
            if self.pass(b'"') {
                return Ok(Characters::Unescaped);
            }
            if !self.pass(b'\\') {
                return Err(self.broken("a string without an end, or with a control character"));
            }
            let character = self.escape()?;
            self.unescaped.push(character);
            run = self.at;
            self.at = end_of_plain(self.text.as_bytes(), run);
        }
    }

    #[inline]
    fn resolve(&self, characters: &Characters) -> &str {
        match characters {
            Characters::Plain { start, end } => self.text.get(*start..*end).unwrap_or_default(),
            Characters::Unescaped => &self.unescaped,
        }
    }

    /// What a `\` stands for together with what follows it.
    fn escape(&mut self) -> Result<char> {
        let escaped = self.peek().ok_or_else(|| self.broken("a string without an end"))?;
        self.at += 1;
        Ok(match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return Err(self.broken("an unknown escape")),
        })
    }

    /// The character of four hexadecimal digits, or of two times four: RFC 8259, section 7.
    fn code_point(&mut self) -> Result<char> {
        let unit = self.code_unit()?;
        let code = if (0xd800..0xdc00).contains(&unit) && self.rest().starts_with(b"\\u") {
            self.at += 2;
            let low = self.code_unit()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(self.broken("half a surrogate pair"));
            }
            0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
        } else {
            unit
        };
        char::from_u32(code).ok_or_else(|| self.broken("half a surrogate pair"))
    }

    fn code_unit(&mut self) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.broken("no four hexadecimal digits behind `\\u`"))?;
        self.at += 4;
        Ok(unit)
    }

    #[inline]
    fn skip_string(&mut self) -> Result<()> {
        self.expect(b'"', "no string")?;
        loop {
            self.at = end_of_plain(self.text.as_bytes(), self.at);
            if self.pass(b'"') {
                return Ok(());
            }
            if !self.pass(b'\\') || self.peek().is_none() {
                return Err(self.broken("a string without an end, or with a control character"));
            }
            // Whatever is escaped: what follows its first byte is no quote of its own.
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &'static str) -> Result<()> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.broken("no value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes digits and says how many.
    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    #[inline]
    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<()> {
        self.skip_space();
        if self.pass(byte) { Ok(()) } else { Err(self.broken(otherwise)) }
    }

    #[inline]
    fn pass(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn skip_space(&mut self) {
        // DynamoDB writes no space at all.
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek().filter(|byte| *byte <= b' ') {
            self.at += 1;
        }
    }
}

/// Where the first quote, backslash or control character from `start` on is; the text's length if there is none.
///
/// Eight bytes are looked at together. In `x - 1 & !x`, with the highest bit of each byte, only a zero byte, or one
/// above a zero byte, can be set: the lowest set bit is always right.
#[inline]
fn end_of_plain(text: &[u8], start: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = ONES << 7;
    let mut at = start;
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let equal = |byte: u8| {
            let differences = word ^ (ONES * u64::from(byte));
            differences.wrapping_sub(ONES) & !differences
        };
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let stops = (equal(b'"') | equal(b'\\') | control) & HIGHS;
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = text.get(at..).unwrap_or_default();
    let stop = tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    stop.map_or(text.len(), |stop| at + stop)
}

#[cfg(test)]
mod tests;
