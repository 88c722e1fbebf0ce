//! What upstream sends in the middle of an answer to break it.

use fastrand::Rng;

use crate::framing::Framing;
use crate::kind::Kind;
use crate::script::MAX_EVENT_BYTES;
use crate::way::Protocol;

/// Adds what breaks the answer of this kind, where that is something to be sent.
pub(crate) fn add(frames: &mut Framing, random: &mut Rng, kind: Kind, protocol: Protocol) {
    match kind {
        Kind::TruncatedDone => frames.event(random, "[DONE]"),
        Kind::Malformed => {
            let data = ["{\"choices\":[{\"index\":0,", "[DONE] and more", "<html>", "{\"choices\":7}"];
            let data = random.choice(data).unwrap_or("{");
            frames.event(random, data);
        }
        Kind::ErrorEvent => failure(frames, random, protocol, "server_error"),
        Kind::RateLimitEvent => {
            let code = if protocol == Protocol::Chat { "429" } else { "rate_limit_exceeded" };
            failure(frames, random, protocol, code);
        }
        Kind::LongEvent => {
            let text = "internals ".repeat(MAX_EVENT_BYTES / 10 + 1000);
            let data = match protocol {
                Protocol::Chat => format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}"),
                Protocol::Responses => format!("{{\"type\":\"response.output_text.delta\",\"delta\":\"{text}\"}}"),
            };
            frames.event(random, &data);
        }
        Kind::EndlessLine => frames.raw(b'x', MAX_EVENT_BYTES * 2),
        _ => {}
    }
}

/// A failure that is told inside a 200, in one of the forms that services have for it.
fn failure(frames: &mut Framing, random: &mut Rng, protocol: Protocol, code: &str) {
    let error = format!(r#"{{"message":"internals","type":"{code}","code":"{code}"}}"#);
    match (protocol, random.u8(..3)) {
        (Protocol::Responses, 0) => frames.named(
            random,
            "response.failed",
            &format!(r#"{{"type":"response.failed","response":{{"status":"failed","error":{error}}}}}"#),
        ),
        (_, 1) => frames.named(random, "error", &format!(r#"{{"error":{error}}}"#)),
        _ => frames.event(random, &format!(r#"{{"error":{error}}}"#)),
    }
}
