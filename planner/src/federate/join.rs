//! Two blocks of one source, joined there.

use super::block::Block;
use crate::translate::Reason;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::logical_expr::{Expr as EngineExpr, Join as EngineJoin};
use headwater_core::{Join, JoinColumn, Side};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What a source is asked for, and the columns of the engine's operator in its terms.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) relation: Join,
    /// One per column of the engine's join, over the relation's columns.
    pub(crate) columns: Vec<EngineExpr>,
}

/// The join of two blocks, or why the engine makes it.
pub(crate) fn joined(join: &EngineJoin, left: &Block, right: &Block) -> Result<Joined, Reason> {
    if !Arc::ptr_eq(&left.table.connector, &right.table.connector) || left.table.catalog != right.table.catalog {
        return Err(format!("across catalogs {}, {}", left.table.catalog, right.table.catalog));
    }
    let plain = join.join_type == JoinType::Inner && join.filter.is_none();
    if !plain || join.null_equality == NullEquality::NullEqualsNull || join.on.is_empty() {
        return Err("only inner joins on equal columns are pushed".to_owned());
    }
    let on = join.on.iter().map(|(a, b)| Ok((left.column(a)?, right.column(b)?)));
    let on = on.collect::<Result<Vec<_>, Reason>>()?;
    let mut names = Names::default();
    let mut columns = Vec::with_capacity(left.columns.len() + right.columns.len());
    for (side, block) in [(Side::Left, left), (Side::Right, right)] {
        for (_, meaning) in &block.columns {
            columns.push(names.renamed(side, meaning));
        }
    }
    if names.columns.is_empty() {
        // Rows without columns: a join has at least one, and this one is there in any case.
        on.iter().take(1).for_each(|(column, _)| drop(names.name(Side::Left, column)));
    }
    let relation = Join { left: left.input(), right: right.input(), on, columns: names.columns };
    Ok(Joined { relation, columns })
}

/// The names of the joined columns: their own, unless the other side has such a one too.
#[derive(Default)]
struct Names {
    columns: Vec<JoinColumn>,
    known: HashMap<(bool, String), String>,
    taken: BTreeSet<String>,
}

impl Names {
    /// An expression over one side's columns as one over the join's.
    fn renamed(&mut self, side: Side, meaning: &EngineExpr) -> EngineExpr {
        use datafusion::common::tree_node::{Transformed, TreeNode};
        let replaced = meaning.clone().transform(|expr| {
            Ok(match expr {
                EngineExpr::Column(column) => {
                    Transformed::yes(EngineExpr::Column(Column::new_unqualified(self.name(side, &column.name))))
                }
                other => Transformed::no(other),
            })
        });
        replaced.map_or_else(|_| meaning.clone(), |replaced| replaced.data)
    }

    fn name(&mut self, side: Side, column: &str) -> String {
        let key = (side == Side::Left, column.to_owned());
        if let Some(name) = self.known.get(&key) {
            return name.clone();
        }
        let mut name = column.to_owned();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{column}_{number}");
            number += 1;
        }
        self.columns.push(JoinColumn { side, column: column.to_owned(), name: name.clone() });
        self.known.insert(key, name.clone());
        name
    }
}
