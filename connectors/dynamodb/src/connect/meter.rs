//! Counts what the SDK does below one call: attempts and bytes received.

use super::pace::Pace;
use super::tap::Tap;
use aws_config::AppName;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use headwater_core::ScanMetrics;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An interceptor for exactly one call; give every call a fresh one.
///
/// It also puts the query's id into the user agent, which CloudTrail records: `app/headwater-QUERYID`.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    name: Option<AppName>,
    pace: Arc<Pace>,
    counts: Arc<Counts>,
}

/// What one call did.
#[derive(Debug, Default)]
pub(super) struct Counts {
    attempts: AtomicU64,
    bytes: AtomicU64,
    throttled: Mutex<Throttled>,
    /// Whether the body of this attempt is counted by a [`Tap`].
    tapped: AtomicBool,
}

impl Counts {
    /// From here on a tap counts the bytes of this attempt.
    pub(super) fn tapped(&self) {
        self.tapped.store(true, Relaxed);
    }

    /// A piece of an answer came.
    pub(super) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }
}

/// The SDK pauses before it asks again; the pause after a throttled attempt is a wait for capacity.
#[derive(Debug, Default)]
struct Throttled {
    since: Option<Instant>,
    waited: Duration,
}

/// How a refused attempt says that it is for want of capacity.
const THROTTLES: [&str; 3] = ["ProvisionedThroughputExceeded", "ThrottlingException", "RequestLimitExceeded"];
/// A longer answer is no error.
const LONGEST_REFUSAL: usize = 4_096;

impl Meter {
    /// For a call on behalf of a query that reads at this pace.
    pub(super) fn new(query_id: &str, pace: Arc<Pace>) -> Self {
        // User agents advise at most 50 characters; `headwater-` takes ten of them.
        let id: String = query_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        Self { name: AppName::new(format!("headwater-{id}")).ok(), pace, counts: Arc::default() }
    }

    /// What takes the body of the same call's answer.
    pub(crate) fn tap(&self) -> Tap {
        Tap::new(Arc::clone(&self.counts))
    }

    /// Adds the call that began at `begin` to the counters of a scan.
    pub(crate) fn report(&self, metrics: &ScanMetrics, begin: Instant) {
        metrics.add_request(begin.elapsed());
        metrics.add_retries(self.counts.attempts.load(Relaxed).saturating_sub(1));
        metrics.add_wire_bytes(self.counts.bytes.load(Relaxed));
        metrics.add_throttle_wait(self.throttled(|throttled| throttled.waited));
    }

    fn throttled<T>(&self, with: impl FnOnce(&mut Throttled) -> T) -> T {
        with(&mut self.counts.throttled.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "headwater meter"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(name) = &self.name {
            config.interceptor_state().store_put(name.clone());
        }
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.counts.attempts.fetch_add(1, Relaxed);
        self.counts.tapped.store(false, Relaxed);
        self.throttled(|throttled| throttled.waited += throttled.since.take().map_or(Duration::ZERO, |s| s.elapsed()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(is_throttle) {
            self.pace.throttled();
            self.throttled(|throttled| throttled.since = Some(Instant::now()));
        }
        Ok(())
    }

    /// Only now has the body been received whole.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !self.counts.tapped.load(Relaxed) {
            self.counts.received(context.response().body().bytes().map_or(0, <[u8]>::len));
        }
        Ok(())
    }
}

fn is_throttle(response: &HttpResponse) -> bool {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() || body.len() > LONGEST_REFUSAL {
        return false;
    }
    let text = String::from_utf8_lossy(body);
    THROTTLES.iter().any(|name| text.contains(name))
}
