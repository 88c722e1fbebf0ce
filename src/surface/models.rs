//! `GET /api/models`: what a client may choose, and the bounds of a request.

use serde::Serialize;

use crate::models::catalogue::Catalogue;
use crate::settings::RequestLimits;

#[derive(Serialize)]
struct Offer<'a> {
    default: &'a str,
    models: Vec<OfferedModel<'a>>,
    limits: Limits,
}

#[derive(Serialize)]
struct OfferedModel<'a> {
    name: &'a str,
    title: &'a str,
    efforts: &'a [String],
    effort: Option<&'a str>,
    images: bool,
}

#[derive(Serialize)]
struct Limits {
    messages: usize,
    characters: usize,
    request_bytes: usize,
    images: usize,
    image_bytes: usize,
}

/// The offer, as JSON. No endpoint, no deployment of a failover.
pub(crate) fn offer(catalogue: &Catalogue, limits: &RequestLimits) -> Vec<u8> {
    let models = catalogue.models().iter().map(|model| OfferedModel {
        name: model.name(),
        title: model.title(),
        efforts: model.efforts(),
        effort: model.effort(),
        images: model.takes_images(),
    });
    let offer = Offer {
        default: catalogue.models().first().map_or("", |model| model.name()),
        models: models.collect(),
        limits: Limits {
            messages: limits.max_messages,
            characters: limits.max_chars,
            request_bytes: limits.max_bytes,
            images: limits.max_images,
            image_bytes: limits.max_image_bytes,
        },
    };
    // Strings and numbers always serialise into memory.
    serde_json::to_vec(&offer).unwrap_or_default()
}
