//! How the stand-in host behaves where the real one is configured from outside, or where tests need shorter clocks.

use std::path::PathBuf;
use std::time::Duration;

/// Options of one host. The default is what `func start` does, on any free port.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named where it is set")]
pub struct HostOptions {
    /// Port of the front door on 127.0.0.1; 0 stands for any free one.
    pub port: u16,
    /// Added to the handler's environment, and looked up for `host.json` overrides and `%NAME%` references.
    pub env: Vec<(String, String)>,
    /// Hand the whole environment of this process to the handler; otherwise only `PATH` and `HOME`.
    pub inherit_env: bool,
    /// Silence in both directions after which the proxy gives a call up. The host's own figure is 240 s.
    pub idle_timeout: Duration,
    /// Silence on the client's side after which the client's connection is closed, as the load balancer in front of the
    /// real host does after 230 s. Headers that the host still holds back do not count as activity. Off by default.
    pub front_idle_timeout: Option<Duration>,
    /// Time for a whole call, in place of `host.json`'s `functionTimeout` (30 minutes if that has none either).
    pub function_timeout: Option<Duration>,
    /// Time for a started handler to answer its first ping: 30 s. A shorter one in `host.json` wins.
    pub initialization_timeout: Duration,
    /// How long a request waits for a handler that is (re)starting, before the host gives up and stops: 120 s.
    pub restart_wait: Duration,
    /// Pause between two `GET /` pings of a ready handler; `None` sends none. The real host pings now and then.
    pub ping_every: Option<Duration>,
    /// After [`Host::interrupt`](super::Host::interrupt), the time for the handler to end by itself.
    pub interrupt_wait: Duration,
    /// Be the front end that does not tell when a client leaves: keep reading the handler's answer to its end.
    pub hide_client_abort: bool,
    /// Demand a key of functions whose `authLevel` is not `anonymous`; off, as in `func start`.
    pub authorize: bool,
    /// Origins that CORS admits, `*` for all. Preflights are answered by the host in any case.
    pub cors: Vec<String>,
    /// Print the handler's lines, and the host's own, on stdout.
    pub echo_logs: bool,
    /// The real host's proxy (Kestrel and YARP's forwarder) as a program, to take the front door's place: started as
    /// `PROGRAM --to TARGET_PORT PORT IDLE_SECONDS`, it says `listening on PORT`. By default what `BEHIND_REAL_PROXY` in the
    /// environment says. It knows no keys, CORS or `functionTimeout`: where one of these is asked for, the stand-in's front
    /// door stands behind it. `front_idle_timeout` alone does not bring that about, and is then nobody's.
    pub real_proxy: Option<PathBuf>,
}

impl HostOptions {
    /// Whether something is asked for that the real proxy alone does not do.
    pub(super) fn asks_for_more_than_a_proxy(&self) -> bool {
        self.function_timeout.is_some() || self.hide_client_abort || self.authorize || !self.cors.is_empty()
    }
}

impl Default for HostOptions {
    fn default() -> Self {
        Self {
            port: 0,
            env: Vec::new(),
            inherit_env: true,
            idle_timeout: Duration::from_mins(4),
            front_idle_timeout: None,
            function_timeout: None,
            initialization_timeout: Duration::from_secs(30),
            restart_wait: Duration::from_mins(2),
            ping_every: Some(Duration::from_secs(5)),
            interrupt_wait: Duration::from_secs(30),
            hide_client_abort: false,
            authorize: false,
            cors: Vec::new(),
            echo_logs: false,
            real_proxy: behind_real_proxy(),
        }
    }
}

fn behind_real_proxy() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "how the tests are run is no setting of the program")]
    std::env::var_os("BEHIND_REAL_PROXY").filter(|path| !path.is_empty()).map(PathBuf::from)
}
