//! Whether a secondary index can stand in for its table.
//!
//! An index has an item if, and only if, the item has every key attribute of the index, each in its declared type. So
//! an index that is read in place of the table loses the items without those attributes: most indexes in practice are
//! *sparse*. It is read only where the conditions keep exactly these items out:
//!
//! ```text
//! key attribute of the index        nothing is lost if
//! also a key of the table           always: every item has it
//! any other                         some condition on its column alone is not true for NULL: =, <, BETWEEN, IN,
//!                                   starts_with, contains, IS NOT NULL; or a join asks for its values
//! text or binary of a global index  the same, and it is not true for an empty value: not `IS NOT NULL`, but `> ''`
//! ```
//!
//! What DynamoDB guarantees: it rejects a write whose index key is of another type, empty, or longer than a key may be.
//! So an attribute that changes to another type cannot be in the index, nor, while the index exists, in the table. Items
//! older than a *global* index may have such values, and are not in it. One of another type is nothing that the column
//! could hold (`Key::is_typed`): read from the table it would be an error. An empty one is kept out by the rule above.
//! One of more than 1,024 bytes in an item older than the index is missed by a range that it lies in. Where `=`, `IN` or
//! a join's keys name an empty or overlong value, the index is not read.
//!
//! All columns that are wanted, filtered or ordered by must be in the index as well. A global index is never strongly
//! consistent. Both kinds lag behind the table no more than an eventually consistent read of it may.

use super::Reading;
use super::conjunct::Conjunct;
use super::literal::AsKey;
use super::target::{Key, Target};
use crate::convert::KeyKind;
use crate::metadata::IndexDetail;
use headwater_core::{Answer, Value, eval::passes};

/// Why an index cannot be read whatever keys are known.
pub(super) fn refusal(index: &IndexDetail, target: &Target<'_>, reading: &Reading<'_>) -> Option<String> {
    if let Some(reason) = &index.unusable {
        return Some(reason.clone());
    }
    if index.global && reading.detail.consistent {
        return Some("a global index is never strongly consistent".to_owned());
    }
    let mut keys = [Some(&target.partition), target.sort.as_ref()].into_iter().flatten();
    if let Some(key) = keys.find(|key| !key.is_typed && !reading.is_table_key(&key.attribute)) {
        let digits = || format!("items that have {} as text of digits are not in it", key.column);
        return Some(key.problem.clone().unwrap_or_else(digits));
    }
    if reading.whole_items && index.attributes.is_some() {
        return Some("whole items are not projected into it".to_owned());
    }
    let has = |attribute: &String| index.attributes.as_ref().is_none_or(|names| names.contains(attribute));
    let mut lacking = reading.needed.iter().filter(|attribute| !has(attribute));
    let first = lacking.next()?;
    Some(match lacking.count() {
        0 => format!("{first} is not projected into it"),
        more => format!("{first} and {more} more are not projected into it"),
    })
}

/// The keys without which an item could satisfy all conditions and still not be in the index.
pub(super) fn unproven<'a>(target: &'a Target<'_>, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>]) -> Vec<&'a Key> {
    if target.index.is_none() {
        return Vec::new();
    }
    let keys = [Some(&target.partition), target.sort.as_ref()].into_iter().flatten();
    let needs_proof = |key: &&Key| !reading.is_table_key(&key.attribute);
    keys.filter(needs_proof).filter(|key| !conjuncts.iter().any(|conjunct| proves(conjunct, key, target))).collect()
}

/// A condition that proves an index complete is applied in part, even where it is refused otherwise: items for which it
/// is NULL do not come.
pub(super) fn mark_proofs(
    target: &Target<'_>,
    reading: &Reading<'_>,
    conjuncts: &[Conjunct<'_>],
    outcomes: &mut [Answer],
) {
    if target.index.is_none() {
        return;
    }
    let keys = || [Some(&target.partition), target.sort.as_ref()].into_iter().flatten();
    for (conjunct, outcome) in conjuncts.iter().zip(outcomes) {
        let is_proof = || keys().any(|key| !reading.is_table_key(&key.attribute) && proves(conjunct, key, target));
        if let Answer::Refused(reason) = outcome
            && is_proof()
        {
            *outcome = Answer::Inexact(std::mem::take(reason));
        }
    }
}

/// Whether a condition on the key's column alone keeps out what the index may not have.
fn proves(conjunct: &Conjunct<'_>, key: &Key, target: &Target<'_>) -> bool {
    let (mut own, mut others) = (false, false);
    conjunct.expr.visit_columns(&mut |column| if column == key.column { own = true } else { others = true });
    let passes = |value: &Value| passes(conjunct.expr, &|_| value.clone());
    let is_sort = target.sort.as_ref().is_some_and(|sort| sort.column == key.column);
    let listed = conjunct.equals(&key.column).unwrap_or_default();
    let unfit = |value: &Value| key.value(is_sort, value) == AsKey::Unfit;
    let passes_empty = empty(key).is_some_and(|empty| passes(&empty));
    own && !others && !passes(&Value::Null) && !passes_empty && !listed.iter().any(unfit)
}

/// The empty value of a key that an older item may have, though the index may not.
fn empty(key: &Key) -> Option<Value> {
    match key.kind {
        _ if !key.may_be_unfit => None,
        KeyKind::S => Some(Value::Utf8(String::new())),
        KeyKind::B => Some(Value::Binary(Vec::new())),
        KeyKind::N | KeyKind::Bool => None,
    }
}

/// Which items an index may lack, for want of a proof on these keys.
pub(super) fn lacking(target: &Target<'_>, columns: &[String]) -> String {
    let keys = [Some(&target.partition), target.sort.as_ref()].into_iter().flatten();
    let or_empty = keys.filter(|key| columns.contains(&key.column)).any(|key| empty(key).is_some());
    let columns = columns.join(", ");
    if or_empty {
        return format!("items without {columns}, or where it is empty, may not be in it");
    }
    format!("items without {columns} are not in it")
}
