//! The stand-in for the Functions host against the real host's proxy: 120 probes of what passes between a client and a handler,
//! which `../shared` has together with what real Kestrel and YARP did with them.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::steps::{Outcome, cargo};
use crate::{skips, stage};

/// Rows that are not the proxy's, and those in which the stand-in is known to differ.
const EXCEPT: [(&str, &str); 3] = [
    ("request: method not in function.json", "the host's router answers 404, the measured proxy stood under another"),
    ("request: method PURGE", "the same"),
    ("request: length and chunked", "the handler is not told the length that was not believed, as X-Content-Length"),
];

/// Most seconds, or milliseconds of a leaving, by which two moments may differ: other work runs on the machine.
const SECONDS: f64 = 0.5;
const MILLISECONDS: f64 = 1000.0;

/// Where the stand-in listens: any port would do, and the probes want to be told one.
const PORT: &str = "17399";

pub(crate) fn check() -> Outcome {
    let probes = judges::shared().join("tools/host-probes");
    if !probes.is_dir() {
        skips::beyond("the stand-in for the Functions host against what the real proxy did (there is no ../shared)");
        return Ok(());
    }
    cargo(&["build", "--package", "harness", "--bin", "functions-host", "--locked"])?;
    let folder = stage::project().join("target/host-probes");
    let log = stage_app(&probes, &folder).map_err(|error| format!("target/host-probes: {error}"))?;
    let read = |file: &Path| fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    let measured = parse(&read(&probes.join("yarp.json"))?)?;
    println!("\n> functions-host, probes.py: some two minutes");
    let mut findings = compare(&measured, &ask(&probes, &folder, &log)?);
    if !findings.is_empty() {
        // Other work on the machine moves what is timed; what is wrong is wrong twice.
        println!("{} rows differ; once more", findings.len());
        let again = compare(&measured, &ask(&probes, &folder, &log)?);
        findings.retain(|(name, _)| again.iter().any(|(other, _)| other == name));
    }
    if findings.is_empty() {
        let rows = measured.as_object().map_or(0, serde_json::Map::len) - EXCEPT.len();
        println!("{rows} rows are as the real proxy's");
        return Ok(());
    }
    let differ: Vec<String> = findings.into_iter().map(|(_, text)| text).collect();
    Err(format!("the stand-in host is not as the real proxy:\n{}", differ.join("\n")))
}

/// The table of the stand-in.
fn ask(probes: &Path, folder: &Path, log: &Path) -> Result<Value, String> {
    fs::write(log, "").map_err(|error| format!("{}: {error}", log.display()))?;
    let mut host = start(folder, log)?;
    let asked = Command::new("python3").arg("-B").arg(probes.join("probes.py")).args([PORT]).arg(log).output();
    // Told so, it ends its handler as well.
    let told = Command::new("kill").args(["-TERM", &host.id().to_string()]).status();
    if !told.is_ok_and(|status| status.success()) {
        let _ = host.kill();
    }
    let _ = host.wait();
    let asked = asked.map_err(|error| format!("probes.py: {error}"))?;
    if !asked.status.success() {
        return Err(format!("probes.py: {}\n{}", asked.status, String::from_utf8_lossy(&asked.stderr)));
    }
    parse(&asked.stdout)
}

fn parse(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("the table of probes: {error}"))
}

/// A copy of the probes' app whose handler may be executed; answers the place of its log, which is empty.
fn stage_app(probes: &Path, folder: &Path) -> std::io::Result<std::path::PathBuf> {
    let app = folder.join("app");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(app.join("p"))?;
    for file in ["host.json", "handler.py", "p/function.json"] {
        fs::write(app.join(file), fs::read(probes.join("app").join(file))?)?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(app.join("handler.py"), fs::Permissions::from_mode(0o755))?;
    }
    let log = folder.join("log");
    fs::write(&log, "")?;
    Ok(log)
}

/// The stand-in in front of the probes' handler, once it listens.
fn start(folder: &Path, log: &Path) -> Result<Child, String> {
    let mut command = Command::new(stage::built("functions-host"));
    command.args(["--port", PORT]).arg(folder.join("app")).env("PROBE_LOG", log).env_remove("BEHIND_REAL_PROXY");
    command.stdout(Stdio::piped());
    let mut host = command.spawn().map_err(|error| format!("functions-host: {error}"))?;
    let mut output = host.stdout.take().map(std::io::BufReader::new).ok_or("functions-host says nothing")?;
    let mut line = String::new();
    while !line.contains("This stands in") {
        line.clear();
        if std::io::BufRead::read_line(&mut output, &mut line).map_err(|error| error.to_string())? == 0 {
            return Err("functions-host ended before it listened".to_owned());
        }
    }
    // Read on, so that it never waits for a reader.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    Ok(host)
}

/// What differs: the row's name, and both sides of it.
fn compare(real: &Value, ours: &Value) -> Vec<(String, String)> {
    let rows = real.as_object().into_iter().flatten();
    rows.filter(|(name, _)| EXCEPT.iter().all(|(known, _)| known != name))
        .filter(|(name, row)| !alike("", row, &ours[name.as_str()]))
        .map(|(name, row)| (name.clone(), format!("{name}\n  real {row}\n  ours {}", ours[name.as_str()])))
        .collect()
}

/// Whether two parts of a row say the same, which `field` holds.
fn alike(field: &str, real: &Value, ours: &Value) -> bool {
    match (real, ours) {
        (Value::Object(real), Value::Object(ours)) => {
            real.len() == ours.len()
                && real.iter().all(|(name, value)| ours.get(name).is_some_and(|other| alike(name, value, other)))
        }
        (Value::Array(real), Value::Array(ours)) if field == "headers" => names_lower(real) == names_lower(ours),
        (Value::Array(real), Value::Array(ours)) if field == "at" => {
            let near = |(one, other): (&Value, &Value)| within(one, other, SECONDS);
            real.len() == ours.len() && real.iter().zip(ours).all(near)
        }
        (Value::String(real), Value::String(ours)) if field == "chunks" => largest(real) == largest(ours),
        _ if field == "ms after the client left" => within(real, ours, MILLISECONDS),
        _ => real == ours,
    }
}

fn within(one: &Value, other: &Value, distance: f64) -> bool {
    matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if (one - other).abs() <= distance)
}

/// Headers with their names in lower case: HTTP makes no difference.
fn names_lower(headers: &[Value]) -> Vec<String> {
    let mut lower: Vec<String> = headers
        .iter()
        .filter_map(Value::as_str)
        .map(|header| {
            let (name, value) = header.split_once(':').unwrap_or((header, ""));
            format!("{}:{value}", name.to_ascii_lowercase())
        })
        .collect();
    lower.sort();
    lower
}

/// Of `50 of 1078..4096`, where the cuts fall by chance, the largest chunk.
fn largest(chunks: &str) -> &str {
    chunks.rsplit("..").next().unwrap_or(chunks)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_alike_but_for_what_chance_decides() {
        let real = json!({ "r": { "handler": { "calls": 1, "headers": ["Host: x", "A: 1"] },
            "client": { "chunks": "50 of 1078..4096", "at": [0.0, 1.0] } } });
        let ours = json!({ "r": { "handler": { "calls": 1, "headers": ["a: 1", "host: x"] },
            "client": { "chunks": "51 of 10..4096", "at": [0.05, 1.1] } } });
        assert!(compare(&real, &ours).is_empty());
        for (pointer, other) in [
            ("/r/handler/calls", json!(2)),
            ("/r/handler/headers/0", json!("a: 2")),
            ("/r/client/chunks", json!("51 of 10..65536")),
            ("/r/client/at/1", json!(2.0)),
            ("/r/client", json!({})),
            ("/r", json!(null)),
        ] {
            let mut wrong = ours.clone();
            *wrong.pointer_mut(pointer).unwrap() = other;
            assert_eq!(compare(&real, &wrong).len(), 1, "{pointer}");
        }
    }
}
