//! A relay's process: started on one CPU, watched through /proc, killed when it is dropped.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::Failure;

/// A relay that runs.
#[derive(Debug)]
pub(crate) struct Relay {
    child: Child,
    pub(crate) url: String,
}

impl Relay {
    /// Starts it on the first CPU, and waits until it listens.
    pub(crate) fn start(upstream: SocketAddr, protocol: &str) -> Result<Self, Failure> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        // `exec`, so that it is the child.
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(std::env::current_exe()?).arg("relay");
        command.arg(port.to_string()).arg(format!("http://{upstream}")).arg(protocol);
        let relay = Self { child: command.spawn()?, url: format!("http://127.0.0.1:{port}") };
        let asked = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if asked.elapsed() > Duration::from_secs(10) {
                return Err("the relay does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(relay)
    }

    /// Time on a CPU so far, all threads together.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let times = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(times.sum())
    }

    /// Resident memory, KiB.
    pub(crate) fn resident(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        line.unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the machine is doing besides.
pub(crate) fn load_average() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}
