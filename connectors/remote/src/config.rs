//! A catalog's options, parsed once.

use crate::RemoteConnector;
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec, Options};
use headwater_core::{Connector, ConnectorFactory, Error, Result, Secret};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// Where a connector server listens unless told otherwise.
const DEFAULT_PORT: u16 = 8815;
const CLEAR: &str = "grpc";
const ENCRYPTED: &str = "grpc+tls";

const OPTIONS: &[OptionSpec] = &[
    option(
        "url",
        OptionKind::Text,
        None,
        "grpc+tls://host:port, or grpc://host:port without encryption; /catalog at the end if the server has several",
    ),
    option("catalog", OptionKind::Text, None, "The catalog's name at the server; may be left out if it has just one"),
    option("token", OptionKind::Secret, None, "The server's token; better a reference than the token itself"),
    option("sslrootcert", OptionKind::Text, None, "PEM file with the authorities to trust instead of the system's"),
    option("insecure", OptionKind::Boolean, Some("false"), "Whether to send the token to other machines unencrypted"),
    option("connect_timeout", OptionKind::Duration, Some("10s"), "How long opening the connection may take"),
    option(
        "request_timeout",
        OptionKind::Duration,
        Some("60s"),
        "How long the server may take to answer questions about names, tables, plans and splits; reads have no limit",
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

/// Builds [`RemoteConnector`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoteFactory;

impl ConnectorFactory for RemoteFactory {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &[CLEAR, ENCRYPTED]
    }

    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(RemoteConnector::new(RemoteConfig::from_options(&catalog.options)?)?))
    }
}

/// Everything needed to call a server. `Debug` shows no token.
#[derive(Clone)]
pub struct RemoteConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted and the server's certificate and name are checked.
    pub tls: bool,
    /// The catalog at the server; `None` where the server has just one.
    pub catalog: Option<String>,
    /// The server's token, if it wants one.
    pub token: Option<Secret>,
    /// PEM file of the authorities to trust instead of the system's.
    pub sslrootcert: Option<PathBuf>,
    /// How long opening the connection may take.
    pub connect_timeout: Duration,
    /// How long the server may take to answer anything but a read.
    pub request_timeout: Duration,
}

impl fmt::Debug for RemoteConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteConfig")
            .field("address", &self.address())
            .field("tls", &self.tls)
            .field("catalog", &self.catalog)
            .finish_non_exhaustive()
    }
}

impl RemoteConfig {
    /// Parses checked options. No I/O.
    ///
    /// # Errors
    /// `Config` for a URL that cannot be used or contradicts the other options, and for a token that would travel
    /// unencrypted.
    pub fn from_options(options: &Options) -> Result<Self> {
        let url = parsed(options.required_text("url")?)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| unusable("it names no host"))?;
        let config = Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(DEFAULT_PORT),
            tls: url.scheme() == ENCRYPTED,
            catalog: catalog(&url, options)?,
            token: options.secret("token"),
            sslrootcert: options.text("sslrootcert").map(PathBuf::from),
            connect_timeout: options.duration("connect_timeout").unwrap_or(Duration::from_secs(10)),
            request_timeout: options.duration("request_timeout").unwrap_or(Duration::from_secs(60)),
        };
        config.check(options.boolean("insecure").unwrap_or(false))?;
        Ok(config)
    }

    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn check(&self, insecure: bool) -> Result<()> {
        if self.sslrootcert.is_some() && !self.tls {
            return Err(Error::config("option sslrootcert is set, but the url says grpc://, without encryption")
                .with_hint("write grpc+tls:// in the url, or take sslrootcert away"));
        }
        if self.token.is_some() && !self.tls && !insecure && !is_this_machine(&self.host) {
            return Err(Error::config(format!("the token would travel to {} unencrypted", self.address()))
                .with_hint("write grpc+tls:// in the url; or set insecure = true if the network is trusted"));
        }
        Ok(())
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The URL, of which nothing is repeated in errors: it may hold a secret by mistake.
fn parsed(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|_| unusable("it cannot be read"))?;
    if url.scheme() != CLEAR && url.scheme() != ENCRYPTED {
        return Err(unusable("it must begin with grpc:// or grpc+tls://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            Error::config("option url holds a user or a password").with_hint("the token goes into option token")
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("it has parameters"));
    }
    Ok(url)
}

fn catalog(url: &Url, options: &Options) -> Result<Option<String>> {
    let path = url.path().trim_start_matches('/').trim_end_matches('/');
    let in_url = decoded(path)?.filter(|name| !name.is_empty());
    match (options.text("catalog"), in_url.as_deref()) {
        (Some(option), Some(in_url)) if option != in_url => {
            Err(Error::config("the url and option catalog name different catalogs").with_hint("keep one of the two"))
        }
        (option, in_url) => Ok(option.or(in_url).map(str::to_owned)),
    }
}

/// Without percent-encoding; `None` if there is nothing.
fn decoded(path: &str) -> Result<Option<String>> {
    // These three mean something in forms, and nothing in a path.
    let form = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    let name = form_urlencoded::parse(form.as_bytes()).next().map(|(name, _)| name.into_owned());
    match name {
        Some(name) if name.contains(char::REPLACEMENT_CHARACTER) => Err(unusable("the catalog at its end is not text")),
        name => Ok(name),
    }
}

fn unusable(what: &str) -> Error {
    Error::config(format!("option url is not usable: {what}"))
        .with_hint("write grpc+tls://host:port/catalog, or grpc:// without encryption; everything else is an option")
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_core::ConnectorList;
    use headwater_core::config::{Origin, Setting};
    use std::collections::BTreeMap;

    fn config(settings: &[(&str, &str)]) -> Result<RemoteConfig> {
        let settings = settings.iter().map(|(name, value)| {
            let value = Setting::Text((*value).to_owned());
            ((*name).to_owned(), (value, Origin::flag("test")))
        });
        RemoteConfig::from_options(&Options::check(settings.collect::<BTreeMap<_, _>>(), OPTIONS)?)
    }

    #[test]
    fn a_url_says_where_and_whether_encrypted() {
        let plain = config(&[("url", "grpc://127.0.0.1")]).unwrap();
        assert_eq!((plain.address().as_str(), plain.tls, plain.catalog), ("127.0.0.1:8815", false, None));
        let full = config(&[("url", "grpc+tls://[::1]:99/crm"), ("token", "hunter2")]).unwrap();
        assert_eq!((full.address().as_str(), full.tls, full.catalog.as_deref()), ("[::1]:99", true, Some("crm")));
        assert!(!format!("{full:?}").contains("hunter2"));
        assert!(ConnectorList::new().with(RemoteFactory).check_url("crm", "grpc://h/crm").is_ok());
    }

    #[test]
    fn a_token_does_not_travel_unencrypted_to_other_machines() {
        assert!(config(&[("url", "grpc://localhost"), ("token", "hunter2")]).is_ok());
        let error = config(&[("url", "grpc://db.example.com"), ("token", "hunter2")]).unwrap_err();
        assert_eq!(error.to_string(), "the token would travel to db.example.com:8815 unencrypted");
        assert!(config(&[("url", "grpc+tls://db.example.com"), ("token", "hunter2")]).is_ok());
    }

    #[test]
    fn urls_that_say_too_much_are_refused_without_repeating_them() {
        for url in ["grpc://hunter2@h", "grpc://u:hunter2@h", "grpc://h?token=hunter2", "http://hunter2", "grpc://"] {
            let error = config(&[("url", url)]).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(config(&[("url", "grpc://h/a"), ("catalog", "b")]).is_err());
    }
}
