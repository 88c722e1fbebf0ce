//! Runs `azd` or `az` for `azure_identity`: within bounds of time and of output, and so that nothing of them is left
//! behind, neither after that time nor after this program, however it ends.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use azure_identity::Executor;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::reason;

/// Time of one tool. They take seconds.
pub(super) const TOOL_TIMEOUT: Duration = Duration::from_secs(10);
/// What a tool writes is read this far, each of its two outputs; a token is a few KiB.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;

/// Runs the tool `$1` by the command that follows, in the process group whose leader this shell is. The group ends when
/// standard input does, which this program holds: also when it is killed, as the Functions host does it.
#[cfg(unix)]
const GUARDED: &str = r#"
command -v "$1" >/dev/null || exit 127
shift
exec 3<&0 </dev/null
{ read -r _ <&3; kill -s KILL 0; } >/dev/null 2>&1 &
"$@" 3<&-
"#;

/// One of the tools.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool(pub(super) &'static str);

/// Why a tool gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is not on the PATH.
    Missing,
    /// It took too long.
    Hung,
    /// It wrote more than anything that it could have to say.
    TooMuch,
    /// It said so.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("not found on PATH"),
            Self::Hung => write!(f, "no answer within {} s", TOOL_TIMEOUT.as_secs()),
            Self::TooMuch => write!(f, "it wrote more than {MAX_OUTPUT_BYTES} bytes"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}

#[async_trait::async_trait]
impl Executor for Tool {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let output = tokio::time::timeout(TOOL_TIMEOUT, self.output(program, args)).await;
        let output = output.unwrap_or_else(|_| Err(io::Error::other(Failure::Hung)))?;
        if output.status.success() { Ok(output) } else { Err(io::Error::other(failure(&output))) }
    }
}

impl Tool {
    async fn output(self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = self.command(program, args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let ended = async {
            let status = child.wait().await;
            // What it may have left running ends here, and with it the two outputs.
            drop(stdin);
            status
        };
        let (status, stdout, stderr) = tokio::try_join!(ended, read(stdout), read(stderr))?;
        Ok(Output { status, stdout, stderr })
    }

    #[cfg(unix)]
    fn command(self, program: &OsStr, args: &[&OsStr]) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GUARDED, "sh", self.0]).arg(program).args(args).process_group(0);
        command
    }

    /// Of the tool's own children nobody takes care here.
    #[cfg(not(unix))]
    fn command(self, program: &OsStr, args: &[&OsStr]) -> Command {
        let mut command = Command::new(program);
        command.args(args);
        command
    }
}

async fn read(output: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if u64::try_from(bytes.len()).is_ok_and(|read| read <= MAX_OUTPUT_BYTES) {
        Ok(bytes)
    } else {
        Err(io::Error::other(Failure::TooMuch))
    }
}

fn failure(output: &Output) -> Failure {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let unknown_command = if cfg!(unix) {
        // The guard's own end, without a word.
        output.status.code() == Some(127) && stderr.is_empty()
    } else {
        stderr.contains("' is not recognized")
    };
    if unknown_command {
        return Failure::Missing;
    }
    Failure::Refused(reason::read(&stderr).unwrap_or_else(|| format!("it ended without a word, {}", output.status)))
}
