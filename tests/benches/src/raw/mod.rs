//! Connections that read rows as bytes and throw them away: what the server and the wire allow.

mod mysql;
mod postgres;

use crate::task::{Accesses, Outcome, Result, Source};
use headwater_benches::usage;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// Bytes that a connection reads at once.
const BUFFER: usize = 256 << 10;

/// Sends the statements over `connections` connections, each taking the next as soon as it is idle.
pub(crate) fn drain(
    servers: &Accesses,
    source: Source,
    statements: Vec<String>,
    connections: usize,
) -> Result<Outcome> {
    let started = Instant::now();
    let waiting = Mutex::new(statements.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || match source {
        Source::Postgres => postgres::drain(&servers.postgres, next),
        Source::MariaDb => mysql::drain(&servers.mariadb, next),
    };
    let rows: Result<u64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..connections.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().map_err(|_| "a connection's thread panicked")?).sum()
    });
    let seconds = started.elapsed().as_secs_f64();
    Ok(Outcome { seconds, rows: rows?, memory: usage::peak_memory(), ..Outcome::default() })
}
