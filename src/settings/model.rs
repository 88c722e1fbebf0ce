//! The models that are offered, and where each is: `MODELS`, `MODEL_<NAME>`, `MODEL_<NAME>_<SETTING>`; or one model, from
//! the settings of all.

use std::time::Duration;

use serde_json::{Map, Value};

use super::endpoint::{self, Endpoint};
use super::read::{self, Parsed, Reader};
use super::{extra_body, variables as v};

/// Models that may be offered.
const MAX_MODELS: usize = 16;
/// Deployments that a model may have.
pub const MAX_DEPLOYMENTS: usize = 16;

/// A model that is offered.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name, by which a request chooses it.
    pub name: String,
    /// What people read.
    pub title: String,
    /// Where it is: deployments, tried in order. At least one.
    pub deployments: Vec<Deployment>,
    /// What is sent with every conversation.
    pub options: Options,
    /// `EFFORTS`: what a request may choose.
    pub efforts: Vec<String>,
    /// `IMAGES`
    pub takes_images: bool,
    /// `FIRST_EVENT_TIMEOUT`, to the first output: starts when upstream is opened; retries do not start it again.
    pub first_event: Duration,
    /// `IDLE_TIMEOUT`: starts again with every event, from the first output on.
    pub idle: Duration,
}

/// Where a model is.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its address.
    pub endpoint: Endpoint,
    /// Its name, sent as `model`.
    pub name: String,
    /// As whom it is called.
    pub identity: Identity,
}

/// What a model's service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Chat completions.
    Chat,
    /// The Responses API.
    Responses,
}

/// As whom upstream is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// As nobody: a server on loopback, outside production.
    None,
    /// As the app's user-assigned managed identity.
    Managed {
        /// `AZURE_CLIENT_ID`
        client_id: String,
        /// `AZURE_INFERENCE_SCOPE`
        scope: String,
    },
    /// As the developer who signed in with `azd` or `az`.
    Developer {
        /// `AZURE_TENANT_ID`
        tenant_id: Option<String>,
        /// `AZURE_INFERENCE_SCOPE`
        scope: String,
    },
}

/// What is sent with every conversation.
#[derive(Clone, Debug)]
pub struct Options {
    /// `AZURE_INFERENCE_API`
    pub api: Api,
    /// `SYSTEM_PROMPT`; `None`: no system message is sent.
    pub system_prompt: Option<String>,
    /// `MAX_COMPLETION_TOKENS`
    pub max_completion_tokens: Option<u32>,
    /// `REASONING_EFFORT`
    pub reasoning_effort: Option<String>,
    /// `TEMPERATURE`
    pub temperature: Option<f64>,
    /// `STARTS_IN_THOUGHTS`
    pub starts_in_thoughts: bool,
    /// `EXTRA_BODY`: a merge patch for the request's body.
    pub extra_body: Map<String, Value>,
}

/// A model before it is known where it is: what the settings say of it besides.
#[derive(Clone, Debug)]
pub struct Template {
    options: Options,
    efforts: Vec<String>,
    takes_images: bool,
    first_event: Duration,
    idle: Duration,
}

impl Template {
    /// A model of these deployments on this machine, called as nobody: the built-in demo's. It takes images, and may choose
    /// of these efforts, with this one as its own, where the settings say none.
    pub fn local(
        &self,
        name: &str,
        title: &str,
        deployments: &[(&str, std::net::SocketAddr)],
        (efforts, effort): (&[&str], Option<&str>),
    ) -> Model {
        let api = self.options.api;
        let deployments = deployments.iter().map(|(name, address)| Deployment {
            endpoint: Endpoint::demo(*address, api),
            name: (*name).to_owned(),
            identity: Identity::None,
        });
        let mut model = self.clone().model(name.to_owned(), title.to_owned(), deployments.collect());
        model.takes_images = true;
        if model.efforts.is_empty() {
            model.efforts = efforts.iter().map(|effort| (*effort).to_owned()).collect();
            model.options.reasoning_effort = model.options.reasoning_effort.or_else(|| effort.map(str::to_owned));
        }
        model
    }

    /// What is sent with every conversation.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// `FIRST_EVENT_TIMEOUT`
    pub(super) fn first_event(&self) -> Duration {
        self.first_event
    }

    /// `IDLE_TIMEOUT`
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    fn model(self, name: String, title: String, deployments: Vec<Deployment>) -> Model {
        let Self { options, efforts, takes_images, first_event, idle } = self;
        Model { name, title, deployments, options, efforts, takes_images, first_event, idle }
    }
}

/// What holds for the identity of every deployment.
struct Caller {
    in_production: bool,
    client_id: String,
    tenant_id: Option<String>,
}

impl Caller {
    fn identity(&self, endpoint: &Endpoint, scope: &str) -> Identity {
        let scope = scope.to_owned();
        if self.in_production {
            Identity::Managed { client_id: self.client_id.clone(), scope }
        } else if endpoint.loopback {
            Identity::None
        } else {
            Identity::Developer { tenant_id: self.tenant_id.clone(), scope }
        }
    }
}

/// The models, the first of which is the default. Empty: the built-in demo's, made of the template.
pub(super) fn read(reader: &mut Reader<'_>, in_production: bool) -> Option<(Vec<Model>, Template)> {
    let client_id = reader.optional(&v::AZURE_CLIENT_ID, read::directory_id);
    let tenant_id = reader.optional(&v::AZURE_TENANT_ID, read::directory_id);
    if in_production {
        if reader.text(&v::AZURE_CLIENT_ID).is_none() {
            reader.fault(&v::AZURE_CLIENT_ID, "must be set in production: the managed identity's client id");
        }
        if reader.text(&v::IDENTITY_ENDPOINT).is_some() != reader.text(&v::IDENTITY_HEADER).is_some() {
            reader.fault(&v::IDENTITY_HEADER, "must be set when IDENTITY_ENDPOINT is, and only then");
        }
    }
    let caller = Caller { in_production, client_id: client_id.unwrap_or_default(), tenant_id };
    let models = match reader.optional(&v::MODELS, names) {
        Some(names) => names.into_iter().filter_map(|name| read_named(reader, &name, &caller)).collect(),
        // Whatever is wrong with them has been told.
        None if reader.text(&v::MODELS).is_some() => Vec::new(),
        None => read_single(reader, &caller).into_iter().collect(),
    };
    Some((models, read_template(reader)?))
}

/// What the settings say of a model besides its place. `None` only where a default cannot be read, which a test rules out.
fn read_template(reader: &mut Reader<'_>) -> Option<Template> {
    let template = Template {
        options: Options {
            api: reader.value(&v::AZURE_INFERENCE_API, read::api)?,
            system_prompt: reader.value(&v::SYSTEM_PROMPT, read::text_or_none)?,
            max_completion_tokens: reader.optional(&v::MAX_COMPLETION_TOKENS, read::tokens),
            reasoning_effort: reader.optional(&v::REASONING_EFFORT, read::word),
            temperature: reader.optional(&v::TEMPERATURE, read::temperature),
            starts_in_thoughts: reader.value(&v::STARTS_IN_THOUGHTS, read::boolean)?,
            extra_body: extra_body::read(reader),
        },
        efforts: reader.optional(&v::EFFORTS, read::words).unwrap_or_default(),
        takes_images: reader.value(&v::IMAGES, read::boolean)?,
        first_event: reader.value(&v::FIRST_EVENT_TIMEOUT, read::duration)?,
        idle: reader.value(&v::IDLE_TIMEOUT, read::duration)?,
    };
    if let Some(effort) = &template.options.reasoning_effort
        && !template.efforts.is_empty()
        && !template.efforts.contains(effort)
    {
        reader.fault(&v::REASONING_EFFORT, "must be one of the EFFORTS, where these are set");
    }
    Some(template)
}

/// The one model of `AZURE_INFERENCE_ENDPOINT` and `AZURE_DEEPSEEK_DEPLOYMENT`.
fn read_single(reader: &mut Reader<'_>, caller: &Caller) -> Option<Model> {
    let in_production = caller.in_production;
    let base = reader.optional(&v::AZURE_INFERENCE_ENDPOINT, endpoint::parse);
    let name = reader.optional(&v::AZURE_DEEPSEEK_DEPLOYMENT, read::text);
    let api_version = reader.optional(&v::AZURE_INFERENCE_API_VERSION, read::api_version);
    let scope = reader.value(&v::AZURE_INFERENCE_SCOPE, read::text)?;
    if in_production && reader.text(&v::AZURE_INFERENCE_ENDPOINT).is_none() {
        reader.fault(&v::AZURE_INFERENCE_ENDPOINT, "must be set in production (the demo model is for development)");
    }
    let loopback = base.as_ref().is_some_and(endpoint::is_loopback);
    if name.is_none() && (in_production || (base.is_some() && !loopback)) {
        reader.fault(&v::AZURE_DEEPSEEK_DEPLOYMENT, "must be set: the name of the model's deployment");
    }
    let name = name.unwrap_or_else(|| "default".to_owned());
    let template = read_template(reader)?;
    let endpoint = Endpoint::new(&base?, template.options.api, &name, api_version.as_deref());
    let identity = caller.identity(&endpoint, &scope);
    let deployments = vec![Deployment { endpoint, name: name.clone(), identity }];
    Some(template.model(name.clone(), name, deployments))
}

/// A model of `MODELS`.
fn read_named(reader: &mut Reader<'_>, name: &str, caller: &Caller) -> Option<Model> {
    let prefix = format!("MODEL_{}", name.to_uppercase().replace('-', "_"));
    let places = reader.given(&prefix).unwrap_or_default();
    let places = match self::places(&places) {
        Ok(places) => places,
        Err(why) => {
            reader.fault_of(prefix.clone(), why);
            Vec::new()
        }
    };
    let title =
        reader.given(&format!("{prefix}_TITLE")).map_or_else(|| name.to_owned(), |title| title.trim().to_owned());
    if title.chars().count() > 60 || title.chars().any(char::is_control) {
        reader.fault_of(format!("{prefix}_TITLE"), "must be one line of at most 60 characters");
    }
    reader.of_model(&prefix, |reader| {
        let api_version = reader.optional(&v::AZURE_INFERENCE_API_VERSION, read::api_version);
        let scope = reader.value(&v::AZURE_INFERENCE_SCOPE, read::text)?;
        let template = read_template(reader)?;
        let deployment = |(name, base): (String, url::Url)| {
            let endpoint = Endpoint::new(&base, template.options.api, &name, api_version.as_deref());
            let identity = caller.identity(&endpoint, &scope);
            Deployment { endpoint, name, identity }
        };
        let deployments = places.into_iter().map(deployment).collect();
        Some(template.clone().model(name.to_owned(), title, deployments))
    })
}

/// The names of the models that are offered.
fn names(text: &str) -> Parsed<Vec<String>> {
    const WHY: &str = "must be names of 1 to 32 small letters, digits and '-' between commas, each once, at most 16";
    let names: Vec<String> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let is_name = |name: &String| {
        name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_once = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
    let good = (1..=MAX_MODELS).contains(&names.len()) && names.iter().all(|name| is_name(name) && is_once(name));
    if good { Ok(names) } else { Err(WHY) }
}

/// Where a model is: `DEPLOYMENT@ENDPOINT`, between commas.
fn places(text: &str) -> Result<Vec<(String, url::Url)>, String> {
    const WHY: &str = "must be DEPLOYMENT@ENDPOINT, such as gpt-5@https://NAME.openai.azure.com; several, in the order in \
                       which they are asked, between commas";
    let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.is_empty() {
        return Err(WHY.to_owned());
    }
    if entries.len() > MAX_DEPLOYMENTS {
        return Err(format!("must be at most {MAX_DEPLOYMENTS} deployments"));
    }
    let read = |entry: &str| {
        let (name, base) = entry.split_once('@').ok_or(WHY)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(WHY.to_owned());
        }
        let base = endpoint::parse(base.trim()).map_err(|why| format!("each ENDPOINT {why}"))?;
        Ok((name.to_owned(), base))
    };
    entries.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::settings::{Fault, Settings};

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<Fault>> {
        let map: HashMap<&str, &str> = pairs.iter().copied().collect();
        Settings::from_lookup(&|name| map.get(name).map(|value| (*value).to_owned()))
    }

    fn faults(pairs: &[(&str, &str)]) -> Vec<String> {
        read(pairs).unwrap_err().into_iter().map(|fault| fault.name.into_owned()).collect()
    }

    #[test]
    fn without_models_there_is_one_named_like_its_deployment() {
        let settings =
            read(&[("AZURE_INFERENCE_ENDPOINT", "https://x.openai.azure.com"), ("AZURE_DEEPSEEK_DEPLOYMENT", "R1")])
                .unwrap();
        let [model] = settings.models.as_slice() else { panic!("one") };
        assert_eq!((model.name.as_str(), model.title.as_str(), model.deployments[0].name.as_str()), ("R1", "R1", "R1"));
        assert!(read(&[]).unwrap().models.is_empty(), "the demo's");
    }

    #[test]
    fn models_have_deployments_in_order_and_settings_of_their_own() {
        let settings = read(&[
            ("MODELS", "thorough, quick-one"),
            ("MODEL_THOROUGH", "gpt-5@https://a.openai.azure.com, gpt-5b@https://b.openai.azure.com"),
            ("MODEL_THOROUGH_TITLE", "Thorough"),
            ("MODEL_THOROUGH_API", "responses"),
            ("MODEL_THOROUGH_EFFORTS", "low, high"),
            ("MODEL_THOROUGH_REASONING_EFFORT", "high"),
            ("MODEL_THOROUGH_IDLE_TIMEOUT", "3m"),
            ("MODEL_THOROUGH_SCOPE", "https://ai.azure.com/.default"),
            ("MODEL_QUICK_ONE", "mini@http://127.0.0.1:11434"),
            ("MODEL_QUICK_ONE_IMAGES", "true"),
            ("SYSTEM_PROMPT", "Be brief."),
        ])
        .unwrap();
        let [thorough, quick] = settings.models.as_slice() else { panic!("two") };
        let names = |model: &Model| model.deployments.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (thorough.title.as_str(), names(thorough)),
            ("Thorough", vec!["gpt-5".to_owned(), "gpt-5b".to_owned()])
        );
        assert_eq!((thorough.options.api, quick.options.api), (Api::Responses, Api::Chat));
        assert!(
            thorough.deployments[1].endpoint.routes[0]
                .as_str()
                .starts_with("https://b.openai.azure.com/openai/v1/responses")
        );
        assert_eq!(thorough.efforts, ["low", "high"]);
        assert_eq!((thorough.idle, quick.idle), (Duration::from_secs(180), Duration::from_secs(120)));
        assert_eq!((quick.title.as_str(), quick.takes_images, thorough.takes_images), ("quick-one", true, false));
        assert_eq!(quick.options.system_prompt.as_deref(), Some("Be brief."));
        assert_eq!(quick.deployments[0].identity, Identity::None);
        let Identity::Developer { scope, .. } = &thorough.deployments[0].identity else { panic!("a developer's") };
        assert_eq!(scope, "https://ai.azure.com/.default");
        assert_eq!(settings.request.max_bytes, 8 * 1024 * 1024, "images need room");
    }

    #[test]
    fn every_fault_is_named_by_its_variable() {
        assert_eq!(
            faults(&[
                ("MODELS", "a,b,c,d"),
                ("MODEL_A", "gpt-5"),
                ("MODEL_C", "gpt-5@http://c.example"),
                ("MODEL_D", "x@https://d.example"),
                ("MODEL_D_API", "soap"),
                ("MODEL_D_EFFORTS", "low"),
                ("MODEL_D_REASONING_EFFORT", "high"),
                ("MODEL_D_EXTRA_BODY", "[]"),
                ("MODEL_D_IMAGES", "perhaps"),
                ("MODEL_D_TITLE", "\n\t|\u{7}"),
                ("TEMPERATURE", "hot"),
            ]),
            [
                "MODEL_A",
                "TEMPERATURE",
                "MODEL_B",
                "MODEL_C",
                "MODEL_D_TITLE",
                "MODEL_D_API",
                "MODEL_D_EXTRA_BODY",
                "MODEL_D_IMAGES",
                "MODEL_D_REASONING_EFFORT"
            ]
        );
        for names in ["A", "a,a", "a b", "ä", ","] {
            assert_eq!(faults(&[("MODELS", names)]), ["MODELS"], "{names}");
        }
    }

    #[test]
    fn in_production_models_stand_in_for_the_endpoint() {
        let settings = read(&[
            ("RUNNING_IN_PRODUCTION", "true"),
            ("AZURE_CLIENT_ID", "id"),
            ("MODELS", "a"),
            ("MODEL_A", "x@https://a.example"),
        ]);
        assert_eq!(settings.unwrap().models.len(), 1);
        assert_eq!(
            faults(&[("RUNNING_IN_PRODUCTION", "true"), ("AZURE_CLIENT_ID", "id"), ("MODELS", "a")]),
            ["MODEL_A"]
        );
    }
}
