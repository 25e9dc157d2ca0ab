//! A server's side of the conversation, cut into pieces of any size.

use super::message::COPY_DATA;
use super::queue::{Chunk, queue};
use super::splitter::Splitter;
use super::tuples::{NoRows, TooLarge, Tuples};
use headwater_sql::Room;
use proptest::prelude::*;
use std::future::poll_fn;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

const ROOM: Room = Room { rows: usize::MAX, bytes: usize::MAX, per_row: 0 };

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], length.as_slice(), body].concat()
}

fn header() -> Vec<u8> {
    [b"PGCOPY\n\xff\r\n\0".as_slice(), &[0; 8]].concat()
}

/// A row of one field.
fn row(value: &[u8]) -> Vec<u8> {
    [&1i16.to_be_bytes()[..], &i32::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

fn end() -> Vec<u8> {
    (-1i16).to_be_bytes().to_vec()
}

/// An answer to `COPY` with these rows, a notice before each of some, and what is not rows.
fn answer(values: &[(Vec<u8>, bool)]) -> (Vec<u8>, Vec<u8>) {
    let (mut sent, mut other) = (message(b'H', b"\x01\0\0"), message(b'H', b"\x01\0\0"));
    let mut before = header();
    for (value, noticed) in values {
        if *noticed {
            let notice = message(b'N', value);
            sent.extend_from_slice(&notice);
            other.extend_from_slice(&notice);
        }
        sent.extend(message(COPY_DATA, &[std::mem::take(&mut before), row(value)].concat()));
    }
    sent.extend(message(COPY_DATA, &[before, end()].concat()));
    let done = [message(b'c', b""), message(b'C', b"COPY 1\0"), message(b'Z', b"I")].concat();
    sent.extend_from_slice(&done);
    other.extend_from_slice(&done);
    (sent, other)
}

/// All values of a chunk, in room for so many rows at a time.
fn values(tuples: &mut Tuples, rows_at_once: usize) -> Result<Vec<Vec<u8>>, NoRows> {
    let mut values = Vec::new();
    loop {
        let mut rows = tuples.rows(Room { rows: rows_at_once, ..ROOM })?;
        if rows.len() == 0 {
            return Ok(values);
        }
        rows.each(|value| {
            values.push(value.unwrap().to_vec());
            Ok(())
        })
        .unwrap();
        assert!(rows.are_read());
    }
}

/// What a reader and a taker of rows see of `sent`, which arrives in pieces of `piece` bytes.
async fn seen(sent: Vec<u8>, piece: usize, rows_at_once: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut server, client) = duplex(piece);
    let (sender, rows) = queue();
    let mut splitter = Splitter::new(client, sender, 1 << 30);
    let server = async move {
        server.write_all(&sent).await.unwrap();
        server.shutdown().await.unwrap();
    };
    let driver = async {
        let mut read = Vec::new();
        splitter.read_to_end(&mut read).await.unwrap();
        read
    };
    let taker = async {
        let (mut tuples, mut taken) = (Tuples::new(1, usize::MAX), Vec::new());
        while !tuples.has_ended() {
            let chunk = poll_fn(|context| rows.poll_next(context, tuples.chunk())).await;
            *tuples.chunk() = chunk;
            taken.extend(values(&mut tuples, rows_at_once).unwrap());
        }
        taken
    };
    let ((), read, taken) = tokio::join!(server, driver, taker);
    (read, taken)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_reader_gets_everything_but_rows_and_the_taker_all_rows(
        values in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..60),
        piece in 1usize..200,
        rows_at_once in 1usize..10,
    ) {
        let (sent, other) = answer(&values);
        let (read, taken) = block_on(seen(sent, piece, rows_at_once));
        prop_assert_eq!(read, other);
        prop_assert_eq!(taken, values.into_iter().map(|(value, _)| value).collect::<Vec<_>>());
    }
}

#[test]
fn many_and_long_rows_pass_through_small_buffers() {
    // Longer than a buffer, of its length, and so many short ones that several buffers are full.
    let long = [300_000, 131_072, 131_067, 131_061, 1, 0, 700_000].map(|length| (vec![b'x'; length], false));
    let short = (0..60_000u32).map(|number| (number.to_be_bytes().to_vec(), number % 7_000 == 0));
    let values: Vec<_> = long.into_iter().chain(short).collect();
    let (sent, other) = answer(&values);
    let (read, taken) = block_on(seen(sent, 50_000, 1_000));
    assert_eq!(read, other);
    assert!(taken.iter().eq(values.iter().map(|(value, _)| value)));
}

#[test]
fn nobody_takes_rows_and_the_server_waits() {
    block_on(async {
        let (mut server, client) = duplex(1_000);
        let (sender, rows) = queue();
        let mut splitter = Splitter::new(client, sender, 1 << 30);
        let values: Vec<_> = (0..20_000).map(|_| (vec![7; 90], false)).collect();
        let (sent, _) = answer(&values);
        let writing = tokio::spawn(async move { server.write_all(&sent).await.map(|()| server) });
        let reading = tokio::spawn(async move { splitter.read_to_end(&mut Vec::new()).await });
        tokio::time::timeout(std::time::Duration::from_millis(200), async {
            while !writing.is_finished() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap_err();
        drop(rows);
        reading.abort();
        drop(reading.await);
        assert!(writing.await.unwrap().is_err());
    });
}

#[test]
fn a_row_that_is_too_large_is_not_kept() {
    block_on(async {
        let (mut server, client) = duplex(10_000);
        let (sender, rows) = queue();
        let mut splitter = Splitter::new(client, sender, 1 << 20);
        // Two fields: the second is the large one.
        let body = [&2i16.to_be_bytes()[..], &3i32.to_be_bytes(), b"abc", &(100i32 << 20).to_be_bytes()].concat();
        let length = u32::try_from(header().len() + body.len() + (100 << 20) + 4).unwrap().to_be_bytes();
        let begin = [&[COPY_DATA], length.as_slice(), &header(), &body].concat();
        let writing = tokio::spawn(async move {
            server.write_all(&begin).await?;
            for _ in 0..100 {
                server.write_all(&vec![b'x'; 1 << 20]).await?;
            }
            Ok::<_, std::io::Error>(())
        });
        let error = splitter.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.to_string(), "a row larger than max_row_bytes");
        let mut tuples = Tuples::new(2, 1 << 20);
        *tuples.chunk() = poll_fn(|context| rows.poll_next(context, &mut Chunk::default())).await;
        assert!(tuples.chunk().len() < 3 << 20);
        let bytes = body.len() + (100 << 20);
        assert_eq!(tuples.rows(ROOM).unwrap_err(), NoRows::TooLarge(TooLarge { bytes, field: 1 }));
        drop(splitter);
        assert!(writing.await.unwrap().is_err());
    });
}

#[test]
fn rows_before_an_early_end_do_not_look_like_all_rows() {
    block_on(async {
        let rows: Vec<_> = (0..5_000).map(|_| (vec![7; 90], false)).collect();
        let (sent, other) = answer(&rows);
        // In the middle of a row, and between two.
        let row = message(COPY_DATA, &row(&[7; 90])).len();
        for kept in [sent.len() / 2, message(b'H', b"\x01\0\0").len() + header().len() + 4_000 * row] {
            let (mut server, client) = duplex(10_000);
            let (sender, rows) = queue();
            let mut splitter = Splitter::new(client, sender, 1 << 30);
            let begin = sent[..kept].to_vec();
            let mut tuples = Tuples::new(1, usize::MAX);
            let (mut read, mut taken) = (Vec::new(), 0);
            let server = async move {
                server.write_all(&begin).await.unwrap();
                server.shutdown().await.unwrap();
            };
            let taking = async {
                loop {
                    let chunk = poll_fn(|context| rows.poll_next(context, tuples.chunk())).await;
                    *tuples.chunk() = chunk;
                    taken += values(&mut tuples, 100).unwrap().len();
                }
            };
            tokio::select! {
                () = taking => {}
                _ = async { tokio::join!(server, splitter.read_to_end(&mut read)) } => {}
            }
            // The driver finds its own end missing, and the rows' end mark never came.
            assert!(other.starts_with(&read) && read.len() < other.len());
            assert!(taken <= 4_000 && !tuples.has_ended());
        }
    });
}

fn refused(messages: &[Vec<u8>], columns: usize) -> &'static str {
    let bytes: Vec<u8> = messages.iter().flat_map(|body| message(COPY_DATA, body)).collect();
    let mut tuples = Tuples::new(columns, 100);
    *tuples.chunk() = Chunk { range: 0..bytes.len(), bytes };
    match values(&mut tuples, 10) {
        Err(NoRows::Malformed(what)) => what.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_the_format_is_an_error() {
    let unknown = [b"PGCOPY\n\xff\r\n\0".as_slice(), &[0, 1, 0, 0], &[0; 4]].concat();
    assert_eq!(refused(&[b"PGCOPX".to_vec()], 1), "no COPY signature");
    assert_eq!(refused(&[unknown], 1), "a COPY format with unknown flags");
    assert_eq!(refused(&[header(), end(), row(b"a")], 1), "rows after the end mark");
    assert_eq!(refused(&[header(), [end(), row(b"a")].concat()], 1), "bytes after the end mark");
    let fields = "a row with another number of fields than the statement has columns";
    assert_eq!(refused(&[header(), row(b"a")], 2), fields);
    assert_eq!(refused(&[header(), vec![0xff, 0xfe]], 1), "a row with a negative number of fields");
}

#[test]
fn a_row_shorter_or_longer_than_its_message_is_noticed() {
    let bytes = message(COPY_DATA, &[header(), row(b"abc"), b"x".to_vec()].concat());
    let mut tuples = Tuples::new(1, 100);
    *tuples.chunk() = Chunk { range: 0..bytes.len(), bytes };
    let mut rows = tuples.rows(ROOM).unwrap();
    rows.each(|_| Ok(())).unwrap();
    assert!(!rows.are_read());
    assert!(rows.each(|_| Ok(())).is_err());
}
