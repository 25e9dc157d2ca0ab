//! The HTTP proxy in front of a server: records, injects faults, changes nothing else.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::http::Uri;
use hyper::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};

use crate::dialect::Dialect;
use crate::fault::FaultKind;
use crate::recorder::{Answer, Recorder, RequestId, capacity_units};

type Answered = BoxBody<Bytes, BoxError>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is wrong with the body of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoilt {
    No,
    Cut(usize),
    Stalled(usize),
    Garbled,
}

#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    /// `http://host:port` of the server.
    upstream: Arc<str>,
    recorder: Arc<Recorder>,
    dialect: Dialect,
}

/// Serves `listener` until the returned future is dropped or its runtime ends.
pub(crate) async fn serve(
    listener: TcpListener,
    upstream: String,
    recorder: Arc<Recorder>,
    dialect: Dialect,
) -> Infallible {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let proxy = Proxy { client, upstream: upstream.into(), recorder, dialect };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(proxy.clone().serve_connection(stream))),
            // Out of file descriptors, most likely: it passes when connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

impl Proxy {
    async fn serve_connection(self, stream: TcpStream) {
        // Without it the last piece of an answer waits for an acknowledgement; where it cannot be set, we are only slower.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.answer(request));
        // An error is a client that went away or a reset that was asked for; both end here.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answered>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let (id, fault) = self.recorder.begin(self.dialect.operation(&parts), &parts, body.clone());
        let mut spoilt = Spoilt::No;
        match fault {
            None => {}
            Some(FaultKind::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(FaultKind::Cut(bytes)) => spoilt = Spoilt::Cut(bytes),
            Some(FaultKind::Stall(bytes)) => spoilt = Spoilt::Stalled(bytes),
            Some(FaultKind::Garble) => spoilt = Spoilt::Garbled,
            Some(FaultKind::Reset) => {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
            }
            Some(FaultKind::Error { status, type_name, message }) => {
                return self.refuse(id, status, &type_name, &message);
            }
        }
        self.forward(id, parts, body, spoilt).await
    }

    /// Lets the server answer, and spoils the answer if that was asked for. One that announces more bytes than it has makes
    /// hyper close the connection.
    async fn forward(
        &self,
        id: RequestId,
        mut parts: Parts,
        body: Bytes,
        spoilt: Spoilt,
    ) -> Result<Response<Answered>, BoxError> {
        let reports_capacity = memmem::find(&body, b"ReturnConsumedCapacity").is_some();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{}{path}", self.upstream).parse::<Uri>()?;
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (mut parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        // The body goes on in one piece.
        parts.headers.remove(TRANSFER_ENCODING);
        let capacity_units = if reports_capacity { capacity_units(&body) } else { None };
        let status = parts.status.as_u16();
        self.recorder.finish(id, Answer { status, response_bytes: body.len(), capacity_units, injected: false });
        if spoilt != Spoilt::No {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        let beginning = |bytes: usize| body.slice(..bytes.min(body.len()));
        let body = match spoilt {
            Spoilt::No => whole(body),
            Spoilt::Cut(bytes) => cut_off(beginning(bytes)),
            Spoilt::Stalled(bytes) => stalled(beginning(bytes)),
            Spoilt::Garbled => whole(garbled(&body)),
        };
        Ok(Response::from_parts(parts, body))
    }

    fn refuse(
        &self,
        id: RequestId,
        status: u16,
        type_name: &str,
        message: &str,
    ) -> Result<Response<Answered>, BoxError> {
        let (content_type, body) = self.dialect.refusal(type_name, message);
        self.recorder.finish(id, Answer { status, response_bytes: body.len(), capacity_units: None, injected: true });
        let response = Response::builder().status(status).header(CONTENT_TYPE, content_type);
        Ok(response.header("x-amzn-requestid", "INJECTEDFAULT").body(whole(body.into()))?)
    }
}

fn whole(body: Bytes) -> Answered {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// A body that breaks no rule of its text, or hardly: the bit makes another letter or digit of one in its middle.
fn garbled(body: &Bytes) -> Bytes {
    let mut bytes = body.to_vec();
    let middle = bytes.len() / 2;
    let found = bytes.iter().skip(middle).position(u8::is_ascii_alphanumeric);
    if let Some(byte) = found.and_then(|position| bytes.get_mut(middle + position)) {
        *byte ^= 1;
    }
    bytes.into()
}

/// A body of which nothing more comes.
fn stalled(beginning: Bytes) -> Answered {
    BodyExt::boxed(StreamBody::new(stream::iter([Ok(Frame::data(beginning))]).chain(stream::pending())))
}

/// A body that breaks off. The pause lets its beginning go out before the connection is closed.
fn cut_off(beginning: Bytes) -> Answered {
    let end = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset).into())
    };
    let frames = stream::iter([Ok(Frame::data(beginning))]).chain(stream::once(end));
    BodyExt::boxed(StreamBody::new(frames))
}
