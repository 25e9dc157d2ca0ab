//! From a catalog's configuration to a connector.

use crate::config::{CatalogConfig, ConfigFile, OptionSpec, Options, Origin, Setting};
use crate::{Connector, Error, Result, name::nearest};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Builds the connectors of one kind of source.
pub trait ConnectorFactory: Debug + Send + Sync {
    /// The one spelling of this kind, as in `connector = "postgres"`.
    fn name(&self) -> &'static str;

    /// Every option a catalog of this kind takes.
    fn options(&self) -> &'static [OptionSpec];

    /// URL schemes that mean this kind on the command line. Such a URL becomes the option `url`.
    fn url_schemes(&self) -> &'static [&'static str];

    /// Builds the connector. Does no I/O: an unreachable source shows at first use.
    ///
    /// # Errors
    /// `Config` when options contradict each other or one is missing.
    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>>;
}

/// The kinds of source a program knows, in a list that the program itself makes: there is no global registry.
#[derive(Debug, Clone, Default)]
pub struct ConnectorList {
    factories: Vec<Arc<dyn ConnectorFactory>>,
}

impl ConnectorList {
    /// No kinds at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more kind.
    #[must_use]
    pub fn with(mut self, factory: impl ConnectorFactory + 'static) -> Self {
        self.factories.push(Arc::new(factory));
        self
    }

    /// All kinds.
    pub fn iter(&self) -> impl Iterator<Item = &dyn ConnectorFactory> {
        self.factories.iter().map(AsRef::as_ref)
    }

    /// Checks every catalog of a file against its connector's options, and gives them by name.
    ///
    /// # Errors
    /// `Config`, naming catalog, file and line.
    pub fn check_file(&self, file: ConfigFile) -> Result<Vec<CatalogConfig>> {
        let check = |(name, raw): (String, crate::config::RawCatalog)| {
            self.check(&name, &raw.connector, raw.settings, raw.origin)
        };
        file.catalogs.into_iter().map(check).collect()
    }

    /// The catalog that `--catalog name=url` describes.
    ///
    /// # Errors
    /// `Config` when no connector takes the URL's scheme.
    pub fn check_url(&self, name: &str, url: &str) -> Result<CatalogConfig> {
        let origin = Origin::flag("--catalog");
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        let Some(factory) = self.iter().find(|factory| factory.url_schemes().contains(&scheme)) else {
            let known: Vec<_> =
                self.iter().flat_map(ConnectorFactory::url_schemes).map(|s| format!("{s}://…")).collect();
            let message = format!("no connector takes a URL that begins with `{scheme}://`");
            return Err(Error::config(message).with_catalog(name).with_hint(format!("known: {}", known.join(", "))));
        };
        let settings = BTreeMap::from([("url".to_owned(), (Setting::Text(url.to_owned()), origin.clone()))]);
        self.check(name, factory.name(), settings, origin)
    }

    /// A catalog of `connector` with no option set, which this program brings along; `None` if there is no such kind or
    /// it cannot do without options.
    pub fn check_built_in(&self, name: &str, connector: &str) -> Option<CatalogConfig> {
        let known = self.iter().any(|factory| factory.name() == connector);
        let checked = known.then(|| self.check(name, connector, BTreeMap::new(), Origin::flag("built in")));
        checked.and_then(Result::ok)
    }

    /// Builds the connector of a checked catalog.
    ///
    /// # Errors
    /// `Config`, naming the catalog.
    pub fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        let factory = self.find(&catalog.connector, &catalog.origin)?;
        factory.build(catalog).map_err(|error| error.with_catalog(&catalog.name))
    }

    fn check(
        &self,
        name: &str,
        connector: &str,
        settings: BTreeMap<String, (Setting, Origin)>,
        origin: Origin,
    ) -> Result<CatalogConfig> {
        check_catalog_name(name, &origin)?;
        let factory = self.find(connector, &origin).map_err(|error| error.with_catalog(name))?;
        let options = Options::check(settings, factory.options()).map_err(|error| error.with_catalog(name))?;
        Ok(CatalogConfig { name: name.to_owned(), connector: factory.name().to_owned(), options, origin })
    }

    fn find(&self, connector: &str, origin: &Origin) -> Result<&dyn ConnectorFactory> {
        if let Some(factory) = self.iter().find(|factory| factory.name() == connector) {
            return Ok(factory);
        }
        let known: Vec<&str> = self.iter().map(ConnectorFactory::name).collect();
        let hint = match nearest(connector, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("this program has: {}", known.join(", ")),
        };
        Err(Error::config(format!("{origin}: unknown connector `{connector}`")).with_hint(hint))
    }
}

/// A name that SQL can say without quotes, and that no built-in schema has.
fn check_catalog_name(name: &str, origin: &Origin) -> Result<()> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    if plain && !matches!(name, "system" | "information_schema" | "datafusion") {
        return Ok(());
    }
    Err(Error::config(format!("{origin}: `{name}` cannot be the name of a catalog"))
        .with_hint("use lower-case letters, digits and `_`, starting with a letter; `system` is taken"))
}
