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
const STOP_WAIT: Duration = Duration::from_secs(5);
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
