//! A server that speaks DynamoDB's protocol and makes its items up: for measuring the client alone.

mod answer;
mod item;
mod table;

pub use table::{CannedTable, ItemShape};

use std::fmt;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::dynamodb::{listen, sdk_client};
use crate::error::{Context as _, HarnessError, Result};
use answer::{Answer, Tables};

/// A request that hangs must not hold up the end of the server for longer.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A DynamoDB of tables that hold nothing: what is asked for is computed from its key, always the same, and what was
/// answered once is answered from memory.
///
/// It knows `ListTables`, `DescribeTable`, `Scan` (in segments, paged, with a limit and a projection) and `BatchGetItem`
/// (with keys left over beyond 16 MB). Anything else, and any filter, is a `ValidationException`: it never leaves out a
/// condition silently. Pages, checksums and capacity are as DynamoDB's, signatures are not looked at.
///
/// # Lifetime
///
/// The server runs on threads of its own and ends when the handle is dropped.
pub struct CannedDynamoDb {
    endpoint: String,
    state: Arc<State>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    requests: AtomicU64,
    /// Answers that are still to be damaged.
    damaged: AtomicU64,
    delay_micros: AtomicU64,
}

impl CannedDynamoDb {
    /// Starts a server of these tables.
    ///
    /// # Errors
    ///
    /// No port or no thread to be had.
    pub fn start(tables: Vec<CannedTable>) -> Result<Self> {
        let (listener, endpoint) = listen()?;
        let state = Arc::new(State { tables: Tables::new(tables), ..State::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.context(|| "starting a runtime for the canned server".to_owned())?;
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("headwater-canned".to_owned())
            .spawn(move || serve(runtime, listener, &shared, stopped));
        let thread = thread.context(|| "starting a thread for the canned server".to_owned())?;
        Ok(Self { endpoint, state, stop, thread })
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        sdk_client(&self.endpoint)
    }

    /// How many requests were answered.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Relaxed)
    }

    /// From now on each answer comes so much later.
    pub fn delay(&self, delay: Duration) {
        self.state.delay_micros.store(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The next answers of items have one byte changed, which their checksums tell.
    pub fn damage(&self, answers: u64) {
        self.state.damaged.store(answers, Relaxed);
    }

    /// Stops the server and waits for its end.
    ///
    /// # Errors
    ///
    /// Its thread panicked.
    pub fn stop(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| HarnessError::new("the canned server's thread panicked"))
    }
}

impl fmt::Debug for CannedDynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CannedDynamoDb").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Serves until `stopped` resolves, which it also does when the sender is dropped.
fn serve(runtime: Runtime, listener: StdListener, state: &Arc<State>, stopped: oneshot::Receiver<()>) {
    let accepting = Arc::clone(state);
    let served = runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_connection(stream, Arc::clone(&accepting)));
            }
        });
        drop(stopped.await);
        Ok::<_, std::io::Error>(())
    });
    // Registering a listener fails only with the runtime itself; clients are then refused and say so.
    drop(served);
    runtime.shutdown_timeout(STOP_WITHIN);
}

async fn serve_connection(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, &state));
    // An error is a client that went away.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, state: &State) -> std::result::Result<Response<Full<Bytes>>, BoxError> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    state.requests.fetch_add(1, Relaxed);
    match state.delay_micros.load(Relaxed) {
        0 => {}
        micros => tokio::time::sleep(Duration::from_micros(micros)).await,
    }
    let (status, answer) = match state.tables.answer(&operation, &body) {
        Ok(answer) => (200, answer),
        Err(refusal) => (400, Answer::new(refusal)),
    };
    let checksum = answer.checksum;
    let text = if answer.has_items && take_one(&state.damaged) { damaged(&answer.text) } else { answer.text };
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amzn-requestid", "canned")
        .header("x-amz-crc32", checksum)
        .body(Full::new(text));
    Ok(response?)
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn take_one(count: &AtomicU64) -> bool {
    count.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1)).is_ok()
}

/// The same with a digit of the last number changed: still JSON, with other items.
fn damaged(text: &Bytes) -> Bytes {
    let mut text = text.to_vec();
    if let Some(digit) = text.iter_mut().rev().find(|byte| byte.is_ascii_digit()) {
        *digit ^= 1;
    }
    text.into()
}
