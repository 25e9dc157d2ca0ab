//! A real S3 server for as long as its handle lives.

mod proxy;
mod settings;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http_body_util::Empty;
use hyper::http::Method;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::signer::Signer as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutPayload, RetryConfig};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::error::{Context as _, HarnessError, Result};
use crate::home::{Home, installed};
use crate::launch::{HOST, LogFile, PORT_ATTEMPTS, READY_WITHIN, blocking};
use crate::supervisor::{Service, Stop, Supervisor};

pub use proxy::S3Proxy;

use settings::{LOG, Ports, READABLE_BUCKET, REGION, SIGNALS, Secrets};

/// An S3 server (SeaweedFS) that checks signatures, with two identities: one may do everything, the other may read one
/// bucket.
///
/// It listens on free ports of the loopback address only, without TLS. What reached it, and faults, are the business of a
/// [`proxy`](Self::proxy), of which each test can have its own.
///
/// # Lifetime
///
/// The server stops when the handle is dropped or the process ends, in whatever way, `kill -9` included. A server of
/// [`start`](Self::start) takes its directory along. Dropping does not wait: the port is closed some milliseconds later.
///
/// # Concurrency
///
/// A handle belongs to no runtime, so tests with a runtime each can share one, each with a bucket of its own; see
/// [`shared`](Self::shared).
pub struct S3 {
    home: Home,
    supervisor: Supervisor,
    ports: Ports,
    endpoint: String,
    secrets: Secrets,
}

impl S3 {
    /// Starts a server in a temporary directory that is deleted with it. Takes some seconds: most tests
    /// [share](Self::shared) one.
    ///
    /// # Errors
    ///
    /// No such server on this machine, or one that does not come up within 60 s; the error ends with its log.
    pub async fn start() -> Result<Self> {
        let (home, supervisor, secrets) = blocking(|| {
            let (home, guard) = Home::temporary("s3")?;
            let supervisor = supervise(&home, Some(guard.path()), None)?;
            // From here on the supervisor deletes it: no guard of ours would survive kill -9.
            let _ = guard.keep();
            let secrets = settings::write_files(&home)?;
            Ok((home, supervisor, secrets))
        })
        .await?;
        Self::launch(home, supervisor, secrets).await
    }

    /// Starts a server on the data in `directory`, made when new, and leaves the data there at the end.
    ///
    /// Keys belong to the data; the ports are others each time. Waits some seconds for a server that is still ending there.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), and when another server runs there.
    pub async fn start_in(directory: impl Into<PathBuf>) -> Result<Self> {
        let path = directory.into();
        let (home, supervisor, secrets) = blocking(move || {
            let (home, lock) = Home::persistent(&path)?;
            let secrets = settings::write_files(&home)?;
            let supervisor = supervise(&home, None, Some(lock))?;
            Ok((home, supervisor, secrets))
        })
        .await?;
        Self::launch(home, supervisor, secrets).await
    }

    /// The server that all tests of a test binary share, started by the first of them and stopped with the process.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); the next call tries again.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<S3> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Address of the server, `http://127.0.0.1:PORT`, to be used path-style.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The region to sign for, `us-east-1`.
    pub fn region(&self) -> &str {
        REGION
    }

    /// Key id of the identity that may do everything.
    pub fn access_key(&self) -> &str {
        &self.secrets.access_key
    }

    /// Secret of that identity.
    pub fn secret_key(&self) -> &str {
        &self.secrets.secret_key
    }

    /// File with that secret and no line end, readable only by the user who runs this process.
    pub fn secret_key_file(&self) -> PathBuf {
        self.home.path(settings::SECRET_KEY)
    }

    /// Key id of the identity that may list and read [one bucket](Self::readable_bucket) and nothing else.
    pub fn reader_access_key(&self) -> &str {
        &self.secrets.reader_access_key
    }

    /// Secret of that identity.
    pub fn reader_secret_key(&self) -> &str {
        &self.secrets.reader_secret_key
    }

    /// The bucket of the reading identity; it is there from the beginning.
    pub fn readable_bucket(&self) -> &str {
        READABLE_BUCKET
    }

    /// Options for a client of `bucket` with all rights; a test may change them.
    pub fn builder(&self, bucket: &str) -> AmazonS3Builder {
        let retry = RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(30), ..RetryConfig::default() };
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_region(REGION)
            .with_bucket_name(bucket)
            .with_access_key_id(self.access_key())
            .with_secret_access_key(self.secret_key())
            .with_allow_http(true)
            .with_retry(retry)
    }

    /// A client of `bucket` with all rights, for the current runtime.
    ///
    /// # Errors
    ///
    /// The name is empty.
    pub fn client(&self, bucket: &str) -> Result<AmazonS3> {
        self.builder(bucket).build().context(|| format!("making a client of bucket `{bucket}`"))
    }

    /// Creates a bucket; no error when it is there.
    ///
    /// # Errors
    ///
    /// The server refuses the name or is stopped.
    pub async fn create_bucket(&self, bucket: &str) -> Result<()> {
        let doing = || format!("creating bucket `{bucket}`");
        // A PUT of the empty key is a PUT of the bucket; the client itself has no call for it.
        let signed = self.client(bucket)?.signed_url(Method::PUT, &Key::default(), Duration::from_secs(60)).await;
        let signed = signed.context(doing)?;
        let request = Request::put(signed.as_str()).body(Empty::<Bytes>::new()).context(doing)?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        match client.request(request).await.context(doing)?.status() {
            StatusCode::OK | StatusCode::CONFLICT => Ok(()),
            status => Err(HarnessError::new(format!("{}: the server answers {status}", doing()))),
        }
    }

    /// Writes an object; of one that is there already, the content changes.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or the server is stopped.
    pub async fn put(&self, bucket: &str, key: &str, content: impl Into<Bytes>) -> Result<()> {
        let payload = PutPayload::from_bytes(content.into());
        let put = self.client(bucket)?.put(&parse_key(key)?, payload).await;
        put.context(|| format!("writing s3://{bucket}/{key}")).map(drop)
    }

    /// Deletes an object; no error when there is none.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or the server is stopped.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<()> {
        let deleted = self.client(bucket)?.delete(&parse_key(key)?).await;
        deleted.context(|| format!("deleting s3://{bucket}/{key}"))
    }

    /// The keys that begin with the folder `prefix` (empty: all), in order, with their sizes in bytes.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or the server is stopped.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<(String, u64)>> {
        let listed: Result<Vec<_>, _> = self.client(bucket)?.list(Some(&parse_key(prefix)?)).try_collect().await;
        let listed = listed.context(|| format!("listing s3://{bucket}/{prefix}"))?;
        Ok(listed.into_iter().map(|object| (object.location.to_string(), object.size)).collect())
    }

    /// A new proxy in front of this server, which records requests and injects faults, for one test alone.
    ///
    /// # Errors
    ///
    /// No port or no thread to be had.
    pub async fn proxy(&self) -> Result<S3Proxy> {
        S3Proxy::start(self.endpoint.clone())
    }

    /// Stops the server and starts it on the same ports; also starts it after a [`crash`](Self::crash).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn restart(&self) -> Result<()> {
        self.supervisor.stop(Stop::Fast).await?;
        self.supervisor.start(&self.ports.arguments()).await?;
        self.wait_until_ready().await
    }

    /// Stops the server at once and leaves it stopped.
    ///
    /// # Errors
    ///
    /// The server's supervisor is gone.
    pub async fn crash(&self) -> Result<()> {
        self.supervisor.stop(Stop::Immediate).await
    }

    /// Stops the server and waits for its end.
    ///
    /// # Errors
    ///
    /// The server's supervisor is gone.
    pub async fn stop(self) -> Result<()> {
        self.supervisor.stop(Stop::Fast).await
    }

    async fn launch(home: Home, supervisor: Supervisor, secrets: Secrets) -> Result<Self> {
        let mut server = Self { home, supervisor, ports: Ports::default(), endpoint: String::new(), secrets };
        for attempt in 1.. {
            server.ports = Ports::free()?;
            server.endpoint = format!("http://{HOST}:{}", server.ports.s3());
            server.supervisor.remove_at_the_end(&server.ports.sockets()).await?;
            server.supervisor.start(&server.ports.arguments()).await?;
            match server.wait_until_ready().await {
                Ok(()) => break,
                Err(_) if attempt < PORT_ATTEMPTS && settings::is_about_ports(&server.log().since(0)?) => {
                    server.supervisor.stop(Stop::Immediate).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(server)
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let refusal = match self.try_out().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // Asked after the answer: an old server on the same port may have given it.
            if !self.supervisor.is_running().await? {
                return Err(self.log().explain("the S3 test server ended while it was starting"));
            }
            if Instant::now() >= deadline {
                let seconds = READY_WITHIN.as_secs();
                let what = format!("the S3 test server was not ready after {seconds} s ({refusal})");
                return Err(self.log().explain(&what));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// It answers before it can store anything, so something is stored.
    async fn try_out(&self) -> Result<()> {
        const KEY: &str = "headwater-try-out";
        self.create_bucket(READABLE_BUCKET).await?;
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let client = self.builder(READABLE_BUCKET).with_retry(retry).build();
        let client = client.context(|| "making an S3 client".to_owned())?;
        let put = client.put(&parse_key(KEY)?, PutPayload::from_static(b"ready")).await;
        put.context(|| "writing a first object".to_owned())?;
        self.delete(READABLE_BUCKET, KEY).await
    }

    fn log(&self) -> LogFile {
        LogFile::new(self.home.path(LOG))
    }
}

impl fmt::Debug for S3 {
    // Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn parse_key(key: &str) -> Result<Key> {
    Key::parse(key).context(|| format!("reading the object key `{key}`"))
}

fn supervise(home: &Home, remove: Option<&Path>, lock: Option<File>) -> Result<Supervisor> {
    let server = settings::command(home, &installed("python", "bin/weed")?)?;
    let log = home.path(LOG);
    Supervisor::spawn(Service { server: &server, signals: SIGNALS, log: &log, remove, lock })
}
