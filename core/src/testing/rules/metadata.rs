//! What there is, and how it is named.

use super::some_requests;
use crate::testing::probe::Probe;
use crate::testing::{Fixture, RuleResult, Violation, dataset};
use crate::{Error, ErrorKind, NameStream, Precision, TableName};
use futures::TryStreamExt;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Names that no source has, some of which its own API would call malformed: that is not found, too.
pub(super) const MISSING: [&str; 6] =
    ["no_such_name", "", "no \"such'name`; --", "nö_☃", "no.such.name", "no/such%20name"];

/// The fixture's schema and tables are listed, no name comes twice, and tables come with the schema asked for.
///
/// # Errors
/// How the rule was broken.
pub async fn names_are_listed(fixture: &Fixture) -> RuleResult {
    let connector = fixture.connector();
    let schemas = names("list_schemas", connector.list_schemas()).await?;
    for table in [fixture.table(), fixture.empty_table()] {
        let schema = &table.schema;
        if !schemas.contains(schema) {
            return Err(Violation::new(format!("list_schemas has {schema}"), format!("{schemas:?}")));
        }
        let tables = names("list_tables", connector.list_tables(schema)).await?;
        if !tables.contains(table) {
            let seen = format!("{} tables without it", tables.len());
            return Err(Violation::new(format!("list_tables({schema}) has {table}"), seen));
        }
        if let Some(other) = tables.iter().find(|listed| listed.schema != *schema) {
            return Err(Violation::new(format!("list_tables({schema}) has tables of {schema}"), format!("{other}")));
        }
    }
    Ok(())
}

/// The names of a stream, each once.
async fn names<T: Ord + Debug + Clone>(doing: &str, stream: NameStream<'_, T>) -> Result<BTreeSet<T>, Violation> {
    let names: Vec<T> = stream.try_collect().await.map_err(|error| Violation::error(doing, &error))?;
    let mut unique = BTreeSet::new();
    for name in names {
        if !unique.insert(name.clone()) {
            return Err(Violation::new(format!("{doing} has each name once"), format!("{name:?} twice")));
        }
    }
    Ok(unique)
}

pub(super) fn expect_not_found<T>(doing: &str, outcome: crate::Result<T>) -> RuleResult {
    let expected = || format!("{doing} is an error of kind NotFound");
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Violation::new(expected(), format!("kind {:?}: {error:?}", error.kind()))),
        Ok(_) => Err(Violation::new(expected(), "no error")),
    }
}

/// `get_table` of a table that is not there is `NotFound`, also for names that the source would call malformed.
///
/// # Errors
/// How the rule was broken.
pub async fn missing_table_is_not_found(fixture: &Fixture) -> RuleResult {
    let long = "n".repeat(300);
    for table in MISSING.into_iter().chain([long.as_str()]) {
        let name = TableName::new(fixture.table().schema.as_str(), table);
        let doing = format!("get_table of the missing table {table:.40?}");
        expect_not_found(&doing, fixture.connector().get_table(&name).await)?;
    }
    Ok(())
}

/// `get_table` and `list_tables` of a schema that is not there are `NotFound`.
///
/// # Errors
/// How the rule was broken.
pub async fn missing_schema_is_not_found(fixture: &Fixture) -> RuleResult {
    let connector = fixture.connector();
    for schema in MISSING {
        let name = TableName::new(schema, fixture.table().table.as_str());
        expect_not_found(&format!("get_table in the missing schema {schema:?}"), connector.get_table(&name).await)?;
        let listed: Result<Vec<_>, Error> = connector.list_tables(schema).try_collect().await;
        expect_not_found(&format!("list_tables of the missing schema {schema:?}"), listed)?;
    }
    Ok(())
}

/// A name in another case is not found, unless it is listed.
///
/// # Errors
/// How the rule was broken.
pub async fn names_are_matched_exactly(fixture: &Fixture) -> RuleResult {
    let connector = fixture.connector();
    let TableName { schema, table } = fixture.table();
    let listed = names("list_tables", connector.list_tables(schema)).await?;
    for spelling in [table.to_uppercase(), table.to_lowercase(), format!("{table} ")] {
        let name = TableName::new(schema.as_str(), spelling);
        if !listed.contains(&name) {
            expect_not_found(
                &format!("get_table of {name:?}, which is not listed,"),
                connector.get_table(&name).await,
            )?;
        }
    }
    Ok(())
}

/// Metadata has the name asked for and every column once; keys and facts speak of those columns. If keys are told,
/// `id` is part of one.
///
/// # Errors
/// How the rule was broken.
pub async fn metadata_names_every_column(fixture: &Fixture) -> RuleResult {
    let table = Probe::of(fixture).await?.table;
    if table.name != *fixture.table() {
        return Err(Violation::new(format!("metadata is named {}", fixture.table()), table.name.to_string()));
    }
    let columns: Vec<&String> = table.schema.fields().iter().map(|field| field.name()).collect();
    let unique: BTreeSet<&String> = columns.iter().copied().collect();
    let data = dataset().schema();
    if let Some(missing) = data.fields().iter().find(|field| !unique.contains(field.name())) {
        return Err(Violation::new(format!("the schema has the column {}", missing.name()), format!("{columns:?}")));
    }
    if unique.len() < columns.len() {
        return Err(Violation::new("the schema has each column once", format!("{columns:?}")));
    }
    let keys: Vec<&String> = table.keys.iter().flat_map(|key| &key.columns).collect();
    if let Some(unknown) = keys.iter().copied().chain(table.columns.keys()).find(|name| !unique.contains(name)) {
        return Err(Violation::new("keys and facts name columns of the schema", format!("{unknown:?}")));
    }
    if !keys.is_empty() && !keys.iter().any(|name| *name == "id") {
        return Err(Violation::new("id is part of a key, if keys are told", format!("keys on {keys:?}")));
    }
    Ok(())
}

/// An exact row count, of a table or of a plan, is the number of rows that come back.
///
/// # Errors
/// How the rule was broken.
pub async fn exact_row_counts_are_true(fixture: &Fixture) -> RuleResult {
    for name in [fixture.table(), fixture.empty_table()] {
        let probe = Probe::of_table(fixture, name).await?;
        if let Precision::Exact(told) = probe.table.row_count {
            expect_rows(told, probe.scan(&probe.request()).await?.row_count())?;
        }
        for request in some_requests(&probe) {
            let scanned = probe.scan(&request).await?;
            if let Precision::Exact(told) = scanned.plan.rows {
                expect_rows(told, scanned.row_count()).map_err(|violation| violation.for_request(&request))?;
            }
        }
    }
    Ok(())
}

fn expect_rows(told: u64, rows: usize) -> RuleResult {
    if usize::try_from(told) == Ok(rows) {
        return Ok(());
    }
    let expected = format!("the exact row count of {told} is true (an estimate is Inexact)");
    Err(Violation::new(expected, format!("{rows} rows")))
}
