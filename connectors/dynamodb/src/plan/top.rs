//! The first rows of an order: a Query brings them first if the order is that of its sort key.
//!
//! Keys are never NULL. DynamoDB orders text by the bytes of its UTF-8, numbers by value and binary by unsigned bytes,
//! as the engine does; a key column that means anything else is none to look up by, so it does not come here.

use super::target::Target;
use headwater_core::Top;

/// Which way a Query has to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// The direction in which every Query of `target` brings its first rows of the order first; the reason if there is none.
pub(super) fn direction(target: &Target<'_>, top: &Top) -> Result<Direction, String> {
    // All rows of one Query have the same partition key.
    let mut order = top.order.iter().filter(|key| key.column != target.partition.column);
    let Some(first) = order.next() else { return Ok(Direction::Forward) };
    match &target.sort {
        Some(sort) if sort.column == first.column && sort.is_usable() => {}
        _ => return Err(format!("a Query has no order by {}", first.column)),
    }
    if let (Some(index), Some(second)) = (target.index, order.next()) {
        // In the table itself no two items of a partition have the same sort key.
        return Err(format!(
            "rows of index {} with the same {} have no order by {}",
            index.name, first.column, second.column
        ));
    }
    Ok(if first.descending { Direction::Backward } else { Direction::Forward })
}
