//! A proxy in front of the S3 server for one test.

use std::fmt;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::dialect::Dialect;
use crate::dynamodb::listen;
use crate::error::{Context as _, Result};
use crate::fault::Fault;
use crate::proxy;
use crate::recorder::{RecordedRequest, Recorder};

/// Records the requests that go through it to an [`S3`](crate::S3) server and injects [`Fault`]s.
///
/// Signatures name the host that the client asked, which the proxy leaves as it is; so a client needs only the proxy's
/// endpoint in the place of the server's. Operations are called `GetObject`, `HeadObject`, `ListObjectsV2`, `PutObject`,
/// `UploadPart`, `DeleteObject`, `GetBucketLocation`, `HeadBucket`, `CreateBucket`, and empty else. Answers are passed on
/// when they are complete.
///
/// It runs on a thread of its own and ends when the handle is dropped.
pub struct S3Proxy {
    endpoint: String,
    recorder: Arc<Recorder>,
    _stop: oneshot::Sender<()>,
}

impl S3Proxy {
    pub(super) fn start(upstream: String) -> Result<Self> {
        let (listener, endpoint) = listen()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(|| "starting a runtime for a proxy".to_owned())?;
        let recorder = Arc::new(Recorder::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = Arc::clone(&recorder);
        let serve = async move {
            // Registering a listener fails only with the runtime itself; clients are then refused and say so.
            if let Ok(listener) = TcpListener::from_std(listener) {
                tokio::spawn(proxy::serve(listener, upstream, served, Dialect::S3));
                drop(stopped.await);
            }
        };
        let thread = thread::Builder::new().name("headwater-s3-proxy".to_owned());
        let thread = thread.spawn(move || runtime.block_on(serve));
        thread.context(|| "starting a thread for a proxy".to_owned())?;
        Ok(Self { endpoint, recorder, _stop: stop })
    }

    /// Address of the proxy, `http://127.0.0.1:PORT`, to be used path-style: for the code under test.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Every request that came since the last [`take_requests`](Self::take_requests), in the order of arrival, those under
    /// way included.
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
}

impl fmt::Debug for S3Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Proxy").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
