//! Enough of KQL's grammar to hold this project's queries to what the program tells: where a table, an operator, a
//! function, a column, a custom dimension or a value that is compared is not known, the query is refused.
//!
//! It knows what the queries use and no more: a query that needs another operator or function adds it here, from KQL's
//! reference. Nothing here runs a query.

use std::collections::{BTreeMap, BTreeSet};

const FUNCTIONS: [&str; 19] = [
    "bin",
    "coalesce",
    "count",
    "iff",
    "isnotempty",
    "isnotnull",
    "max",
    "percentilew",
    "strcat",
    "sum",
    "sumif",
    "take_any",
    "take_anyif",
    "todouble",
    "toint",
    "tolong",
    "tostring",
    "in",
    "not",
];
/// Functions whose texts are for people.
const OF_TEXTS: [&str; 2] = ["iff", "strcat"];
const CHARTS: [&str; 2] = ["columnchart", "timechart"];

/// What the program tells, and what a query may compare it with.
pub(crate) struct Known {
    /// The columns of each table.
    pub(crate) tables: BTreeMap<String, BTreeSet<String>>,
    /// The tables that have a custom dimension.
    pub(crate) dimensions: BTreeMap<String, BTreeSet<String>>,
    /// What a column of a table (`table.column`) or a custom dimension may be equal to.
    pub(crate) values: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

/// Reads a query against what is known.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn check(query: &str, known: &Known) -> Result<(), String> {
    let tokens = tokens(query)?;
    balanced(&tokens)?;
    let mut statements = split(&tokens, ";");
    let last = statements.pop().unwrap_or_default();
    let mut lets = BTreeSet::new();
    for statement in statements {
        let [Token::Word(word), Token::Word(name), Token::Sign("="), value @ ..] = statement else {
            return Err(format!("a statement before the last is no `let NAME = …`: {statement:?}"));
        };
        if word != "let" {
            return Err(format!("`{word}` is no statement"));
        }
        if !matches!(value, [Token::Text(_) | Token::Number(_)]) {
            Pipeline::read(value, known, &lets)?;
        }
        lets.insert(name.clone());
    }
    Pipeline::read(last, known, &lets).map(drop)
}

fn word(text: &str) -> Token {
    Token::Word(text.to_owned())
}

fn tokens(query: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [&str; 19] =
        ["==", "!=", "<=", ">=", "|", "(", ")", "[", "]", ",", ";", "=", "<", ">", "+", "-", "*", "/", "%"];
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let run = |of: fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
        let length;
        if rest.starts_with("//") {
            length = rest.find('\n').unwrap_or(rest.len());
        } else if first == '\'' {
            let end = rest[1..].find(['\'', '\n']).map(|at| at + 1).filter(|at| rest[*at..].starts_with('\''));
            length = end.ok_or_else(|| format!("a text without an end: {}", rest.lines().next().unwrap_or(rest)))? + 1;
            tokens.push(Token::Text(rest[1..length - 1].to_owned()));
        } else if first.is_ascii_digit() {
            length = run(|c| c.is_ascii_alphanumeric() || c == '.');
            tokens.push(Token::Number(rest[..length].to_owned()));
        } else if first.is_ascii_alphabetic() || first == '_' {
            length = run(|c| c.is_ascii_alphanumeric() || c == '_');
            tokens.push(Token::Word(rest[..length].to_owned()));
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("an unknown sign: {}", rest.lines().next().unwrap_or(rest)))?;
            length = sign.len();
            tokens.push(Token::Sign(sign));
        }
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn balanced(tokens: &[Token]) -> Result<(), String> {
    let mut open = Vec::new();
    for token in tokens {
        match token {
            Token::Sign(sign @ ("(" | "[")) => open.push(*sign),
            Token::Sign(sign @ (")" | "]")) => {
                let opened = if *sign == ")" { "(" } else { "[" };
                if open.pop() != Some(opened) {
                    return Err(format!("`{sign}` closes nothing"));
                }
            }
            _ => {}
        }
    }
    open.pop().map_or(Ok(()), |sign| Err(format!("`{sign}` is not closed")))
}

/// Parts between the signs that stand in no brackets.
fn split<'a>(tokens: &'a [Token], sign: &str) -> Vec<&'a [Token]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            match token {
                Token::Sign("(" | "[") => depth += 1,
                Token::Sign(")" | "]") => depth -= 1,
                _ => {}
            }
            depth == 0 && matches!(token, Token::Sign(other) if *other == sign)
        })
        .collect()
}

/// A table, or several, and what becomes of its columns from one operator to the next.
struct Pipeline<'a> {
    known: &'a Known,
    lets: &'a BTreeSet<String>,
    tables: Vec<String>,
    /// Each column with what its values are: a key of [`Known::values`], where there is one.
    columns: BTreeMap<String, Option<String>>,
}

impl<'a> Pipeline<'a> {
    fn read(tokens: &[Token], known: &'a Known, lets: &'a BTreeSet<String>) -> Result<Self, String> {
        let mut stages = split(tokens, "|").into_iter();
        let source = stages.next().unwrap_or_default();
        let names = match source {
            [Token::Word(union), names @ ..] if union == "union" => names,
            names => names,
        };
        let mut this = Self { known, lets, tables: Vec::new(), columns: BTreeMap::new() };
        for name in split(names, ",") {
            let [Token::Word(table)] = name else { return Err(format!("no table: {name:?}")) };
            let columns = known.tables.get(table).ok_or_else(|| format!("`{table}` is no table"))?;
            let values = |column: &String| {
                let key = format!("{table}.{column}");
                known.values.contains_key(&key).then_some(key)
            };
            this.columns.extend(columns.iter().map(|column| (column.clone(), values(column))));
            this.tables.push(table.clone());
        }
        stages.try_for_each(|stage| this.stage(stage))?;
        Ok(this)
    }

    fn stage(&mut self, stage: &[Token]) -> Result<(), String> {
        let [Token::Word(operator), rest @ ..] = stage else { return Err(format!("no operator: {stage:?}")) };
        match (operator.as_str(), rest) {
            ("where", condition) => self.expression(condition),
            ("extend", columns) => {
                let made = self.list(columns, true)?;
                self.columns.extend(made);
                Ok(())
            }
            ("project" | "distinct", columns) => {
                self.columns = self.list(columns, false)?;
                Ok(())
            }
            ("summarize", rest) => {
                let by = rest.iter().position(|token| *token == Token::Word("by".to_owned()));
                let (made, groups) = rest.split_at(by.unwrap_or(rest.len()));
                let mut columns = match made {
                    // The row that has the most of the first column, with its values of the others.
                    [Token::Word(function), Token::Sign("("), kept @ .., Token::Sign(")")] if function == "arg_max" => {
                        self.list(kept, false)?
                    }
                    made => self.list(made, true)?,
                };
                if let [_, groups @ ..] = groups {
                    columns.extend(self.list(groups, false)?);
                }
                self.columns = columns;
                Ok(())
            }
            ("join", [kind, Token::Sign("="), way, Token::Sign("("), other @ .., Token::Sign(")"), on, column])
                if *kind == word("kind") && *way == word("leftouter") && *on == word("on") =>
            {
                let other = Self::read(other, self.known, self.lets)?;
                let Token::Word(column) = column else { return Err(format!("no column: {column:?}")) };
                if !self.columns.contains_key(column) || !other.columns.contains_key(column) {
                    return Err(format!("`{column}` is on one side only"));
                }
                for (name, values) in other.columns {
                    self.columns.entry(name).or_insert(values);
                }
                Ok(())
            }
            ("order", [Token::Word(by), Token::Word(column), Token::Word(way)])
                if by == "by" && (way == "asc" || way == "desc") =>
            {
                self.column(column).map(|_| ())
            }
            ("render", [Token::Word(chart)]) if CHARTS.contains(&chart.as_str()) => Ok(()),
            _ => Err(format!("`{operator}` is no operator, or is not followed by what belongs to it: {rest:?}")),
        }
    }

    /// Columns with commas between them. Where they must be `named`, each is `NAME = …`; otherwise a column's own
    /// name will do, alone or in a bin.
    fn list(&self, tokens: &[Token], named: bool) -> Result<BTreeMap<String, Option<String>>, String> {
        let mut columns = BTreeMap::new();
        for part in split(tokens, ",") {
            let (name, value) = match part {
                [Token::Word(name), Token::Sign("="), value @ ..] if !value.is_empty() => (name, value),
                [Token::Word(name)] if !named => (name, part),
                [Token::Word(bin), Token::Sign("("), Token::Word(name), ..] if !named && bin == "bin" => (name, part),
                _ => return Err(format!("no column: {part:?}")),
            };
            self.expression(value)?;
            columns.insert(name.clone(), self.values_of(value));
        }
        Ok(columns)
    }

    /// What the values of an expression are: those of the one column or dimension that it is, or turns into text.
    fn values_of(&self, value: &[Token]) -> Option<String> {
        let value = match value {
            [Token::Word(function), Token::Sign("("), inner @ .., Token::Sign(")")] if function == "tostring" => inner,
            value => value,
        };
        match value {
            [Token::Word(name)] => self.columns.get(name).cloned().flatten(),
            [Token::Word(_), Token::Sign("["), Token::Text(dimension), Token::Sign("]")] => Some(dimension.clone()),
            _ => None,
        }
    }

    fn column(&self, name: &str) -> Result<&Option<String>, String> {
        self.columns.get(name).ok_or_else(|| format!("no column `{name}` here"))
    }

    fn dimension(&self, name: &str) -> Result<(), String> {
        let tables = self.known.dimensions.get(name).ok_or_else(|| format!("no custom dimension `{name}`"))?;
        let found = self.tables.iter().any(|table| tables.contains(table));
        found.then_some(()).ok_or_else(|| format!("{:?} have no custom dimension `{name}`", self.tables))
    }

    fn expression(&self, tokens: &[Token]) -> Result<(), String> {
        // The functions around the place, and what was last seen that can be compared.
        let mut around: Vec<Option<&str>> = Vec::new();
        let mut subject: Option<String> = None;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let rest = &tokens[at + 1..];
            match (token, rest) {
                (Token::Word(name), [Token::Sign("["), Token::Text(dimension), Token::Sign("]"), ..])
                    if name == "customDimensions" =>
                {
                    self.dimension(dimension)?;
                    subject = Some(dimension.clone());
                    at += 3;
                }
                (Token::Word(name), [Token::Sign("("), ..]) => {
                    if !FUNCTIONS.contains(&name.as_str()) && !["and", "or"].contains(&name.as_str()) {
                        return Err(format!("`{name}` is no function"));
                    }
                    around.push(Some(name));
                    at += 1;
                }
                (Token::Word(word), _) if ["and", "or", "true", "false"].contains(&word.as_str()) => subject = None,
                (Token::Word(name), _) if self.lets.contains(name) => {}
                (Token::Word(name), _) => subject = Some(self.column(name)?.clone().unwrap_or_else(|| name.clone())),
                (Token::Sign("("), _) => around.push(None),
                (Token::Sign(")"), _) => {
                    around.pop();
                }
                (Token::Text(text), _) => {
                    let compared = matches!(tokens.get(at.wrapping_sub(1)), Some(Token::Sign("==" | "!=")));
                    match (compared || around.last() == Some(&Some("in")), &subject) {
                        (true, Some(subject)) => self.compared(subject, text)?,
                        (false, _) if around.iter().flatten().any(|name| OF_TEXTS.contains(name)) => {}
                        _ => return Err(format!("'{text}' is compared with nothing")),
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    fn compared(&self, subject: &str, text: &str) -> Result<(), String> {
        let values = self.known.values.get(subject).ok_or_else(|| format!("`{subject}` is compared with '{text}'"))?;
        values.contains(text).then_some(()).ok_or_else(|| format!("`{subject}` is never '{text}'"))
    }
}
