//! A stand-in for a tool: a script that writes down what it is asked, and does what a test wants.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Removed at the end.
pub(super) struct StandIn {
    folder: PathBuf,
    name: &'static str,
}

impl StandIn {
    /// `then` is what the script does after it has written its arguments down.
    pub(super) fn new(name: &'static str, then: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("stand-in-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join(name);
        let script = format!("#!/bin/sh\necho \"$@\" >> \"$(dirname $0)/asked\"\n{then}\n");
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, name }
    }

    pub(super) fn program(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its arguments, a line a call.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.folder.join("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
