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

/// One line: the time, the kind, what it is about, and its properties.
fn describe(item: &Value) -> String {
    let data = &item["data"]["baseData"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let about = match item["data"]["baseType"].as_str().unwrap_or_default() {
        "RequestData" => {
            format!("{} {} in {}", text(&data["name"]), text(&data["responseCode"]), text(&data["duration"]))
        }
        "RemoteDependencyData" => {
            format!("{} {} in {}", text(&data["name"]), text(&data["resultCode"]), text(&data["duration"]))
        }
        "MessageData" => text(&data["message"]),
        "ExceptionData" => {
            let exception = &data["exceptions"][0];
            format!("{}: {}", text(&exception["typeName"]), text(&exception["message"]))
        }
        "MetricData" => {
            let metric = &data["metrics"][0];
            format!("{} = {}", text(&metric["name"]), metric["value"])
        }
        _ => String::new(),
    };
    let kind = item["data"]["baseType"].as_str().unwrap_or("?").trim_end_matches("Data");
    let properties: BTreeMap<String, String> = data["properties"]
        .as_object()
        .map(|properties| properties.iter().map(|(name, value)| (name.clone(), text(value))).collect())
        .unwrap_or_default();
    let properties: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let operation = item["tags"]["ai.operation.id"].as_str().unwrap_or("-");
    format!("{} {kind:<16} {about}  [{operation}]  {}", text(&item["time"]), properties.join(" "))
}
