//! Reading everything: the table, or an index that has all the rows that are wanted.

use super::Reading;
use super::condition::Compiler;
use super::conjunct::{Conjunct, FilterExpression};
use super::expression::Aliases;
use super::request::{ReadParameters, SCAN, operation};
use super::target::Target;
use super::template::QueryShape;
use headwater_core::{Answer, Error, Result, SourceRequest};

/// A Scan gets a further segment for so many bytes: four pages of 1 MB.
const BYTES_PER_SEGMENT: f64 = 4_194_304.0;
/// Half a unit for each of the 256 blocks of a page: what one segment takes with one page a second.
const UNITS_PER_PAGE: u64 = 128;

/// A Scan without its segments, and what becomes of each condition.
#[derive(Debug)]
pub(super) struct ScanShape {
    pub(super) base: ReadParameters,
    pub(super) outcomes: Vec<Answer>,
    /// Whether no item can qualify.
    pub(super) never: bool,
}

/// A Scan filters by any attribute, keys included.
pub(super) fn scan_shape(reading: &Reading<'_>, target: &Target<'_>, conjuncts: &[Conjunct<'_>]) -> ScanShape {
    let mut aliases = Aliases::default();
    let mut filter = FilterExpression::default();
    let mut outcomes = Vec::with_capacity(conjuncts.len());
    for conjunct in conjuncts {
        let mut compiler = Compiler { reading, target, aliases: &mut aliases };
        outcomes.push(filter.push(&mut compiler, conjunct));
    }
    let never = filter.never;
    ScanShape { base: reading.base(target, filter.text(), aliases), outcomes, never }
}

impl ScanShape {
    /// Promises no more than a Query by join keys could keep in place of the Scan. A limit and counting need exact
    /// answers; to anything else reading by keys is of more use.
    pub(super) fn soften(&mut self, by_keys: &QueryShape) {
        for (promise, outcome) in self.outcomes.iter_mut().zip(&by_keys.outcomes) {
            if let (Answer::Exact, Answer::Inexact(reason) | Answer::Refused(reason)) = (&*promise, outcome) {
                *promise = Answer::Inexact(format!("checked again in case join keys replace the Scan: {reason}"));
            }
        }
    }

    /// One request per segment; none if no item can qualify.
    ///
    /// # Errors
    /// `Internal` if the parameters cannot be written as JSON.
    pub(super) fn requests(&self, segments: u32) -> Result<Vec<SourceRequest>> {
        if self.never {
            return Ok(Vec::new());
        }
        let total = i32::try_from(segments).map_err(|_| Error::internal("more segments than DynamoDB has"))?;
        if total == 1 {
            return Ok(vec![operation(SCAN, &self.base)?]);
        }
        let segment =
            |segment| ReadParameters { segment: Some(segment), total_segments: Some(total), ..self.base.clone() };
        (0..total).map(|number| operation(SCAN, &segment(number))).collect()
    }
}

/// How many segments a Scan gets: by size, no more than its capacity feeds (there is none to respect on demand), no
/// more than wanted, and one alone where a few rows are enough.
pub(super) fn segments(reading: &Reading<'_>, target: &Target<'_>, rows: Option<u64>) -> u32 {
    if rows.is_some_and(|rows| target.sizes.fit_one_page(rows)) {
        return 1;
    }
    let by_size = target.sizes.bytes.map_or(1, |bytes| super::whole(bytes / BYTES_PER_SEGMENT) + 1);
    let global = target.index.filter(|index| index.global);
    let capacity = global.map_or(reading.detail.read_capacity, |index| index.read_capacity);
    let by_capacity = capacity.map_or(u64::MAX, |units| (units / UNITS_PER_PAGE).max(1));
    u32::try_from(by_size.min(by_capacity)).unwrap_or(u32::MAX).min(reading.scan_segments).max(1)
}
