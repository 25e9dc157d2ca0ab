//! The memory of a proxy: requests seen, faults still to inject.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::http::header::RANGE;
use hyper::http::request::Parts;
use memchr::memmem;
use serde_json::Value;

use crate::error::{Context as _, Result};
use crate::fault::{Fault, FaultKind};

/// One request that came through the proxy.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    /// Name of the operation, such as `Query` or `GetObject`; empty when the request named none.
    pub operation: String,
    /// Path and query as sent, percent-encoded.
    pub target: String,
    /// The header `Range`, such as `bytes=0-7`.
    pub range: Option<String>,
    /// The request's body as it came.
    pub body: Bytes,
    /// HTTP status of the answer; `None` while there is none, and for good when the client or a [`FaultKind::Reset`]
    /// ended the connection first.
    pub status: Option<u16>,
    /// Length of the answer's body.
    pub response_bytes: usize,
    /// Capacity units that the answer reports, summed over tables; `None` when it reports none.
    pub capacity_units: Option<f64>,
    /// Whether a [`Fault`] answered in the server's place.
    pub injected: bool,
}

impl RecordedRequest {
    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// The body is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).context(|| format!("reading the recorded {} request", self.operation))
    }

    /// Whether the path is exactly `/bucket/key`, written as in the address: for requests of objects.
    pub fn is_for(&self, bucket: &str, key: &str) -> bool {
        let path = self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path);
        path.strip_prefix('/').and_then(|path| path.split_once('/')) == Some((bucket, key))
    }

    /// Whether the body contains `text`: a cheap way to keep to the requests for one table on a shared server.
    pub fn mentions(&self, text: &str) -> bool {
        memmem::find(&self.body, text.as_bytes()).is_some()
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) response_bytes: usize,
    pub(crate) capacity_units: Option<f64>,
    pub(crate) injected: bool,
}

/// Names a request while it is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(usize);

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of arrival.
    requests: Vec<RecordedRequest>,
    /// How many requests were taken away: the id of the first one kept.
    taken: usize,
    faults: Vec<Fault>,
}

impl Recorder {
    /// All requests since the last `take`.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// All requests since the last `take`, which are then forgotten.
    pub(crate) fn take(&self) -> Vec<RecordedRequest> {
        let mut state = self.state();
        let requests = std::mem::take(&mut state.requests);
        state.taken += requests.len();
        requests
    }

    /// Adds a fault behind those that are still waiting.
    pub(crate) fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Removes the faults that have not happened yet.
    pub(crate) fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Notes a request that has come and says what is to happen to it.
    pub(crate) fn begin(&self, operation: &str, parts: &Parts, body: Bytes) -> (RequestId, Option<FaultKind>) {
        let mut state = self.state();
        let id = RequestId(state.taken + state.requests.len());
        state.requests.push(RecordedRequest {
            operation: operation.to_owned(),
            target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            range: parts.headers.get(RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned),
            body,
            status: None,
            response_bytes: 0,
            capacity_units: None,
            injected: false,
        });
        (id, state.next_fault(operation))
    }

    /// Notes how a request was answered; nothing when it was taken away meanwhile.
    pub(crate) fn finish(&self, id: RequestId, answer: Answer) {
        let mut state = self.state();
        let request = id.0.checked_sub(state.taken).and_then(|index| state.requests.get_mut(index));
        if let Some(request) = request {
            request.status = Some(answer.status);
            request.response_bytes = answer.response_bytes;
            request.capacity_units = answer.capacity_units;
            request.injected = answer.injected;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_fault(&mut self, operation: &str) -> Option<FaultKind> {
        self.faults.retain(|fault| fault.times > 0);
        let fault = self.faults.iter_mut().find(|fault| fault.concerns(operation))?;
        fault.times -= 1;
        Some(fault.kind.clone())
    }
}

/// Capacity units in the body of an answer, without parsing a megabyte of items.
///
/// The quotes of this pattern cannot be part of a string, where they would be escaped, and an attribute of that name
/// holds a type and a value, not `CapacityUnits`.
pub(crate) fn capacity_units(body: &[u8]) -> Option<f64> {
    const KEY: &[u8] = b"\"ConsumedCapacity\":";
    memmem::find_iter(body, KEY).find_map(|at| {
        let value = body.get(at + KEY.len()..)?;
        let mut values = serde_json::Deserializer::from_slice(value).into_iter::<Value>();
        units(&values.next()?.ok()?)
    })
}

fn units(consumed: &Value) -> Option<f64> {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        Value::Object(table) => table.get("CapacityUnits")?.as_f64(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        hyper::Request::new(()).into_parts().0
    }

    #[test]
    fn capacity_is_summed_over_the_tables_of_a_batch() {
        let body = br#"{"Responses":{},"ConsumedCapacity":[{"TableName":"a","CapacityUnits":1.5},{"TableName":"b","CapacityUnits":2}]}"#;
        assert_eq!(capacity_units(body), Some(3.5));
    }

    #[test]
    fn capacity_is_not_taken_from_an_item() {
        let body = br#"{"Item":{"ConsumedCapacity":{"N":"7"},"text":{"S":"\"ConsumedCapacity\":{\"CapacityUnits\":9}"}},"ConsumedCapacity":{"CapacityUnits":0.5}}"#;
        assert_eq!(capacity_units(body), Some(0.5));
        assert_eq!(capacity_units(br#"{"Item":{"ConsumedCapacity":{"N":"7"}}}"#), None);
    }

    #[test]
    fn a_fault_happens_as_often_as_asked_and_only_to_its_operation() {
        let recorder = Recorder::default();
        recorder.inject(Fault::throttle("Scan", 1));
        assert!(recorder.begin("Query", &parts(), Bytes::new()).1.is_none());
        assert!(recorder.begin("Scan", &parts(), Bytes::new()).1.is_some());
        assert!(recorder.begin("Scan", &parts(), Bytes::new()).1.is_none());
    }

    #[test]
    fn an_answer_to_a_request_already_taken_is_dropped() {
        let recorder = Recorder::default();
        let (first, _) = recorder.begin("Scan", &parts(), Bytes::new());
        recorder.take();
        let (second, _) = recorder.begin("Query", &parts(), Bytes::new());
        let answer = |status| Answer { status, response_bytes: 0, capacity_units: None, injected: false };
        recorder.finish(first, answer(500));
        recorder.finish(second, answer(200));
        assert_eq!(recorder.requests()[0].status, Some(200));
    }
}
