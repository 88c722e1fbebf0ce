//! The sums of `docs/costs.md` are what its prices and assumptions give.

use std::fs;

use crate::support::app::project;

/// Of the page's worked month: tokens in and out, seconds an answer, gigabytes of an instance.
const TOKENS: f64 = 1_500.0;
const SECONDS: f64 = 45.0;
const GIGABYTES: f64 = 2.0;
const FREE_GIGABYTE_SECONDS: f64 = 100_000.0;

struct Page {
    text: String,
}

impl Page {
    fn read() -> Self {
        Self { text: fs::read_to_string(project().join("docs/costs.md")).unwrap() }
    }

    /// The cells of the row that begins so, without the first.
    fn row(&self, start: &str) -> Vec<&str> {
        let row = self.text.lines().find(|line| line.starts_with(&format!("| {start}")));
        let row = row.unwrap_or_else(|| panic!("docs/costs.md has no row {start}"));
        row.trim_matches('|').split('|').skip(1).map(str::trim).collect()
    }

    /// The numbers of a price's cell, in their order.
    fn prices(&self, start: &str) -> Vec<f64> {
        let words =
            self.row(start)[0].split([' ', ',']).filter_map(|word| word.trim_end_matches([';', ',']).parse().ok());
        words.collect()
    }
}

fn model(answers: f64, prices: &[f64]) -> f64 {
    answers * (TOKENS * prices[0] + TOKENS * prices[1]) / 1_000_000.0
}

/// With no two answers at once.
fn api(answers: f64, gigabytes: f64, price: f64) -> f64 {
    (gigabytes * SECONDS * answers - FREE_GIGABYTE_SECONDS).max(0.0) * price
}

fn dollars(sum: f64) -> String {
    format!("${sum:.2}")
}

#[test]
fn at_rest_at_a_hundred_and_at_ten_thousand_answers() {
    let page = Page::read();
    let (pro, on_demand) = (page.prices("DeepSeek-V4-Pro"), page.prices("Flex Consumption, on demand")[0]);
    let columns = [0.0, 100.0, 10_000.0];
    let shown = |sum: f64| if sum > 0.0 { dollars(sum) } else { "0".to_owned() };
    assert_eq!(page.row("model, V4-Pro"), columns.map(|answers| shown(model(answers, &pro))));
    for (cell, answers) in page.row("API, 2 GB: what exceeds").into_iter().zip(columns) {
        let sum = shown(api(answers, GIGABYTES, on_demand));
        assert!(cell == sum || cell.starts_with(&format!("{sum} (")), "{answers} answers: {cell}, which is {sum}");
    }
}

#[test]
fn a_thousand_questions_a_day() {
    let page = Page::read();
    let (pro, flash) = (page.prices("DeepSeek-V4-Pro"), page.prices("DeepSeek-V4-Flash"));
    let on_demand = page.prices("Flex Consumption, on demand")[0];
    let answers = 30_000.0;
    // Requests beyond those that are free are none.
    for (row, sum) in [
        ("model: 30,000 ×", model(answers, &pro)),
        ("the same with V4-Flash", model(answers, &flash)),
        ("API, 2 GB, no two answers ever at once", api(answers, 2.0, on_demand)),
        ("API, three at once on average", api(answers / 3.0, 2.0, on_demand)),
        ("API, 512 MB", api(answers, 0.5, on_demand)),
    ] {
        assert_eq!(page.row(row), [dollars(sum)], "{row}");
    }
}
