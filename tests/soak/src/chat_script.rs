//! An answer in chat completions' chunks.

use fastrand::Rng;

use crate::framing::Framing;
use crate::kind::Kind;
use crate::script::Piece;

/// Adds the pieces of text.
pub(crate) fn pieces(frames: &mut Framing, random: &mut Rng, pieces: &[Piece]) {
    frames.output_begins();
    for (field, text) in pieces {
        let text = frames.string(random, text);
        // Some upstreams send the other field as null with each.
        let other = if *field == "content" { ",\"reasoning_content\":null" } else { ",\"content\":null" };
        let other = if random.u8(..) < 64 { other } else { "" };
        frames.event(random, &chunk(&format!("{{\"{field}\":{text}{other}}}"), "null"));
    }
}

/// Adds the end.
pub(crate) fn end(frames: &mut Framing, random: &mut Rng, kind: Kind, finish: &str, tokens: usize) {
    frames.event(random, &chunk("{}", &format!("\"{finish}\"")));
    frames.event(random, &usage(tokens));
    if kind != Kind::WithoutDone && kind != Kind::CutAfterFinish {
        frames.event(random, "[DONE]");
    }
}

fn chunk(delta: &str, finish_reason: &str) -> String {
    format!(
        "{{\"id\":\"chatcmpl-soak\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"soak\",\
         \"system_fingerprint\":\"fp_soak\",\"choices\":[{{\"index\":0,\"delta\":{delta},\
         \"finish_reason\":{finish_reason},\"logprobs\":null}}],\"obfuscation\":\"internals\"}}"
    )
}

fn usage(tokens: usize) -> String {
    format!(
        "{{\"id\":\"chatcmpl-soak\",\"object\":\"chat.completion.chunk\",\"model\":\"soak\",\"choices\":[],\
         \"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":{tokens},\"total_tokens\":{}}}}}",
        tokens + 7
    )
}
