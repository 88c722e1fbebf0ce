//! `cargo xtask package`: the function app as it is deployed, `dist/func/` and `dist/func.zip`.
//!
//! Builds for x86-64 Linux with glibc 2.28 from any system, with zig as the C compiler and linker, checks the binary, and
//! writes a zip whose entries carry unix modes: without the run bit the host cannot start the program.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::stage::{self, BINARY};
use crate::steps::{Outcome, cargo_path, has, step};
use crate::{elf, python};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The build tools, from Python's package index: a program for cargo and the compiler it drives. Pinned, as a lock file would.
const TOOLS: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// Packages `program`, a binary or a released package of which the binary is taken, or one that is built for the purpose.
pub(crate) fn package(program: Option<&str>) -> Outcome {
    let binary = match program {
        Some(released) if Path::new(released).extension().is_some_and(|ending| ending == "zip") => {
            taken(Path::new(released))?
        }
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

/// The program of a released package. Its other files are the checkout's own, which a person may have changed.
fn taken(released: &Path) -> Result<PathBuf, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", released.display());
    let file = File::open(released).map_err(|error| told(&error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| told(&error))?;
    let mut entry = archive.by_name(BINARY).map_err(|error| told(&error))?;
    let place = stage::project().join("target/released").join(BINARY);
    fs::create_dir_all(place.parent().unwrap_or(&place)).map_err(|error| told(&error))?;
    let mut binary = File::create(&place).map_err(|error| told(&error))?;
    io::copy(&mut entry, &mut binary).map_err(|error| told(&error))?;
    make_runnable(&place).map_err(|error| told(&error))?;
    Ok(place)
}

#[cfg(unix)]
fn make_runnable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

/// Nothing tells a program from another file here; the package's entry says it.
#[cfg(not(unix))]
fn make_runnable(_: &Path) -> io::Result<()> {
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
            .env("PATH", path)
            .env("CARGO_ENCODED_RUSTFLAGS", without_this_machine()?),
    )?;
    Ok(stage::project().join("target").join(TARGET).join("release").join(BINARY))
}

/// Flags of the compiler that keep this machine's folders out of the binary, so that the same sources may be the same bytes
/// wherever they are built. `release.yml` holds them to it.
fn without_this_machine() -> Result<String, String> {
    let crates = cargo_home().ok_or("neither CARGO_HOME nor a home folder is known")?;
    let project = stage::project();
    let folders = [(project.join("target"), "/target"), (project.to_owned(), "/reasoning-chat"), (crates, "/cargo")];
    // Of several that fit, the compiler takes the last.
    let flags = folders.iter().rev().map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    Ok(flags.collect::<Vec<_>>().join("\x1f"))
}

/// Where cargo keeps the sources of what is depended on.
fn cargo_home() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "where cargo keeps its sources is no setting")]
    let home = std::env::var_os("CARGO_HOME");
    home.map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")))
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

        let mut zip = ZipArchive::new(File::open(&archive).unwrap()).unwrap();
        let mut entries = Vec::new();
        for at in 0..zip.len() {
            let entry = zip.by_index(at).unwrap();
            entries.push((entry.name().unwrap().into_owned(), entry.unix_mode().map(|mode| mode & 0o777)));
        }
        let mut expected: Vec<_> = files.into_iter().map(|name| (name, Some(0o644))).collect();
        expected.push((BINARY.to_owned(), Some(0o755)));
        assert_eq!(entries, expected);
        assert_eq!(
            fs::read(taken(&archive).unwrap()).unwrap(),
            BINARY.as_bytes(),
            "its program can be taken out again"
        );
        fs::write(&archive, "no package").unwrap();
        assert!(taken(&archive).unwrap_err().contains("app.zip"));
        fs::remove_dir_all(folder).unwrap();
    }
}
