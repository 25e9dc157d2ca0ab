//! What a scan did, counted once and read by everyone: EXPLAIN ANALYZE, progress, limits.

use crate::wire::Counted;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Running counters of one scan, shared by all its splits.
#[derive(Debug, Default)]
pub struct ScanMetrics {
    splits: AtomicU64,
    splits_done: AtomicU64,
    rows: AtomicU64,
    decoded_bytes: AtomicU64,
    wire_bytes: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
    remote_micros: AtomicU64,
    milli_capacity: AtomicU64,
    throttle_micros: AtomicU64,
}

impl ScanMetrics {
    /// Counts a split that was handed out. The engine's to call, as is [`Self::finish_split`]; the rest is the
    /// connector's.
    pub fn add_split(&self) {
        self.splits.fetch_add(1, Relaxed);
    }

    /// Counts a split that was read to its end.
    pub fn finish_split(&self) {
        self.splits_done.fetch_add(1, Relaxed);
    }

    /// Counts a batch that left the connector: its rows and its decoded Arrow bytes.
    pub fn add_batch(&self, rows: u64, decoded_bytes: u64) {
        self.rows.fetch_add(rows, Relaxed);
        self.decoded_bytes.fetch_add(decoded_bytes, Relaxed);
    }

    /// Counts bytes of payload received from the source.
    pub fn add_wire_bytes(&self, bytes: u64) {
        self.wire_bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts a request to the source, and how long its answer (for streams: its first byte) took.
    pub fn add_request(&self, took: Duration) {
        self.requests.fetch_add(1, Relaxed);
        self.remote_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts requests that had to be sent again.
    pub fn add_retries(&self, retries: u64) {
        self.retries.fetch_add(retries, Relaxed);
    }

    /// Counts capacity the source says it charged, in its own units (DynamoDB: read capacity units).
    pub fn add_capacity(&self, units: f64) {
        // Sources report halves and tenths at most; thousandths in an integer keep the counter lock-free and exact.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let milli = (units.max(0.0) * 1000.0).round() as u64;
        self.milli_capacity.fetch_add(milli, Relaxed);
    }

    /// Counts time spent waiting for the source's capacity: for a place within a budget, or because the source asked to
    /// be left alone for a while.
    pub fn add_throttle_wait(&self, waited: Duration) {
        self.throttle_micros.fetch_add(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Adds what another program counted for us.
    pub fn add_counted(&self, counted: Counted) {
        self.requests.fetch_add(counted.requests, Relaxed);
        self.retries.fetch_add(counted.retries, Relaxed);
        self.wire_bytes.fetch_add(counted.wire_bytes, Relaxed);
        self.remote_micros.fetch_add(counted.remote_micros, Relaxed);
        self.milli_capacity.fetch_add(counted.milli_capacity, Relaxed);
        self.throttle_micros.fetch_add(counted.throttle_micros, Relaxed);
    }

    /// All counters at this moment.
    pub fn snapshot(&self) -> ScanStats {
        ScanStats {
            splits: self.splits.load(Relaxed),
            splits_done: self.splits_done.load(Relaxed),
            rows: self.rows.load(Relaxed),
            decoded_bytes: self.decoded_bytes.load(Relaxed),
            wire_bytes: self.wire_bytes.load(Relaxed),
            requests: self.requests.load(Relaxed),
            retries: self.retries.load(Relaxed),
            remote_time: Duration::from_micros(self.remote_micros.load(Relaxed)),
            milli_capacity: self.milli_capacity.load(Relaxed),
            throttle_wait: Duration::from_micros(self.throttle_micros.load(Relaxed)),
        }
    }
}

/// The counters of a scan at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ScanStats {
    /// Splits handed out.
    pub splits: u64,
    /// Splits read to their end.
    pub splits_done: u64,
    /// Rows that left the connector.
    pub rows: u64,
    /// Their size as Arrow batches.
    pub decoded_bytes: u64,
    /// Payload received from the source; 0 where the driver does not tell.
    pub wire_bytes: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Time spent waiting for the source, summed over all requests (parallel ones overlap).
    pub remote_time: Duration,
    /// Capacity charged by the source, in thousandths of its unit.
    pub milli_capacity: u64,
    /// Time spent waiting for the source's capacity, summed over all requests (parallel ones overlap).
    pub throttle_wait: Duration,
}
