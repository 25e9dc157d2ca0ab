//! `headwater conformance`: a connector, or a server that speaks the protocol, held against the contract's rules.

use crate::args::ConformanceArgs;
use crate::render::{Output, renderer};
use crate::report::{self, Failure};
use crate::settings::{OutputSettings, Settings};
use futures::TryStreamExt;
use headwater_core::config::{CatalogConfig, OptionKind, Origin, ProcessEnvironment, parse_config};
use headwater_core::name::nearest;
use headwater_core::testing::{DATASET_ROWS, Fixture, Rule, RuleResult, dataset, rules};
use headwater_core::{Connector, ConnectorFactory, ConnectorList, Error, ErrorKind, Result, TableName};
use std::path::Path;
use std::sync::Arc;

/// What an author calls the table of the suite's rows, unless told otherwise.
const TABLE: &str = "suite";

/// Reports on every rule; or writes the rows that the source must hold for it.
pub(crate) async fn run(args: ConformanceArgs, settings: &Settings) -> Result<(), Failure> {
    if let Some(path) = &args.write_dataset {
        return Ok(write_dataset(path, settings)?);
    }
    let rules = chosen(&args.rules)?;
    let catalog = catalog(&args, settings)?;
    let fixture = fixture(&args, &catalog, &settings.connectors).await.map_err(|e| e.with_catalog(&catalog.name))?;
    if settings.voice.notes {
        let (table, empty, large) = (fixture.table(), fixture.empty_table(), fixture.large_table());
        report::note(&format!("{}: rows in {table}, none in {empty}, many in {large}", catalog.connector));
    }
    let mut output = Output::open(settings.output.path.as_deref())?;
    let judged = judge(&rules, &fixture, &mut output).await;
    if output.reader_is_gone() {
        return Ok(());
    }
    let broken = judged?;
    output.finish()?;
    if broken > 0 { Err(broken_rules(broken, rules.len()).into()) } else { Ok(()) }
}

/// Reports on each rule as soon as it is known; how many are broken.
async fn judge(rules: &[Rule], fixture: &Fixture, output: &mut Output) -> Result<usize> {
    let mut broken = 0;
    for rule in rules {
        let outcome = rule.check(fixture).await;
        broken += usize::from(outcome.is_err());
        output.text(&lines(rule, &outcome))?;
        output.hand_on()?;
    }
    output.text(&format!("{} of {} rules hold\n", rules.len() - broken, rules.len()))?;
    Ok(broken)
}

/// The rules of these names; all of them if there are none.
fn chosen(names: &[String]) -> Result<Vec<Rule>> {
    let all = rules();
    let known = || all.iter().map(|rule| rule.name);
    if let Some(unknown) = names.iter().find(|name| !known().any(|known| known == *name)) {
        let error = Error::config(format!("there is no rule {unknown}"));
        let near = nearest(unknown, known());
        return Err(near.map(|near| format!("did you mean `{near}`?")).into_iter().fold(error, Error::with_hint));
    }
    Ok(all.iter().filter(|rule| names.is_empty() || names.iter().any(|name| name == rule.name)).copied().collect())
}

fn lines(rule: &Rule, outcome: &RuleResult) -> String {
    let Err(violation) = outcome else { return format!("ok      {}: {}\n", rule.name, rule.description) };
    let visible = |line: &str| line.replace(char::is_control, " ");
    let story: String = violation.to_string().lines().map(|line| format!("        {}\n", visible(line))).collect();
    format!("FAILED  {}: {}\n{story}", rule.name, rule.description)
}

fn broken_rules(broken: usize, all: usize) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the contract is not kept: {broken} of {all} rules are broken"))
        .with_hint("the first one that failed is often the reason for the others")
}

fn write_dataset(path: &Path, settings: &Settings) -> Result<()> {
    let place = OutputSettings { path: Some(path.to_path_buf()), format: settings.output.format };
    let format = place.row_format()?;
    let mut output = Output::open(Some(path))?;
    let rows = dataset();
    let mut renderer = renderer(format, &rows.schema(), &mut output)?;
    renderer.write(&rows)?;
    renderer.finish()?;
    output.finish()?;
    if settings.voice.notes {
        report::note(&format!(
            "{DATASET_ROWS} rows for a table {TABLE}; {TABLE}_empty has the same columns and no rows; \
             {TABLE}_large, if there is one, 20,000 rows or more of any columns"
        ));
    }
    Ok(())
}

/// A configured catalog, or one that is made from a URL and options.
fn catalog(args: &ConformanceArgs, settings: &Settings) -> Result<CatalogConfig> {
    let source = args.source.as_deref().unwrap_or_default();
    if source.contains("://") {
        let catalog = settings.connectors.check_url("conformance", source)?;
        return with_options(catalog, source, &args.options, &settings.connectors);
    }
    if !args.options.is_empty() {
        return Err(Error::config("--option is for a source given as a URL")
            .with_hint(format!("catalog {source} has its options in the configuration")));
    }
    settings.catalog(source).cloned()
}

/// Goes through the text of a configuration, so that an option means here what it means there, references included.
fn with_options(
    catalog: CatalogConfig,
    url: &str,
    options: &[String],
    connectors: &ConnectorList,
) -> Result<CatalogConfig> {
    if options.is_empty() {
        return Ok(catalog);
    }
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = format!("version = 1\n[catalogs.{}]\n", catalog.name);
    text += &format!("connector = {}\nurl = {}\n", quoted(&catalog.connector), quoted(&url.replace('$', "$$")));
    for option in options {
        let (name, value) = option.split_once('=').ok_or_else(|| Error::config("--option takes NAME=VALUE"))?;
        let kind = connectors
            .iter()
            .filter(|factory| factory.name() == catalog.connector)
            .flat_map(ConnectorFactory::options)
            .find(|spec| spec.name == name)
            .map(|spec| spec.kind);
        let is_plain = matches!(kind, Some(OptionKind::Integer | OptionKind::Boolean | OptionKind::TextList));
        text += &format!("{} = {}\n", quoted(name), if is_plain { value.to_owned() } else { quoted(value) });
    }
    let mut file = parse_config("--option", &text, &ProcessEnvironment)?;
    for (_, origin) in file.catalogs.values_mut().flat_map(|raw| raw.settings.values_mut()) {
        *origin = Origin::flag("--option");
    }
    let checked = connectors.check_file(file)?.into_iter().next();
    checked.ok_or_else(|| Error::internal("a checked catalog is gone"))
}

async fn fixture(args: &ConformanceArgs, catalog: &CatalogConfig, connectors: &ConnectorList) -> Result<Fixture> {
    // Two of them, so that plans made by one must be understood by the other.
    let (connector, twin) = (connectors.build(catalog)?, connectors.build(catalog)?);
    let table = match &args.table {
        Some(table) => table.clone(),
        None => find_table(connector.as_ref()).await?,
    };
    let beside = |ending: &str| TableName::new(&*table.schema, format!("{}{ending}", table.table));
    let empty = args.empty_table.clone().unwrap_or_else(|| beside("_empty"));
    for name in [&table, &empty] {
        expect_table(connector.as_ref(), name).await?;
    }
    let large = match &args.large_table {
        Some(large) => Some(large.clone()),
        None if connector.get_table(&beside("_large")).await.is_ok() => Some(beside("_large")),
        None => None,
    };
    let secrets = secrets_of(catalog, connectors);
    let fixture = Fixture::new(Arc::clone(&connector), table, empty).with_twin(twin).with_secrets(secrets);
    Ok(match large {
        Some(large) => fixture.with_large_table(large),
        None => fixture,
    })
}

/// The first table of that name, in the order of the schemas' names.
async fn find_table(connector: &dyn Connector) -> Result<TableName> {
    let mut schemas: Vec<String> = connector.list_schemas().try_collect().await?;
    schemas.sort();
    for schema in &schemas {
        let tables: Vec<TableName> = connector.list_tables(schema).try_collect().await?;
        if let Some(found) = tables.into_iter().find(|table| table.table == TABLE) {
            return Ok(found);
        }
    }
    Err(Error::config(format!("no schema has a table named {TABLE}")).with_hint(HOW_TO_LOAD))
}

const HOW_TO_LOAD: &str = "`headwater conformance --write-dataset FILE` writes the rows to load; say where they are by \
                           --table SCHEMA.TABLE and --empty-table SCHEMA.TABLE";

/// That there is nothing to test is a mistake in what was typed, not a broken rule.
async fn expect_table(connector: &dyn Connector, name: &TableName) -> Result<()> {
    match connector.get_table(name).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::config(format!("the suite's table {name} is not there: {error}")).with_hint(HOW_TO_LOAD))
        }
        other => other.map(drop),
    }
}

/// Shorter ones occur in other words, and would be seen everywhere.
const MIN_SECRET: usize = 8;

/// What the suite looks for in all that the connector says.
fn secrets_of(catalog: &CatalogConfig, connectors: &ConnectorList) -> Vec<String> {
    let specs = connectors.iter().filter(|factory| factory.name() == catalog.connector).flat_map(|f| f.options());
    let secrets = specs.filter(|spec| spec.kind == OptionKind::Secret);
    let secrets = secrets.filter_map(|spec| Some((spec.name, catalog.options.secret(spec.name)?)));
    let (long, short): (Vec<_>, Vec<_>) = secrets.partition(|(_, secret)| secret.expose().len() >= MIN_SECRET);
    for (name, _) in short {
        report::warning(
            &format!("{name} is too short to be told from other words: whether it shows is not tested"),
            "give a longer one for the test",
        );
    }
    long.into_iter().map(|(_, secret)| secret.expose().to_owned()).collect()
}
