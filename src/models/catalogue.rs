//! The models that are offered.

use std::sync::Arc;

use super::model::Model;
use crate::error::{ChatError, Code};
use crate::report::telemetry::Telemetry;
use crate::settings::{self, Clocks};
use crate::token::TokenProviders;

/// All models; the first is the default.
#[derive(Debug)]
pub struct Catalogue {
    models: Vec<Arc<Model>>,
}

impl Catalogue {
    /// Puts the models together; nothing is sent yet.
    pub fn new(
        models: Vec<settings::Model>,
        client: &reqwest::Client,
        tokens: &TokenProviders,
        clocks: &Clocks,
        telemetry: &Telemetry,
    ) -> Self {
        let model = |model| Arc::new(Model::new(model, client, tokens, clocks, telemetry));
        Self { models: models.into_iter().map(model).collect() }
    }

    /// Opens a connection to each host of a deployment that is asked first, in production.
    pub fn connect_ahead(&self) {
        let first: Vec<_> = self.models.iter().filter_map(|model| Some((model, model.deployments.first()?))).collect();
        for (at, (model, deployment)) in first.iter().enumerate() {
            if !first.iter().take(at).any(|(_, before)| before.shares_host(deployment)) {
                deployment.connect_ahead(model.clocks().connect);
            }
        }
    }

    /// All of them, the default first.
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// The model of this name, or with a deployment of it; the default for none.
    ///
    /// # Errors
    /// `model_not_found`
    pub fn find(&self, name: Option<&str>) -> Result<&Arc<Model>, ChatError> {
        let found = match name {
            None => self.models.first(),
            Some(name) => {
                let named = self.models.iter().find(|model| model.name() == name);
                named.or_else(|| self.models.iter().find(|model| model.has_deployment(name)))
            }
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = self.models.iter().map(|model| model.name()).collect();
            ChatError::new(
                Code::ModelNotFound,
                format!("model: there is no such model here. There are: {}.", names.join(", ")),
            )
            .about("model")
        })
    }
}
