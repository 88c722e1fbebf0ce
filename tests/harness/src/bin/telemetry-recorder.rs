//! Stands in for Application Insights and prints what arrives, a line an item: `telemetry-recorder [--port P] [--json]`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use harness::ingestion::Ingestion;
use serde_json::Value;

const USAGE: &str = "usage: telemetry-recorder [--port P] [--json]";
const LOOK: Duration = Duration::from_millis(200);

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program talks on its terminal")]
async fn main() -> ExitCode {
    let Some((port, as_json)) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let ingestion = match Ingestion::start_on(port).await {
        Ok(ingestion) => ingestion,
        Err(error) => {
            eprintln!("port {port} cannot be had: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Items are printed as they arrive. In another terminal, and Ctrl-C here to stop:\n");
    println!("  APPLICATIONINSIGHTS_CONNECTION_STRING='{}' cargo xtask run\n", ingestion.connection_string());
    let mut printed = 0;
    loop {
        let items = ingestion.items();
        for item in items.iter().skip(printed) {
            if as_json {
                println!("{item}");
            } else {
                println!("{}", describe(item));
            }
        }
        printed = items.len();
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return ExitCode::SUCCESS,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<(u16, bool)> {
    let (mut port, mut json) = (0, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => port = words.next()?.parse().ok()?,
            "--json" => json = true,
            _ => return None,
        }
    }
    Some((port, json))
}

/// One line: the time, the kind, what it is about, the trace, and its properties.
fn describe(item: &Value) -> String {
    let of = |pointer: &str| match item.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let data = |name: &str| of(&format!("/data/baseData/{name}"));
    let kind = of("/data/baseType");
    let about = match kind.as_str() {
        "RequestData" => format!("{} {} in {}", data("name"), data("responseCode"), data("duration")),
        "RemoteDependencyData" => format!("{} {} in {}", data("name"), data("resultCode"), data("duration")),
        "ExceptionData" => format!("{}: {}", data("exceptions/0/typeName"), data("exceptions/0/message")),
        "EventData" => data("name"),
        "MetricData" => format!("{} = {}", data("metrics/0/name"), data("metrics/0/value")),
        _ => data("message"),
    };
    let properties = item.pointer("/data/baseData/properties").and_then(Value::as_object);
    let properties: BTreeMap<&str, &str> = properties
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
        .collect();
    let properties: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (time, operation, kind) = (of("/time"), of("/tags/ai.operation.id"), kind.trim_end_matches("Data"));
    format!("{time} {kind:<16} {about}  [{operation}]  {}", properties.join(" "))
}
