//! The catalogs of a server, by name.

use headwater_core::name::nearest;
use headwater_core::wire::CatalogEntry;
use headwater_core::{Connector, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One configured source.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) connector: Arc<dyn Connector>,
}

#[derive(Debug)]
pub(crate) struct Catalogs(BTreeMap<String, Catalog>);

impl Catalogs {
    pub(crate) fn new(list: Vec<Catalog>) -> Result<Self> {
        let mut catalogs = BTreeMap::new();
        for catalog in list {
            if let Some(twice) = catalogs.insert(catalog.name.clone(), catalog) {
                return Err(Error::config(format!("two catalogs are called {}", twice.name)));
            }
        }
        if catalogs.is_empty() {
            return Err(Error::config("there is no catalog to serve").with_hint("configure at least one"));
        }
        Ok(Self(catalogs))
    }

    /// The catalog of this name; without a name, the only one.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<&Catalog> {
        let names = || self.0.keys().map(String::as_str);
        let known = || format!("the server has: {}", names().collect::<Vec<_>>().join(", "));
        match name {
            Some(name) => self.0.get(name).ok_or_else(|| {
                let hint = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`? {}", known()),
                    None => known(),
                };
                Error::not_found(format!("the server has no catalog {name}")).with_hint(hint)
            }),
            None => match self.0.values().collect::<Vec<_>>().as_slice() {
                [only] => Ok(*only),
                _ => Err(Error::new(ErrorKind::InvalidInput, "the server has several catalogs, and none was named")
                    .with_hint(format!("set option catalog; {}", known()))),
            },
        }
    }

    pub(crate) fn entries(&self) -> Vec<CatalogEntry> {
        let entry = |catalog: &Catalog| CatalogEntry { name: catalog.name.clone(), kind: catalog.kind.clone() };
        self.0.values().map(entry).collect()
    }
}
