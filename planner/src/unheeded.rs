//! Clauses that the parser understands and the engine leaves out: they must not look obeyed.
//!
//! `TABLESAMPLE`, `PREWHERE`, `WITH ROLLUP` and their like change what a statement means. The structs are matched without
//! `..`, so that a clause of a later parser breaks the build here instead of being left out.

use datafusion::sql::sqlparser::ast::{
    GroupByExpr, Query, Select, SelectFlavor, SelectItem, Statement, TableFactor, Visit, Visitor,
    WildcardAdditionalOptions,
};
use headwater_core::{Error, ErrorKind, Result};
use std::ops::ControlFlow;

/// Refuses the first such clause of a statement.
///
/// # Errors
/// `Unsupported`, naming the clause.
pub(crate) fn refuse(statement: &Statement) -> Result<()> {
    match statement.visit(&mut Unheeded) {
        ControlFlow::Break(clause) => Err(Error::new(ErrorKind::Unsupported, format!("{clause} is not supported"))
            .with_hint("leave it out, or say it in other words")),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Unheeded;

type Found = ControlFlow<&'static str>;

/// The first clause that is there.
fn first(clauses: &[(bool, &'static str)]) -> Found {
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, clause)) => ControlFlow::Break(clause),
        None => ControlFlow::Continue(()),
    }
}

impl Visitor for Unheeded {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> Found {
        let Query {
            with: _,
            body: _,
            order_by: _,
            limit_clause: _,
            fetch: _,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators: _,
        } = query;
        first(&[
            (!locks.is_empty(), "a lock (FOR UPDATE, FOR SHARE)"),
            (for_clause.is_some(), "FOR XML, FOR JSON or FOR BROWSE"),
            (settings.is_some(), "SETTINGS"),
            (format_clause.is_some(), "FORMAT in a statement"),
        ])
    }

    fn pre_visit_select(&mut self, select: &Select) -> Found {
        let Select {
            select_token: _,
            // Hints advise; they change no answer.
            optimizer_hints: _,
            distinct: _,
            select_modifiers,
            top: _,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from: _,
            lateral_views: _,
            prewhere,
            selection: _,
            connect_by,
            group_by,
            cluster_by: _,
            distribute_by: _,
            sort_by: _,
            having: _,
            named_window: _,
            qualify: _,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        let modified = match group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => !modifiers.is_empty(),
        };
        first(&[
            (select_modifiers.is_some(), "a modifier after SELECT"),
            (exclude.is_some(), "EXCLUDE after the columns"),
            (into.is_some(), "SELECT … INTO"),
            (prewhere.is_some(), "PREWHERE"),
            (!connect_by.is_empty(), "START WITH … CONNECT BY"),
            (modified, "WITH ROLLUP, WITH CUBE or WITH TOTALS (write GROUP BY ROLLUP (…) or GROUP BY CUBE (…))"),
            (value_table_mode.is_some(), "SELECT AS STRUCT or AS VALUE"),
            (matches!(flavor, SelectFlavor::FromFirstNoSelect), "FROM without SELECT"),
            (projection.iter().any(is_wildcard_like), "ILIKE after *"),
        ])
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Found {
        match factor {
            TableFactor::Table {
                name: _,
                alias: _,
                args: _,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                // They advise; they change no answer.
                index_hints: _,
            } => first(&[
                (!with_hints.is_empty(), "WITH (…) after a table"),
                (version.is_some(), "an earlier version of a table"),
                (*with_ordinality, "WITH ORDINALITY"),
                (!partitions.is_empty(), "PARTITION (…) after a table"),
                (json_path.is_some(), "a path after a table"),
                (sample.is_some(), "TABLESAMPLE"),
            ]),
            TableFactor::Derived { lateral: _, subquery: _, alias: _, sample } => {
                first(&[(sample.is_some(), "TABLESAMPLE")])
            }
            TableFactor::Function { with_ordinality, .. } => first(&[(*with_ordinality, "WITH ORDINALITY")]),
            // The engine refuses what it does not know of the others.
            _ => ControlFlow::Continue(()),
        }
    }
}

fn is_wildcard_like(item: &SelectItem) -> bool {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { return false };
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude: _,
        opt_except: _,
        opt_replace: _,
        opt_rename: _,
        opt_alias: _,
    } = options;
    opt_ilike.is_some()
}
