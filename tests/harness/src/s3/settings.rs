//! How the S3 server is set up.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::directory::write_file;
use crate::error::{Context as _, Result};
use crate::home::Home;
use crate::launch::free_ports;
use crate::supervisor::Signals;

pub(super) const REGION: &str = "us-east-1";
pub(super) const READABLE_BUCKET: &str = "readable";

/// The server's messages.
pub(super) const LOG: &str = "log";
/// The file with the secret of the identity that may do everything.
pub(super) const SECRET_KEY: &str = "secret-key";

const IDENTITIES: &str = "s3.json";
const DATA: &str = "data";
const TEMPORARY: &str = "tmp";

/// A signal that asks for an orderly end takes 13 s; what clients were told is written survives KILL, as a test shows.
pub(super) const SIGNALS: Signals = Signals { fast: "KILL", immediate: "KILL", last: "KILL" };

/// Key ids and secrets of both identities.
pub(super) struct Secrets {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) reader_access_key: String,
    pub(super) reader_secret_key: String,
}

/// The ports of its parts: master, volume, filer, S3, each with one for gRPC.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ports([u16; 8]);

impl Ports {
    pub(super) fn free() -> Result<Self> {
        free_ports().map(Self)
    }

    pub(super) fn s3(&self) -> u16 {
        let [.., s3, _] = self.0;
        s3
    }

    /// Sockets that the server makes in `/tmp`, whatever its settings, and leaves there.
    pub(super) fn sockets(&self) -> String {
        let [_, master, _, volume, _, filer, _, s3] = self.0;
        let sockets = [("master", master), ("volume", volume), ("filer", filer), ("s3", s3)];
        sockets.map(|(part, port)| format!("/tmp/seaweedfs-{part}-grpc-{port}.sock")).join(" ")
    }

    pub(super) fn arguments(&self) -> String {
        let options =
            ["master", "volume", "filer", "s3"].map(|part| [format!("-{part}.port"), format!("-{part}.port.grpc")]);
        let pairs = options.into_iter().flatten().zip(self.0);
        pairs.map(|(option, port)| format!("{option}={port}")).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a log complains of a port that is taken, or of another user's socket that is named after one.
pub(super) fn is_about_ports(log: &str) -> bool {
    log.contains("already in use") || log.contains("Failed to remove")
}

/// Everything but the ports.
const SETTINGS: [&str; 12] = [
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-filer",
    "-s3",
    // Both are on by default, on ports of their own.
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-master.volumeSizeLimitMB=1024",
    "-master.telemetry=false",
    // One server elects itself: with the default times it is ready after 14 s instead of 3.
    "-master.electionTimeout=1s",
    "-master.heartbeatInterval=100ms",
    // Each bucket takes some volumes of its own.
    "-volume.max=500",
    "-volume.preStopSeconds=0",
];

pub(super) fn command(home: &Home, program: &Path) -> Result<Command> {
    let mut server = Command::new(program);
    server.env("TMPDIR", home.path(TEMPORARY)).stdin(Stdio::null());
    server.args(["-logtostderr", "server"]).args(SETTINGS);
    let files =
        [("dir", DATA), ("s3.config", IDENTITIES), ("s3.localSocket", "s3.sock"), ("filer.localSocket", "filer.sock")];
    server.args(files.map(|(option, file)| format!("-{option}={}", home.path(file).display())));
    Ok(server)
}

/// Makes the directories and files that the server reads when it starts, and empties its log.
pub(super) fn write_files(home: &Home) -> Result<Secrets> {
    for directory in [DATA, TEMPORARY] {
        let path = home.path(directory);
        fs::create_dir_all(&path).context(|| format!("making {}", path.display()))?;
    }
    let secrets = Secrets {
        access_key: home.secret("access-key")?,
        secret_key: home.secret(SECRET_KEY)?,
        reader_access_key: home.secret("reader-access-key")?,
        reader_secret_key: home.secret("reader-secret-key")?,
    };
    write_file(&home.path(IDENTITIES), &identities(&secrets).to_string(), 0o600)?;
    write_file(&home.path(LOG), "", 0o600)?;
    Ok(secrets)
}

fn identities(secrets: &Secrets) -> serde_json::Value {
    let key = |id: &str, secret: &str| json!([{ "accessKey": id, "secretKey": secret }]);
    json!({ "identities": [
        {
            "name": "admin",
            "credentials": key(&secrets.access_key, &secrets.secret_key),
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": key(&secrets.reader_access_key, &secrets.reader_secret_key),
            "actions": [format!("Read:{READABLE_BUCKET}"), format!("List:{READABLE_BUCKET}")],
        },
    ] })
}
