//! What a region offers of a wanted model, read from Azure's lists of models and of usages there.

use serde_json::Value;

use super::wanted::Wanted;

/// Azure's two lists for a region.
pub(super) struct Region {
    pub(super) models: Vec<Value>,
    pub(super) usages: Vec<Value>,
}

/// What comes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Offer {
    Fits {
        free: u64,
    },
    /// Azure does not say.
    Unknown,
    /// With what it is offered as in this region, if it is.
    NotOffered {
        other: Vec<String>,
    },
    Short {
        free: u64,
    },
}

impl Region {
    pub(super) fn offers(&self, wanted: &Wanted) -> Offer {
        let same = |said: &Value, word: &str| {
            word.is_empty() || said.as_str().is_some_and(|other| other.eq_ignore_ascii_case(word))
        };
        let of_it: Vec<&Value> = self
            .models
            .iter()
            .map(|found| &found["model"])
            .filter(|model| same(&model["name"], &wanted.model) && same(&model["format"], &wanted.format))
            .collect();
        let skus = |model: &&&Value| model["skus"].as_array().cloned().unwrap_or_default();
        let usage = of_it
            .iter()
            .filter(|model| same(&model["version"], &wanted.version))
            .flat_map(|model| skus(&model))
            .find(|sku| same(&sku["name"], &wanted.sku));
        let Some(usage) = usage else {
            let shown = |model: &&Value| {
                let names =
                    skus(&model).iter().filter_map(|sku| sku["name"].as_str().map(str::to_owned)).collect::<Vec<_>>();
                format!("version {} as {}", model["version"].as_str().unwrap_or("?"), names.join(", "))
            };
            let mut other: Vec<String> = of_it.iter().map(shown).collect();
            other.dedup();
            return Offer::NotOffered { other };
        };
        let count = self.usages.iter().find(|count| count["name"]["value"] == usage["usageName"]);
        // Azure writes whole numbers as fractions: 1000.0.
        let number = |value: &Value| format!("{:.0}", value.as_f64()?).parse::<u64>().ok();
        match count.and_then(|count| Some((number(&count["limit"])?, number(&count["currentValue"])?))) {
            None => Offer::Unknown,
            Some((limit, used)) => Offer::with(limit.saturating_sub(used), wanted),
        }
    }
}

impl Offer {
    fn with(free: u64, wanted: &Wanted) -> Self {
        if free >= wanted.capacity { Self::Fits { free } } else { Self::Short { free } }
    }

    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::NotOffered { .. } | Self::Short { .. })
    }

    /// The same where an earlier run has made so much of it: that stays, even of a model that is offered no more.
    pub(super) fn besides(self, held: Option<u64>, wanted: &Wanted) -> Self {
        match (self, held) {
            (Self::NotOffered { .. }, Some(_)) => Self::Unknown,
            (Self::Short { free }, Some(held)) => Self::with(free + held, wanted),
            (offer, _) => offer,
        }
    }

    /// A fault in words, with what to do. `elsewhere`: the regions that would do, and how much is free there.
    pub(super) fn words(&self, wanted: &Wanted, elsewhere: &[(String, u64)]) -> String {
        let Wanted { model, version, sku, capacity, location, .. } = wanted;
        let fault = match self {
            Self::Short { free } => {
                format!(
                    "{model} ({sku}) is to have a capacity of {capacity}, and the quota in {location} leaves {free}."
                )
            }
            Self::NotOffered { other } if other.is_empty() => format!("{model} is not offered in {location}."),
            Self::NotOffered { other } => {
                format!("{model} {version} as {sku} is not offered in {location}; there is {}.", other.join("; "))
            }
            Self::Fits { .. } | Self::Unknown => return String::new(),
        };
        let named: Vec<String> = elsewhere.iter().map(|(name, free)| format!("{name} ({free})")).collect();
        let text = if named.is_empty() {
            format!("{fault} No other region was found that has it. Another model: docs/deploying.md, \"Which model\".")
        } else {
            format!("{fault} Regions that have it, and how much is free: {}.", named.join(", "))
        };
        if !wanted.single {
            return text + " Change `models` in infra/main.parameters.json.";
        }
        let mut cures = Vec::new();
        if let Self::Short { free: free @ 1.. } = self {
            cures.push(format!("azd env set MODEL_CAPACITY {free}"));
        }
        if let [(first, _), ..] = elsewhere {
            cures.push(format!("azd env set MODEL_LOCATION {first}"));
        }
        cures.iter().fold(text, |text, cure| text + "\n  " + cure)
    }
}

/// The capacity that deployments of an account hold of the wanted model; none if there is no such deployment.
pub(super) fn held(wanted: &Wanted, deployments: &[Value]) -> Option<u64> {
    let is_it = |one: &&Value| {
        one["properties"]["model"]["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&wanted.model))
            && one["sku"]["name"].as_str().is_some_and(|sku| sku.eq_ignore_ascii_case(&wanted.sku))
    };
    let found: Vec<u64> =
        deployments.iter().filter(is_it).map(|one| one["sku"]["capacity"].as_u64().unwrap_or(0)).collect();
    (!found.is_empty()).then(|| found.iter().sum())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted() -> Wanted {
        let word = str::to_owned;
        Wanted {
            model: word("DeepSeek-V4-Pro"),
            format: word("DeepSeek"),
            version: word("2026-04-23"),
            sku: word("GlobalStandard"),
            capacity: 100,
            location: word("westeurope"),
            single: true,
        }
    }

    fn region(limit: f64, used: f64) -> Region {
        let model = |name: &str, version: &str, sku: &str| {
            let usage = format!("AIServices.{sku}.{name}");
            json!({ "kind": "AIServices", "model": {
                "format": "DeepSeek", "name": name, "version": version, "skus": [{ "name": sku, "usageName": usage }],
            } })
        };
        Region {
            models: vec![
                model("DeepSeek-V4-Flash", "2026-04-23", "GlobalStandard"),
                model("DeepSeek-V4-Pro", "2026-01-01", "GlobalStandard"),
                model("DeepSeek-V4-Pro", "2026-04-23", "GlobalStandard"),
            ],
            usages: vec![json!({
                "name": { "value": "AIServices.GlobalStandard.DeepSeek-V4-Pro" }, "limit": limit, "currentValue": used,
            })],
        }
    }

    #[test]
    fn what_is_free_must_be_enough_and_what_is_not_said_is_no_fault() {
        assert_eq!(region(300.0, 200.0).offers(&wanted()), Offer::Fits { free: 100 });
        assert_eq!(region(300.0, 201.0).offers(&wanted()), Offer::Short { free: 99 });
        assert_eq!(region(0.0, 20.0).offers(&wanted()), Offer::Short { free: 0 });
        assert!(Region { models: Vec::new(), ..region(0.0, 0.0) }.offers(&wanted()).is_fault());
        assert_eq!(Region { usages: Vec::new(), ..region(0.0, 0.0) }.offers(&wanted()), Offer::Unknown);
        let any = Wanted { version: String::new(), format: String::new(), ..wanted() };
        assert_eq!(region(100.0, 0.0).offers(&any), Offer::Fits { free: 100 });
    }

    #[test]
    fn a_model_version_or_sku_that_the_region_lacks_is_named_with_what_there_is() {
        let none = Wanted { model: "gpt-5".to_owned(), ..wanted() };
        assert_eq!(region(1.0, 0.0).offers(&none), Offer::NotOffered { other: Vec::new() });
        let sku = Wanted { sku: "DataZoneStandard".to_owned(), ..wanted() };
        let offer = region(1.0, 0.0).offers(&sku);
        let words = offer.words(&sku, &[("eastus2".to_owned(), 400), ("swedencentral".to_owned(), 100)]);
        assert_eq!(
            words,
            "DeepSeek-V4-Pro 2026-04-23 as DataZoneStandard is not offered in westeurope; there is version 2026-01-01 as \
             GlobalStandard; version 2026-04-23 as GlobalStandard. Regions that have it, and how much is free: eastus2 (400), \
             swedencentral (100).\n  azd env set MODEL_LOCATION eastus2"
        );
    }

    #[test]
    fn quota_that_is_short_has_its_cures() {
        let words = Offer::Short { free: 20 }.words(&wanted(), &[("eastus2".to_owned(), 400)]);
        assert!(words.ends_with("\n  azd env set MODEL_CAPACITY 20\n  azd env set MODEL_LOCATION eastus2"), "{words}");
        let nowhere = Offer::Short { free: 0 }.words(&wanted(), &[]);
        assert!(nowhere.contains("No other region was found") && !nowhere.contains("azd env set"), "{nowhere}");
        let several = Offer::Short { free: 20 }.words(&Wanted { single: false, ..wanted() }, &[]);
        assert!(several.ends_with("infra/main.parameters.json."), "{several}");
    }

    #[test]
    fn what_an_earlier_run_has_made_is_not_wanting() {
        let made = |name: &str, sku: &str| json!({ "properties": { "model": { "name": name } }, "sku": { "name": sku, "capacity": 100 } });
        let others = [made("DeepSeek-V4-Flash", "GlobalStandard"), made("DeepSeek-V4-Pro", "Standard")];
        assert_eq!(held(&wanted(), &others), None);
        let held = held(&wanted(), &[made("DeepSeek-V4-Pro", "GlobalStandard")]);
        assert_eq!(held, Some(100));
        let gone = || Offer::NotOffered { other: Vec::new() };
        assert_eq!(gone().besides(held, &wanted()), Offer::Unknown);
        assert_eq!(gone().besides(None, &wanted()), gone());
        assert_eq!(Offer::Short { free: 0 }.besides(held, &wanted()), Offer::Fits { free: 100 });
        let more = Wanted { capacity: 200, ..wanted() };
        assert_eq!(Offer::Short { free: 50 }.besides(held, &more), Offer::Short { free: 150 });
    }
}
