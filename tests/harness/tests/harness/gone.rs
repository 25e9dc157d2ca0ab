//! Whether a server has left.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until neither port nor directory are there.
pub(crate) async fn assert_gone(port: u16, directory: &Path) {
    for _ in 0..1_000 {
        if !is_open(port) && !directory.exists() {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("port {port} open: {}, {} exists: {}", is_open(port), directory.display(), directory.exists());
}
