//! What goes wrong, as a list: each fault is tried before the routes, and is gone when it has happened often enough.

use serde_json::{Value, json};

use crate::reply::Reply;

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: Kind,
    /// Matches that pass first.
    skip: usize,
    /// Times it happens.
    times: usize,
}

#[derive(Clone, Debug)]
enum Kind {
    Answer { method: String, path: String, reply: Reply },
    Deployment { code: String, message: String, late: bool },
    Program { name: String, contains: String, outcome: Outcome },
}

/// How a program ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Fault {
    /// A request whose path holds this text, without regard to case, is answered so.
    pub fn answer(method: &str, path: &str, status: u16, body: Value) -> Self {
        let reply = Reply { body: Some(body), ..Reply::empty(status) };
        Self::of(Kind::Answer { method: method.to_owned(), path: path.to_lowercase(), reply })
    }

    /// Resource Manager's form of [`answer`](Self::answer).
    pub fn refusal(method: &str, path: &str, status: u16, code: &str, message: &str) -> Self {
        Self::answer(method, path, status, json!({ "error": { "code": code, "message": message } }))
    }

    /// A refresh of the sign-in is answered so by Entra.
    pub fn expired_sign_in() -> Self {
        let body = json!({
            "error": "invalid_grant", "error_codes": [700_082],
            "error_description": "AADSTS700082: The refresh token has expired due to inactivity.",
        });
        Self::answer("POST", "/oauth2/v2.0/token", 400, body)
    }

    /// The deployment fails before anything is made.
    pub fn deployment(code: &str, message: &str) -> Self {
        Self::of(Kind::Deployment { code: code.to_owned(), message: message.to_owned(), late: false })
    }

    /// The deployment fails when everything is made: no outputs are told.
    pub fn late_deployment(code: &str, message: &str) -> Self {
        Self::of(Kind::Deployment { code: code.to_owned(), message: message.to_owned(), late: true })
    }

    /// A program whose arguments hold this text does nothing and ends so.
    pub fn program(name: &str, contains: &str, exit: i32, stderr: &str) -> Self {
        let outcome = Outcome { exit, stdout: String::new(), stderr: stderr.to_owned() };
        Self::of(Kind::Program { name: name.to_owned(), contains: contains.to_owned(), outcome })
    }

    /// With a header, for [`answer`](Self::answer).
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Kind::Answer { reply, .. } = &mut self.kind {
            reply.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// So often, in place of once.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Only after so many that pass.
    #[must_use]
    pub fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    fn of(kind: Kind) -> Self {
        Self { kind, skip: 0, times: 1 }
    }
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn answer(&mut self, method: &str, path: &str) -> Option<Reply> {
        let path = path.to_lowercase();
        self.take(|kind| match kind {
            Kind::Answer { method: wanted, path: part, reply } if wanted == method && path.contains(part) => {
                Some(reply.clone())
            }
            _ => None,
        })
    }

    pub(crate) fn deployment(&mut self, late_one: bool) -> Option<(String, String)> {
        self.take(|kind| match kind {
            Kind::Deployment { code, message, late } if *late == late_one => Some((code.clone(), message.clone())),
            _ => None,
        })
    }

    pub(crate) fn program(&mut self, called: &str, arguments: &[String]) -> Option<Outcome> {
        let line = arguments.join(" ");
        self.take(|kind| match kind {
            Kind::Program { name, contains, outcome } if name == called && line.contains(contains) => {
                Some(outcome.clone())
            }
            _ => None,
        })
    }

    fn take<T>(&mut self, matching: impl Fn(&Kind) -> Option<T>) -> Option<T> {
        let at = self.0.iter().position(|fault| matching(&fault.kind).is_some())?;
        let fault = self.0.get_mut(at)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let found = matching(&fault.kind);
        fault.times -= 1;
        if fault.times == 0 {
            self.0.remove(at);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_when_it_is_its_turn_and_then_is_gone() {
        let mut faults = Faults::default();
        faults.add(Fault::refusal("GET", "/Deployments/", 429, "TooManyRequests", "").after(1).times(2));
        let mut ask = || faults.answer("GET", "/subscriptions/s/deployments/d").map(|reply| reply.status);
        assert_eq!([ask(), ask(), ask(), ask()], [None, Some(429), Some(429), None]);
        assert!(faults.answer("PUT", "/deployments/").is_none());
    }
}
