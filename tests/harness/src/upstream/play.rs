//! One connection: reads requests and performs the script, while watching whether the client is still there.

use std::fmt::Write as _;
use std::future::pending;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::select;
use tokio::time::sleep;

use super::reply::Content;
use super::{Ending, Reply, Stage, request};

/// Unread bytes that a client may pipeline while its answer is played, before they count as a fault of the client.
const MAX_AHEAD_BYTES: usize = 1024 * 1024;

/// What the script left behind.
enum Played {
    /// A connection for the next request.
    Usable,
    /// A connection that has to be closed.
    Closed,
    /// A connection that has to be reset.
    Reset,
}

pub(super) async fn serve(mut stream: TcpStream, stage: Arc<Stage>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = BytesMut::new();
    while let Ok(Some(request)) = request::read(&mut stream, &mut buffer).await {
        let keep = request.keeps_alive();
        let reply = stage.reply_to(request);
        stage.opened();
        let (mut reader, mut writer) = stream.split();
        let played = select! {
            biased; // an answer that is out is complete, even if the client leaves at that moment
            played = perform(&mut writer, &reply) => played.ok(),
            () = client_left(&mut reader, &mut buffer) => None,
        };
        match played {
            Some(Played::Usable) if keep => stage.completed(),
            Some(Played::Reset) => {
                let _ = stream.set_zero_linger();
                return stage.completed();
            }
            Some(_) => return stage.completed(),
            None => return stage.aborted(),
        }
    }
}

/// Ends when the client closes or resets the connection, keeping whatever it sends until then.
async fn client_left(reader: &mut ReadHalf<'_>, buffer: &mut BytesMut) {
    while let Ok(1..) = reader.read_buf(buffer).await {
        if buffer.len() > MAX_AHEAD_BYTES {
            return;
        }
    }
}

async fn perform(writer: &mut WriteHalf<'_>, reply: &Reply) -> io::Result<Played> {
    sleep(reply.first_after).await;
    let chunked = match &reply.content {
        Content::Refusal => return Ok(end(reply)),
        Content::Raw => false,
        Content::Response { chunked, .. } => *chunked,
    };
    let mut pending_bytes = head(reply);
    if let Some(wait) = reply.headers_then {
        writer.write_all(&pending_bytes.split()).await?;
        sleep(wait).await;
    } else if reply.gate.is_some() {
        writer.write_all(&pending_bytes.split()).await?;
    }
    let pieces = reply.pieces();
    let last = pieces.len().saturating_sub(1);
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            sleep(reply.pace).await;
        }
        if let Some(gate) = &reply.gate {
            gate.pass().await;
        }
        add(&mut pending_bytes, piece, chunked);
        // In one write with the last piece: a client that stops reading at `[DONE]` must not look like one that left.
        if number == last && chunked && reply.ending == Ending::Complete {
            pending_bytes.extend_from_slice(b"0\r\n\r\n");
        }
        writer.write_all(&pending_bytes.split()).await?;
        if let Some(gate) = &reply.gate {
            gate.count();
        }
    }
    if pieces.is_empty() && chunked && reply.ending == Ending::Complete {
        pending_bytes.extend_from_slice(b"0\r\n\r\n");
    }
    writer.write_all(&pending_bytes).await?;
    if reply.ending == Ending::Hang {
        pending::<()>().await;
    }
    Ok(end(reply))
}

fn end(reply: &Reply) -> Played {
    match reply.ending {
        Ending::Complete => Played::Usable,
        Ending::Reset => Played::Reset,
        Ending::Cut | Ending::Hang => Played::Closed,
    }
}

fn add(target: &mut BytesMut, piece: &Bytes, chunked: bool) {
    if chunked {
        target.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
    }
    target.extend_from_slice(piece);
    if chunked {
        target.extend_from_slice(b"\r\n");
    }
}

fn head(reply: &Reply) -> BytesMut {
    let Content::Response { status, headers, chunked } = &reply.content else {
        return BytesMut::new();
    };
    let reason = http::StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
    let mut text = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("Scripted"));
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if *chunked {
        text.push_str("transfer-encoding: chunked\r\n\r\n");
    } else {
        // Every ending but the proper one falls short of the announced length.
        let length = reply.body.len() + usize::from(reply.ending != Ending::Complete);
        let _ = write!(text, "content-length: {length}\r\n\r\n");
    }
    BytesMut::from(text.as_bytes())
}
