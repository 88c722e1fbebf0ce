//! A model: its deployments, asked in order until one answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::deployment::Deployment;
use super::health::{Choice, Health, Outcome, Tried};
use crate::error::{ChatError, Code};
use crate::report::hints::Hints;
use crate::report::telemetry::{ModelTag, Telemetry};
use crate::settings;
use crate::settings::Clocks;
use crate::token::TokenProviders;

/// A model that is offered.
#[derive(Debug)]
pub struct Model {
    name: String,
    title: String,
    efforts: Vec<String>,
    effort: Option<String>,
    takes_images: bool,
    clocks: Clocks,
    pub(super) deployments: Vec<Deployment>,
    health: Mutex<Health>,
    pub(super) telemetry: Telemetry,
    hints: Arc<Hints>,
}

impl Model {
    /// Puts the parts together; nothing is sent yet.
    pub(super) fn new(
        model: settings::Model,
        client: &reqwest::Client,
        tokens: &TokenProviders,
        clocks: &Clocks,
        telemetry: &Telemetry,
    ) -> Self {
        let settings::Model { name, title, deployments, options, efforts, takes_images, first_event, idle } = model;
        let deployments: Vec<Deployment> = deployments
            .into_iter()
            .map(|deployment| {
                let tokens = tokens.of(&deployment.identity);
                Deployment::new(client.clone(), deployment, &options, tokens, telemetry.clone())
            })
            .collect();
        let hints = Arc::new(Hints::new(options.reasoning_effort.as_deref()));
        Self {
            name,
            title,
            efforts,
            effort: options.reasoning_effort,
            takes_images,
            clocks: Clocks { first_event, idle, ..*clocks },
            health: Mutex::new(Health::new(deployments.len())),
            deployments,
            telemetry: telemetry.clone(),
            hints,
        }
    }

    /// Its name, by which a request chooses it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people read.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The efforts that a request may choose from.
    pub fn efforts(&self) -> &[String] {
        &self.efforts
    }

    /// The effort where a request chooses none.
    pub fn effort(&self) -> Option<&str> {
        self.effort.as_deref()
    }

    /// Whether it takes images.
    pub fn takes_images(&self) -> bool {
        self.takes_images
    }

    /// How its answers are waited for.
    pub fn clocks(&self) -> Clocks {
        self.clocks
    }

    /// The deployment that is asked first, for the `start` line where none has answered yet.
    pub fn first_deployment(&self) -> &str {
        self.deployments.first().map_or("", Deployment::name)
    }

    /// Whether one of its deployments has this name.
    pub(super) fn has_deployment(&self, name: &str) -> bool {
        self.deployments.iter().any(|deployment| deployment.name() == name)
    }

    /// What its operator has been told once.
    pub(crate) fn hints(&self) -> Arc<Hints> {
        Arc::clone(&self.hints)
    }

    /// Under what telemetry counts it until a deployment answers.
    pub(crate) fn tag(&self) -> ModelTag {
        self.deployments.first().map(|deployment| deployment.tag().clone()).unwrap_or_default()
    }

    /// The effort that a request asked for, if it is one of the model's.
    ///
    /// # Errors
    /// `invalid_request`
    pub(crate) fn check_effort(&self, asked: &str) -> Result<(), ChatError> {
        if self.efforts.iter().any(|effort| effort == asked) {
            return Ok(());
        }
        let text = match self.efforts.as_slice() {
            [] => "reasoning_effort: this model offers no choice.".to_owned(),
            efforts => format!("reasoning_effort: must be one of {}.", efforts.join(", ")),
        };
        Err(ChatError::new(Code::InvalidRequest, text).about("reasoning_effort"))
    }

    /// The deployment to ask next, if one is free.
    pub(super) fn choose(&self, tried: Tried) -> Option<Choice> {
        self.health().choose(tried, Instant::now())
    }

    /// The deployment to ask where none is free.
    pub(super) fn choose_anyway(&self) -> Choice {
        self.health().choose_anyway()
    }

    pub(super) fn note(&self, choice: Choice, outcome: Outcome) {
        self.health().note(choice, outcome, Instant::now(), fastrand::f64());
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Nothing that can panic runs under the lock.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
