//! That secrets stay secret.

use super::metadata::MISSING;
use super::some_requests;
use crate::testing::probe::Probe;
use crate::testing::{Fixture, RuleResult, Violation};
use crate::{Error, TableName};
use futures::TryStreamExt;
use serde::Serialize;
use std::fmt::Debug;

/// Neither the connector's `Debug` nor metadata, plans and splits, printed or as JSON, nor errors with all their
/// causes hold a secret of the fixture.
///
/// # Errors
/// How the rule was broken. The violation does not repeat the secret.
pub async fn secrets_never_show(fixture: &Fixture) -> RuleResult {
    let secrets = fixture.secrets();
    hidden(secrets, "the connector's Debug", &format!("{:?} {0:#?}", fixture.connector()))?;
    let probe = Probe::of(fixture).await?;
    hidden(secrets, "metadata", &everything(&probe.table))?;
    for request in some_requests(&probe) {
        let scanned = probe.scan(&request).await?;
        hidden(secrets, "a plan", &everything(&scanned.plan))?;
        hidden(secrets, "a split", &everything(&scanned.splits))?;
    }
    for error in some_errors(fixture, &probe).await {
        hidden(secrets, "an error", &all_of(&error))?;
    }
    Ok(())
}

async fn some_errors(fixture: &Fixture, probe: &Probe<'_>) -> Vec<Error> {
    let connector = fixture.connector();
    let mut errors = Vec::new();
    for name in MISSING {
        let table = TableName::new(fixture.table().schema.as_str(), name);
        errors.extend(connector.get_table(&table).await.err());
        errors.extend(connector.get_table(&TableName::new(name, "t")).await.err());
        errors.extend(connector.list_tables(name).try_collect::<Vec<_>>().await.err());
        let request = probe.request().with_projection([name]);
        errors.extend(connector.plan_scan(&probe.table, &request).await.err());
    }
    errors
}

fn everything(value: &(impl Debug + Serialize)) -> String {
    format!("{value:?} {}", serde_json::to_string(value).unwrap_or_default())
}

fn all_of(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {:?} {:?}", error.hint(), error.context());
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

fn hidden(secrets: &[String], place: &str, text: &str) -> RuleResult {
    let shown = secrets.iter().position(|secret| !secret.is_empty() && text.contains(secret.as_str()));
    let Some(index) = shown else { return Ok(()) };
    let seen = format!("secret number {} of the fixture in {place}", index + 1);
    Err(Violation::new(format!("no secret in {place}"), seen))
}
