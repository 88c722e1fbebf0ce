//! `cargo xtask package`: the function app as it is deployed, `dist/func/` and `dist/func.zip`.
//!
//! Builds for x86-64 Linux with glibc 2.28 from any system, with zig as the C compiler and linker, checks the binary, and
//! writes a zip whose entries carry unix modes: without the run bit the host cannot start the program.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::stage::{self, BINARY};
use crate::steps::{Outcome, cargo_path, has, step};
use crate::{elf, python};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The build tools, from Python's package index: a program for cargo and the compiler it drives. Pinned, as a lock file would.
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// Packages `binary`, or one that is built for the purpose.
pub(crate) fn package(binary: Option<&str>) -> Outcome {
    let binary = match binary {
        Some(binary) => PathBuf::from(binary),
        None => build()?,
    };
    let told = |error: io::Error| format!("{}: {error}", binary.display());
    let needs = elf::check(&fs::read(&binary).map_err(told)?);
    let needs = needs.map_err(|why| format!("{} cannot be deployed: {why}", binary.display()))?;

    let dist = stage::project().join("dist");
    let (folder, archive) = (dist.join("func"), dist.join("func.zip"));
    stage::app(&folder, &binary).map_err(|error| format!("dist/func: {error}"))?;
    write_zip(&folder, &archive).map_err(|error| format!("dist/func.zip: {error}"))?;
    let bytes = fs::metadata(folder.join(BINARY)).map_or(0, |file| file.len());
    match needs {
        elf::Needs::Nothing => println!("\n{BINARY}: {bytes} bytes, static"),
        elf::Needs::Glibc(major, minor) => println!("\n{BINARY}: {bytes} bytes, needs glibc {major}.{minor}"),
    }
    println!("dist/func and dist/func.zip are ready.");
    Ok(())
}

/// Builds the release binary for the platform.
fn build() -> Result<PathBuf, String> {
    let tools = tools()?;
    let path = std::env::join_paths(tools.iter().cloned().chain(std::env::split_paths(&environment_path())))
        .map_err(|error| format!("PATH: {error}"))?;
    let (major, minor) = elf::MAX_GLIBC;
    let target = format!("{TARGET}.{major}.{minor}");
    step(
        Command::new(cargo_path())
            .args(["zigbuild", "--release", "--locked", "--package", "reasoning-chat"])
            // Without what only a developer's machine needs: the demo model, and serving files.
            .args(["--no-default-features", "--target", &target])
            .env("PATH", path),
    )?;
    Ok(stage::project().join("target").join(TARGET).join("release").join(BINARY))
}

/// The folder of the build tools, to be put before PATH; none when they are on it.
fn tools() -> Result<Option<PathBuf>, String> {
    if has("cargo-zigbuild") {
        return Ok(None);
    }
    let bin = python::tools("zigbuild", &TOOLS)?;
    bin.map(Some).ok_or_else(|| "cargo-zigbuild is missing, and so is Python, which would install it".to_owned())
}

fn environment_path() -> std::ffi::OsString {
    #[expect(clippy::disallowed_methods, reason = "the search path of programs is no setting")]
    std::env::var_os("PATH").unwrap_or_default()
}

/// The same bytes for the same app: fixed order, fixed times.
fn write_zip(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut zip = ZipWriter::new(File::create(archive)?);
    let file = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let entries = stage::files()?.into_iter().map(|name| (name, 0o644)).chain([(BINARY.to_owned(), 0o755)]);
    for (name, mode) in entries {
        zip.start_file(&*name, file.unix_permissions(mode))?;
        zip.write_all(&fs::read(folder.join(&name))?)?;
    }
    zip.finish()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zip_holds_the_app_and_only_the_program_runs() {
        let folder = std::env::temp_dir().join(format!("package-{}", std::process::id()));
        let files = stage::files().unwrap();
        assert!(files.contains(&"chat_stream/function.json".to_owned()));
        for name in files.iter().map(String::as_str).chain([BINARY]) {
            fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
            fs::write(folder.join(name), name).unwrap();
        }
        let archive = folder.join("app.zip");
        write_zip(&folder, &archive).unwrap();
        let first = fs::read(&archive).unwrap();
        write_zip(&folder, &archive).unwrap();
        assert_eq!(fs::read(&archive).unwrap(), first, "the same app is the same file");

        let mut zip = zip::ZipArchive::new(File::open(&archive).unwrap()).unwrap();
        let mut entries = Vec::new();
        for at in 0..zip.len() {
            let entry = zip.by_index(at).unwrap();
            entries.push((entry.name().unwrap().into_owned(), entry.unix_mode().map(|mode| mode & 0o777)));
        }
        let mut expected: Vec<_> = files.into_iter().map(|name| (name, Some(0o644))).collect();
        expected.push((BINARY.to_owned(), Some(0o755)));
        assert_eq!(entries, expected);
        fs::remove_dir_all(folder).unwrap();
    }
}
