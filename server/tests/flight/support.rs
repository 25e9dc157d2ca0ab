//! A server in this process, and remote connectors to it.

use arrow_flight::flight_service_client::FlightServiceClient;
use futures::{StreamExt, TryStreamExt};
use headwater_core::{
    BatchStream, Connector, Error, JoinKeys, KeyDecision, Result, ScanContext, ScanPlan, ScanRequest, Secret, Split,
    TableName,
};
use headwater_remote::{RemoteConfig, RemoteConnector};
use headwater_server::{FlightServer, FlightServerBuilder, Identity};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

/// Nothing here takes nearly as long; a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    pub(crate) port: u16,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<()>>,
}

impl Running {
    pub(crate) async fn new(builder: FlightServerBuilder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let server = builder.build().unwrap();
        let served = tokio::spawn(server.serve(listener, async {
            stopped.await.ok();
        }));
        Self { port, stop, served }
    }

    /// A server of one catalog, `main`.
    pub(crate) async fn of(connector: impl Connector + 'static) -> Self {
        Self::new(FlightServer::builder().with_catalog("main", "memory", Arc::new(connector))).await
    }

    /// Tells the server to stop; the handle is ready when it has.
    pub(crate) fn stop(self) -> JoinHandle<Result<()>> {
        self.stop.send(()).unwrap();
        self.served
    }

    /// A client that knows Flight and nothing of us.
    pub(crate) async fn plain_client(&self) -> FlightServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", self.port)).unwrap();
        FlightServiceClient::new(endpoint.connect().await.unwrap())
    }

    pub(crate) fn remote(&self) -> Arc<dyn Connector> {
        connector(config(self.port))
    }
}

pub(crate) fn config(port: u16) -> RemoteConfig {
    RemoteConfig {
        host: "127.0.0.1".to_owned(),
        port,
        tls: false,
        catalog: None,
        token: None,
        sslrootcert: None,
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(30),
    }
}

pub(crate) fn connector(config: RemoteConfig) -> Arc<dyn Connector> {
    Arc::new(RemoteConnector::new(config).unwrap())
}

pub(crate) fn with_token(port: u16, token: &str) -> RemoteConfig {
    RemoteConfig { token: Some(Secret::new(token)), ..config(port) }
}

pub(crate) fn name(table: &str) -> TableName {
    TableName::new("main", table)
}

pub(crate) async fn plan(connector: &Arc<dyn Connector>, request: &ScanRequest) -> Result<ScanPlan> {
    let headwater_core::Relation::Table(name) = &request.relation else { panic!("not a table") };
    let table = connector.get_table(name).await?;
    connector.plan_scan(&table, request).await
}

pub(crate) async fn splits(
    connector: &Arc<dyn Connector>,
    plan: &ScanPlan,
    keys: Option<&JoinKeys>,
    context: &ScanContext,
) -> Result<(KeyDecision, Vec<Split>)> {
    let splits = connector.splits(plan, keys, context).await?;
    Ok((splits.keys, splits.stream.try_collect().await?))
}

/// The first split of a table, to be read.
pub(crate) async fn first_split(connector: &Arc<dyn Connector>, table: &str) -> Split {
    let plan = plan(connector, &ScanRequest::table(name(table))).await.unwrap();
    splits(connector, &plan, None, &ScanContext::new("test")).await.unwrap().1.remove(0)
}

/// How many rows a table has, read in full.
pub(crate) async fn count(connector: &Arc<dyn Connector>, table: &str) -> Result<usize> {
    let context = ScanContext::new("test");
    let plan = plan(connector, &ScanRequest::table(name(table))).await?;
    let (_, splits) = splits(connector, &plan, None, &context).await?;
    let mut rows = 0;
    for split in &splits {
        rows += rows_of(connector.read(split, &context).await?).await?;
    }
    Ok(rows)
}

pub(crate) async fn rows_of(stream: BatchStream) -> Result<usize> {
    stream.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows()) }).await
}

/// The error that a stream ends with.
pub(crate) async fn ending(mut stream: BatchStream) -> Error {
    while let Some(batch) = stream.next().await {
        if let Err(error) = batch {
            assert!(stream.next().await.is_none(), "an error is the end");
            return error;
        }
    }
    panic!("the stream ended as if it were whole")
}

/// A certificate for the loopback addresses, and the authority that vouches for it in a file.
pub(crate) fn certificate(directory: &tempfile::TempDir, file: &str) -> (Identity, PathBuf) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, file);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = directory.path().join(file);
    std::fs::write(&authority, params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let mut params = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned)).unwrap();
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificates = params.signed_by(&key, &issuer).unwrap().pem();
    (Identity { certificates, key: Secret::new(key.serialize_pem()) }, authority)
}
