//! The HTTP proxy in front of the DynamoDB server: records, injects faults, changes nothing else.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::http::{HeaderMap, Uri};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use memchr::memmem;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::fault::FaultKind;
use crate::recorder::{Answer, Recorder, RequestId, capacity_units};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    /// `http://host:port` of the server.
    upstream: Arc<str>,
    recorder: Arc<Recorder>,
}

/// Serves `listener` until the returned future is dropped or its runtime ends.
pub(crate) async fn serve(listener: TcpListener, upstream: String, recorder: Arc<Recorder>) -> Infallible {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let proxy = Proxy { client, upstream: upstream.into(), recorder };
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

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let (id, fault) = self.recorder.begin(operation(&parts.headers), body.clone());
        match fault {
            None => {}
            Some(FaultKind::Delay(delay)) => tokio::time::sleep(delay).await,
            Some(FaultKind::Reset) => {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
            }
            Some(FaultKind::Error { status, type_name, message }) => {
                return self.refuse(id, status, &type_name, &message);
            }
        }
        self.forward(id, parts, body).await
    }

    async fn forward(&self, id: RequestId, mut parts: Parts, body: Bytes) -> Result<Response<Full<Bytes>>, BoxError> {
        let reports_capacity = memmem::find(&body, b"ReturnConsumedCapacity").is_some();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("{}{path}", self.upstream).parse::<Uri>()?;
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        let capacity_units = if reports_capacity { capacity_units(&body) } else { None };
        let status = parts.status.as_u16();
        self.recorder.finish(id, Answer { status, response_bytes: body.len(), capacity_units, injected: false });
        Ok(Response::from_parts(parts, Full::new(body)))
    }

    fn refuse(
        &self,
        id: RequestId,
        status: u16,
        type_name: &str,
        message: &str,
    ) -> Result<Response<Full<Bytes>>, BoxError> {
        let type_name = match type_name.contains('#') {
            true => type_name.to_owned(),
            false => format!("com.amazonaws.dynamodb.v20120810#{type_name}"),
        };
        let body = json!({ "__type": type_name, "message": message }).to_string();
        self.recorder.finish(id, Answer { status, response_bytes: body.len(), capacity_units: None, injected: true });
        let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
        Ok(response.header("x-amzn-requestid", "INJECTEDFAULT").body(Full::new(Bytes::from(body)))?)
    }
}

/// `Scan` of `x-amz-target: DynamoDB_20120810.Scan`; empty when there is none.
fn operation(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}
