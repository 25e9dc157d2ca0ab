//! Counts what the SDK does below one call: attempts and bytes received.

use aws_config::AppName;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use headwater_core::ScanMetrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// An interceptor for exactly one call; give every call a fresh one.
///
/// It also puts the query's id into the user agent, which CloudTrail records: `app/headwater-QUERYID`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    name: Option<AppName>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    attempts: AtomicU64,
    bytes: AtomicU64,
}

impl Meter {
    /// For a call on behalf of a query.
    pub(crate) fn for_query(query_id: &str) -> Self {
        // User agents advise at most 50 characters; `headwater-` takes ten of them.
        let id: String = query_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
        Self { name: AppName::new(format!("headwater-{id}")).ok(), counts: Arc::default() }
    }

    /// Adds the call that began at `begin` to the counters of a scan.
    pub(crate) fn report(&self, metrics: &ScanMetrics, begin: Instant) {
        metrics.add_request(begin.elapsed());
        metrics.add_retries(self.counts.attempts.load(Relaxed).saturating_sub(1));
        metrics.add_wire_bytes(self.counts.bytes.load(Relaxed));
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
        Ok(())
    }

    /// Only now has the body been received whole.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let length = context.response().body().bytes().map_or(0, <[u8]>::len);
        self.counts.bytes.fetch_add(length as u64, Relaxed);
        Ok(())
    }
}
