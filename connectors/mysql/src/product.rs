//! The two products, which share a protocol and most of their SQL.

use headwater_sql::{Dialect, MARIADB, MYSQL};
use serde::{Deserialize, Serialize};

/// Which of the two a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Product {
    MySql,
    MariaDb,
}

impl Product {
    /// From what `VERSION()` answers.
    pub(crate) fn of_version(version: &str) -> Self {
        if version.to_ascii_lowercase().contains("mariadb") { Self::MariaDb } else { Self::MySql }
    }

    pub(crate) fn dialect(self) -> &'static Dialect {
        match self {
            Self::MySql => &MYSQL,
            Self::MariaDb => &MARIADB,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Product;

    #[test]
    fn the_version_tells_the_product() {
        assert_eq!(Product::of_version("9.7.4-2"), Product::MySql);
        assert_eq!(Product::of_version("10.11.19-MariaDB-0+deb12u1"), Product::MariaDb);
    }
}
