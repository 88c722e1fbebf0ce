//! The program's settings: environment variables, read once at start through one lookup.
//!
//! In: a lookup from name to text. Out: [`Settings`], or every [`Fault`] at once. Nothing else in the program reads the
//! environment (`azure_identity` reads the platform's identity variables itself).

mod endpoint;
mod extra_body;
mod log_filter;
mod model;
mod proxy;
mod read;
mod telemetry;
pub mod variables;

use std::time::Duration;

pub use self::endpoint::Endpoint;
pub(crate) use self::log_filter::log_filter;
pub use self::model::{Api, Deployment, Identity, MAX_DEPLOYMENTS, Model, Options, Template};
pub use self::proxy::Proxy;
pub use self::read::Fault;
use self::read::Reader;
pub use self::telemetry::Ingestion;
use self::variables as v;

/// The largest request where images may be in it and `MAX_REQUEST_BYTES` is not set.
const MAX_REQUEST_BYTES_WITH_IMAGES: usize = 8 * 1024 * 1024;

/// Everything that can be set, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The port on 127.0.0.1 to listen on.
    pub port: u16,
    /// Whether the Functions host started the program.
    pub in_functions_host: bool,
    /// `RUST_LOG`
    pub log_filter: String,
    /// Who may call.
    pub access: Access,
    /// What a request may be.
    pub request: RequestLimits,
    /// The OpenAI-compatible API; `None`: it is off.
    pub openai: Option<OpenAi>,
    /// `FEEDBACK`
    pub feedback: bool,
    /// How many answers at once.
    pub streams: StreamLimits,
    /// The models that are offered, the first of which is the default. Empty: the built-in demo's.
    pub models: Vec<Model>,
    /// What a model of the demo's is made of.
    pub template: Template,
    /// Through what the model is reached; `None`: directly.
    pub proxy: Option<Proxy>,
    /// How upstream's answer is waited for.
    pub clocks: Clocks,
    /// How clients' connections are waited for.
    pub connections: Connections,
    /// What Application Insights is told; `None`: nothing.
    pub telemetry: Option<Telemetry>,
}

/// What Application Insights is told.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// `APPLICATIONINSIGHTS_CONNECTION_STRING`
    pub ingestion: Ingestion,
    /// `APPLICATIONINSIGHTS_AUTHENTICATION_STRING`: as whom items are sent.
    pub identity: Identity,
    /// `TELEMETRY_SAMPLING`: the share of requests whose spans are sent, from 0 to 1.
    pub sampling: f64,
    /// `WEBSITE_SITE_NAME`, or this program's name.
    pub role: String,
}

/// Who may call.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `RUNNING_IN_PRODUCTION`
    pub in_production: bool,
    /// `WEBSITE_AUTH_ENABLED`
    pub platform_authenticates: bool,
    /// `ALLOW_ANONYMOUS`
    pub allow_anonymous: bool,
    /// `ALLOWED_ORIGINS`; `None` when unset.
    pub allowed_origins: Option<Vec<String>>,
}

/// What a request may be.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// `MAX_REQUEST_BYTES`
    pub max_bytes: usize,
    /// `MAX_MESSAGES`
    pub max_messages: usize,
    /// `MAX_CONVERSATION_CHARS`
    pub max_chars: usize,
    /// `MAX_IMAGES`
    pub max_images: usize,
    /// `MAX_IMAGE_BYTES`, decoded.
    pub max_image_bytes: usize,
    /// `REQUEST_TIMEOUT`, for the body.
    pub timeout: Duration,
}

/// The OpenAI-compatible API.
#[derive(Clone, Copy, Debug)]
pub struct OpenAi {
    /// `OPENAI_MAX_MESSAGES`
    pub max_messages: usize,
}

/// How many answers at once.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// `MAX_CONCURRENT_STREAMS`
    pub max: usize,
    /// `MAX_STREAMS_PER_USER`
    pub max_per_user: usize,
}

/// How upstream's answer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// `CONNECT_TIMEOUT`: starts with each connection.
    pub connect: Duration,
    /// `FIRST_EVENT_TIMEOUT`, to the first output: starts when upstream is opened; retries do not start it again.
    pub first_event: Duration,
    /// `IDLE_TIMEOUT`: starts again with every event.
    pub idle: Duration,
    /// `ANSWER_TIMEOUT`: starts with the request.
    pub answer: Duration,
    /// `HEARTBEAT_INTERVAL`: starts again with every line.
    pub heartbeat: Duration,
    /// `MAX_RETRIES`
    pub max_retries: u32,
    /// `MAX_EVENT_BYTES`
    pub max_event_bytes: usize,
}

/// How clients' connections are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// `REQUEST_TIMEOUT`, for a request's head.
    pub head: Duration,
    /// `WRITE_TIMEOUT`
    pub write: Duration,
    /// `SHUTDOWN_GRACE`
    pub grace: Duration,
}

impl Settings {
    /// Reads all variables.
    ///
    /// # Errors
    /// Every fault, in the order of the docs.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(lookup);
        let settings = Self::read(&mut reader);
        let faults = reader.into_faults();
        settings.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// `None` only where a default cannot be read, which a test rules out.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let in_production = reader.value(&v::RUNNING_IN_PRODUCTION, read::boolean)?;
        let (models, template) = model::read(reader, in_production)?;
        let endpoints = models.iter().flat_map(|model| &model.deployments).map(|deployment| &deployment.endpoint);
        let proxy = proxy::read(reader, endpoints);
        // The demo's models do.
        let take_images = models.is_empty() || models.iter().any(|model| model.takes_images);
        let host_port = reader.optional(&v::FUNCTIONS_CUSTOMHANDLER_PORT, read::port);
        let own_port = reader.value(&v::PORT, read::port)?;
        let log_filter = reader.value(&v::RUST_LOG, read::text)?;
        if log_filter::log_filter(&log_filter).is_none() {
            reader.fault(&v::RUST_LOG, "must be a log filter, such as info or reasoning_chat=debug");
        }
        let request_timeout = reader.value(&v::REQUEST_TIMEOUT, read::duration)?;
        Some(Self {
            port: host_port.unwrap_or(own_port),
            in_functions_host: host_port.is_some(),
            log_filter,
            access: Access {
                in_production,
                platform_authenticates: reader.value(&v::WEBSITE_AUTH_ENABLED, read::boolean)?,
                allow_anonymous: reader.value(&v::ALLOW_ANONYMOUS, read::boolean)?,
                allowed_origins: reader.optional(&v::ALLOWED_ORIGINS, read::origins),
            },
            request: RequestLimits {
                max_bytes: match reader.given(v::MAX_REQUEST_BYTES.name) {
                    None if take_images => MAX_REQUEST_BYTES_WITH_IMAGES,
                    _ => reader.value(&v::MAX_REQUEST_BYTES, read::count)?,
                },
                max_messages: reader.value(&v::MAX_MESSAGES, read::count)?,
                max_chars: reader.value(&v::MAX_CONVERSATION_CHARS, read::count)?,
                max_images: reader.value(&v::MAX_IMAGES, read::count)?,
                max_image_bytes: reader.value(&v::MAX_IMAGE_BYTES, read::count)?,
                timeout: request_timeout,
            },
            openai: {
                let is_on = reader.optional(&v::OPENAI_API, read::boolean).unwrap_or(!in_production);
                let openai = OpenAi { max_messages: reader.value(&v::OPENAI_MAX_MESSAGES, read::count)? };
                is_on.then_some(openai)
            },
            feedback: reader.value(&v::FEEDBACK, read::boolean)?,
            streams: StreamLimits {
                max: reader.value(&v::MAX_CONCURRENT_STREAMS, read::count)?,
                max_per_user: reader.value(&v::MAX_STREAMS_PER_USER, read::count)?,
            },
            models,
            proxy,
            clocks: Clocks {
                first_event: template.first_event(),
                idle: template.idle(),
                connect: reader.value(&v::CONNECT_TIMEOUT, read::duration)?,
                answer: reader.value(&v::ANSWER_TIMEOUT, read::duration)?,
                heartbeat: reader.value(&v::HEARTBEAT_INTERVAL, read::duration)?,
                max_retries: reader.value(&v::MAX_RETRIES, read::retries)?,
                max_event_bytes: reader.value(&v::MAX_EVENT_BYTES, read::count)?,
            },
            connections: Connections {
                head: request_timeout,
                write: reader.value(&v::WRITE_TIMEOUT, read::duration)?,
                grace: reader.value(&v::SHUTDOWN_GRACE, read::duration)?,
            },
            telemetry: read_telemetry(reader),
            template,
        })
    }
}

/// Where telemetry goes and as whom. The token's scope is Azure Monitor's own; its double slash belongs to it.
fn read_telemetry(reader: &mut Reader<'_>) -> Option<Telemetry> {
    let sampling = reader.value(&v::TELEMETRY_SAMPLING, read::share)?;
    let role = reader.optional(&v::WEBSITE_SITE_NAME, read::text).unwrap_or_else(|| "reasoning-chat".to_owned());
    let client_id = reader.optional(&v::APPLICATIONINSIGHTS_AUTHENTICATION_STRING, telemetry::client_id);
    let ingestion = reader.optional(&v::APPLICATIONINSIGHTS_CONNECTION_STRING, telemetry::connection)?;
    let identity = client_id.map_or(Identity::None, |client_id| Identity::Managed {
        client_id,
        scope: "https://monitor.azure.com//.default".to_owned(),
    });
    Some(Telemetry { ingestion, identity, sampling, role })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<Fault>> {
        let map: HashMap<String, String> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::from_lookup(&|name| map.get(name).cloned())
    }

    #[test]
    fn nothing_set_is_the_demo_model_with_the_defaults() {
        let settings = read(&[]).unwrap();
        assert!(settings.models.is_empty());
        assert_eq!((settings.port, settings.in_functions_host), (7071, false));
        assert_eq!(settings.clocks.answer, Duration::from_secs(540));
        assert_eq!(settings.request.max_bytes, 8 * 1_048_576, "the demo takes images");
    }

    #[test]
    fn every_default_can_be_read() {
        // A default that could not be read would make `read` answer None without a fault.
        assert!(read(&[]).is_ok());
        for variable in v::ALL.iter().filter(|variable| !variable.default.is_empty()) {
            let given = read(&[(variable.name, variable.default)]);
            assert!(given.is_ok(), "{}", variable.name);
        }
    }

    #[test]
    fn all_faults_are_told_at_once_and_none_shows_the_value() {
        let faults = read(&[
            ("RUNNING_IN_PRODUCTION", "true"),
            ("AZURE_INFERENCE_ENDPOINT", "http://sk-secret.example.com"),
            ("IDLE_TIMEOUT", "sk-secret"),
            ("MAX_MESSAGES", "0"),
            ("ALLOW_ANONYMOUS", "perhaps"),
            ("RUST_LOG", "reasoning_chat=sk-secret"),
            ("IDENTITY_ENDPOINT", "http://127.0.0.1"),
        ])
        .unwrap_err();
        let mut names: Vec<&str> = faults.iter().map(|fault| fault.name.as_ref()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "ALLOW_ANONYMOUS",
                "AZURE_CLIENT_ID",
                "AZURE_DEEPSEEK_DEPLOYMENT",
                "AZURE_INFERENCE_ENDPOINT",
                "IDENTITY_HEADER",
                "IDLE_TIMEOUT",
                "MAX_MESSAGES",
                "RUST_LOG"
            ]
        );
        assert!(faults.iter().all(|fault| !fault.to_string().contains("secret")));
    }

    #[test]
    fn empty_means_unset() {
        let settings = read(&[("AZURE_INFERENCE_ENDPOINT", ""), ("PORT", " "), ("SYSTEM_PROMPT", "")]).unwrap();
        assert!(settings.models.is_empty());
        assert_eq!(settings.port, 7071);
        assert_eq!(settings.template.options().system_prompt.as_deref(), Some("You are a helpful assistant."));
    }

    #[test]
    fn none_is_no_system_prompt() {
        for none in ["none", " None "] {
            assert_eq!(read(&[("SYSTEM_PROMPT", none)]).unwrap().template.options().system_prompt.clone(), None);
        }
        let prompt =
            read(&[("SYSTEM_PROMPT", "none of your business")]).unwrap().template.options().system_prompt.clone();
        assert_eq!(prompt.as_deref(), Some("none of your business"));
    }

    #[test]
    fn the_hosts_port_wins() {
        let settings = read(&[("PORT", "8000"), ("FUNCTIONS_CUSTOMHANDLER_PORT", "39001")]).unwrap();
        assert_eq!((settings.port, settings.in_functions_host), (39001, true));
    }

    #[test]
    fn identity_follows_from_where_the_program_runs_and_whom_it_calls() {
        let azure = ("AZURE_INFERENCE_ENDPOINT", "https://x.openai.azure.com");
        let local = ("AZURE_INFERENCE_ENDPOINT", "http://127.0.0.1:11434/v1");
        let name = ("AZURE_DEEPSEEK_DEPLOYMENT", "r1");
        let scope = || "https://cognitiveservices.azure.com/.default".to_owned();
        let identity = |pairs: &[_]| read(pairs).unwrap().models.remove(0).deployments.remove(0).identity;

        assert_eq!(identity(&[azure, name]), Identity::Developer { tenant_id: None, scope: scope() });
        assert_eq!(identity(&[local]), Identity::None);
        assert_eq!(
            identity(&[azure, name, ("RUNNING_IN_PRODUCTION", "1"), ("AZURE_CLIENT_ID", "c-1")]),
            Identity::Managed { client_id: "c-1".to_owned(), scope: scope() }
        );
    }
}
