//! The door: every call is looked at here first.

use crate::status::to_status;
use headwater_core::wire::VERSION_HEADER;
use headwater_core::{Error, ErrorKind, Result, WIRE_VERSION};
use ring::hmac::{HMAC_SHA256, Key, Tag, sign, verify};
use ring::rand::SystemRandom;
use std::fmt;
use tonic::metadata::MetadataMap;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Checks the version and the token of a call.
#[derive(Clone)]
pub(crate) struct Guard {
    /// Tokens are compared by their signatures under a key of this run: the time it takes says nothing about them.
    key: Key,
    expected: Option<Tag>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("has_token", &self.expected.is_some()).finish()
    }
}

impl Guard {
    pub(crate) fn new(token: Option<&str>) -> Result<Self> {
        let key = Key::generate(HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Error::internal("the system has no randomness to make a key of"))?;
        let expected = token.map(|token| sign(&key, token.as_bytes()));
        Ok(Self { key, expected })
    }

    fn check(&self, headers: &MetadataMap) -> Result<()> {
        self.check_token(headers)?;
        check_version(headers)
    }

    fn check_token(&self, headers: &MetadataMap) -> Result<()> {
        let Some(expected) = &self.expected else { return Ok(()) };
        let refused = |message: &'static str| {
            Error::new(ErrorKind::Unauthenticated, message).with_hint("set option token to the server's token")
        };
        let header = headers.get("authorization").ok_or_else(|| refused("the server wants a token"))?;
        let (scheme, token) = header.as_bytes().split_at_checked("Bearer ".len()).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"Bearer ")
            || verify(&self.key, token.trim_ascii_end(), expected.as_ref()).is_err()
        {
            return Err(refused("the server did not accept the token"));
        }
        Ok(())
    }
}

fn check_version(headers: &MetadataMap) -> Result<()> {
    let ours = WIRE_VERSION.to_string();
    let theirs = headers.get(VERSION_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let message = match theirs {
        Some(theirs) if theirs == ours => return Ok(()),
        // Comes from outside and goes into a message.
        Some(theirs) => {
            let theirs: String = theirs.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            format!("the server speaks version {ours} of the protocol, the caller version {theirs}")
        }
        None => format!("the server speaks version {ours} of the protocol, the caller did not say which it speaks"),
    };
    Err(Error::config(message).with_hint(format!("update the older of the two; callers send {VERSION_HEADER}: {ours}")))
}

impl Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        self.check(request.metadata()).map_err(|error| to_status(&error))?;
        Ok(request)
    }
}
