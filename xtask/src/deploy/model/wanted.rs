//! Which models a deployment would ask for: the choices of azd's environment, as `infra/main.parameters.json` and
//! `infra/main.bicep` read them.

use serde_json::Value;

/// What is wanted of one model in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) model: String,
    /// Empty: any.
    pub(super) format: String,
    /// Empty: any.
    pub(super) version: String,
    pub(super) sku: String,
    pub(super) capacity: u64,
    pub(super) location: String,
    /// Chosen by `MODEL_…`, and not by `models` in the parameters file.
    pub(super) single: bool,
}

/// Those that would be made; one that is there already asks for nothing.
pub(super) fn all(
    parameters: &Value,
    models: &Value,
    choice: impl Fn(&str) -> Option<String>,
    location: &str,
) -> Vec<Wanted> {
    let given = |name: &str| parameter(parameters, name, &choice);
    let home = Some(given("modelLocation")).filter(|place| !place.is_empty()).unwrap_or_else(|| location.to_owned());
    let known = |model: &str, what: &str| {
        let found = models.get("known").and_then(|known| known.get(model)?.get(what)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let wanted = |said: &dyn Fn(&str) -> Option<String>, single: bool| {
        let or = |said: Option<String>, other: String| said.filter(|word| !word.is_empty()).unwrap_or(other);
        let model = said("model").unwrap_or_default();
        let capacity = said("capacity").or_else(|| Some(given("modelCapacity")));
        Wanted {
            format: or(said("format"), known(&model, "format")),
            version: or(said("version"), known(&model, "version")),
            sku: or(said("sku"), given("modelSku")),
            capacity: capacity.and_then(|number| number.parse().ok()).unwrap_or(1),
            location: or(said("location"), home.clone()),
            model,
            single,
        }
    };
    let several = parameters.pointer("/parameters/models/value").and_then(Value::as_array);
    if let Some(several) = several.filter(|several| !several.is_empty()) {
        let deployments = several.iter().filter_map(|model| model.get("deployments")?.as_array()).flatten();
        let made = deployments.filter(|one| one.get("account").is_none());
        return together(made.map(|one| wanted(&|key| one.get(key).map(text), false)));
    }
    if !given("existingAiAccount").is_empty() {
        return Vec::new();
    }
    let single = |key: &str| match key {
        "model" => Some(given("modelName")),
        "format" => Some(given("modelFormat")),
        "version" => Some(given("modelVersion")),
        _ => None,
    };
    vec![wanted(&single, true)]
}

/// A parameter's value: `${NAME=default}` is a choice, anything else is what was written there.
fn parameter(parameters: &Value, name: &str, choice: &impl Fn(&str) -> Option<String>) -> String {
    let Some(value) = parameters.pointer(&format!("/parameters/{name}/value")) else { return String::new() };
    let text = text(value);
    let Some(inside) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else { return text };
    let (variable, default) = inside.split_once('=').unwrap_or((inside, ""));
    choice(variable).unwrap_or_else(|| default.to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The same model twice in a region needs quota for both.
fn together(all: impl Iterator<Item = Wanted>) -> Vec<Wanted> {
    let mut sums: Vec<Wanted> = Vec::new();
    for one in all {
        match sums.iter_mut().find(|other| Wanted { capacity: one.capacity, ..(*other).clone() } == one) {
            Some(other) => other.capacity += one.capacity,
            None => sums.push(one),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameters() -> Value {
        let file = crate::stage::project().join("infra/main.parameters.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn models() -> Value {
        let file = crate::stage::project().join("infra/models.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn chosen(choices: &[(&str, &str)]) -> Vec<Wanted> {
        let choice =
            |name: &str| choices.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        all(&parameters(), &models(), choice, "swedencentral")
    }

    #[test]
    fn the_choices_of_the_environment_say_what_is_wanted() {
        let default = Wanted {
            model: "DeepSeek-V4-Pro".to_owned(),
            format: "DeepSeek".to_owned(),
            version: "2026-04-23".to_owned(),
            sku: "GlobalStandard".to_owned(),
            capacity: 100,
            location: "swedencentral".to_owned(),
            single: true,
        };
        assert_eq!(chosen(&[]), std::slice::from_ref(&default));
        let other = chosen(&[
            ("MODEL_NAME", "gpt-oss-120b"),
            ("MODEL_SKU", "DataZoneStandard"),
            ("MODEL_CAPACITY", "20"),
            ("MODEL_LOCATION", "eastus2"),
        ]);
        assert_eq!(
            other,
            [Wanted {
                model: "gpt-oss-120b".to_owned(),
                format: "OpenAI-OSS".to_owned(),
                version: "1".to_owned(),
                sku: "DataZoneStandard".to_owned(),
                capacity: 20,
                location: "eastus2".to_owned(),
                ..default
            }]
        );
        let unknown = &chosen(&[("MODEL_NAME", "new"), ("MODEL_FORMAT", "Somebody")])[0];
        assert_eq!((unknown.format.as_str(), unknown.version.as_str()), ("Somebody", ""));
        assert_eq!(chosen(&[("EXISTING_AI_ACCOUNT", "ai")]), []);
    }

    #[test]
    fn several_models_are_wanted_where_each_is_made() {
        let mut parameters = parameters();
        parameters["parameters"]["models"]["value"] = json!([
            { "name": "a", "deployments": [
                { "model": "gpt-5" }, { "model": "gpt-5", "deployment": "two", "capacity": 50 },
                { "model": "gpt-5", "location": "eastus2" },
            ] },
            { "name": "b", "deployments": [{ "model": "DeepSeek-V4-Flash", "account": "there" }] },
        ]);
        let all = all(&parameters, &models(), |_| None, "swedencentral");
        let brief = |one: &Wanted| (one.model.clone(), one.location.clone(), one.capacity, one.single);
        assert_eq!(
            all.iter().map(brief).collect::<Vec<_>>(),
            [("gpt-5".into(), "swedencentral".into(), 150, false), ("gpt-5".into(), "eastus2".into(), 100, false)]
        );
    }
}
