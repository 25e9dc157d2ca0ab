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

/// A pattern, its alternatives written out.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    alternatives: Vec<Vec<Vec<char>>>,
    names_hidden: bool,
}

/// More alternatives than this are refused.
const MAX_ALTERNATIVES: usize = 1_000;

impl Glob {
    /// `None` for a brace or bracket that is never closed, or too many alternatives. A pattern that ends with a slash
    /// means everything below.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let whole = if pattern.ends_with('/') { format!("{pattern}**") } else { pattern.to_owned() };
        let mut alternatives = Vec::new();
        expand(&whole, &mut alternatives)?;
        let names_hidden = whole.split('/').any(super::is_hidden);
        let segments = |text: &String| text.split('/').map(|name| name.chars().collect()).collect();
        let all: Vec<Vec<Vec<char>>> = alternatives.iter().map(segments).collect();
        let closed = all.iter().flatten().all(|name| brackets_close(name));
        closed.then_some(Self { alternatives: all, names_hidden })
    }

    /// Whether the pattern itself names something hidden.
    pub(crate) fn names_hidden(&self) -> bool {
        self.names_hidden
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let names: Vec<Vec<char>> = path.split('/').map(|name| name.chars().collect()).collect();
        self.alternatives.iter().any(|pattern| match_path(pattern, &names))
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

fn brackets_close(name: &[char]) -> bool {
    let mut at = 0;
    while let Some(character) = name.get(at) {
        if *character == '[' {
            match bracket(name.get(at..).unwrap_or_default(), '\0') {
                Some((_, length)) => at += length,
                None => return false,
            }
        } else {
            at += 1;
        }
    }
    true
}

fn match_path(pattern: &[Vec<char>], names: &[Vec<char>]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        Some((first, rest)) if first.as_slice() == ['*', '*'] => {
            (0..=names.len()).any(|skip| match_path(rest, names.get(skip..).unwrap_or_default()))
                && !(rest.is_empty() && names.is_empty())
        }
        Some((first, rest)) => match names.split_first() {
            Some((name, others)) => match_name(first, name) && match_path(rest, others),
            None => false,
        },
    }
}

fn match_name(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|skip| match_name(rest, name.get(skip..).unwrap_or_default())),
        Some(('?', rest)) => name.split_first().is_some_and(|(_, others)| match_name(rest, others)),
        Some(('[', _)) => {
            let Some((character, others)) = name.split_first() else { return false };
            match bracket(pattern, *character) {
                Some((true, length)) => match_name(pattern.get(length..).unwrap_or_default(), others),
                _ => false,
            }
        }
        Some((expected, rest)) => {
            name.split_first().is_some_and(|(character, others)| character == expected && match_name(rest, others))
        }
    }
}

/// Whether `[…]` at the pattern's start holds the character, and how long it is.
fn bracket(pattern: &[char], character: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some('!' | '^'));
    let mut at = if negated { 2 } else { 1 };
    let (begin, mut held) = (at, false);
    loop {
        let from = *pattern.get(at)?;
        if from == ']' && at > begin {
            return Some((held != negated, at + 1));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(to)) if *to != ']' => {
                held |= (from..=*to).contains(&character);
                at += 3;
            }
            _ => {
                held |= from == character;
                at += 1;
            }
        }
    }
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
        assert!(Glob::new("a{b").is_none());
        assert!(Glob::new("a[b").is_none());
        assert_eq!(literal_folder("a/b/c*.csv"), "a/b/");
        assert_eq!(literal_folder("*.csv"), "");
    }
}
