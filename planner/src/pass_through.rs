//! `TABLE(catalog.query('…'))`: a statement in the source's own language, read like a table.
//!
//! It becomes a table of the schema `query()`, named by its own text. Its catalog's connector describes it.

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Spanned,
    TableFactor, Value, VisitMut, VisitorMut,
};
use headwater_core::{Error, ErrorKind, Result, SqlLocation};
use std::ops::ControlFlow;

/// The schema in which statements stand.
const SCHEMA: &str = "query()";

const HINT: &str = "write TABLE(catalog.query('SELECT …')), the statement in single quotes and each of its own doubled";

/// The statement that a table stands for.
pub(crate) fn statement_of(reference: &TableReference) -> Option<&str> {
    (reference.schema() == Some(SCHEMA)).then(|| reference.table())
}

/// Names every such function of a statement as a table.
///
/// # Errors
/// `InvalidInput`, with its place, for `TABLE(…)` around anything else.
pub(crate) fn name_queries(statement: &mut Statement) -> Result<()> {
    let Statement::Statement(inner) = statement else { return Ok(()) };
    match inner.visit(&mut Queries) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Queries;

impl VisitorMut for Queries {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let TableFactor::TableFunction { expr, alias } = factor {
            let Some(name) = table_name(expr) else { return ControlFlow::Break(misuse(expr)) };
            *factor = TableFactor::Table {
                name,
                alias: alias.take(),
                args: None,
                with_hints: Vec::new(),
                version: None,
                with_ordinality: false,
                partitions: Vec::new(),
                json_path: None,
                sample: None,
                index_hints: Vec::new(),
            };
        }
        ControlFlow::Continue(())
    }
}

/// `catalog.query('…')` as `catalog."query()"."…"`.
fn table_name(expr: &Expr) -> Option<ObjectName> {
    let Expr::Function(Function { name, args: FunctionArguments::List(arguments), .. }) = expr else { return None };
    let [ObjectNamePart::Identifier(catalog), ObjectNamePart::Identifier(function)] = name.0.as_slice() else {
        return None;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = arguments.args.as_slice() else {
        return None;
    };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    if !function.value.eq_ignore_ascii_case("query") {
        return None;
    }
    let schema = Ident { span: function.span, ..Ident::with_quote('"', SCHEMA) };
    let table = Ident { span: value.span, ..Ident::with_quote('"', text) };
    Some(ObjectName::from(vec![catalog.clone(), schema, table]))
}

fn misuse(expr: &Expr) -> Error {
    let error = Error::new(ErrorKind::InvalidInput, "TABLE(…) holds no statement for a catalog").with_hint(HINT);
    let start = expr.span().start;
    match start.line {
        0 => error,
        line => error.with_location(SqlLocation { line, column: start.column, length: 0 }),
    }
}

#[cfg(test)]
mod tests {
    use crate::statement::parse_one;

    #[test]
    fn a_statement_for_a_catalog_is_a_table() {
        let parsed =
            parse_one("SELECT * FROM TABLE(crm.query('select ''x'' as \"a\"')) AS q JOIN t USING (a)").unwrap();
        let expected = "SELECT * FROM crm.\"query()\".\"select 'x' as \"\"a\"\"\" AS q JOIN t USING(a)";
        assert_eq!(parsed.to_string(), expected);
    }

    #[test]
    fn anything_else_in_table_is_told_where_it_is() {
        for sql in [
            "SELECT * FROM TABLE(crm.query(1))",
            "SELECT * FROM TABLE(query('x'))",
            "SELECT * FROM TABLE(crm.run('x'))",
            "SELECT * FROM TABLE(crm.query('x', 'y'))",
        ] {
            let error = parse_one(sql).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains("catalog.query")), "{sql}: {error:?}");
            assert_eq!(error.location().map(|place| place.column), Some(21), "{sql}: {error:?}");
        }
    }
}
