//! Ctrl-C and SIGTERM: the first asks to stop, the second stops.

use std::process;
use std::time::Duration;
use tokio::sync::watch;

/// How long remote cancellations may take to get out before the process ends.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// What ended the command from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// What a person calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        }
    }

    /// 128 and the signal's number, as shells have it.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Tells of the first signal; call inside the runtime. The process ends `patience` later, whatever it does.
pub(crate) fn watch(patience: Duration) -> watch::Receiver<Option<Signal>> {
    let (sender, receiver) = watch::channel(None);
    tokio::spawn(async move {
        let Some(signal) = next().await else { return };
        // Nobody listens: the command is over already.
        let _ = sender.send(Some(signal));
        // The command itself may be stuck in a write that nobody reads; then, or when asked again, it ends here.
        tokio::select! {
            _ = next() => {}
            () = tokio::time::sleep(patience) => {}
        }
        process::exit(i32::from(signal.exit_code()));
    });
    receiver
}

/// Waits for the first signal; for ever if signals cannot be watched.
pub(crate) async fn first(mut signals: watch::Receiver<Option<Signal>>) -> Signal {
    match signals.wait_for(Option::is_some).await.map(|signal| *signal) {
        Ok(Some(signal)) => signal,
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

#[cfg(unix)]
async fn next() -> Option<Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).ok()?;
    let mut terminate = signal(SignalKind::terminate()).ok()?;
    tokio::select! {
        _ = interrupt.recv() => Some(Signal::Interrupt),
        _ = terminate.recv() => Some(Signal::Terminate),
    }
}

#[cfg(not(unix))]
async fn next() -> Option<Signal> {
    tokio::signal::ctrl_c().await.ok().map(|()| Signal::Interrupt)
}
