//! An embedded DynamoDB server with a recording proxy in front.

use std::fmt;
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::{Builder as HttpClientBuilder, tls};
use dynoxide::{Database, DynoxideError, ImportOptions, Item};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, oneshot};

use crate::dialect::Dialect;
use crate::error::{Context as _, HarnessError, Result};
use crate::fault::Fault;
use crate::proxy;
use crate::recorder::{RecordedRequest, Recorder};

/// Items written in one transaction: few enough to keep their JSON small in memory, many enough to hide the commit.
pub(crate) const ITEMS_PER_TRANSACTION: usize = 10_000;

/// A request that hangs must not hold up the end of the server for longer.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A DynamoDB server (dynoxide) in this process, reached through a proxy that records and injects faults.
///
/// It accepts any credentials, never throttles by itself and otherwise behaves as AWS does in what Headwater uses.
/// Tables and items for a test are best written with [`create_table`](Self::create_table) and
/// [`put_items`](Self::put_items), which take neither HTTP nor the SDK.
///
/// # Lifetime
///
/// The server runs on threads of its own and ends when the handle is dropped; dropping does not wait for that.
///
/// # Concurrency
///
/// A handle belongs to no runtime, so tests with a runtime each can share one; see [`shared`](Self::shared). Faults and
/// [`take_requests`](Self::take_requests) concern everyone who shares it: a test that uses them starts its own, in
/// about ten milliseconds.
pub struct DynamoDb {
    database: Database,
    endpoint: String,
    direct_endpoint: String,
    recorder: Arc<Recorder>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl DynamoDb {
    /// Starts a server whose tables are kept in memory.
    ///
    /// # Errors
    ///
    /// No port or no thread to be had.
    pub async fn start() -> Result<Self> {
        Self::serve(Database::memory().context(|| "opening a DynamoDB database in memory".to_owned())?)
    }

    /// Starts a server whose tables are kept in the file `path`, made when new.
    ///
    /// # Errors
    ///
    /// The file is no such database, or as for [`start`](Self::start).
    pub async fn start_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = path
            .to_str()
            .ok_or_else(|| HarnessError::new(format!("{} is no UTF-8, which SQLite needs", path.display())))?;
        Self::serve(Database::new(text).context(|| format!("opening the DynamoDB database {text}"))?)
    }

    /// The server that all tests of a test binary share, in memory, started by the first of them.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); the next call tries again.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<DynamoDb> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Address of the proxy, `http://127.0.0.1:PORT`: for the code under test.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Address of the server itself: nothing is recorded there and no fault injected.
    pub fn direct_endpoint(&self) -> &str {
        &self.direct_endpoint
    }

    /// A client of the [direct endpoint](Self::direct_endpoint), to prepare and to check a test.
    pub async fn client(&self) -> Client {
        sdk_client(&self.direct_endpoint)
    }

    /// A client of the [proxy](Self::endpoint).
    pub async fn proxy_client(&self) -> Client {
        sdk_client(&self.endpoint)
    }

    /// Every request that came through the proxy since the last [`take_requests`](Self::take_requests), in the order of
    /// arrival, those under way included.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.recorder.requests()
    }

    /// The same, and forgets them.
    pub fn take_requests(&self) -> Vec<RecordedRequest> {
        self.recorder.take()
    }

    /// Makes the proxy inject a fault; of several that concern a request the oldest happens.
    pub fn inject(&self, fault: Fault) {
        self.recorder.inject(fault);
    }

    /// Removes the faults that have not happened yet.
    pub fn clear_faults(&self) {
        self.recorder.clear_faults();
    }

    /// Creates a table; `request` is the body of a `CreateTable` request.
    ///
    /// # Errors
    ///
    /// The request is wrong or there is such a table.
    pub async fn create_table(&self, request: Value) -> Result<()> {
        let request = serde_json::from_value(request).context(|| "reading a CreateTable request".to_owned())?;
        self.database.create_table(request).context(|| "creating a table".to_owned()).map(drop)
    }

    /// Writes items, each an object of attributes in DynamoDB's JSON (`{"id": {"N": "1"}}`), in large transactions and
    /// past HTTP: tens of thousands a second. Items with the same key replace each other in the order given.
    ///
    /// The limit of 400 KB is not checked, nor does DynamoDB's check of values take place: write canonical numbers.
    ///
    /// # Errors
    ///
    /// There is no such table, or an item is not in DynamoDB's JSON or lacks a key attribute. In the last case earlier
    /// transactions, of 10,000 items each, remain.
    pub async fn put_items(&self, table: &str, items: Vec<Value>) -> Result<()> {
        let mut items = items.into_iter();
        while items.len() > 0 {
            let piece = items.by_ref().take(ITEMS_PER_TRANSACTION).map(serde_json::from_value);
            let piece: Result<Vec<Item>, _> = piece.collect();
            self.import(table, piece.context(|| format!("reading an item for table `{table}`"))?).await?;
        }
        Ok(())
    }

    /// Deletes a table; no error when there is none.
    ///
    /// # Errors
    ///
    /// The storage fails.
    pub async fn delete_table(&self, table: &str) -> Result<()> {
        let request = request(json!({ "TableName": table }))?;
        match self.database.delete_table(request) {
            Ok(_) | Err(DynoxideError::ResourceNotFoundException(_)) => Ok(()),
            Err(error) => Err(error).context(|| format!("deleting table `{table}`")),
        }
    }

    /// Stops the server and waits for its end, so that its file can be opened again or deleted.
    ///
    /// # Errors
    ///
    /// A thread of the server panicked.
    pub async fn stop(self) -> Result<()> {
        let Self { database, stop, thread, .. } = self;
        drop((database, stop));
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        joined
            .context(|| "stopping the DynamoDB server".to_owned())?
            .map_err(|_| HarnessError::new("the DynamoDB server's thread panicked"))
    }

    /// Writes items in one transaction while SQLite does not wait for the disk.
    pub(crate) async fn import(&self, table: &str, items: Vec<Item>) -> Result<()> {
        let (database, name) = (self.database.clone(), table.to_owned());
        let doing = || format!("writing items into table `{table}`");
        let import = move || {
            database.enable_bulk_loading()?;
            let imported = database.import_items(&name, items, ImportOptions::default());
            database.disable_bulk_loading()?;
            imported
        };
        let imported = tokio::task::spawn_blocking(import).await.context(doing)?;
        imported.context(doing).map(drop)
    }

    /// The value of a table's tag; `None` when there is no such table or tag.
    pub(crate) fn tag(&self, table: &str, key: &str) -> Result<Option<String>> {
        let Some(arn) = self.table_arn(table)? else {
            return Ok(None);
        };
        let request = request(json!({ "ResourceArn": arn }))?;
        let listed = self.database.list_tags_of_resource(request);
        let listed = listed.context(|| format!("listing the tags of table `{table}`"))?;
        Ok(listed.tags.into_iter().find(|tag| tag.key == key).map(|tag| tag.value))
    }

    /// Gives a table a tag.
    pub(crate) fn set_tag(&self, table: &str, key: &str, value: &str) -> Result<()> {
        let arn =
            self.table_arn(table)?.ok_or_else(|| HarnessError::new(format!("there is no table `{table}` to tag")))?;
        let request = request(json!({ "ResourceArn": arn, "Tags": [{ "Key": key, "Value": value }] }))?;
        let tagged = self.database.tag_resource(request);
        tagged.context(|| format!("tagging table `{table}`")).map(drop)
    }

    fn table_arn(&self, table: &str) -> Result<Option<String>> {
        let request = request(json!({ "TableName": table }))?;
        match self.database.describe_table(request) {
            Ok(described) => Ok(Some(described.table.table_arn)),
            Err(DynoxideError::ResourceNotFoundException(_)) => Ok(None),
            Err(error) => Err(error).context(|| format!("describing table `{table}`")),
        }
    }

    fn serve(database: Database) -> Result<Self> {
        let (server, direct_endpoint) = listen()?;
        let (front, endpoint) = listen()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
        let runtime = runtime.context(|| "starting a runtime for the DynamoDB server".to_owned())?;
        let recorder = Arc::new(Recorder::default());
        let (stop, stopped) = oneshot::channel();
        let servers = Servers {
            server,
            front,
            upstream: direct_endpoint.clone(),
            database: database.clone(),
            recorder: Arc::clone(&recorder),
        };
        let thread =
            thread::Builder::new().name("headwater-dynamodb".to_owned()).spawn(move || servers.run(runtime, stopped));
        let thread = thread.context(|| "starting a thread for the DynamoDB server".to_owned())?;
        Ok(Self { database, endpoint, direct_endpoint, recorder, stop, thread })
    }
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What the server's thread needs.
struct Servers {
    server: StdListener,
    front: StdListener,
    upstream: String,
    database: Database,
    recorder: Arc<Recorder>,
}

impl Servers {
    /// Serves until `stopped` resolves, which it also does when the sender is dropped.
    fn run(self, runtime: Runtime, stopped: oneshot::Receiver<()>) {
        let served = runtime.block_on(async {
            let (server, front) = (TcpListener::from_std(self.server)?, TcpListener::from_std(self.front)?);
            tokio::spawn(proxy::serve(front, self.upstream, self.recorder, Dialect::DynamoDb));
            let (stop_server, server_stopped) = oneshot::channel::<()>();
            let stop = async { drop(server_stopped.await) };
            let server = tokio::spawn(dynoxide::server::serve_with_shutdown(server, self.database, stop));
            drop(stopped.await);
            drop(stop_server);
            // A server that does not end in time is cut off with the runtime.
            drop(tokio::time::timeout(STOP_WITHIN, server).await);
            Ok::<_, std::io::Error>(())
        });
        // Registering a listener fails only with the runtime itself; clients are then refused and say so.
        drop(served);
        runtime.shutdown_timeout(STOP_WITHIN);
    }
}

/// A listener on a free loopback port and its address.
pub(crate) fn listen() -> Result<(StdListener, String)> {
    let open = || {
        let listener = StdListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        Ok::<_, std::io::Error>((listener, endpoint))
    };
    open().context(|| "opening a loopback port".to_owned())
}

/// A client with any credentials.
pub(crate) fn sdk_client(endpoint: &str) -> Client {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(HttpClientBuilder::new().tls_provider(ring).build_https())
        .credentials_provider(Credentials::new("headwater", "headwater", None, None, "harness"))
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// A request of the database from JSON of ours.
fn request<T: serde::de::DeserializeOwned>(json: Value) -> Result<T> {
    serde_json::from_value(json).context(|| "writing a DynamoDB request".to_owned())
}

#[cfg(test)]
mod tests;
