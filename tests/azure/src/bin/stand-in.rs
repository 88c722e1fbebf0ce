//! Stands in for `npx`, `func`, `az` or the compiler's driver, by the name it is called: tells the scripted Azure, and
//! does what that answers. As `compiler` it asks the Bicep compiler, once for each text.

#![expect(clippy::indexing_slicing, reason = "a JSON value that is absent is null, and no panic")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

fn main() -> ExitCode {
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let name = Path::new(&called).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let arguments: Vec<String> = words.collect();
    if name == "compiler" {
        return compile(&arguments).unwrap_or_else(|error| {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        });
    }
    match ask(&name, &arguments) {
        Ok(answer) => {
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            let _ = std::io::stdout().write_all(text("stdout").as_bytes());
            let _ = std::io::stderr().write_all(text("stderr").as_bytes());
            ExitCode::from(answer["exit"].as_u64().and_then(|exit| u8::try_from(exit).ok()).unwrap_or(98))
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "the scripted Azure cannot be asked: {error}");
            ExitCode::from(99)
        }
    }
}

fn compile(arguments: &[String]) -> std::io::Result<ExitCode> {
    let (compiler, kept) = (PathBuf::from(variable("COMPILER")?), PathBuf::from(variable("COMPILED")?));
    scripted_azure::compiler::ask(&compiler, &kept, arguments)
}

/// What the place says.
fn variable(name: &str) -> std::io::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "said by the place in which azd runs; no setting of the program")]
    std::env::var(name).map_err(|error| std::io::Error::other(format!("{name}: {error}")))
}

fn ask(name: &str, arguments: &[String]) -> std::io::Result<Value> {
    let mut stdin = None;
    if arguments.iter().any(|word| word == "--access-token-stdin") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        stdin = Some(text);
    }
    let folder = std::env::current_dir()?;
    let call = json!({ "program": name, "arguments": arguments, "folder": folder, "stdin": stdin }).to_string();

    let place = variable("SCRIPTED_AZURE")?;
    let mut stream = TcpStream::connect(place.trim_start_matches("http://"))?;
    write!(
        stream,
        "POST /program HTTP/1.1\r\nHost: stand-in\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{call}",
        call.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str(body).map_err(std::io::Error::other)
}
