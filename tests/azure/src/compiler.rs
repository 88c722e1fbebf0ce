//! The compiler, asked once for each text: azd compiles the same template twice in every command, for seconds each time.
//! What it said of the same files before is repeated; anything else is asked of the real one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

/// Runs the compiler with these arguments, or repeats what it said.
///
/// # Errors
/// The compiler could not be started, or a file could not be read or written.
pub fn ask(compiler: &Path, kept: &Path, arguments: &[String]) -> io::Result<ExitCode> {
    let Some(question) = Question::of(arguments)? else { return told(&run(compiler, arguments)?) };
    let place = kept.join(&question.key);
    if let Ok(said) = fs::read(place.join("said")) {
        if let Some(snapshot) = &question.snapshot {
            fs::copy(place.join("snapshot"), snapshot)?;
        }
        return io::stdout().write_all(&said).map(|()| ExitCode::SUCCESS);
    }
    let output = run(compiler, arguments)?;
    if output.status.success() && output.stderr.is_empty() {
        // Under a name of its own first: another azd may ask for the same.
        let own = kept.join(format!("{}-{}", question.key, std::process::id()));
        fs::create_dir_all(&own)?;
        fs::write(own.join("said"), &output.stdout)?;
        if let Some(snapshot) = &question.snapshot {
            fs::copy(snapshot, own.join("snapshot"))?;
        }
        let _ = fs::rename(own, place);
    }
    told(&output)
}

fn run(compiler: &Path, arguments: &[String]) -> io::Result<Output> {
    Command::new(compiler).args(arguments).output()
}

fn told(output: &Output) -> io::Result<ExitCode> {
    io::stdout().write_all(&output.stdout)?;
    io::stderr().write_all(&output.stderr)?;
    let code = output.status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// A question whose answer depends on nothing but files.
struct Question {
    /// The same for the same files and arguments.
    key: String,
    /// What `snapshot` writes.
    snapshot: Option<PathBuf>,
}

impl Question {
    fn of(arguments: &[String]) -> io::Result<Option<Self>> {
        let [verb, file, rest @ ..] = arguments else { return Ok(None) };
        let file = Path::new(file);
        let snapshot = match verb.as_str() {
            "build" if rest == ["--stdout"] => None,
            "snapshot" => Some(file.with_extension("snapshot.json")),
            _ => return Ok(None),
        };
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        let mut add = |bytes: &[u8]| {
            digest.update(&bytes.len().to_le_bytes());
            digest.update(bytes);
        };
        [std::slice::from_ref(verb), rest].concat().iter().for_each(|word| add(word.as_bytes()));
        add(&fs::read(file)?);
        let mut sources = Vec::new();
        let folder = file.parent().unwrap_or(Path::new("."));
        collect(folder, &mut sources)?;
        sources.sort();
        for source in sources {
            add(source.as_os_str().as_encoded_bytes());
            add(&fs::read(source)?);
        }
        let key = digest.finish().as_ref().iter().fold(String::new(), |key, byte| key + &format!("{byte:02x}"));
        Ok(Some(Self { key, snapshot }))
    }
}

/// The template's files, without those that azd puts among them for a moment.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let of_azd = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("validation-"));
        if path.is_dir() {
            collect(&path, found)?;
        } else if !of_azd {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_same_files_are_compiled_once_and_others_anew() {
        let folder = std::env::temp_dir().join(format!("compiler-{}", std::process::id()));
        let infra = folder.join("infra");
        fs::create_dir_all(&infra).unwrap();
        let compiler = folder.join("compiler");
        let script =
            "echo >> \"$(dirname \"$0\")/asked\"\n[ $1 = snapshot ] || exit 0\necho '{}' > \"${2%.*}.snapshot.json\"";
        fs::write(&compiler, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
        let text = |name: &str, text: &str| fs::write(infra.join(name), text).unwrap();
        let times = || fs::read_to_string(folder.join("asked")).unwrap().lines().count();
        let ask = |words: &[&str]| {
            let file = infra.join(words[1]).display().to_string();
            let words: Vec<String> =
                [&[words[0], &file], &words[2..]].concat().iter().map(ToString::to_string).collect();
            assert_eq!(super::ask(&compiler, &folder.join("kept"), &words).unwrap(), ExitCode::SUCCESS);
            times()
        };
        text("main.bicep", "one");
        text("validation-1.bicepparam", "a");
        assert_eq!([ask(&["build", "main.bicep", "--stdout"]), ask(&["build", "main.bicep", "--stdout"])], [1, 1]);
        text("module.bicep", "new");
        assert_eq!(ask(&["build", "main.bicep", "--stdout"]), 2);
        assert_eq!(ask(&["snapshot", "validation-1.bicepparam", "--location", "here"]), 3);
        fs::remove_file(infra.join("validation-1.bicepparam")).unwrap();
        text("validation-2.bicepparam", "a");
        assert_eq!(ask(&["snapshot", "validation-2.bicepparam", "--location", "here"]), 3);
        assert_eq!(fs::read_to_string(infra.join("validation-2.snapshot.json")).unwrap(), "{}\n");
        assert_eq!(ask(&["snapshot", "validation-2.bicepparam", "--location", "there"]), 4);
        text("validation-2.bicepparam", "b");
        assert_eq!(ask(&["snapshot", "validation-2.bicepparam", "--location", "there"]), 5);
        assert_eq!([ask(&["lint", "main.bicep"]), ask(&["lint", "main.bicep"])], [6, 7]);
        fs::remove_dir_all(folder).unwrap();
    }
}
