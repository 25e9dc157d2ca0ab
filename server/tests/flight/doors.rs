//! Who gets in, and what those who do not are told.

use crate::support::{Running, certificate, config, connector, count, with_token};
use crate::watched::Watched;
use arrow_flight::{Action, Ticket};
use headwater_core::wire::action;
use headwater_core::{Connector, ConnectorList, Error, ErrorKind, MemoryConnector, Secret};
use headwater_remote::{RemoteConfig, RemoteConnector, RemoteFactory};
use headwater_server::{FlightServer, Identity};
use std::sync::Arc;
use tokio::net::TcpListener;
use tonic::{Code, Request};

const TOKEN: &str = "correct-horse-battery-staple";

async fn refusal(connector: Arc<dyn Connector>) -> Error {
    let error = count(&connector, "numbers").await.unwrap_err();
    let all = format!("{error} {error:?} {:?} {:?}", error.hint(), std::error::Error::source(&error));
    assert!(!all.contains(TOKEN), "{all}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_answered() {
    let builder = FlightServer::builder().with_catalog("main", "memory", Arc::new(Watched::new()));
    let server = Running::new(builder.with_token(Secret::new(TOKEN))).await;
    assert_eq!(count(&connector(with_token(server.port, TOKEN)), "numbers").await.unwrap(), 1_000);
    let none = refusal(server.remote()).await;
    assert_eq!((none.kind(), none.to_string().as_str()), (ErrorKind::Unauthenticated, "the server wants a token"));
    for wrong in ["", "correct-horse-battery-stapl", "correct-horse-battery-staple2"] {
        let error = refusal(connector(with_token(server.port, wrong))).await;
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
        assert_eq!(error.to_string(), "the server did not accept the token");
    }
    // Not only the first call: each one.
    let mut client = server.plain_client().await;
    assert_eq!(client.do_get(Ticket::new("x")).await.unwrap_err().code(), Code::Unauthenticated);
    let ask = Action { r#type: action::DESCRIBE.to_owned(), ..Default::default() };
    assert_eq!(client.do_action(ask).await.unwrap_err().code(), Code::Unauthenticated);
}

/// Files and terminals leave a line end after a token. What no header can carry is refused where it is set.
#[tokio::test(flavor = "multi_thread")]
async fn both_ends_take_the_same_for_a_token() {
    let builder = || FlightServer::builder().with_catalog("main", "memory", Arc::new(Watched::new()));
    let server = Running::new(builder().with_token(Secret::new(format!("{TOKEN} \r\n")))).await;
    for token in [TOKEN.to_owned(), format!("{TOKEN}\n"), format!("{TOKEN}\t \r\n\n")] {
        assert_eq!(count(&connector(with_token(server.port, &token)), "numbers").await.unwrap(), 1_000);
    }
    for broken in ["\n", "\t", "\u{7}", "\u{e9}", "\u{7f}"] {
        let broken = format!("{TOKEN}{broken}{TOKEN}");
        let here = RemoteConnector::new(with_token(server.port, &broken)).unwrap_err();
        let there = builder().with_token(Secret::new(broken)).build().unwrap_err();
        for error in [here, there] {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(error.to_string(), "the token holds a character that no header can");
            assert!(!format!("{error:?} {:?}", error.hint()).contains(TOKEN), "{error:?}");
        }
    }
    assert_eq!(builder().with_token(Secret::new(" \n")).build().unwrap_err().to_string(), "the token is empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_protocol_is_refused_in_words() {
    let server = Running::of(Watched::new()).await;
    let mut client = server.plain_client().await;
    for (header, said) in [(Some("2"), "the caller version 2"), (None, "the caller did not say which it speaks")] {
        let mut request = Request::new(Ticket::new("x"));
        if let Some(version) = header {
            request.metadata_mut().insert("headwater-protocol", version.parse().unwrap());
        }
        let status = client.do_get(request).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(status.message(), format!("the server speaks version 1 of the protocol, {said}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (identity, authority) = certificate(&directory, "right.pem");
    let (_, other) = certificate(&directory, "wrong.pem");
    let builder = FlightServer::builder().with_catalog("main", "memory", Arc::new(Watched::new()));
    let server = Running::new(builder.with_tls(identity)).await;
    let with = |file| RemoteConfig { tls: true, sslrootcert: Some(file), ..with_token(server.port, TOKEN) };
    assert_eq!(count(&connector(with(authority)), "numbers").await.unwrap(), 1_000);
    let error = refusal(connector(with(other))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.hint().unwrap().contains("sslrootcert"), "{error:?}");
    let error = refusal(connector(with(directory.path().join("no such file")))).await;
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    // One end encrypted, the other not.
    let error = refusal(connector(with_token(server.port, TOKEN))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.hint().unwrap().contains("grpc+tls"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_not_served_by_accident() {
    let directory = tempfile::tempdir().unwrap();
    let (identity, _) = certificate(&directory, "authority.pem");
    let builder = || FlightServer::builder().with_catalog("main", "memory", Arc::new(MemoryConnector::new()));
    let open = [
        (builder(), "without a token and without TLS"),
        (builder().with_token(Secret::new(TOKEN)), "without TLS"),
        (builder().with_tls(identity.clone()), "without a token"),
    ];
    for (builder, missing) in open {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let server = builder.build().unwrap();
        let before = server.check_exposure(listener.local_addr().unwrap()).unwrap_err();
        assert!(server.check_exposure("127.0.0.1:1".parse().unwrap()).is_ok());
        let error = server.serve(listener, async {}).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().ends_with(missing), "{error}");
        assert_eq!(before.to_string(), error.to_string());
    }
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let safe = builder().with_tls(identity).with_token(Secret::new(TOKEN));
    safe.build().unwrap().serve(listener, async {}).await.unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    builder().allow_insecure().build().unwrap().serve(listener, async {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_is_made_of_is_checked() {
    let memory = || Arc::new(MemoryConnector::new());
    let twice = FlightServer::builder().with_catalog("a", "memory", memory()).with_catalog("a", "memory", memory());
    let one = || FlightServer::builder().with_catalog("a", "memory", memory());
    let short = one().with_ticket_secret(Secret::new("short"));
    for builder in [twice, FlightServer::builder(), short, one().with_token(Secret::new(""))] {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::Config);
    }
    let pem = Identity { certificates: "no".to_owned(), key: Secret::new("hunter2") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = one().with_tls(pem).build().unwrap().serve(listener, async {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_found_by_its_name_or_because_it_is_the_only_one() {
    let builder = FlightServer::builder().with_catalog("numbers", "memory", Arc::new(Watched::new())).with_catalog(
        "others",
        "memory",
        Arc::new(MemoryConnector::new()),
    );
    let server = Running::new(builder).await;
    let named = |name: &str| connector(RemoteConfig { catalog: Some(name.to_owned()), ..config(server.port) });
    assert_eq!(count(&named("numbers"), "numbers").await.unwrap(), 1_000);
    let error = count(&named("number"), "numbers").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotFound, "the server has no catalog number"));
    assert_eq!(error.hint(), Some("did you mean `numbers`? the server has: numbers, others"));
    let error = count(&server.remote(), "numbers").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert!(error.hint().unwrap().contains("numbers, others"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_at_the_end_of_a_url_may_have_any_name() {
    let kinds = ConnectorList::new().with(RemoteFactory);
    let names = ["my crm+1", "a/b", "n\u{fc}r&a=A", "100%"];
    let paths = ["my%20crm+1", "a%2Fb/", "n\u{fc}r&a=%41", "100%"];
    let mut builder = FlightServer::builder();
    for name in names {
        builder = builder.with_catalog(name, "memory", Arc::new(Watched::new()));
    }
    let server = Running::new(builder).await;
    for (name, path) in names.into_iter().zip(paths) {
        let catalog = kinds.check_url("far", &format!("grpc://127.0.0.1:{}/{path}", server.port)).unwrap();
        assert_eq!(RemoteConfig::from_options(&catalog.options).unwrap().catalog.as_deref(), Some(name));
        assert_eq!(count(&kinds.build(&catalog).unwrap(), "numbers").await.unwrap(), 1_000);
    }
    let catalog = kinds.check_url("far", "grpc://127.0.0.1/%FF").unwrap();
    let error = RemoteConfig::from_options(&catalog.options).unwrap_err();
    assert_eq!(error.to_string(), "option url is not usable: the catalog at its end is not text");
}
