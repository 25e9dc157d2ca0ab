//! Values that leave the server and come back: what was not made with our key is not believed.

use headwater_core::{Error, ErrorKind, Result, Secret};
use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use ring::rand::SystemRandom;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A secret shorter than this could be found by trying.
const SHORTEST_SECRET: usize = 16;
/// Hexadecimal digits of a signature.
const SIGNATURE: usize = 64;

/// What a sealed value is for: one kind is not taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    Table,
    Plan,
    Split,
}

#[derive(Serialize, Deserialize)]
struct Sealed<C, V> {
    purpose: Purpose,
    catalog: C,
    /// Seconds since 1970, for values that expire.
    expires: Option<u64>,
    value: V,
}

/// Signs, and checks what it signed. The text is the signature in hexadecimal digits, then the content as JSON.
pub(crate) struct Seal(Key);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal([redacted])")
    }
}

impl Seal {
    /// With a key that dies with this run.
    pub(crate) fn random() -> Result<Self> {
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| Error::internal("the system has no randomness to make a key of"))
    }

    /// With a key made from a secret that other servers may have too.
    pub(crate) fn from_secret(secret: &Secret) -> Result<Self> {
        if secret.expose().len() < SHORTEST_SECRET {
            return Err(Error::config(format!("the ticket secret is shorter than {SHORTEST_SECRET} bytes"))
                .with_hint("make one with `openssl rand -hex 32`"));
        }
        Ok(Self(Key::new(HMAC_SHA256, secret.expose().as_bytes())))
    }

    /// Equal values give equal texts, as long as they do not expire.
    pub(crate) fn close(
        &self,
        purpose: Purpose,
        catalog: &str,
        expires: Option<SystemTime>,
        value: &impl Serialize,
    ) -> Result<String> {
        let sealed = Sealed { purpose, catalog, expires: expires.map(seconds), value };
        let content = serde_json::to_string(&sealed).map_err(|e| Error::internal(format!("a ticket: {e}")))?;
        let mut text = String::with_capacity(SIGNATURE + content.len());
        for byte in sign(&self.0, content.as_bytes()).as_ref() {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push_str(&content);
        Ok(text)
    }

    /// The catalog and the value, if we made this for that purpose and it has not expired.
    pub(crate) fn open<V: DeserializeOwned>(&self, purpose: Purpose, text: &str) -> Result<(String, V)> {
        let content = self.verified(text).ok_or_else(foreign)?;
        let sealed: Sealed<String, serde_json::Value> = serde_json::from_str(content).map_err(|_| foreign())?;
        if sealed.purpose != purpose {
            return Err(foreign());
        }
        if sealed.expires.is_some_and(|expires| expires <= seconds(SystemTime::now())) {
            return Err(Error::new(ErrorKind::Timeout, "the ticket has expired").with_hint("run the statement again"));
        }
        let value = serde_json::from_value(sealed.value);
        let value = value.map_err(|e| Error::internal(format!("a ticket of another version of this server: {e}")))?;
        Ok((sealed.catalog, value))
    }

    fn verified<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (signature, content) = text.split_at_checked(SIGNATURE)?;
        let digits = signature.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        let signature: Vec<u8> = digits.collect::<Option<_>>()?;
        verify(&self.0, content.as_bytes(), &signature).ok()?;
        Some(content)
    }
}

/// One answer for everything that is not ours: nobody learns how close a guess was.
pub(crate) fn foreign() -> Error {
    Error::new(ErrorKind::PermissionDenied, "the server did not make this ticket, or it was altered")
        .with_hint("run the statement again; servers behind one address need the same ticket secret")
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() -> Result<()> {
        let seal = Seal::from_secret(&Secret::new(SECRET))?;
        let text = seal.close(Purpose::Split, "crm", None, &vec![1, 2])?;
        assert_eq!(seal.open::<Vec<i32>>(Purpose::Split, &text)?, ("crm".to_owned(), vec![1, 2]));
        let again = Seal::from_secret(&Secret::new(SECRET))?;
        assert!(again.open::<Vec<i32>>(Purpose::Split, &text).is_ok());
        let altered = text.replace("crm", "hrm");
        for (purpose, text) in [(Purpose::Plan, text.as_str()), (Purpose::Split, &altered), (Purpose::Split, "☃")] {
            let error = again.open::<Vec<i32>>(purpose, text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        }
        let stranger = Seal::random()?;
        assert!(stranger.open::<Vec<i32>>(Purpose::Split, &text).is_err());
        Ok(())
    }

    #[test]
    fn a_short_secret_is_none() {
        assert_eq!(Seal::from_secret(&Secret::new("short")).unwrap_err().kind(), ErrorKind::Config);
    }
}
