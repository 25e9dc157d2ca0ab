//! Two answers held against each other.

use super::answer::Answer;
use std::cmp::Ordering;

/// Sums of floating-point numbers may differ by this, relative to the greater: a few thousand roundings.
const TOLERANCE: f64 = 1e-9;

/// What differs, as indices of rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// What is wrong, in words.
    pub(super) what: String,
    /// Rows of the answer with pushdown.
    pub(super) pushed: Vec<usize>,
    /// Rows of the answer without.
    pub(super) plain: Vec<usize>,
}

type Compared = Result<(), Difference>;

/// How many differing rows are shown of each side.
pub(super) const SHOWN_ROWS: usize = 3;

/// The same rows, whatever their order.
pub(super) fn same_rows(pushed: &Answer, plain: &Answer) -> Compared {
    let left: Vec<usize> = (0..pushed.len()).collect();
    let right: Vec<usize> = (0..plain.len()).collect();
    same_multiset(pushed, plain, left, right)
}

/// The same number of rows.
pub(super) fn same_count(pushed: &Answer, plain: &Answer) -> Compared {
    if pushed.len() == plain.len() {
        return Ok(());
    }
    let what = format!("{} rows with pushdown, {} without", pushed.len(), plain.len());
    let first = pushed.len().min(plain.len());
    let more = |answer: &Answer| (first..answer.len()).take(SHOWN_ROWS).collect();
    Err(Difference { what, pushed: more(pushed), plain: more(plain) })
}

/// The rows that are ordered, as two answers of the same number of rows: the same keys, place by place.
///
/// Sums that differ in their last bits may change places, so that nothing after such a key is in a certain order.
pub(super) fn same_order(pushed: &Ordered<'_>, plain: &Ordered<'_>) -> Compared {
    let count = pushed.answer.len().min(plain.answer.len());
    match (0..count).find(|row| !pushed.is_level(*row, plain, *row)) {
        None => Ok(()),
        Some(row) => {
            let what = format!("row {} is another in the order of the statement", row + 1);
            Err(Difference { what, pushed: vec![row], plain: vec![row] })
        }
    }
}

/// The same rows between those that are level with the first (after an offset) and those level with the last.
pub(super) fn same_within(pushed: &Ordered<'_>, plain: &Ordered<'_>, skipped: bool, full: bool) -> Compared {
    if pushed.computed.is_some() || pushed.answer.len() == 0 {
        return Ok(());
    }
    let last = pushed.answer.len() - 1;
    let inside = |side: &Ordered<'_>| -> Vec<usize> {
        let open = |row| (full && side.is_level(row, side, last)) || (skipped && side.is_level(row, side, 0));
        (0..side.answer.len()).filter(|row| !open(*row)).collect()
    };
    same_multiset(pushed.answer, plain.answer, inside(pushed), inside(plain))
}

/// An answer with the keys it is ordered by.
pub(super) struct Ordered<'a> {
    pub(super) answer: &'a Answer,
    /// The keys that are compared exactly.
    pub(super) keys: &'a Answer,
    /// The first computed key, which ends what is certain.
    pub(super) computed: Option<usize>,
}

impl Ordered<'_> {
    fn is_level(&self, row: usize, other: &Ordered<'_>, other_row: usize) -> bool {
        let exact = self.keys.exact(row) == other.keys.exact(other_row);
        exact
            && self.computed.is_none_or(|position| {
                is_near(self.answer.computed(position, row), other.answer.computed(position, other_row))
            })
    }
}

fn same_multiset(pushed: &Answer, plain: &Answer, mut left: Vec<usize>, mut right: Vec<usize>) -> Compared {
    sort(pushed, &mut left);
    sort(plain, &mut right);
    let mut difference = Difference::default();
    let (mut left, mut right) = (left.as_slice(), right.as_slice());
    while !left.is_empty() || !right.is_empty() {
        let (of_left, of_right) = next_groups(pushed, plain, left, right);
        unmatched(pushed, plain, of_left, of_right, &mut difference);
        left = left.get(of_left.len()..).unwrap_or_default();
        right = right.get(of_right.len()..).unwrap_or_default();
    }
    if difference.pushed.is_empty() && difference.plain.is_empty() {
        return Ok(());
    }
    difference.what =
        format!("{} rows only with pushdown, {} only without", difference.pushed.len(), difference.plain.len());
    Err(difference)
}

fn sort(answer: &Answer, rows: &mut [usize]) {
    rows.sort_unstable_by(|a, b| {
        answer.exact(*a).cmp(&answer.exact(*b)).then_with(|| {
            let pairs = answer.all_computed(*a).zip(answer.all_computed(*b));
            pairs.fold(Ordering::Equal, |order, (a, b)| order.then_with(|| total_order(a, b)))
        })
    });
}

fn total_order(a: Option<f64>, b: Option<f64>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

/// The rows of both sides with the least exact values; one side may have none.
fn next_groups<'a>(
    pushed: &Answer,
    plain: &Answer,
    left: &'a [usize],
    right: &'a [usize],
) -> (&'a [usize], &'a [usize]) {
    let of = |answer: &Answer, rows: &'a [usize]| match rows.first() {
        None => rows,
        Some(first) => {
            let length = rows.iter().take_while(|row| answer.exact(**row) == answer.exact(*first)).count();
            rows.get(..length).unwrap_or_default()
        }
    };
    let order = match (left.first(), right.first()) {
        (Some(left), Some(right)) => pushed.exact(*left).cmp(&plain.exact(*right)),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    match order {
        Ordering::Less => (of(pushed, left), &[]),
        Ordering::Greater => (&[], of(plain, right)),
        Ordering::Equal => (of(pushed, left), of(plain, right)),
    }
}

/// Beyond this many rows that agree in all exact values, those whose computed values are out of step are not paired
/// one with each other.
const MAX_PAIRING: usize = 1_000;

/// Of rows with the same exact values, those without a partner of nearly the same computed ones.
fn unmatched(pushed: &Answer, plain: &Answer, left: &[usize], right: &[usize], difference: &mut Difference) {
    let near = |a: usize, b: usize| pushed.all_computed(a).zip(plain.all_computed(b)).all(|(a, b)| is_near(a, b));
    let (mut alone, mut others) = (Vec::new(), Vec::new());
    for index in 0..left.len().max(right.len()) {
        match (left.get(index), right.get(index)) {
            (Some(a), Some(b)) if near(*a, *b) => {}
            (a, b) => {
                alone.extend(a);
                others.extend(b);
            }
        }
    }
    for row in alone {
        let partner = others.iter().take(MAX_PAIRING).position(|other| near(row, *other));
        match partner {
            Some(partner) => drop(others.swap_remove(partner)),
            None => difference.pushed.push(row),
        }
    }
    difference.plain.extend(others);
}

/// The same, or two roundings of the same sum.
fn is_near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            let near = || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
            a == b || (a.is_nan() && b.is_nan()) || (a.is_finite() && b.is_finite() && near())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_bits_of_a_sum_may_differ() {
        assert!(is_near(Some(0.1 + 0.2), Some(0.3)));
        assert!(is_near(Some(f64::NAN), Some(-f64::NAN)));
        assert!(is_near(Some(-0.0), Some(0.0)));
        assert!(!is_near(Some(0.3), Some(0.300_001)));
        assert!(!is_near(Some(0.0), None));
        assert!(!is_near(Some(f64::INFINITY), Some(f64::NEG_INFINITY)));
        assert!(!is_near(Some(f64::INFINITY), Some(1.0)));
    }
}
