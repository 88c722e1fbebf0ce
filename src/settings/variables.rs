//! Every environment variable the program reads, each declared once: its name, its default and what it means.
//! `docs/settings.md` is this table; a test keeps the two, and the samples, in step.

/// One environment variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds when it is unset or empty; read by the same parser as a given value. Empty: no value.
    pub default: &'static str,
    /// What it means, with its unit, for people.
    pub meaning: &'static str,
}

/// Declares the variables, and with them the list of all.
macro_rules! variables {
    ($($name:ident = $default:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Variable = Variable { name: stringify!($name), default: $default, meaning: $meaning };
        )*
        /// All of them, in the order of the docs.
        pub const ALL: &[Variable] = &[$($name),*];
    };
}

variables! {
    AZURE_INFERENCE_ENDPOINT = "",
        "Where the model is: `https://NAME.openai.azure.com`, or any OpenAI-style server on loopback (`http://127.0.0.1:11434/v1`). Unset, and not in production: the built-in demo model.";
    AZURE_DEEPSEEK_DEPLOYMENT = "",
        "The deployment's name, sent as `model`. May be unset for a loopback endpoint only; `default` is sent then.";
    AZURE_INFERENCE_API = "chat",
        "What the model is asked in: `chat` (chat completions) or `responses`. OpenAI's reasoning models tell of their thoughts, in a summary, through `responses` only; some have no other route.";
    AZURE_INFERENCE_API_VERSION = "",
        "Set: the dated route `/openai/deployments/NAME/chat/completions?api-version=…`, or `/openai/responses?api-version=…`, is used. Unset: the `v1` route.";
    AZURE_INFERENCE_SCOPE = "https://cognitiveservices.azure.com/.default",
        "The scope of the token for the endpoint.";
    AZURE_CLIENT_ID = "",
        "In production: the client id of the user-assigned managed identity.";
    AZURE_TENANT_ID = "",
        "Outside production: the tenant of the developer's sign-in. Unset: the one that `azd` or `az` has selected.";
    RUNNING_IN_PRODUCTION = "false",
        "`true`: managed identity, and only signed-in callers. Otherwise the developer's sign-in, and anyone on this machine may call.";
    ALLOW_ANONYMOUS = "false",
        "`true`: in production, callers need no sign-in. Anyone who finds the address can then spend your tokens.";
    ALLOWED_ORIGINS = "",
        "Comma-separated origins whose pages may call, such as `https://NAME.azurestaticapps.net`. Unset: the `Origin` header is not looked at.";
    MODELS = "",
        "The models that are offered, by names of small letters, digits and `-`, between commas; the first is the default. Unset: one model, named like its deployment.";
    SYSTEM_PROMPT = "You are a helpful assistant.",
        "The first message of every conversation. `none`: no system message is sent, for models that take none.";
    MAX_COMPLETION_TOKENS = "",
        "Sent upstream when set: the most tokens that an answer, its reasoning included, may take. On loopback as `max_tokens`, which every local server knows.";
    REASONING_EFFORT = "",
        "Sent upstream when set: how much the model is to think, such as `low`, `medium` or `high`.";
    EFFORTS = "",
        "Comma-separated efforts that a request may choose from, such as `low, medium, high`. Unset: none.";
    TEMPERATURE = "",
        "Sent upstream when set: a number from 0 to 2. Many reasoning models refuse it.";
    STARTS_IN_THOUGHTS = "false",
        "`true`: the content begins inside the think block, whose opening tag the model's chat template wrote; what comes before `</think>` is told as thoughts. vLLM with R1's template does so.";
    EXTRA_BODY = "",
        "A JSON object of at most 16 KiB, laid over the request's body last, as a merge patch (RFC 7396): it adds, replaces, and `null` removes, as in `{\"top_p\":0.9,\"stream_options\":null}`. Not for `model`, `messages`, `input`, `stream`, `n`, `tools`, nor for what another setting already sets.";
    MAX_REQUEST_BYTES = "1048576",
        "Largest request body, in bytes.";
    MAX_MESSAGES = "200",
        "Most messages in one conversation.";
    MAX_CONVERSATION_CHARS = "400000",
        "Most characters in one conversation, all messages together.";
    IMAGES = "false",
        "`true`: the model takes images. `MAX_REQUEST_BYTES` is 8 MiB then, unless it is set.";
    MAX_IMAGES = "10",
        "Most images in one conversation.";
    MAX_IMAGE_BYTES = "4194304",
        "Largest image, in bytes.";
    MAX_EVENT_BYTES = "1048576",
        "Largest event that upstream may send, in bytes.";
    OPENAI_API = "",
        "`true`: the OpenAI-compatible API is offered (see clients.md). Unset: it is, but not in production.";
    OPENAI_MAX_MESSAGES = "2048",
        "Most messages in one conversation of that API's, in place of `MAX_MESSAGES`: agents send hundreds.";
    FEEDBACK = "false",
        "`true`: readers may say of an answer whether it was good; what they say is told to Application Insights and in the log (see telemetry.md). In a deployment the page shows it as well then.";
    MAX_CONCURRENT_STREAMS = "1000",
        "Most answers at once in this instance; one more is `overloaded`.";
    MAX_STREAMS_PER_USER = "8",
        "Most answers at once for one signed-in user; one more is `rate_limited`.";
    MAX_RETRIES = "2",
        "How often a request to upstream is tried again, before the answer's first byte only.";
    HTTPS_PROXY = "",
        "The HTTP proxy through which the model's service is reached (also `https_proxy`). Never for loopback, the identity endpoint or Application Insights.";
    ALL_PROXY = "",
        "The same, where `HTTPS_PROXY` is unset (also `all_proxy`).";
    NO_PROXY = "",
        "Comma-separated hosts, domains and address ranges that are reached without the proxy (also `no_proxy`); `*` is all.";
    CONNECT_TIMEOUT = "10s",
        "Time for a connection to upstream: name look-up, TCP and TLS.";
    FIRST_EVENT_TIMEOUT = "5m",
        "Time from opening upstream, retries included, to its first output: a thought, content, a refusal or a tool call. Models that hide their thoughts are silent until then, for minutes.";
    IDLE_TIMEOUT = "2m",
        "From the first output on, longest time between two of upstream's events. Comments are no events.";
    ANSWER_TIMEOUT = "9m",
        "Longest time of a whole answer, from the request's arrival. Keep it under `functionTimeout` in `host.json`: the host kills every stream when that passes.";
    HEARTBEAT_INTERVAL = "15s",
        "Silence after which a `heartbeat` line is sent; also the longest wait for the `start` line.";
    REQUEST_TIMEOUT = "30s",
        "Time for a client to send a request's head, and as much again for its body.";
    WRITE_TIMEOUT = "30s",
        "A client that takes no byte for this long while there is something to send is dropped.";
    SHUTDOWN_GRACE = "25s",
        "After SIGTERM or Ctrl-C: time for open answers to end by themselves.";
    PORT = "7071",
        "The port on 127.0.0.1 to listen on, outside the Functions host.";
    RUST_LOG = "info",
        "Log filter: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`), and `target=level` for parts, between commas.";
    TELEMETRY_SAMPLING = "1",
        "The share of requests whose spans are sent to Application Insights, from 0 to 1. Metrics, warnings and errors are always sent.";
    APPLICATIONINSIGHTS_CONNECTION_STRING = "",
        "Where telemetry goes: the connection string of an Application Insights resource. Unset: there is no telemetry.";
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "",
        "`Authorization=AAD;ClientId=…`: telemetry is sent with a token of this user-assigned managed identity. Unset: without a token, which a resource with local authentication turned off refuses.";
    WEBSITE_SITE_NAME = "",
        "Set by the platform: the function app's name, under which telemetry appears beside the host's own. Unset: `reasoning-chat`.";
    FUNCTIONS_CUSTOMHANDLER_PORT = "",
        "Set by the Functions host: the port to listen on.";
    WEBSITE_AUTH_ENABLED = "false",
        "Set by the platform: App Service Authentication stands in front, so `x-ms-client-principal-id` can be believed.";
    IDENTITY_ENDPOINT = "",
        "Set by the platform: the managed identity endpoint. Read by `azure_identity`.";
    IDENTITY_HEADER = "",
        "Set by the platform: the identity endpoint's secret. Read by `azure_identity`, never logged.";
}

/// What one model may have of its own, as `MODEL_<NAME>_<SETTING>`: the variable that holds for all, and the setting's name.
pub const OF_A_MODEL: &[(&Variable, &str)] = &[
    (&AZURE_INFERENCE_API, "API"),
    (&AZURE_INFERENCE_API_VERSION, "API_VERSION"),
    (&AZURE_INFERENCE_SCOPE, "SCOPE"),
    (&SYSTEM_PROMPT, "SYSTEM_PROMPT"),
    (&MAX_COMPLETION_TOKENS, "MAX_COMPLETION_TOKENS"),
    (&REASONING_EFFORT, "REASONING_EFFORT"),
    (&EFFORTS, "EFFORTS"),
    (&TEMPERATURE, "TEMPERATURE"),
    (&EXTRA_BODY, "EXTRA_BODY"),
    (&STARTS_IN_THOUGHTS, "STARTS_IN_THOUGHTS"),
    (&IMAGES, "IMAGES"),
    (&FIRST_EVENT_TIMEOUT, "FIRST_EVENT_TIMEOUT"),
    (&IDLE_TIMEOUT, "IDLE_TIMEOUT"),
];

/// The setting's name that a model may have of its own.
pub(super) fn own_name(variable: &Variable) -> Option<&'static str> {
    OF_A_MODEL.iter().find(|(known, _)| known.name == variable.name).map(|(_, name)| *name)
}
