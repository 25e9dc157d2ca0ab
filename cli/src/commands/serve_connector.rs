//! `headwater serve-connector`: configured catalogs as a standalone Flight server.

use crate::args::ServeArgs;
use crate::interrupt;
use crate::report::{self, Failure};
use crate::settings::Settings;
use headwater_core::config::{CatalogConfig, Environment, ProcessEnvironment};
use headwater_core::{Error, ErrorKind, Result, Secret};
use headwater_server::{FlightServer, FlightServerBuilder, Identity};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;

/// The token of callers, where no file holds it.
const TOKEN_VARIABLE: &str = "HEADWATER_SERVER_TOKEN";

/// Longer than the server itself gives reads that are under way.
const PATIENCE: Duration = Duration::from_secs(40);

/// Serves until a signal comes; then lets reads under way finish.
pub(crate) async fn run(args: ServeArgs, settings: &Settings) -> Result<(), Failure> {
    let server = server(&args, settings)?;
    let listener = TcpListener::bind(&args.listen).await.map_err(|reason| cannot_listen(&args.listen, &reason))?;
    let address = listener.local_addr().map_err(|reason| cannot_listen(&args.listen, &reason))?;
    server.check_exposure(address)?;
    let scheme = if args.tls_cert.is_some() { "grpc+tls" } else { "grpc" };
    let signals = interrupt::watch(PATIENCE);
    let stopped = async {
        let signal = interrupt::first(signals).await;
        report::note(&format!("stopping; {} once more stops at once", signal.name()));
    };
    // Whoever starts the server in a script reads the port from here, so it is said even with --quiet.
    report::note(&format!("serving {} at {scheme}://{address}", names(&args, settings).join(", ")));
    Ok(server.serve(listener, stopped).await?)
}

fn names<'a>(args: &'a ServeArgs, settings: &'a Settings) -> Vec<&'a str> {
    match args.names.as_slice() {
        [] => settings.catalogs.iter().map(|(name, _)| name.as_str()).collect(),
        named => named.iter().map(String::as_str).collect(),
    }
}

fn server(args: &ServeArgs, settings: &Settings) -> Result<FlightServer> {
    let mut builder = with_catalogs(FlightServer::builder(), &names(args, settings), settings)?;
    if let Some(token) = token(args.token_file.as_deref())? {
        builder = builder.with_token(token);
    }
    if let (Some(certificates), Some(key)) = (&args.tls_cert, &args.tls_key) {
        let identity = Identity { certificates: read(certificates)?, key: Secret::new(read(key)?) };
        builder = builder.with_tls(identity);
    }
    if let Some(file) = &args.ticket_secret_file {
        builder = builder.with_ticket_secret(Secret::new(read(file)?.trim_end()));
    }
    if let Some(reads) = args.max_reads {
        builder = builder.with_max_reads(reads);
    }
    if args.insecure {
        builder = builder.allow_insecure();
    }
    builder.build()
}

fn with_catalogs(mut builder: FlightServerBuilder, names: &[&str], settings: &Settings) -> Result<FlightServerBuilder> {
    if names.is_empty() {
        return Err(Error::config("there is no catalog to serve")
            .with_hint("add one to headwater.toml or by --catalog name=url"));
    }
    for name in names {
        let catalog = settings.catalog(name)?;
        expect_confined(catalog)?;
        builder = builder.with_catalog(*name, &catalog.connector, settings.connectors.build(catalog)?);
    }
    Ok(builder)
}

/// Whoever may ask a catalog of files without a place of its own reads what this program can read.
fn expect_confined(catalog: &CatalogConfig) -> Result<()> {
    let said = |option| catalog.options.text(option);
    let is_open = catalog.connector == "files" && said("url").or(said("path")).is_none();
    if !is_open || said("paths") == Some("any") {
        return Ok(());
    }
    let message = "callers would read every file that this program can read";
    Err(Error::config(message)
        .with_catalog(&catalog.name)
        .with_hint("give the catalog a place by `url` or `path`, or allow all of them by paths = \"any\""))
}

fn token(file: Option<&Path>) -> Result<Option<Secret>> {
    if let Some(file) = file {
        return Ok(Some(Secret::new(read(file)?.trim_end())));
    }
    Ok(ProcessEnvironment.variable(TOKEN_VARIABLE).map(Secret::new))
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .map_err(|reason| Error::config(format!("file {} cannot be read: {reason}", file.display())))
}

fn cannot_listen(address: &str, reason: &std::io::Error) -> Error {
    Error::new(ErrorKind::Config, format!("cannot listen on {address}: {reason}"))
        .with_hint("--listen takes an address of this machine and a free port, for example 127.0.0.1:8815")
}
