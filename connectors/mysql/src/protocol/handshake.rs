//! From a socket to a connection that is logged in.

use super::auth::{Login, Plugin};
use super::frames::Frames;
use super::packets::{END, ERROR, Greeting, OK, error, switch};
use super::socket::Socket;
use super::{Connection, Failure};
use crate::MySqlConfig;
use mysql_common::constants::CapabilityFlags as Flags;
use mysql_common::packets::{AuthPlugin, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;
use rustls::ClientConfig;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// `utf8mb4_general_ci`, which every server has; the session chooses another afterwards.
const COLLATION: u8 = 45;

/// The most that we promise to send at once.
const MAX_SENT: u32 = 1 << 30;

/// Without these there is no talking.
const NEEDED: Flags = Flags::CLIENT_PROTOCOL_41.union(Flags::CLIENT_SECURE_CONNECTION).union(Flags::CLIENT_PLUGIN_AUTH);

/// With these, where the server has them. One statement at a time, and no file of ours: that is not asked for.
const WANTED: Flags = NEEDED
    .union(Flags::CLIENT_LONG_PASSWORD)
    .union(Flags::CLIENT_LONG_FLAG)
    .union(Flags::CLIENT_TRANSACTIONS)
    .union(Flags::CLIENT_CONNECT_ATTRS)
    .union(Flags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(Flags::CLIENT_DEPRECATE_EOF);

/// Where to connect to, and how. `tls`: `None` for no encryption.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) config: MySqlConfig,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Target {
    /// A connection that waits for its first command.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let mut socket = Socket::connect(&self.config.host, self.config.port).await?;
        let mut frames = Frames::new(self.config.max_row_size);
        let place = frames.next(&mut socket).await?;
        let greeting = match frames.bytes(&place) {
            payload if payload.first() == Some(&ERROR) => return Err(error(payload)),
            payload => Greeting::parse(payload)?,
        };
        let capabilities = self.capabilities(&greeting)?;
        if let Some(tls) = &self.tls {
            socket = self.encrypt(socket, &mut frames, capabilities, Arc::clone(tls)).await?;
        }
        self.login(&mut socket, &mut frames, &greeting, capabilities).await?;
        let is_ok = capabilities.contains(Flags::CLIENT_DEPRECATE_EOF);
        Ok(Connection::new(socket, frames, greeting.connection, is_ok))
    }

    fn capabilities(&self, greeting: &Greeting) -> Result<Flags, Failure> {
        if !greeting.capabilities.contains(NEEDED) {
            return Err(Failure::Malformed("the greeting of a server before MySQL 5.5"));
        }
        let mut capabilities = greeting.capabilities.intersection(WANTED);
        capabilities.set(Flags::CLIENT_CONNECT_WITH_DB, self.config.database.is_some());
        if self.tls.is_some() {
            if !greeting.capabilities.contains(Flags::CLIENT_SSL) {
                return Err(Failure::Tls("the server does not offer it".to_owned()));
            }
            capabilities.insert(Flags::CLIENT_SSL);
        }
        Ok(capabilities)
    }

    async fn encrypt(
        &self,
        mut socket: Socket,
        frames: &mut Frames,
        capabilities: Flags,
        tls: Arc<ClientConfig>,
    ) -> Result<Socket, Failure> {
        // Whoever stands in between could else have its own words taken for the server's.
        if !frames.is_empty() {
            return Err(Failure::Malformed("more than a greeting before TLS"));
        }
        let request = serialized(&SslRequest::new(capabilities, MAX_SENT, COLLATION));
        socket.write(&frames.framed(&request)).await?;
        socket.encrypt(&self.config.host, tls).await
    }

    async fn login(
        &self,
        socket: &mut Socket,
        frames: &mut Frames,
        greeting: &Greeting,
        capabilities: Flags,
    ) -> Result<(), Failure> {
        let password = self.config.password.as_ref().map_or("", headwater_core::Secret::expose);
        // A server whose default we do not have asks for the user's own plugin in any case.
        let plugin = Plugin::named(&greeting.plugin).unwrap_or(Plugin::NativePassword);
        let mut login = Login::new(plugin, greeting.nonce.clone(), password, socket.is_encrypted());
        let response = self.response(plugin, &login.first(), capabilities);
        socket.write(&frames.framed(&response)).await?;
        let mut switched = false;
        loop {
            let place = frames.next(socket).await?;
            let answer = match frames.bytes(&place) {
                [OK, ..] => return Ok(()),
                payload @ [ERROR, ..] => return Err(error(payload)),
                payload @ [END, ..] if !std::mem::replace(&mut switched, true) => {
                    let (plugin, nonce) = switch(payload)?;
                    let plugin = Plugin::named(&plugin).ok_or_else(|| Failure::Login(format!("by {plugin}")))?;
                    login = Login::new(plugin, nonce, password, socket.is_encrypted());
                    Some(login.first())
                }
                [1, wanted @ ..] => login.next(wanted)?,
                _ => return Err(Failure::Malformed("an unknown packet in the midst of the login")),
            };
            if let Some(answer) = answer {
                socket.write(&frames.framed(&answer)).await?;
            }
        }
    }

    fn response(&self, plugin: Plugin, first: &[u8], capabilities: Flags) -> Vec<u8> {
        let attributes = capabilities.contains(Flags::CLIENT_CONNECT_ATTRS);
        let attributes = attributes.then(|| HashMap::from([("program_name".to_owned(), "headwater".to_owned())]));
        serialized(&HandshakeResponse::new(
            Some(first),
            // From 5.5.3 on: utf8mb4.
            (8, 0, 0),
            Some(self.config.user.as_bytes()),
            self.config.database.as_deref().map(str::as_bytes),
            Some(AuthPlugin::Other(Cow::Borrowed(plugin.name().as_bytes()))),
            capabilities,
            attributes,
            MAX_SENT,
        ))
    }
}

fn serialized(message: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.serialize(&mut bytes);
    bytes
}
