//! Columns that are read where they are named, and are no part of `*`.
//!
//! A table's hidden columns are left out of its schema, unless the statement has a word of that name somewhere. Then the
//! table has them, and the wildcards that would bring them say otherwise:
//!
//! ```text
//! SELECT * FROM t                →  SELECT * EXCLUDE (_item) FROM t
//! SELECT * FROM t JOIN u ON …    →  SELECT t.* EXCLUDE (_item), u.* FROM t JOIN u ON …
//! SELECT t.* FROM t, u           →  SELECT t.* EXCLUDE (_item) FROM t, u
//! ```

use crate::resolve::Resolved;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Ident, JoinConstraint, JoinOperator, ObjectName, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableAlias, TableFactor, TableWithJoins, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use headwater_core::{Error, ErrorKind, Result, is_hidden};
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Takes from the tables the hidden columns that the statement does not name, and from its wildcards those that it does.
///
/// # Errors
/// `Unsupported` for a wildcard that cannot be told apart from a hidden column.
pub(crate) fn settle(statement: &mut Statement, tables: &mut [Resolved]) -> Result<()> {
    if !tables.iter().any(|table| hidden_names(table).next().is_some()) {
        return Ok(());
    }
    let words = words(statement);
    let mut named = BTreeMap::new();
    for table in tables.iter_mut().filter(|table| hidden_names(table).next().is_some()) {
        table.metadata = Arc::new(table.metadata.without_hidden(|name| words.contains(name)));
        let names: Vec<String> = hidden_names(table).map(str::to_owned).collect();
        let place = &table.metadata.name;
        named.insert([table.catalog.clone(), place.schema.clone(), place.table.clone()], names);
    }
    named.retain(|_, names| !names.is_empty());
    let Statement::Statement(inner) = statement else { return Ok(()) };
    match inner.visit(&mut Wildcards { named }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn hidden_names(table: &Resolved) -> impl Iterator<Item = &str> {
    table.metadata.schema.fields().iter().filter(|field| is_hidden(field)).map(|field| field.name().as_str())
}

/// Every word of a statement, as an identifier would be read.
fn words(statement: &Statement) -> HashSet<String> {
    // What was parsed can be written, and what was written is made of tokens.
    let tokens = Tokenizer::new(&GenericDialect {}, &statement.to_string()).tokenize().unwrap_or_default();
    let word = |token| match token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    };
    tokens.into_iter().filter_map(word).collect()
}

struct Wildcards {
    /// Hidden columns of tables that have them, by catalog, schema and table.
    named: BTreeMap<[String; 3], Vec<String>>,
}

/// Something in FROM.
struct Source {
    /// What its columns are qualified by; `None` if there is no such name.
    label: Option<ObjectName>,
    hidden: Vec<String>,
}

impl VisitorMut for Wildcards {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let mut sources = Vec::new();
        let mut is_plain = true;
        for from in &select.from {
            is_plain &= self.collect(from, &mut sources);
        }
        if sources.iter().all(|source| source.hidden.is_empty()) {
            return ControlFlow::Continue(());
        }
        let mut items = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match expanded(item, &sources, is_plain) {
                Ok(expanded) => items.extend(expanded),
                Err(error) => return ControlFlow::Break(error),
            }
        }
        select.projection = items;
        ControlFlow::Continue(())
    }
}

impl Wildcards {
    /// Adds the tables of a FROM; `false` if `*` is not simply all columns of all of them.
    fn collect(&self, from: &TableWithJoins, sources: &mut Vec<Source>) -> bool {
        let mut is_plain = self.add(&from.relation, sources);
        for join in &from.joins {
            is_plain &= self.add(&join.relation, sources) && is_plain_join(&join.join_operator);
        }
        is_plain
    }

    fn add(&self, factor: &TableFactor, sources: &mut Vec<Source>) -> bool {
        let label = |alias: &Option<TableAlias>| alias.as_ref().map(|alias| ObjectName::from(vec![alias.name.clone()]));
        let (label, hidden) = match factor {
            TableFactor::Table { name, alias, .. } => {
                (label(alias).or_else(|| Some(name.clone())), self.hidden_of(name).unwrap_or_default())
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                return self.collect(table_with_joins, sources);
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => (label(alias), Vec::new()),
            _ => (None, Vec::new()),
        };
        sources.push(Source { label, hidden });
        true
    }

    fn hidden_of(&self, name: &ObjectName) -> Option<Vec<String>> {
        let parts: Vec<String> = identifiers(name).into_iter().map(normalized).collect();
        self.named.get(&<[String; 3]>::try_from(parts).ok()?).cloned()
    }
}

/// Joins after which `*` is all columns of both sides.
fn is_plain_join(join: &JoinOperator) -> bool {
    let (JoinOperator::Join(constraint)
    | JoinOperator::Inner(constraint)
    | JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)
    | JoinOperator::Right(constraint)
    | JoinOperator::RightOuter(constraint)
    | JoinOperator::FullOuter(constraint)
    | JoinOperator::CrossJoin(constraint)) = join
    else {
        return false;
    };
    matches!(constraint, JoinConstraint::On(_) | JoinConstraint::None)
}

/// A part of the SELECT list without hidden columns.
fn expanded(item: SelectItem, sources: &[Source], is_plain: bool) -> Result<Vec<SelectItem>> {
    match item {
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
            let of = sources.iter().find(|source| source.is_called(&name));
            let options = excluding(options, of.map_or(&[][..], |source| source.hidden.as_slice()));
            Ok(vec![SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)])
        }
        SelectItem::Wildcard(options) => wildcard(options, sources, is_plain),
        other => Ok(vec![other]),
    }
}

fn wildcard(options: WildcardAdditionalOptions, sources: &[Source], is_plain: bool) -> Result<Vec<SelectItem>> {
    if let [only] = sources {
        return Ok(vec![SelectItem::Wildcard(excluding(options, &only.hidden))]);
    }
    let labels: Option<Vec<&ObjectName>> = sources.iter().map(|source| source.label.as_ref()).collect();
    let has_options = options.opt_exclude.is_some()
        || options.opt_except.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some();
    if let (Some(labels), true, false) = (labels, is_plain, has_options) {
        let each = labels.into_iter().zip(sources).map(|(label, source)| {
            let options = excluding(options.clone(), &source.hidden);
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(label.clone()), options)
        });
        return Ok(each.collect());
    }
    let mut with_hidden = sources.iter().filter(|source| !source.hidden.is_empty());
    match (with_hidden.next(), with_hidden.next()) {
        (Some(one), None) => Ok(vec![SelectItem::Wildcard(excluding(options, &one.hidden))]),
        _ => {
            let names: Vec<&str> = sources.iter().flat_map(|source| &source.hidden).map(String::as_str).collect();
            let message =
                format!("`*` here would bring the hidden columns {} that the statement names", names.join(", "));
            Err(Error::new(ErrorKind::Unsupported, message).with_hint("name the columns in place of `*`"))
        }
    }
}

impl Source {
    /// Whether `name.*` means this one.
    fn is_called(&self, name: &ObjectName) -> bool {
        let Some(label) = &self.label else { return false };
        let parts = |name| identifiers(name).into_iter().map(normalized).collect::<Vec<_>>();
        parts(label).ends_with(&parts(name))
    }
}

/// The options of a wildcard that leaves `hidden` out, too.
fn excluding(mut options: WildcardAdditionalOptions, hidden: &[String]) -> WildcardAdditionalOptions {
    let ident = |name: &String| Ident::with_quote('"', name);
    if let Some(except) = &mut options.opt_except {
        let known: Vec<String> =
            std::iter::once(&except.first_element).chain(&except.additional_elements).map(normalized).collect();
        except.additional_elements.extend(hidden.iter().filter(|name| !known.contains(name)).map(ident));
        return options;
    }
    let mut names = match options.opt_exclude.take() {
        None => Vec::new(),
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
    };
    let known: Vec<String> = names.iter().flat_map(|name| identifiers(name)).map(normalized).collect();
    names.extend(hidden.iter().filter(|name| !known.contains(name)).map(|name| ObjectName::from(vec![ident(name)])));
    options.opt_exclude = (!names.is_empty()).then_some(ExcludeSelectItem::Multiple(names));
    options
}

fn identifiers(name: &ObjectName) -> Vec<&Ident> {
    name.0.iter().filter_map(|part| part.as_ident()).collect()
}

fn normalized(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::parse_one;
    use arrow::datatypes::{DataType, Field, Schema};
    use headwater_core::{HIDDEN, Relation, TableMetadata, TableName};

    fn table(name: &str) -> Resolved {
        let item =
            Field::new("_item", DataType::Utf8, false).with_metadata([(HIDDEN.to_owned(), "true".to_owned())].into());
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, false), item]);
        let name = TableName::new("s", name);
        let metadata = Arc::new(TableMetadata::new(name.clone(), Arc::new(schema)));
        Resolved { catalog: "c".to_owned(), relation: Relation::Table(name), metadata }
    }

    /// The statement as it goes on, and how many columns the first table has.
    fn settled(sql: &str) -> Result<(String, usize)> {
        let mut statement = parse_one(sql).unwrap();
        let mut tables = [table("t"), table("u")];
        settle(&mut statement, &mut tables)?;
        Ok((statement.to_string(), tables[0].metadata.schema.fields().len()))
    }

    #[test]
    fn a_hidden_column_is_there_where_it_is_named() {
        assert_eq!(settled("SELECT * FROM c.s.t").unwrap(), ("SELECT * FROM c.s.t".to_owned(), 1));
        assert_eq!(settled("SELECT _Item FROM c.s.t").unwrap(), ("SELECT _Item FROM c.s.t".to_owned(), 2));
        assert_eq!(settled("SELECT '_item', \"_Item\" FROM c.s.t").unwrap().1, 1, "neither is its name");
    }

    #[test]
    fn wildcards_leave_hidden_columns_out() {
        for (sql, expected) in [
            ("SELECT *, _item FROM c.s.t", "SELECT * EXCLUDE (\"_item\"), _item FROM c.s.t"),
            ("SELECT x.*, x._item FROM c.s.t AS x", "SELECT x.* EXCLUDE (\"_item\"), x._item FROM c.s.t AS x"),
            (
                "SELECT * FROM c.s.t AS a JOIN c.s.u AS b ON a.id = b.id WHERE a._item LIKE '%x%'",
                "SELECT a.* EXCLUDE (\"_item\"), b.* EXCLUDE (\"_item\") FROM c.s.t AS a JOIN c.s.u AS b ON a.id = b.id WHERE a._item LIKE '%x%'",
            ),
            (
                "SELECT * FROM c.s.t, (SELECT _item AS raw FROM c.s.u) AS b",
                "SELECT c.s.t.* EXCLUDE (\"_item\"), b.* FROM c.s.t, (SELECT _item AS raw FROM c.s.u) AS b",
            ),
            (
                "SELECT * FROM (SELECT *, _item FROM c.s.t) AS b",
                "SELECT * FROM (SELECT * EXCLUDE (\"_item\"), _item FROM c.s.t) AS b",
            ),
            ("SELECT * EXCEPT (id), _item FROM c.s.t", "SELECT * EXCEPT (id, \"_item\"), _item FROM c.s.t"),
            ("SELECT * EXCLUDE (_item) FROM c.s.t", "SELECT * EXCLUDE (_item) FROM c.s.t"),
            (
                "SELECT *, t._item FROM c.s.t JOIN other USING (id)",
                "SELECT * EXCLUDE (\"_item\"), t._item FROM c.s.t JOIN other USING(id)",
            ),
        ] {
            assert_eq!(settled(sql).unwrap().0, expected, "{sql}");
        }
        let error = settled("SELECT *, t._item FROM c.s.t JOIN c.s.u USING (id)").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
