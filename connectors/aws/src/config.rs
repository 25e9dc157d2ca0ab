//! Options that every catalog of AWS's has: who asks, and where.

use headwater_core::config::Options;
use headwater_core::{Error, Result, Secret};
use url::{Host, Url};

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// The SDK's chain: environment, profile, web identity, container, instance.
    Chain,
    /// Written in the configuration.
    Keys {
        /// Its public part.
        access_key_id: String,
        /// Its secret part.
        secret_access_key: Secret,
        /// What makes temporary credentials valid.
        session_token: Option<Secret>,
    },
}

impl CredentialSource {
    /// Reads the options `access_key_id`, `secret_access_key`, `session_token`; without them it is the chain.
    ///
    /// # Errors
    /// `Config` for half a pair of keys, and for keys beside a `profile`.
    pub fn parse(options: &Options) -> Result<Self> {
        let secrets = (options.secret("secret_access_key"), options.secret("session_token"));
        match (options.text("access_key_id"), secrets.0, secrets.1) {
            (None, None, None) => Ok(Self::Chain),
            (Some(_), Some(_), _) if options.text("profile").is_some() => {
                Err(Error::config("options profile and access_key_id contradict each other")
                    .with_hint("keep one of them"))
            }
            (Some(id), Some(secret_access_key), session_token) => {
                Ok(Self::Keys { access_key_id: id.to_owned(), secret_access_key, session_token })
            }
            _ => Err(Error::config("options access_key_id and secret_access_key are only of use together")
                .with_hint("give both (and session_token for temporary credentials), or none to use the environment")),
        }
    }
}

/// Checks the address that an option gives in place of AWS's.
///
/// # Errors
/// `Config` for what is no address, for one that holds a secret, and for one in the clear to another machine unless
/// `allow_http`.
pub fn check_endpoint(option: &str, text: &str, allow_http: bool) -> Result<()> {
    let wrong = |reason: &str| Error::config(format!("option {option}: `{text}` {reason}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("is no URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(format!("option {option} must not hold a user or a password"))
            .with_hint("use access_key_id and secret_access_key"));
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_http || is_loopback(&url) => Ok(()),
        "http" => Err(wrong("would send data in the clear to another machine")
            .with_hint("use https://, or set `allow_http = true` if the network in between is trusted")),
        _ => Err(wrong("must begin with https:// or http://")),
    }
}

/// Checks the name of a region: it becomes a part of addresses and signatures.
///
/// # Errors
/// `Config` for what no region can be called.
pub fn check_region(option: &str, text: &str) -> Result<()> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || !text.bytes().all(is_name) {
        return Err(Error::config(format!("option {option}: `{text}` is no region"))
            .with_hint("regions have names such as eu-central-1"));
    }
    Ok(())
}

/// Whether an address is this machine's own.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_plain_names() {
        assert!(check_region("region", "us-gov-west-1").is_ok());
        for wrong in ["", "us east", "eu-west-1/", "EU-WEST-1", "eu-west-1\n"] {
            assert!(check_region("region", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn http_stays_on_this_machine_unless_allowed() {
        let check = |text, allow_http| check_endpoint("endpoint", text, allow_http);
        assert!(check("http://127.0.0.1:8000", false).is_ok());
        assert!(check("http://[::1]:8000", false).is_ok());
        assert!(check("http://localhost:8000", false).is_ok());
        assert!(check("http://localhost.example.com", false).is_err());
        assert!(check("http://10.0.0.7:8000", false).is_err());
        assert!(check("http://10.0.0.7:8000", true).is_ok());
        assert!(check("ftp://10.0.0.7", true).is_err());
        assert!(!check("https://u:hunter2@h", true).unwrap_err().to_string().contains("hunter2"));
    }
}
