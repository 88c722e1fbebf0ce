//! Programs that run together: when one ends, or the person says so, all end, with whatever they have started themselves.
//!
//! Each gets a process group of its own. A program's children are in it too, and a terminal's Ctrl-C reaches this program
//! alone, which then ends the groups in order. (The emulator, told to stop, would leave its server behind.)

use std::io;
use std::net::Ipv4Addr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Time for a program to end when it is told to; then it is killed.
const STOP_WAIT: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5_000 });
/// Pause between two looks at a port or a program.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Time for one answer of a program that is starting.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Longest line of a program's output that is shown in one piece.
const LINE_BYTES: u64 = 64 * 1024;

/// Programs that run. [`Together::stop`] must be called at the end.
pub(crate) struct Together {
    programs: Vec<Program>,
    told: Told,
}

struct Program {
    name: &'static str,
    child: Child,
    /// The process group, which on unix has the first process's number and outlives it.
    group: u32,
}

impl Together {
    /// Listens for Ctrl-C, and for being told to stop, from here on.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { programs: Vec::new(), told: Told::new()? })
    }

    /// Starts a program. Its lines are shown under its name.
    pub(crate) fn start(&mut self, name: &'static str, command: &mut Command) -> io::Result<()> {
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(output) = child.stdout.take() {
            tokio::spawn(show(name, output));
        }
        if let Some(output) = child.stderr.take() {
            tokio::spawn(show(name, output));
        }
        let group = child.id().ok_or_else(|| io::Error::other("it has no process id"))?;
        self.programs.push(Program { name, child, group });
        Ok(())
    }

    /// Waits until `port` answers HTTP. The error says why it never will.
    pub(crate) async fn answers(&mut self, port: u16, limit: Duration) -> Result<(), String> {
        let answered = async {
            while !matches!(timeout(ANSWER_WAIT, ask(port)).await, Ok(Ok(()))) {
                sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            answered = timeout(limit, answered) => {
                answered.map_err(|_| format!("port {port} did not answer within {} s", limit.as_secs()))
            }
            why = end(&mut self.programs, &mut self.told) => Err(why.unwrap_or_else(|| "stopped before it was ready".to_owned())),
        }
    }

    /// Waits for the end: none if the person wanted it, else which program ended by itself, and how.
    pub(crate) async fn end(&mut self) -> Option<String> {
        end(&mut self.programs, &mut self.told).await
    }

    /// Ends everything, the last one first.
    pub(crate) async fn stop(mut self) {
        for program in self.programs.iter().rev() {
            program.tell(false).await;
        }
        for program in self.programs.iter_mut().rev() {
            let _ = timeout(STOP_WAIT, program.child.wait()).await;
            // Whatever of the group is still there.
            program.tell(true).await;
            let _ = timeout(STOP_WAIT, program.child.wait()).await;
        }
    }
}

impl Program {
    /// Tells the whole group to end, or ends it. Nothing happens when it is gone.
    async fn tell(&self, kill: bool) {
        let group = self.group;
        let mut command = if cfg!(windows) {
            // Windows has no wish that every program hears; the tree goes at once.
            let mut command = Command::new("taskkill");
            command.args(["/F", "/T", "/PID", &group.to_string()]);
            command
        } else {
            // The shell's own `kill` is there where the program is not.
            let mut command = Command::new("sh");
            command.args(["-c", &format!("kill -s {} -- -{group}", if kill { "KILL" } else { "TERM" })]);
            command
        };
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    }
}

async fn end(programs: &mut [Program], told: &mut Told) -> Option<String> {
    tokio::select! {
        () = told.wait() => None,
        (name, status) = first_to_end(programs) => Some(match status {
            Ok(status) => format!("{name} ended by itself ({status}); the others were ended with it"),
            Err(error) => format!("{name}: {error}"),
        }),
    }
}

async fn first_to_end(programs: &mut [Program]) -> (&'static str, io::Result<ExitStatus>) {
    loop {
        for program in &mut *programs {
            match program.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return (program.name, Ok(status)),
                Err(error) => return (program.name, Err(error)),
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Shows a program's lines. Its output is read to its end, for a full pipe would stop the program.
#[expect(clippy::print_stdout, reason = "a command-line tool talks to the person who called it")]
async fn show(name: &str, output: impl AsyncRead + Unpin) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut output).take(LINE_BYTES).read_until(b'\n', &mut line).await {
        println!("{name:<5}| {}", String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

/// One `GET /`. Every answer will do: what matters is that there is one.
async fn ask(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut first = [0; 5];
    stream.read_exact(&mut first).await?;
    if first == *b"HTTP/" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Ctrl-C, or a signal that asks to end: from another program, or because the terminal was closed.
struct Told {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl Told {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    #[cfg(unix)]
    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the same as where signals have to be asked for")]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// Whether anybody of the group is left.
    async fn is_alive(group: u32) -> bool {
        let mut probe = shell(&format!("kill -s 0 -- -{group}"));
        probe.stderr(Stdio::null()).status().await.unwrap().success()
    }

    /// Waits until nobody is: who is killed without a parent stays in the list until the system has noticed.
    async fn is_gone(group: u32) -> bool {
        let gone = async {
            while is_alive(group).await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), gone).await.is_ok()
    }

    #[tokio::test]
    async fn who_does_not_listen_is_killed_and_its_children_with_it() {
        let mut together = Together::new().unwrap();
        together.start("deaf", &mut shell("trap '' TERM; sleep 60 & sleep 60")).unwrap();
        let group = together.programs[0].group;
        sleep(Duration::from_millis(100)).await;
        assert!(is_alive(group).await);
        let start = Instant::now();
        together.stop().await;
        let took = start.elapsed();
        assert!(is_gone(group).await);
        assert!((STOP_WAIT..STOP_WAIT + Duration::from_secs(5)).contains(&took), "{took:?}");
    }

    #[tokio::test]
    async fn a_child_that_outlives_its_program_is_ended_too() {
        let mut together = Together::new().unwrap();
        together.start("parent", &mut shell("sleep 60 & exit 3")).unwrap();
        let group = together.programs[0].group;
        assert_eq!(
            together.end().await.unwrap(),
            "parent ended by itself (exit status: 3); the others were ended with it"
        );
        assert!(is_alive(group).await);
        together.stop().await;
        assert!(is_gone(group).await);
    }

    #[tokio::test]
    async fn a_port_that_takes_a_connection_and_says_nothing_is_given_up() {
        let mut together = Together::new().unwrap();
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = silent.local_addr().unwrap().port();
        let why = together.answers(port, Duration::from_millis(200)).await.unwrap_err();
        assert!(why.contains("did not answer"), "{why}");
        together.start("short", &mut shell("exit 0")).unwrap();
        let why = together.answers(port, Duration::from_secs(20)).await.unwrap_err();
        assert!(why.starts_with("short ended by itself"), "{why}");
        together.stop().await;
    }
}
