//! What may happen to a turn, and what must come of it.

use std::time::Duration;

use fastrand::Rng;

/// The program's `HEARTBEAT_INTERVAL` here.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(3);
/// The program's `WRITE_TIMEOUT` here.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Of this many requests one is faulty.
const FAULTY_ONE_IN: u32 = 10;
/// Of this many good requests one has something that the program must overcome.
const HARD_ONE_IN: u32 = 10;

/// One kind of turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    // Whole answers.
    Whole,
    SlowStart,
    WithoutDone,
    CutAfterFinish,
    BusyOnce,
    LostOnce,
    ExpiredOnce,
    PausingReader,
    // The first of two deployments fails; the second one answers.
    FailoverLimited,
    FailoverBusy,
    FailoverLost,
    FailoverTold,
    // Upstream refuses.
    BadParameter,
    Filtered,
    Unauthorized,
    RateLimited,
    RateLimitedLong,
    Failing,
    Unavailable,
    Refused,
    Html,
    Silent,
    // Upstream breaks in the middle.
    Reset,
    Cut,
    Truncated,
    TruncatedDone,
    Malformed,
    ErrorEvent,
    RateLimitEvent,
    LongEvent,
    EndlessLine,
    Stall,
    // The client is at fault.
    LeavesEarly,
    Leaves,
    LeavesUnread,
    NeverReads,
    NotJson,
    SystemRole,
    NoMessages,
    TooLarge,
    MediaType,
    SlowBody,
}

use Kind::{
    BadParameter, BusyOnce, Cut, CutAfterFinish, EndlessLine, ErrorEvent, ExpiredOnce, Failing, FailoverBusy,
    FailoverLimited, FailoverLost, FailoverTold, Filtered, Html, Leaves, LeavesEarly, LeavesUnread, LongEvent,
    LostOnce, Malformed, MediaType, NeverReads, NoMessages, NotJson, PausingReader, RateLimitEvent, RateLimited,
    RateLimitedLong, Refused, Reset, Silent, SlowBody, SlowStart, Stall, SystemRole, TooLarge, Truncated,
    TruncatedDone, Unauthorized, Unavailable, Whole, WithoutDone,
};

const HARD: [Kind; 11] = [
    SlowStart,
    WithoutDone,
    CutAfterFinish,
    BusyOnce,
    LostOnce,
    ExpiredOnce,
    PausingReader,
    FailoverLimited,
    FailoverBusy,
    FailoverLost,
    FailoverTold,
];

const FAULTY: [Kind; 30] = [
    BadParameter,
    Filtered,
    Unauthorized,
    RateLimited,
    RateLimitedLong,
    Failing,
    Unavailable,
    Refused,
    Html,
    Silent,
    Reset,
    Cut,
    Truncated,
    TruncatedDone,
    Malformed,
    ErrorEvent,
    RateLimitEvent,
    LongEvent,
    EndlessLine,
    Stall,
    LeavesEarly,
    Leaves,
    LeavesUnread,
    NeverReads,
    NotJson,
    SystemRole,
    NoMessages,
    TooLarge,
    MediaType,
    SlowBody,
];

/// What must come of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// `done`, and every character.
    Whole,
    /// This code as an HTTP status, and no line.
    Status(&'static str),
    /// This code in the last line, and before it every character that upstream sent.
    Line(&'static str),
    /// This code in the last line, and before it the beginning of what upstream sent: a reset takes with it what the
    /// kernel had not handed over.
    LineAfterPart(&'static str),
    /// Nothing but a beginning: the client did not stay.
    Left,
    /// The program cuts the connection: no last line, no proper end.
    Dropped,
}

impl Kind {
    /// A kind by the dice. Behind the host some kinds cannot be told apart, because it buffers: they are whole then.
    pub(crate) fn draw(random: &mut Rng, behind_host: bool) -> Self {
        let from: &[Self] = if random.u32(..FAULTY_ONE_IN) == 0 {
            &FAULTY
        } else if random.u32(..HARD_ONE_IN) == 0 {
            &HARD
        } else {
            &[Whole]
        };
        let kind = random.choice(from).copied().unwrap_or(Whole);
        if behind_host && matches!(kind, NeverReads | SlowBody) { Whole } else { kind }
    }

    /// What must come of it.
    pub(crate) fn expected(self) -> Expected {
        match self {
            Whole | SlowStart | WithoutDone | CutAfterFinish | BusyOnce | LostOnce | ExpiredOnce | PausingReader
            | FailoverLimited | FailoverBusy | FailoverLost | FailoverTold => Expected::Whole,
            BadParameter => Expected::Status("upstream_rejected"),
            Filtered => Expected::Status("content_filter"),
            Unauthorized => Expected::Status("upstream_auth"),
            RateLimited | RateLimitedLong => Expected::Status("rate_limited"),
            Failing | Unavailable | Refused => Expected::Status("upstream_error"),
            Html => Expected::Status("upstream_protocol"),
            // The first heartbeat interval passes before the limit does, so the status is out.
            Silent | Stall => Expected::Line("upstream_timeout"),
            Reset => Expected::LineAfterPart("upstream_error"),
            Cut | ErrorEvent => Expected::Line("upstream_error"),
            Truncated | TruncatedDone => Expected::Line("upstream_truncated"),
            Malformed | LongEvent | EndlessLine => Expected::Line("upstream_protocol"),
            RateLimitEvent => Expected::Line("rate_limited"),
            LeavesEarly | Leaves | LeavesUnread => Expected::Left,
            NeverReads => Expected::Dropped,
            NotJson | SystemRole | NoMessages => Expected::Status("invalid_request"),
            TooLarge => Expected::Status("request_too_large"),
            MediaType => Expected::Status("unsupported_media_type"),
            SlowBody => Expected::Status("request_timeout"),
        }
    }

    /// Upstream does not get to see the request.
    pub(crate) fn is_bad_request(self) -> bool {
        matches!(self, NotJson | SystemRole | NoMessages | TooLarge | MediaType | SlowBody)
    }

    /// Upstream refuses a good token, and the program throws it away.
    pub(crate) fn costs_a_token(self) -> bool {
        matches!(self, Unauthorized | ExpiredOnce)
    }

    /// The text is large and comes as fast as it is taken, so that a client who does not read fills every buffer.
    pub(crate) fn is_flood(self) -> bool {
        matches!(self, PausingReader | LeavesUnread | NeverReads)
    }

    /// The client reads a part of the answer, or pauses in it.
    pub(crate) fn reads_in_pieces(self) -> bool {
        matches!(self, PausingReader | Leaves | LeavesUnread | NeverReads)
    }

    /// The first of the model's two deployments fails.
    pub(crate) fn fails_over(self) -> bool {
        matches!(self, FailoverLimited | FailoverBusy | FailoverLost | FailoverTold)
    }

    /// What comes of it is the same with two deployments, since the one that is asked answers.
    pub(crate) fn may_have_a_pair(self) -> bool {
        self.breaks()
            || matches!(self, Whole | SlowStart | WithoutDone | CutAfterFinish | PausingReader | Leaves | LeavesUnread)
    }

    /// The stream ends after a part of the text.
    pub(crate) fn breaks(self) -> bool {
        matches!(
            self,
            Reset
                | Cut
                | Truncated
                | TruncatedDone
                | Malformed
                | ErrorEvent
                | RateLimitEvent
                | LongEvent
                | EndlessLine
                | Stall
        )
    }
}
