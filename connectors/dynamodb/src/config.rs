//! What a person writes for a DynamoDB catalog, parsed once.

mod declared;
mod exports;
mod limits;

pub(crate) use declared::{DeclaredColumn, DeclaredTable, DeclaredTables, declaration};
pub(crate) use limits::{Budget, Limits};

pub(crate) use exports::Exports;
use headwater_aws::config::{CredentialSource, check_endpoint, check_region, is_loopback};
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec, Options};
use headwater_core::{Error, Result, Secret};
use std::time::Duration;
use url::Url;

/// Every option of a DynamoDB catalog.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    option(
        "url",
        OptionKind::Text,
        None,
        "`dynamodb://REGION`, with `?endpoint=…&profile=…` if needed; options of their own win.",
    ),
    option("region", OptionKind::Text, None, "AWS region; else the environment's or the profile's."),
    option("endpoint", OptionKind::Text, None, "Address in place of AWS's, for a local server or a VPC endpoint."),
    option(
        "allow_http",
        OptionKind::Boolean,
        Some("false"),
        "Allows an `http://` endpoint on another machine: requests and answers travel in the clear.",
    ),
    option("profile", OptionKind::Text, None, "Profile of `~/.aws/config` and `~/.aws/credentials`."),
    option("access_key_id", OptionKind::Text, None, "Access key; together with `secret_access_key`."),
    option("secret_access_key", OptionKind::Secret, None, "Secret of the access key."),
    option("session_token", OptionKind::Secret, None, "Token of temporary credentials."),
    option("role_arn", OptionKind::Text, None, "Role to assume with these credentials."),
    option("external_id", OptionKind::Secret, None, "What the role's owner asks for when it is assumed."),
    option(
        "role_session_name",
        OptionKind::Text,
        Some("headwater"),
        "Name of the role's session, as CloudTrail shows it.",
    ),
    option("sts_endpoint", OptionKind::Text, None, "Address in place of AWS's for assuming the role."),
    option("sample_size", OptionKind::Integer, Some("1000"), "Items read per table to learn its attributes."),
    option(
        "sample_segments",
        OptionKind::Integer,
        Some("8"),
        "Places of a table, spread over all of it, from which a sample of more than 50 items each is taken.",
    ),
    option(
        "sample_read_units",
        OptionKind::Integer,
        Some("2048"),
        "Read capacity units that a sample may take: 128 are a megabyte.",
    ),
    option(
        "sample_indexes",
        OptionKind::Boolean,
        Some("false"),
        "Takes half of a sample from the indexes that have whole items: finds kinds of items that are rare in the table.",
    ),
    option(
        "metadata_max_age",
        OptionKind::Duration,
        Some("60s"),
        "How long what was learnt of a table is believed before the next query samples it anew.",
    ),
    option(
        "scan_segments",
        OptionKind::Integer,
        Some("4"),
        "Most parallel segments of a Scan, and files of an export.",
    ),
    option("max_requests_in_flight", OptionKind::Integer, Some("16"), "Most requests under way at once."),
    option(
        "read_units_per_second",
        OptionKind::Integer,
        None,
        "Read capacity units per second that all readers of this process together take; also per table.",
    ),
    option(
        "requests_per_second",
        OptionKind::Integer,
        None,
        "Reading requests per second that all readers of this process together send; also per table.",
    ),
    option(
        "max_read_units_per_query",
        OptionKind::Integer,
        None,
        "Read capacity units after which a query is cancelled; a sample of a table ends there.",
    ),
    option("s3_endpoint", OptionKind::Text, None, "Address in place of AWS's for reading exports on S3."),
    option("s3_region", OptionKind::Text, None, "Region of the exports' bucket, if it is another than `region`."),
    option(
        "pass_through",
        OptionKind::Boolean,
        Some("true"),
        "Whether SELECT statements in PartiQL are taken: TABLE(catalog.query('…')).",
    ),
    option(
        "consistent_reads",
        OptionKind::Boolean,
        Some("false"),
        "Strongly consistent reads, at twice the capacity; also per table.",
    ),
    option(
        "tables",
        OptionKind::Table,
        None,
        "Per table `[catalogs.NAME.tables.TABLE]`: its limits, `export`, `complete = true` if its declared columns are all, and \
         under `.columns` `column = \"type\"` or `column = { attribute = \"…\", type = \"…\" }`.",
    ),
];

const fn option(
    name: &'static str,
    kind: OptionKind,
    default: Option<&'static str>,
    description: &'static str,
) -> OptionSpec {
    OptionSpec { name, kind, default, description }
}

/// A role to assume. Its external id may be known to others, but is nothing to print.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) external_id: Option<Secret>,
    pub(crate) session_name: String,
    pub(crate) sts_endpoint: Option<String>,
}

/// A DynamoDB catalog, checked.
#[derive(Debug, Clone)]
pub(crate) struct DynamoDbConfig {
    /// The catalog's name, for hints that show what to write.
    pub(crate) catalog: String,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) credentials: CredentialSource,
    pub(crate) role: Option<Role>,
    pub(crate) sample_size: u32,
    pub(crate) sample_segments: u32,
    pub(crate) sample_read_units: u32,
    pub(crate) sample_indexes: bool,
    pub(crate) metadata_max_age: Duration,
    pub(crate) scan_segments: u32,
    pub(crate) max_requests_in_flight: usize,
    /// Whether statements of the user's own are taken.
    pub(crate) pass_through: bool,
    pub(crate) limits: Limits,
    pub(crate) exports: Exports,
    pub(crate) tables: DeclaredTables,
}

impl DynamoDbConfig {
    /// Parses the options of a catalog. No I/O.
    ///
    /// # Errors
    /// `Config`: a value out of range, a half-given key pair, an unsafe endpoint, an unknown key under `tables`.
    pub(crate) fn parse(catalog: &CatalogConfig) -> Result<Self> {
        let options = &catalog.options;
        let url = options.text("url").map(UrlParts::parse).transpose()?.unwrap_or_default();
        let pick = |name: &str, from_url: Option<String>| options.text(name).map(str::to_owned).or(from_url);
        let endpoint = pick("endpoint", url.endpoint);
        if let Some(endpoint) = &endpoint {
            check_endpoint("endpoint", endpoint, options.boolean("allow_http").unwrap_or(false))?;
        }
        let region = pick("region", url.region);
        if let Some(region) = &region {
            check_region("region", region)?;
        }
        let tables = options.table("tables").map(DeclaredTables::parse).transpose()?.unwrap_or_default();
        Ok(Self {
            catalog: catalog.name.clone(),
            region,
            endpoint,
            profile: pick("profile", url.profile),
            credentials: CredentialSource::parse(options)?,
            role: role(options)?,
            sample_size: small(options, "sample_size", 100_000)?,
            sample_segments: small(options, "sample_segments", 1_000)?,
            sample_read_units: small(options, "sample_read_units", 1_000_000)?,
            sample_indexes: options.boolean("sample_indexes").unwrap_or(false),
            metadata_max_age: options.duration("metadata_max_age").unwrap_or(Duration::from_secs(60)),
            scan_segments: small(options, "scan_segments", 1_000)?,
            max_requests_in_flight: small(options, "max_requests_in_flight", 1_000)? as usize,
            pass_through: options.boolean("pass_through").unwrap_or(true),
            limits: Limits::parse(options)?,
            exports: Exports::parse(options)?,
            tables,
        })
    }

    /// Where requests go, for messages.
    pub(crate) fn place(&self) -> String {
        match (&self.endpoint, &self.region) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(region)) => format!("DynamoDB in {region}"),
            (None, None) => "DynamoDB in the environment's region".to_owned(),
        }
    }

    /// Whether requests stay on this machine, where a region has no meaning.
    pub(crate) fn is_local(&self) -> bool {
        self.endpoint.as_deref().and_then(|text| Url::parse(text).ok()).is_some_and(|url| is_loopback(&url))
    }
}

fn small(options: &Options, name: &'static str, max: u32) -> Result<u32> {
    let number = options.integer_within(name, 1..=i64::from(max))?;
    u32::try_from(number).map_err(|_| Error::config(format!("option {name} must be between 1 and {max}")))
}

fn role(options: &Options) -> Result<Option<Role>> {
    let Some(arn) = options.text("role_arn") else {
        let alone = ["external_id", "sts_endpoint"].into_iter().find(|name| options.text(name).is_some());
        return match alone {
            Some(name) => Err(Error::config(format!("option {name} is of no use without role_arn"))),
            None => Ok(None),
        };
    };
    let sts_endpoint = options.text("sts_endpoint").map(str::to_owned);
    if let Some(endpoint) = &sts_endpoint {
        check_endpoint("sts_endpoint", endpoint, options.boolean("allow_http").unwrap_or(false))?;
    }
    Ok(Some(Role {
        arn: arn.to_owned(),
        external_id: options.secret("external_id"),
        session_name: options.text("role_session_name").unwrap_or("headwater").to_owned(),
        sts_endpoint,
    }))
}

/// `dynamodb://REGION?endpoint=…&profile=…`, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct UrlParts {
    region: Option<String>,
    endpoint: Option<String>,
    profile: Option<String>,
}

impl UrlParts {
    const FORM: &str = "write dynamodb://REGION, or dynamodb://REGION?endpoint=http://127.0.0.1:8000&profile=NAME";

    fn parse(text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::config(format!("option url: {reason}")).with_hint(Self::FORM);
        let url = Url::parse(text).map_err(|error| wrong(format!("no URL: {error}")))?;
        if url.scheme() != "dynamodb" {
            return Err(wrong(format!("begins with {}:, not dynamodb:", url.scheme())));
        }
        let path = url.path().trim_matches('/');
        if !url.username().is_empty() || url.port().is_some() || !path.is_empty() || url.fragment().is_some() {
            return Err(wrong("only a region and parameters have a place in it".to_owned()));
        }
        let region = url.host_str().filter(|host| !host.is_empty()).map(str::to_owned);
        let mut parts = Self { region, ..Self::default() };
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "endpoint" => parts.endpoint = Some(value.into_owned()),
                "profile" => parts.profile = Some(value.into_owned()),
                _ => return Err(wrong(format!("unknown parameter `{key}`"))),
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_region_endpoint_and_profile() {
        let parts = UrlParts::parse("dynamodb://eu-west-1?endpoint=http://127.0.0.1:8000&profile=dev").unwrap();
        assert_eq!(parts.region.as_deref(), Some("eu-west-1"));
        assert_eq!(parts.endpoint.as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(parts.profile.as_deref(), Some("dev"));
        assert!(UrlParts::parse("dynamodb://eu-west-1?tabel=x").is_err());
        assert!(UrlParts::parse("dynamodb://user@eu-west-1").is_err());
    }
}
