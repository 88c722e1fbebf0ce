//! Items of telemetry, and the schema that Application Insights publishes for them: names, types and lengths. What
//! breaks it is dropped there without a word.

use std::collections::BTreeSet;

use serde_json::Value;

/// One item.
#[derive(Clone, Debug)]
pub(crate) struct Item(pub(crate) Value);

impl Item {
    /// `Request`, `RemoteDependency`, `Message`, `Exception`, `Event` or `Metric`.
    pub(crate) fn kind(&self) -> &str {
        self.0["data"]["baseType"].as_str().unwrap().trim_end_matches("Data")
    }

    pub(crate) fn data(&self, name: &str) -> &Value {
        &self.0["data"]["baseData"][name]
    }

    /// A field that is text; empty where it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.data(name).as_str().unwrap_or_default()
    }

    /// A custom dimension; empty where it is absent.
    pub(crate) fn property(&self, name: &str) -> &str {
        self.data("properties")[name].as_str().unwrap_or_default()
    }

    pub(crate) fn tag(&self, name: &str) -> &str {
        self.0["tags"][name].as_str().unwrap_or_default()
    }

    /// The names of its custom dimensions.
    pub(crate) fn properties(&self) -> BTreeSet<String> {
        self.data("properties").as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    /// The name and value of a metric.
    pub(crate) fn metric(&self) -> (&str, f64) {
        let metric = &self.data("metrics")[0];
        (metric["name"].as_str().unwrap(), metric["value"].as_f64().unwrap())
    }

    /// Holds the item to the schema.
    pub(crate) fn check(&self) {
        let item = &self.0;
        let known = ["name", "time", "sampleRate", "iKey", "tags", "data"];
        assert!(item.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{item}");
        assert_eq!(item["name"], format!("Microsoft.ApplicationInsights.{}", self.kind()), "{item}");
        let time = item["time"].as_str().unwrap();
        assert!(time.len() <= 64 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{item}");
        assert!(item["iKey"].as_str().is_some_and(|key| !key.is_empty() && key.len() <= 40), "{item}");
        if let Some(rate) = item.get("sampleRate") {
            assert!(rate.as_f64().is_some_and(|rate| (0.0..=100.0).contains(&rate)), "{item}");
        }
        for (name, value) in item["tags"].as_object().unwrap() {
            assert!(name.starts_with("ai."), "{item}");
            assert!(value.as_str().is_some_and(|value| value.len() <= 1024), "{item}");
        }
        assert_eq!(*self.data("ver"), 2, "{item}");
        if let Some(properties) = self.data("properties").as_object() {
            for (name, value) in properties {
                assert!(!name.is_empty() && name.len() <= 150, "{item}");
                assert!(value.as_str().is_some_and(|value| value.len() <= 8192), "{item}");
            }
        }
        self.check_data();
    }

    fn check_data(&self) {
        let long = |name: &str, most: usize| {
            let text = self.data(name).as_str().unwrap_or_else(|| panic!("{name} is missing: {}", self.0));
            assert!(!text.is_empty() && text.len() <= most, "{name}: {}", self.0);
        };
        match self.kind() {
            "Request" => {
                long("id", 512);
                long("name", 1024);
                long("responseCode", 1024);
                assert!(self.data("success").is_boolean(), "{}", self.0);
                self.check_duration();
            }
            "RemoteDependency" => {
                long("name", 1024);
                long("id", 512);
                long("resultCode", 1024);
                self.check_duration();
            }
            "Message" => {
                long("message", 32768);
                assert!(self.data("severityLevel").is_string() || self.data("severityLevel").is_u64(), "{}", self.0);
            }
            "Exception" => {
                for exception in self.data("exceptions").as_array().unwrap() {
                    assert!(exception["typeName"].as_str().is_some_and(|name| (1..=1024).contains(&name.len())));
                    assert!(exception["message"].as_str().is_some_and(|text| (1..=32768).contains(&text.len())));
                }
            }
            "Event" => long("name", 512),
            "Metric" => {
                let metrics = self.data("metrics").as_array().unwrap();
                assert_eq!(metrics.len(), 1, "Application Insights takes the first only");
                assert!(metrics[0]["name"].as_str().is_some_and(|name| (1..=1024).contains(&name.len())));
                assert!(metrics[0]["value"].is_number());
            }
            other => panic!("an item of kind {other}"),
        }
    }

    /// `d.hh:mm:ss.ffffff`, less than 1000 days.
    fn check_duration(&self) {
        let duration = self.text("duration");
        let (days, clock) = duration.split_once('.').unwrap_or_else(|| panic!("{}", self.0));
        assert!(days.parse::<u16>().is_ok_and(|days| days < 1000), "{}", self.0);
        let parts: Vec<&str> = clock.split([':', '.']).collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 2, 2, 6], "{}", self.0);
    }

    /// The span's length, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        let clock = self.text("duration").split_once('.').unwrap().1;
        clock.split(':').fold(0.0, |total, part| total * 60.0 + part.parse::<f64>().unwrap())
    }
}
