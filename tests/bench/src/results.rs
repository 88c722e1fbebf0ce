//! All measurements of a run.

use serde_json::{Value as Json, json};

use crate::sample::{Summary, Value, summary};

/// Measurements by scenario, metric and relay, in the order in which they were first made.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    scenario: String,
    metric: &'static str,
    peer: String,
    values: Vec<Value>,
}

impl Results {
    /// Adds a measurement.
    pub(crate) fn add(&mut self, scenario: &str, metric: &'static str, peer: &str, value: f64, other: f64) {
        let value = Value { value, other };
        let found = self.rows.iter_mut().find(|row| row.is(scenario, metric, peer));
        if let Some(row) = found {
            row.values.push(value);
        } else {
            let (scenario, peer) = (scenario.to_owned(), peer.to_owned());
            self.rows.push(Row { scenario, metric, peer, values: vec![value] });
        }
    }

    /// What stands for all measurements of one thing.
    pub(crate) fn get(&self, scenario: &str, metric: &str, peer: &str) -> Option<Summary> {
        summary(&self.rows.iter().find(|row| row.is(scenario, metric, peer))?.values)
    }

    /// The scenarios that have a metric, in order.
    pub(crate) fn scenarios(&self, metric: &str) -> Vec<&str> {
        let mut scenarios: Vec<&str> = Vec::new();
        for row in self.rows.iter().filter(|row| row.metric == metric) {
            if !scenarios.contains(&row.scenario.as_str()) {
                scenarios.push(&row.scenario);
            }
        }
        scenarios
    }

    /// How many measurements were made, and how many of them on a noisy machine.
    pub(crate) fn noise(&self) -> (usize, usize) {
        let all = self.rows.iter().flat_map(|row| &row.values);
        let noisy = all.clone().filter(|value| value.other > crate::sample::NOISY).count();
        (all.count(), noisy)
    }

    /// Everything, with every single measurement.
    pub(crate) fn to_json(&self) -> Json {
        let rows = self.rows.iter().map(|row| {
            let values = row.values.iter().map(|value| json!({ "value": value.value, "other_cpu": value.other }));
            let summary = summary(&row.values);
            json!({
                "scenario": row.scenario,
                "metric": row.metric,
                "relay": row.peer,
                "median": summary.map(|summary| summary.median),
                "least_and_most": summary.map(|summary| [summary.min, summary.max]),
                "counted": summary.map(|summary| summary.count),
                "values": values.collect::<Vec<_>>(),
            })
        });
        rows.collect()
    }
}

impl Row {
    fn is(&self, scenario: &str, metric: &str, peer: &str) -> bool {
        self.scenario == scenario && self.metric == metric && self.peer == peer
    }
}
