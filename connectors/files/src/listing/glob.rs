//! Patterns over paths: `*`, `?`, `[a-z]`, `{a,b}` within a name, `**` across folders.

/// Whether a path has a character that makes it a pattern.
pub(crate) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// The folder above the first name with a pattern, with its slash; nothing if that is the first name.
pub(crate) fn literal_folder(pattern: &str) -> &str {
    let first = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    let end = pattern.get(..first).and_then(|literal| literal.rfind('/')).map_or(0, |slash| slash + 1);
    pattern.get(..end).unwrap_or_default()
}

/// One character of a name, as a pattern has it.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// `*`
    Any,
    /// `?`
    One,
    Character(char),
    /// `[a-z]`, `[!a-z]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// One name of a path, as a pattern has it.
#[derive(Debug, Clone)]
enum Segment {
    /// `**`
    Folders,
    Name(Vec<Token>),
}

/// A pattern, its alternatives written out.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    alternatives: Vec<Vec<Segment>>,
    names_hidden: bool,
}

/// More alternatives than this are refused.
const MAX_ALTERNATIVES: usize = 1_000;

impl Glob {
    /// `None` for a brace or bracket that is never closed, or too many alternatives. A pattern that ends with a slash
    /// means everything below.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let whole = if pattern.ends_with('/') { format!("{pattern}**") } else { pattern.to_owned() };
        let mut written_out = Vec::new();
        expand(&whole, &mut written_out)?;
        // The folders above the first name with a pattern are those that the person asked for.
        let below = whole.get(literal_folder(&whole).len()..).unwrap_or_default();
        let names_hidden = below.split('/').any(super::is_hidden);
        let segments = |text: &String| text.split('/').map(segment).collect::<Option<Vec<_>>>();
        let alternatives = written_out.iter().map(segments).collect::<Option<Vec<_>>>()?;
        Some(Self { alternatives, names_hidden })
    }

    /// Whether the pattern itself names something hidden, below its [`literal_folder`].
    pub(crate) fn names_hidden(&self) -> bool {
        self.names_hidden
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let names = names_of(path);
        let is_any = |segment: &Segment| matches!(segment, Segment::Folders);
        let fits = |segment: &Segment, name: &Vec<char>| segment.fits(name);
        self.alternatives.iter().any(|pattern| matched(pattern, &names, is_any, fits))
    }

    /// Whether something below this folder may match.
    pub(crate) fn reaches_below(&self, folder: &str) -> bool {
        let names = names_of(folder);
        self.alternatives.iter().any(|pattern| {
            let folders = pattern.iter().position(|segment| matches!(segment, Segment::Folders));
            let fixed = pattern.get(..folders.unwrap_or(pattern.len())).unwrap_or_default();
            let fits = fixed.iter().zip(&names).all(|(segment, name)| segment.fits(name));
            fits && (folders.is_some() || names.len() < pattern.len())
        })
    }
}

fn names_of(path: &str) -> Vec<Vec<char>> {
    path.split('/').map(|name| name.chars().collect()).collect()
}

impl Segment {
    fn fits(&self, name: &[char]) -> bool {
        match self {
            Self::Folders => true,
            Self::Name(tokens) => matched(tokens, name, |token| *token == Token::Any, Token::fits),
        }
    }
}

impl Token {
    fn fits(&self, character: &char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Character(own) => own == character,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(from, to)| (from..=to).contains(&character)) != *negated
            }
        }
    }
}

/// Whether the items are what the pattern says, where some of its parts stand for any number of items.
///
/// Only the last such part is ever widened, so the time is at most the product of both lengths.
fn matched<P, T>(pattern: &[P], items: &[T], is_any: impl Fn(&P) -> bool, fits: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut item) = (0, 0);
    // Behind the last such part, and the first item that it does not stand for yet.
    let mut widen: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), items.get(item)) {
            (Some(part), _) if is_any(part) => {
                at += 1;
                widen = Some((at, item));
                continue;
            }
            (Some(part), Some(next)) if fits(part, next) => {
                at += 1;
                item += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match widen {
            Some((after, taken)) if taken < items.len() => {
                widen = Some((after, taken + 1));
                (at, item) = (after, taken + 1);
            }
            _ => return false,
        }
    }
}

fn segment(text: &str) -> Option<Segment> {
    if text == "**" {
        return Some(Segment::Folders);
    }
    let characters: Vec<char> = text.chars().collect();
    let (mut tokens, mut rest) = (Vec::new(), characters.as_slice());
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        tokens.push(match first {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => {
                let (class, after) = class(others)?;
                rest = after;
                class
            }
            other => Token::Character(*other),
        });
    }
    Some(Segment::Name(tokens))
}

/// What follows a `[`, and what follows its `]`. A `]` in the first place stands for itself.
fn class(text: &[char]) -> Option<(Token, &[char])> {
    let negated = matches!(text.first(), Some('!' | '^'));
    let mut rest = if negated { text.get(1..)? } else { text };
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [']', after @ ..] if !ranges.is_empty() => return Some((Token::Class { negated, ranges }, after)),
            [from, '-', to, after @ ..] if *to != ']' => {
                ranges.push((*from, *to));
                after
            }
            [one, after @ ..] => {
                ranges.push((*one, *one));
                after
            }
            [] => return None,
        };
    }
}

/// Writes out `{a,b}`, outermost first.
fn expand(pattern: &str, found: &mut Vec<String>) -> Option<()> {
    let Some(open) = pattern.find('{') else {
        found.push(pattern.to_owned());
        return (found.len() <= MAX_ALTERNATIVES).then_some(());
    };
    let (before, rest) = pattern.split_at(open);
    let (mut depth, mut parts, mut begin) = (0, Vec::new(), 1);
    for (at, character) in rest.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => {
                parts.push(rest.get(begin..at)?);
                let after = rest.get(at + 1..)?;
                return parts.into_iter().try_for_each(|part| expand(&format!("{before}{part}{after}"), found));
            }
            '}' => depth -= 1,
            ',' if depth == 1 => {
                parts.push(rest.get(begin..at)?);
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_shells_match() {
        let cases = [
            ("d/*.csv", "d/a.csv", true),
            ("d/*.csv", "d/e/a.csv", false),
            ("d/**/*.csv", "d/a.csv", true),
            ("d/**/*.csv", "d/e/f/a.csv", true),
            ("d/**", "d/e/f", true),
            ("**/x/**/*.csv", "a/x/b/x/c.csv", true),
            ("**/x/**/y.csv", "a/x/b/x/c.csv", false),
            ("[]a]*", "]b", true),
            ("a*b*c", "abbbxc", true),
            ("d/", "d/e/f", true),
            ("d/?[0-9]*.{csv,tsv}", "d/a7.tsv", true),
            ("d/?[!0-9]*.csv", "d/a7.csv", false),
            ("{a,b{c,d}}/x", "bd/x", true),
            ("y=*/m=*/x", "y=1/m=2/x", true),
            ("日*.csv", "日本.csv", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), expected, "{pattern} {path}");
        }
        let stars = "*a".repeat(200);
        assert!(!Glob::new(&stars).unwrap().matches(&"a".repeat(199)));
        assert!(Glob::new("a{b").is_none());
        assert!(Glob::new("a[b").is_none());
        assert_eq!(literal_folder("a/b/c*.csv"), "a/b/");
        assert_eq!(literal_folder("*.csv"), "");
    }

    #[test]
    fn only_folders_on_the_way_are_looked_into() {
        let cases = [
            ("/d/*/x.csv", "/d/a", true),
            ("/d/*/x.csv", "/d/a/b", false),
            ("/d/y=*/x.csv", "/d/z=1", false),
            ("/d/**/x.csv", "/d/a/b/c", true),
            ("/d/a*/**", "/d/b", false),
            ("/d/{a,b/c}/*", "/d/b", true),
            ("/d/*.csv", "/d/e.csv", false),
        ];
        for (pattern, folder, expected) in cases {
            assert_eq!(Glob::new(pattern).unwrap().reaches_below(folder), expected, "{pattern} {folder}");
        }
    }

    #[test]
    fn a_hidden_folder_above_the_pattern_shows_nothing_hidden_below() {
        assert!(!Glob::new("/.h/_i/*.csv").unwrap().names_hidden());
        assert!(Glob::new("/h/*/_i.csv").unwrap().names_hidden());
    }
}
