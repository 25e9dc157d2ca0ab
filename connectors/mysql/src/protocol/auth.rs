//! Proving who we are.

use super::{Failure, rsa};
use mysql_common::scramble::{scramble_native, scramble_sha256};

/// The ways to log in that we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    NativePassword,
    CachingSha2,
    Sha256,
}

impl Plugin {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "mysql_native_password" => Some(Self::NativePassword),
            "caching_sha2_password" => Some(Self::CachingSha2),
            "sha256_password" => Some(Self::Sha256),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NativePassword => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
        }
    }
}

/// A login in progress.
///
/// ```text
/// native       scrambled password ─▶ OK
/// caching_sha2 scrambled password ─▶ 3, OK
///                                 ─▶ 4: the server does not know it yet ─▶ the password through TLS ─▶ OK
///                                       or: 2 ─▶ the server's key ─▶ the password encrypted with it ─▶ OK
/// sha256       the password through TLS, or: 1 ─▶ the server's key ─▶ …
/// ```
pub(super) struct Login<'a> {
    plugin: Plugin,
    nonce: Vec<u8>,
    password: &'a str,
    is_encrypted: bool,
    /// Whether the server was asked for its key.
    awaits_key: bool,
}

impl<'a> Login<'a> {
    pub(super) fn new(plugin: Plugin, nonce: Vec<u8>, password: &'a str, is_encrypted: bool) -> Self {
        Self { plugin, nonce, password, is_encrypted, awaits_key: false }
    }

    /// What is sent first.
    pub(super) fn first(&mut self) -> Vec<u8> {
        if self.password.is_empty() {
            return Vec::new();
        }
        let (nonce, password) = (&self.nonce, self.password.as_bytes());
        match self.plugin {
            Plugin::NativePassword => scramble_native(nonce, password).map(Vec::from).unwrap_or_default(),
            Plugin::CachingSha2 => scramble_sha256(nonce, password).map(Vec::from).unwrap_or_default(),
            Plugin::Sha256 => self.in_full(1),
        }
    }

    /// The answer to what the server wants to know beyond that, if it waits for one.
    pub(super) fn next(&mut self, wanted: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if std::mem::take(&mut self.awaits_key) {
            let encrypted = rsa::encrypt(&self.masked(), wanted);
            return match encrypted {
                Some(encrypted) => Ok(Some(encrypted)),
                None => Err(Failure::Login("with a key that cannot encrypt this password".to_owned())),
            };
        }
        match (self.plugin, wanted) {
            (Plugin::CachingSha2, [3]) => Ok(None),
            (Plugin::CachingSha2, [4]) => Ok(Some(self.in_full(2))),
            _ => Err(Failure::Malformed("a question in the midst of the login")),
        }
    }

    /// The password itself where nobody listens, else the request for a key.
    fn in_full(&mut self, request: u8) -> Vec<u8> {
        if self.is_encrypted {
            return self.terminated();
        }
        self.awaits_key = true;
        vec![request]
    }

    fn terminated(&self) -> Vec<u8> {
        let mut password = self.password.as_bytes().to_vec();
        password.push(0);
        password
    }

    fn masked(&self) -> Vec<u8> {
        let mask = self.nonce.iter().cycle();
        self.terminated().iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(plugin: Plugin, is_encrypted: bool) -> Login<'static> {
        Login::new(plugin, vec![7; 20], "secret", is_encrypted)
    }

    #[test]
    fn the_password_itself_goes_through_tls_alone() {
        let mut encrypted = login(Plugin::CachingSha2, true);
        assert_eq!(encrypted.first().len(), 32);
        assert_eq!(encrypted.next(&[4]).unwrap(), Some(b"secret\0".to_vec()));
        let mut plain = login(Plugin::CachingSha2, false);
        assert_eq!(plain.next(&[4]).unwrap(), Some(vec![2]));
        assert!(matches!(plain.next(b"no key"), Err(Failure::Login(_))));
        assert_eq!(login(Plugin::Sha256, false).first(), [1]);
        assert_eq!(login(Plugin::Sha256, true).first(), b"secret\0");
    }

    #[test]
    fn an_unexpected_question_ends_the_login() {
        for plugin in [Plugin::NativePassword, Plugin::CachingSha2, Plugin::Sha256] {
            assert!(login(plugin, true).next(&[9]).is_err(), "{plugin:?}");
        }
        assert_eq!(login(Plugin::CachingSha2, true).next(&[3]).unwrap(), None);
        assert_eq!(login(Plugin::NativePassword, true).first().len(), 20);
    }
}
