//! Servers that are broken or ill-meant: whatever they send, there is an error and no more.

use super::payload::Payload;
use super::rows::{Rows, span};
use super::{ColumnDefinition, Failure, Target, packets};
use crate::MySqlFactory;
use crate::convert::Decoding;
use headwater_core::ConnectorList;
use headwater_sql::Room;
use mysql_common::constants::ColumnType as T;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ROOM: Room = Room { rows: 100, bytes: 1 << 20, per_row: 8 };

/// A greeting of a server with all abilities but TLS.
fn greeting() -> Vec<u8> {
    let mut greeting = b"\x0a8.0.0\0\x07\0\0\0AAAAAAAA\0".to_vec();
    greeting.extend_from_slice(&[0xff, 0xf7, 45, 2, 0, 0xff, 0x01, 21]);
    greeting.extend_from_slice(&[0; 10]);
    greeting.extend_from_slice(b"BBBBBBBBBBBB\0mysql_native_password\0");
    greeting
}

fn frame(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, ..] = payload.len().to_le_bytes();
    [&[a, b, c, sequence], payload].concat()
}

/// The login went well.
fn ok() -> Vec<u8> {
    frame(2, &[0, 0, 0, 2, 0, 0, 0])
}

fn target(port: u16, options: &str) -> Target {
    let url = format!("mysql://u:p@127.0.0.1:{port}?sslmode=disable{options}");
    let catalog = ConnectorList::new().with(MySqlFactory).check_url("my", &url).unwrap();
    Target { config: crate::MySqlConfig::from_options(&catalog.options).unwrap(), tls: None }
}

/// What becomes of a login, a statement and its rows, if the server says this, each after the client's turn but the
/// first, and then no more.
async fn talk(said: Vec<Vec<u8>>, max_row_size: usize) -> Result<usize, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = target(listener.local_addr().unwrap().port(), "");
    target.config.max_row_size = max_row_size;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 4096];
        for (turn, said) in said.iter().enumerate() {
            if turn > 0 && !stream.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {
                return;
            }
            stream.write_all(said).await.ok();
        }
        stream.shutdown().await.ok();
        // What was said must not be lost to what was not heard.
        while stream.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {}
    };
    let client = async {
        let mut connection = target.connect().await?;
        let statement = connection.prepare("SELECT 1").await?;
        connection.execute(&statement).await?;
        let mut rows = 0;
        loop {
            match connection.rows(ROOM).await?.len() {
                0 => return Ok(rows),
                some => rows += some,
            }
        }
    };
    tokio::join!(server, client).1
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn definition(kind: T) -> ColumnDefinition {
    ColumnDefinition { kind, is_unsigned: false, collation: 63, decimals: 0, length: 0 }
}

/// Every way to decode, with a way to arrive that fits.
fn decodings() -> Vec<(Decoding, ColumnDefinition)> {
    let decimal = |precision| Decoding::Decimal { precision, scale: 2 };
    [
        (Decoding::Boolean, T::MYSQL_TYPE_TINY),
        (Decoding::Int8, T::MYSQL_TYPE_LONGLONG),
        (Decoding::UInt64, T::MYSQL_TYPE_SHORT),
        (Decoding::Int32, T::MYSQL_TYPE_LONG),
        (Decoding::Bits, T::MYSQL_TYPE_BIT),
        (Decoding::Float32, T::MYSQL_TYPE_FLOAT),
        (Decoding::Float64, T::MYSQL_TYPE_DOUBLE),
        (decimal(12), T::MYSQL_TYPE_NEWDECIMAL),
        (decimal(38), T::MYSQL_TYPE_NEWDECIMAL),
        (decimal(65), T::MYSQL_TYPE_NEWDECIMAL),
        (Decoding::Text, T::MYSQL_TYPE_VAR_STRING),
        (Decoding::Binary, T::MYSQL_TYPE_BLOB),
        (Decoding::Date, T::MYSQL_TYPE_DATE),
        (Decoding::Timestamp, T::MYSQL_TYPE_DATETIME),
        (Decoding::Instant, T::MYSQL_TYPE_TIMESTAMP),
        (Decoding::Duration, T::MYSQL_TYPE_TIME),
        (Decoding::TimeOfDay, T::MYSQL_TYPE_TIME),
    ]
    .map(|(decoding, kind)| (decoding, definition(kind)))
    .to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_packet_breaks_its_parser(bytes in vec(any::<u8>(), 0..120), cut in 0usize..120) {
        drop(packets::Greeting::parse(&bytes));
        drop(packets::switch(&bytes));
        drop(packets::error(&bytes));
        drop(ColumnDefinition::parse(&bytes));
        drop(packets::Prepared::parse(&bytes));
        drop(packets::end_of_rows(&bytes, bytes.len() % 2 == 0));
        drop(Payload(&bytes).bytes());
        let mut cut_short = greeting();
        cut_short.truncate(cut);
        drop(packets::Greeting::parse(&cut_short));
    }

    #[test]
    fn no_row_breaks_a_column(bytes in vec(any::<u8>(), 0..60)) {
        for (decoding, definition) in decodings() {
            let Ok(span) = span(0, bytes.len(), 1) else { continue };
            let mut spans = [span];
            let mut rows = Rows::new(&bytes, &mut spans);
            let mut column = decoding.column(definition);
            if column.append(&mut rows, 0).is_ok() {
                let _ = rows.are_read();
                drop(column.finish());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_answer_breaks_a_connection(
        first in vec(any::<u8>(), 0..60),
        login in vec(any::<u8>(), 0..60),
        answer in vec(any::<u8>(), 0..300),
        stage in 0usize..4,
        framed: bool,
    ) {
        let said = |sequence, bytes: Vec<u8>| if framed { frame(sequence, &bytes) } else { bytes };
        let spoken = match stage {
            0 => vec![said(0, first)],
            1 => vec![frame(0, &greeting()), said(2, login)],
            2 => vec![frame(0, &greeting()), ok(), said(1, answer)],
            _ => vec![frame(0, &greeting()), ok(), prepared(), said(1, answer)],
        };
        drop(run(talk(spoken, 1 << 20)));
    }
}

/// A prepared statement of one column.
fn prepared() -> Vec<u8> {
    let mut column = b"\x03def\0\0\0\x01c\0\x0c".to_vec();
    column.extend_from_slice(&[63, 0, 11, 0, 0, 0, T::MYSQL_TYPE_LONG as u8, 0, 0, 0, 0, 0]);
    [frame(1, &[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), frame(2, &column)].concat()
}

#[test]
fn a_length_that_is_only_claimed_takes_no_memory_and_more_than_allowed_is_an_error() {
    let claimed = || vec![frame(0, &greeting()), ok(), vec![0xff, 0xff, 0xff, 1]];
    let closed = run(talk(claimed(), 32 << 20));
    assert!(matches!(closed, Err(Failure::Closed)), "{closed:?}");
    let refused = run(talk(claimed(), 1 << 20));
    assert!(matches!(refused, Err(Failure::TooLarge(1_048_576))), "{refused:?}");
}

#[test]
fn packets_out_of_order_and_answers_nobody_asked_for_are_errors() {
    let order = run(talk(vec![frame(0, &greeting()), ok(), frame(9, &[0])], 1 << 20));
    assert!(matches!(order, Err(Failure::Malformed("packets out of order"))), "{order:?}");
    let more = [prepared(), frame(3, &[0])].concat();
    let asked = run(talk(vec![frame(0, &greeting()), ok(), more], 1 << 20));
    assert!(matches!(asked, Err(Failure::Malformed("more than was asked for"))), "{asked:?}");
    let unknown = run(talk(vec![frame(0, &greeting()), frame(2, b"\xfedialog\0AAAA\0")], 1 << 20));
    assert!(matches!(unknown, Err(Failure::Login(ref way)) if way == "by dialog"), "{unknown:?}");
}

#[test]
fn a_server_that_is_full_says_so_before_the_login() {
    let full = frame(0, b"\xff\x10\x04Too many connections");
    let failure = run(talk(vec![full], 1 << 20)).unwrap_err();
    let Failure::Server(error) = failure else { panic!("{failure:?}") };
    assert_eq!((error.code, error.state.as_str(), error.message.as_str()), (1040, "", "Too many connections"));
}
