//! What the guard holds the program to. Nothing here depends on the machine or its mood.

/// The largest stripped binary. Bytes. With a second protocol, a second surface and several models it has 5.6 MB.
pub(crate) const MAX_BINARY: u64 = 6_000_000;

/// Bytes for an event in the texts that come whole once more, up to five times, in reads of 4 KiB each of which has an
/// output buffer in the micro-benchmark.
const WHOLE_TEXTS: f64 = 5.0 * 20.0;

/// Allocations for an event of an unchanged choice, by level and input of the micro-benchmarks: the output buffer, of
/// which there is one a piece, and nothing else. A little is left for buffers that grow a few times in an answer.
/// Thoughts inside the content, half of `think`, are no unchanged choices: each is parsed, and `serde_json` allocates its
/// stack of open brackets.
pub(crate) const MAX_ALLOCATIONS: [(&str, &str, f64); 25] = [
    ("decode", "one", 0.01),
    ("decode", "sixteen", 0.01),
    ("decode", "cut", 0.01),
    ("decode", "responses", 0.01),
    ("answer", "one", 1.01),
    ("answer", "sixteen", 1.0 / 16.0 + 0.01),
    ("answer", "cut", 523.0 / 4096.0 + 0.01),
    ("answer", "think", 1.53),
    ("answer", "text-65536", 1.01),
    ("answer", "chat-padded", 1.01),
    ("answer", "responses", 1.01 + WHOLE_TEXTS / 4096.0),
    ("answer", "responses-padded", 1.01 + WHOLE_TEXTS / 4096.0),
    ("turn", "one", 1.01),
    ("turn", "sixteen", 1.0 / 16.0 + 0.01),
    ("turn", "cut", 523.0 / 4096.0 + 0.01),
    ("turn", "think", 1.54),
    ("turn", "chat-padded", 1.01),
    ("turn", "responses", 1.01),
    ("turn", "responses-padded", 1.01),
    ("chunks", "one", 1.01),
    ("chunks", "sixteen", 1.0 / 16.0 + 0.01),
    ("chunks", "cut", 523.0 / 4096.0 + 0.01),
    ("chunks", "chat-padded", 1.01),
    ("chunks", "responses", 1.01),
    ("chunks", "responses-padded", 1.01),
];

/// How much more than in short answers the allocations (and their bytes) for an event may be in long ones.
pub(crate) const MAX_GROWTH: f64 = 0.02;

/// Bytes that an open answer holds in which upstream is silent after 64 events: the turn, its clocks, and the last event with
/// its line (some 900); where events come sixteen at once, also the buffer of a burst's lines (`turn/lines.rs`).
pub(crate) const MAX_HELD: [(&str, f64); 6] = [
    ("one", 3_050.0),
    ("sixteen", 8_200.0),
    ("think", 3_050.0),
    ("chat-padded", 3_600.0),
    ("responses", 3_200.0),
    ("first-burst", 3_050.0),
];

/// System calls for an event that comes alone: groups of calls, and how many of each group.
pub(crate) const MAX_CALLS: [(&str, &[&str], f64); 3] = [
    ("receive", &["recvfrom", "recvmsg", "read", "readv"], 1.05),
    ("send", &["sendto", "sendmsg", "write", "writev"], 1.05),
    ("wait", &["epoll_wait", "epoll_pwait", "epoll_pwait2"], 1.05),
];
/// All others together, for an event.
pub(crate) const MAX_OTHER_CALLS: f64 = 0.05;

/// Connections to upstream for a hundred turns, one after the other. One; another where the machine held the program up for
/// longer than the pause between two turns.
pub(crate) const MAX_CONNECTIONS: f64 = 3.0;

/// What many streams leave behind, of what they took. A sixth was seen; all of it where the program does not ask for it.
pub(crate) const MAX_KEPT: f64 = 0.35;

/// Full TLS handshakes in turns that follow on each other, each on a connection of its own: the first.
pub(crate) const MAX_FULL_HANDSHAKES: f64 = 1.0;

/// How many more instructions than the baseline's are too many. Compilers and processors differ by a few percent.
pub(crate) const MAX_MORE_INSTRUCTIONS: f64 = 0.10;
