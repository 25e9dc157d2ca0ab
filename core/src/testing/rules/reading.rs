//! That rows come, all of them, once, unchanged, in the columns asked for.

use super::{at_least, some_requests};
use crate::testing::probe::{Probe, Scanned, context, read};
use crate::testing::rows::{Allowed, Rows};
use crate::testing::{Fixture, RuleResult, Violation, dataset};
use crate::{Expr, ScanRequest};

/// The whole table is the data set: each row in one split, each value unchanged.
///
/// # Errors
/// How the rule was broken.
pub async fn splits_are_disjoint_and_complete(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    expect_dataset(&probe.scan(&probe.request()).await?)
}

/// The batches hold the data set, each row once.
pub(super) fn expect_dataset(scanned: &Scanned) -> RuleResult {
    let data = Rows::of_dataset();
    let named = |violation: Violation| violation.for_request(&scanned.plan.request);
    Allowed::exactly(data.ids()).hold(&scanned.ids()?).map_err(named)?;
    scanned.batches.iter().try_for_each(|batch| data.hold(batch)).map_err(named)
}

/// Reading a split again gives the same rows: nothing is used up, and a first read that was not finished leaves no
/// trace.
///
/// # Errors
/// How the rule was broken.
pub async fn reads_may_be_repeated(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let mut scanned = probe.scan(&probe.request()).await?;
    scanned.batches.clear();
    for split in &scanned.splits {
        drop(probe.connector.read(split, &context()).await);
        let first = read(probe.connector, split, &context()).await?;
        let again = read(probe.connector, split, &context()).await?;
        let [first_rows, rows] = [&first, &again].map(|batches| batches.iter().map(|b| b.num_rows()).sum::<usize>());
        if first_rows != rows {
            let seen = format!("{first_rows} rows, and then {rows}");
            return Err(Violation::new("a split gives the same rows each time it is read", seen));
        }
        scanned.batches.extend(again);
    }
    expect_dataset(&scanned)
}

/// The schemas of batch, split and plan are equal, and the plan's fields are those of the request's projection.
///
/// # Errors
/// How the rule was broken.
pub async fn batches_have_the_promised_schema(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    for request in some_requests(&probe) {
        expect_schema(&probe, &probe.scan(&request).await?).map_err(|violation| violation.for_request(&request))?;
    }
    Ok(())
}

fn expect_schema(probe: &Probe<'_>, scanned: &Scanned) -> RuleResult {
    let asked = scanned.plan.request.output_schema(&probe.table);
    let asked = asked.map_err(|error| Violation::error("the schema of the request", &error))?;
    let promised = &scanned.plan.schema;
    let differ = |expected: &str, seen: &arrow_schema::Schema| {
        Violation::new(format!("{expected}: {:?}", promised.fields()), format!("{:?}", seen.fields()))
    };
    if asked.fields() != promised.fields() {
        let expected = format!("a plan with the projected fields of the metadata: {:?}", asked.fields());
        return Err(Violation::new(expected, format!("{:?}", promised.fields())));
    }
    if let Some(split) = scanned.splits.iter().find(|split| split.schema != *promised) {
        return Err(differ("splits have the plan's schema", &split.schema));
    }
    match scanned.batches.iter().find(|batch| batch.schema() != *promised) {
        Some(batch) => Err(differ("batches have the plan's schema", &batch.schema())),
        None => Ok(()),
    }
}

/// Batches have just the columns asked for, in that order: reversed, single, none at all (the rows still count), and
/// others than those of the filter.
///
/// # Errors
/// How the rule was broken.
pub async fn projection_is_exact(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of(fixture).await?;
    let columns: Vec<String> = dataset().schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut projections: Vec<Vec<String>> = columns.iter().map(|name| vec![name.clone()]).collect();
    projections.extend(columns.iter().map(|name| vec![name.clone(), "id".to_owned()]).skip(1));
    projections.extend([columns.iter().rev().cloned().collect(), Vec::new(), columns]);
    for projection in projections {
        for filters in [vec![], vec![at_least("bucket", 4), Expr::column("flag").is_null()]] {
            expect_projection(&probe, probe.request().with_filters(filters).with_projection(projection.clone()))
                .await?;
        }
    }
    Ok(())
}

async fn expect_projection(probe: &Probe<'_>, request: ScanRequest) -> RuleResult {
    let named = |violation: Violation| violation.for_request(&request);
    let scanned = probe.scan(&request).await?;
    let projection = request.projection.as_deref().unwrap_or_default();
    for batch in &scanned.batches {
        let columns: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        if columns != projection {
            return Err(named(Violation::new(format!("the columns {projection:?}"), format!("{columns:?}"))));
        }
    }
    let data = Rows::of_dataset();
    let allowed = data.allowed(&scanned.plan);
    if projection.iter().any(|name| name == "id") {
        allowed.hold(&scanned.ids()?).map_err(named)?;
        return scanned.batches.iter().try_for_each(|batch| data.hold(batch)).map_err(named);
    }
    let (least, most, rows) = (allowed.must.len(), allowed.may.len(), scanned.row_count());
    if least <= rows && rows <= most {
        return Ok(());
    }
    Err(named(Violation::new(format!("{least} to {most} rows"), format!("{rows} rows"))))
}

/// A table without rows has metadata and plans like any other, its splits read to their end, and no row comes.
///
/// # Errors
/// How the rule was broken.
pub async fn empty_table_has_its_schema_and_no_rows(fixture: &Fixture) -> RuleResult {
    let probe = Probe::of_table(fixture, fixture.empty_table()).await?;
    if probe.table.schema.index_of("id").is_err() {
        let seen = format!("{:?}", probe.table.schema.fields());
        return Err(Violation::new("the schema of the empty table has the column id", seen));
    }
    for request in some_requests(&probe) {
        let scanned = probe.scan(&request).await?;
        expect_schema(&probe, &scanned).map_err(|violation| violation.for_request(&request))?;
        if scanned.row_count() > 0 {
            let seen = format!("{} rows", scanned.row_count());
            return Err(Violation::new("no rows from the empty table", seen).for_request(&request));
        }
    }
    Ok(())
}
