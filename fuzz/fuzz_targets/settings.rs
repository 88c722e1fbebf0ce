//! Any environment: faults never show a value, and what is accepted is safe to start with.
//!
//! An input is lines, `NAME=value`; a line that begins with no known name gives its first byte's variable the rest.
#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reasoning_chat::settings::{variables, Deployment, Fault, Identity, Settings};
use reasoning_chat_fuzz::OwnWords;
use url::{Host, Url};

/// As many characters of a value in a fault are a leak.
const LEAK: usize = 8;

/// What the program says of variables, by environments around them and values that hold none of its words.
static OWN_WORDS: LazyLock<OwnWords> = LazyLock::new(|| {
    let mut words = OwnWords::default();
    let around: [&[(&str, &str)]; 5] = [
        &[],
        &[("RUNNING_IN_PRODUCTION", "true")],
        &[("RUNNING_IN_PRODUCTION", "~")],
        &[("AZURE_INFERENCE_ENDPOINT", "https://x"), ("AZURE_DEEPSEEK_DEPLOYMENT", "x"), ("EFFORTS", "x")],
        &[("MODELS", "a"), ("MAX_COMPLETION_TOKENS", "1"), ("REASONING_EFFORT", "x"), ("TEMPERATURE", "1")],
    ];
    let parameters = ["model", "messages", "input", "stream", "n", "tools", "temperature", "reasoning_effort"]
        .into_iter()
        .chain(["max_completion_tokens", "max_tokens", "max_output_tokens"])
        .map(|name| format!("{{\"{name}\":1}}"));
    let long = "x".repeat(100_000);
    let values = ["~", "=", "[", "[]", "-1", "x", "https://~.~", "https://x", "http://x", "y://x", &long];
    let values: Vec<String> = values.into_iter().map(str::to_owned).chain(parameters).collect();
    for around in around {
        for value in &values {
            for variable in variables::ALL {
                let mut environment: HashMap<_, _> =
                    around.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                environment.insert(variable.name, value.clone());
                for fault in read(&environment).err().unwrap_or_default() {
                    words.learn(&fault.why);
                }
            }
        }
    }
    words
});

fn read(environment: &HashMap<&str, String>) -> Result<Settings, Vec<Fault>> {
    Settings::from_lookup(&|name| environment.get(name).cloned())
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let environment: HashMap<&str, String> = text.split('\n').filter_map(pair).collect();
    match read(&environment) {
        Ok(settings) => accepted(&settings, &environment),
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a fault");
            for fault in &faults {
                assert!(
                    fault.name.starts_with("MODEL_")
                        || variables::ALL.iter().any(|variable| variable.name == fault.name)
                );
                let leak = OWN_WORDS.quoted(&fault.why, environment.values(), LEAK);
                assert_eq!(leak, None, "shown in what is said of {}: {:?}", fault.name, fault.why);
            }
        }
    }
});

fn pair(line: &str) -> Option<(&'static str, String)> {
    let value = |text: &str| text.replace("\\n", "\n");
    let given = line.split_once('=');
    if let Some((name, text)) = given {
        if let Some(variable) = variables::ALL.iter().find(|variable| variable.name == name) {
            return Some((variable.name, value(text)));
        }
    }
    let first = line.chars().next()?;
    let variable = &variables::ALL[first as usize % variables::ALL.len()];
    Some((variable.name, value(&line[first.len_utf8()..])))
}

fn accepted(settings: &Settings, environment: &HashMap<&str, String>) {
    let given = |name: &str| environment.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    assert_eq!(
        settings.models.is_empty(),
        given("AZURE_INFERENCE_ENDPOINT").is_none() && given("MODELS").is_none(),
        "an endpoint is used, or refused"
    );
    let production =
        given("RUNNING_IN_PRODUCTION").is_some_and(|text| matches!(&*text.to_lowercase(), "true" | "1" | "yes"));
    assert_eq!(settings.access.in_production, production);
    assert!(!production || !settings.models.is_empty(), "no demo model in production");
    assert_eq!(settings.in_functions_host, given("FUNCTIONS_CUSTOMHANDLER_PORT").is_some());
    for model in &settings.models {
        assert!(!model.deployments.is_empty() && !model.name.trim().is_empty());
        for deployment in &model.deployments {
            safe(deployment, production);
        }
    }

    let clocks = &settings.clocks;
    let connections = &settings.connections;
    for clock in [
        clocks.connect,
        clocks.first_event,
        clocks.idle,
        clocks.answer,
        clocks.heartbeat,
        connections.head,
        connections.write,
        connections.grace,
        settings.request.timeout,
    ] {
        assert!(clock > Duration::ZERO && clock <= Duration::from_secs(86_400), "{clock:?}");
    }
    for count in [
        clocks.max_event_bytes,
        settings.request.max_bytes,
        settings.request.max_messages,
        settings.request.max_chars,
        settings.streams.max,
        settings.streams.max_per_user,
    ] {
        assert!(count > 0);
    }
    assert!(clocks.max_retries <= 10);
    let options = settings.template.options();
    assert!(options.temperature.is_none_or(|temperature| (0.0..=2.0).contains(&temperature)));
    assert!(options.max_completion_tokens != Some(0));
    assert!(options.reasoning_effort.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
    assert!(options.system_prompt.iter().all(|prompt| !prompt.trim().is_empty()));
    for origin in settings.access.allowed_origins.iter().flatten() {
        let url = Url::parse(origin).expect("an origin is an address");
        assert!(matches!(url.scheme(), "http" | "https") && url.has_host());
        assert_eq!(url.origin().ascii_serialization(), *origin, "as browsers send it");
    }
}

/// A token never travels in the clear, and nothing that an operator wrote moves the request to another host.
fn safe(model: &Deployment, production: bool) {
    assert!(!model.endpoint.routes.is_empty() && !model.name.trim().is_empty());
    for route in &model.endpoint.routes {
        let here = match route.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.octets()[0] == 127,
            Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
            None => false,
        };
        assert!(route.scheme() == "https" || route.scheme() == "http" && here, "{route}");
        assert!(here == model.endpoint.loopback, "{route}");
        assert!(route.username().is_empty() && route.password().is_none() && route.fragment().is_none(), "{route}");
        assert!(route.path().ends_with("/chat/completions") || route.path().ends_with("/responses"), "{route}");
        assert_eq!(Url::parse(route.as_str()).as_ref(), Ok(route), "reads as it was written");
        assert_eq!(route.origin(), model.endpoint.routes[0].origin());
    }
    match &model.identity {
        Identity::None => assert!(model.endpoint.loopback && !production),
        Identity::Managed { client_id, scope } => {
            assert!(production && !client_id.is_empty() && !scope.is_empty());
        }
        Identity::Developer { scope, .. } => assert!(!production && !model.endpoint.loopback && !scope.is_empty()),
    }
}
