//! How many connections to upstream a hundred turns take, one after the other, where the end of each answer is a packet of
//! its own that comes a moment after `[DONE]`, as from other gateways. Behind TLS each new one would be a handshake before the
//! first word.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::answer::{HEAD, http_chunk};
use crate::client::Connection;
use crate::guard::Findings;
use crate::limits::MAX_CONNECTIONS;
use crate::load::{Shape, next_plan};
use crate::peer::Peer;
use crate::plan::Mode;
use crate::process::Cpus;
use bench_events::event;

const TURNS: u32 = 100;
/// From `[DONE]` to the end of the body.
const TAIL: Duration = Duration::from_millis(5);
/// Between turns: nobody types faster, and a question must not overtake the end of the answer before it.
const PAUSE: Duration = Duration::from_millis(15);

/// Compares with the limit.
pub(crate) async fn check(
    findings: &mut Findings,
    program: &Path,
    folder: &Path,
    cpus: Option<Cpus>,
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the upstream: {error}");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let upstream = listener.local_addr().map_err(failed)?;
    let opened = Arc::new(AtomicUsize::new(0));
    tokio::spawn(accept(listener, Arc::clone(&opened)));

    let peer = Peer::guarded(program, folder, cpus, upstream);
    let running = peer.start().await?;
    let mut connection = Connection::open(running.address).await?;
    for turn in 1..=TURNS {
        let request = next_plan(&Shape::plain(1, 1), Mode::Free).request(peer.path(), "");
        let mut body = Vec::new();
        connection
            .ask(&request, |bytes| {
                body.extend_from_slice(bytes);
                Ok(())
            })
            .await?;
        if memchr::memmem::find(&body, b"{\"done\":").is_none() {
            return Err(format!("turn {turn} of {TURNS} did not end whole"));
        }
        tokio::time::sleep(PAUSE).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
    findings.at_most("connections to upstream for 100 turns", opened.load(Ordering::Relaxed) as f64, MAX_CONNECTIONS);
    Ok(())
}

async fn accept(listener: TcpListener, opened: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        opened.fetch_add(1, Ordering::Relaxed);
        // One that breaks off is told by the turn that lacks its end.
        tokio::spawn(async move { answer(stream).await });
    }
}

/// Answers whatever is asked, each request of which comes in one piece here.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (before, after) = event::around(event::Field::Content);
    let mut whole = HEAD.as_bytes().to_vec();
    http_chunk(format!("{before}Hello{after}{}", event::end()).as_bytes(), &mut whole);
    let mut request = vec![0; 16 * 1024];
    while stream.read(&mut request).await? > 0 {
        stream.write_all(&whole).await?;
        tokio::time::sleep(TAIL).await;
        stream.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}
