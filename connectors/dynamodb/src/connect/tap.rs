//! Keeps the body of an answer for ourselves, and shows the SDK an empty one.
//!
//! The SDK makes a map of heap-allocated values of every item, which costs many times what reading the text does. All
//! else stays its own: credentials, signing, retries, throttling, time limits, errors. The body is taken while an
//! attempt is still under way, so a body that breaks off, or whose checksum is wrong, is asked for again like any other
//! failed attempt; therefore rows are made only once the call has returned.

use super::meter::Counts;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// DynamoDB's CRC-32 of the body.
const CHECKSUM: &str = "x-amz-crc32";
/// What may be set aside for a body before it comes: DynamoDB's longest answers have 16 MB of items.
const MAX_RESERVED: usize = 32 << 20;

/// An interceptor for exactly one call, made by [`Meter::tap`](super::Meter::tap).
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    kept: Kept,
    counts: Arc<Counts>,
}

type Kept = Arc<Mutex<Vec<u8>>>;

impl Tap {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self { kept: Kept::default(), counts }
    }

    /// The body of the answer, once the call has succeeded; empty before.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *locked(&self.kept))
    }
}

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "headwater tap"
    }

    /// Runs for every attempt. The bodies of errors stay with the SDK, which knows by them what to do.
    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        locked(&self.kept).clear();
        let response = context.response_mut();
        if !response.status().is_success() {
            return Ok(());
        }
        let number = |name| response.headers().get(name)?.parse().ok();
        let (expected, length): (Option<u32>, Option<u32>) = (number(CHECKSUM), number("content-length"));
        locked(&self.kept).reserve(length.map_or(0, |length| (length as usize).min(MAX_RESERVED)));
        self.counts.tapped();
        let body = TappedBody {
            inner: std::mem::replace(response.body_mut(), SdkBody::taken()),
            kept: Arc::clone(&self.kept),
            counts: Arc::clone(&self.counts),
            checksum: crc32fast::Hasher::new(),
            expected,
            ended: false,
        };
        *response.body_mut() = SdkBody::from_body_1_x(body);
        Ok(())
    }
}

/// Keeps what comes, and shows a blank for each piece of it, so that nobody takes the silence for a stall; at the end
/// `{}`: all together an empty JSON object.
struct TappedBody {
    inner: SdkBody,
    kept: Kept,
    counts: Arc<Counts>,
    checksum: crc32fast::Hasher,
    expected: Option<u32>,
    ended: bool,
}

impl Body for TappedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let shown = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => {
                if let Some(piece) = frame.data_ref() {
                    self.keep(piece);
                }
                Ok(Frame::data(Bytes::from_static(b" ")))
            }
            Some(Err(error)) => Err(error),
            None => {
                self.ended = true;
                self.check().map(|()| Frame::data(Bytes::from_static(b"{}")))
            }
        };
        Poll::Ready(Some(shown))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl TappedBody {
    fn keep(&mut self, piece: &[u8]) {
        self.checksum.update(piece);
        self.counts.received(piece.len());
        locked(&self.kept).extend_from_slice(piece);
    }

    /// An error is one of the response, which the SDK retries.
    fn check(&mut self) -> Result<(), BoxError> {
        let found = std::mem::take(&mut self.checksum).finalize();
        match self.expected {
            Some(expected) if expected != found => {
                locked(&self.kept).clear();
                Err(format!("the answer's checksum (CRC-32) is {found}, but {CHECKSUM} says {expected}").into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn locked(kept: &Kept) -> std::sync::MutexGuard<'_, Vec<u8>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
