//! Distance on a loopback connection: what goes in at one end comes out at the other after its time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Pieces on their way.
const IN_FLIGHT: usize = 256;
const MAX_PIECE: usize = 16 * 1024;

/// Passes connections on to a service that is far.
pub(super) async fn lay(listener: TcpListener, far: SocketAddr, one_way: Duration) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(between(near, far, one_way));
    }
}

async fn between(near: TcpStream, far: SocketAddr, one_way: Duration) {
    // The kernel's handshake on loopback takes no time: what is sent first waits for it, there and back.
    let open = Instant::now() + 2 * one_way;
    let Ok(far) = TcpStream::connect(far).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_out, near_in), (far_out, far_in)) = (near.into_split(), far.into_split());
    tokio::join!(line(near_out, far_in, one_way, open), line(far_out, near_in, one_way, open));
}

/// One direction. Its end is passed on as well.
async fn line(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, one_way: Duration, open: Instant) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    let going_in = async move {
        let mut piece = vec![0; MAX_PIECE];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let due = Instant::now().max(open) + one_way;
            let piece = piece.get(..length).unwrap_or_default().to_vec();
            if sender.send((due, piece)).await.is_err() {
                return;
            }
        }
    };
    let coming_out = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(going_in, coming_out);
}
