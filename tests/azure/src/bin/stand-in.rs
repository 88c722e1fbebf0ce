//! Stands in for `npx`, `func`, `az` or the compiler's driver, by the name it is called: tells the scripted Azure, and
//! does what that answers.

#![expect(clippy::indexing_slicing, reason = "a JSON value that is absent is null, and no panic")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

fn main() -> ExitCode {
    match ask() {
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

fn ask() -> std::io::Result<Value> {
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let name = Path::new(&called).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let arguments: Vec<String> = words.collect();
    let mut stdin = None;
    if arguments.iter().any(|word| word == "--access-token-stdin") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        stdin = Some(text);
    }
    let folder = std::env::current_dir()?;
    let call = json!({ "program": name, "arguments": arguments, "folder": folder, "stdin": stdin }).to_string();

    #[expect(clippy::disallowed_methods, reason = "where the scripted Azure is; no setting of the program")]
    let place = std::env::var("SCRIPTED_AZURE").map_err(std::io::Error::other)?;
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
