//! Why `azd` or `az` gave no token, out of what it wrote to standard error. Pure.
//!
//! `azd` before 1.23.7 writes a JSON object whose `data.message` begins with a blank line; later ones write an object
//! with `error`, up to 1.23.15 after an empty message, and still the old kind where nobody is signed in; the oldest add
//! a second message that only advises. `az` writes lines for people: warnings, then `ERROR: …`, then what to run; where
//! it is broken, a traceback of Python's. So: objects and lines are told apart, and the one that says most is chosen.

use serde_json::Value;

/// A reason is cut here. Characters.
const MAX_CHARS: usize = 300;
/// An error code of Entra's that comes later than this begins the reason. Characters.
const MAX_PREFACE_CHARS: usize = 120;
/// A longer word is no word for people: a token, or claims to sign in with. Bytes.
const MAX_WORD_BYTES: usize = 100;
/// Before the digits of each of Entra's error codes.
const CODE: &str = "AADSTS";

/// The reason in one line, with Entra's error code if there is one; without accounts and tokens. `None` where nothing
/// is said.
pub(super) fn read(stderr: &str) -> Option<String> {
    let (errors, texts) = told(stderr);
    let all = || errors.iter().chain(&texts);
    let says_more =
        |text: &&String| !text.trim_start().starts_with("WARNING") && !text.trim_start().starts_with("Sugg");
    let chosen = all()
        .find(|text| code(text).is_some())
        .or_else(|| errors.first())
        .or_else(|| texts.iter().find(|text| error_line(text).is_some()))
        .or_else(|| texts.iter().find(says_more))
        .or_else(|| texts.first())?;
    let reason = tidy(chosen);
    (!reason.is_empty()).then_some(reason)
}

/// What is said: the `error`s of objects; then the messages of objects and the lines between them. None is blank.
fn told(stderr: &str) -> (Vec<String>, Vec<String>) {
    let (mut errors, mut texts, mut plain) = (Vec::new(), Vec::new(), String::new());
    let mut rest = stderr;
    while !rest.is_empty() {
        let line = rest.split_inclusive('\n').next().unwrap_or(rest);
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if line.trim_start().starts_with('{')
            && let Some(Ok(object)) = objects.next()
        {
            let said = |pointer| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            if let Some(error) = said("/error").or_else(|| said("/error/message")) {
                errors.push(error.to_owned());
            } else if let Some(message) = said("/data/message").or_else(|| said("/message")) {
                texts.push(message.to_owned());
            }
            rest = rest.get(objects.byte_offset()..).unwrap_or_default();
        } else {
            plain.push_str(line);
            rest = rest.get(line.len()..).unwrap_or_default();
        }
    }
    if let Some((_, trace)) = plain.split_once("Traceback (most recent call last)")
        && error_line(&plain).is_none()
    {
        // Python tells the error last.
        texts.extend(trace.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned));
    }
    let error_at = error_line(&plain).unwrap_or(0);
    let (before, error) = plain.split_at(error_at);
    texts.extend([error, before].into_iter().filter(|text| !text.trim().is_empty()).map(str::to_owned));
    (errors, texts)
}

/// Where the first line begins that says that it is an error.
fn error_line(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("error:")) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Where the first of Entra's error codes begins.
fn code(text: &str) -> Option<usize> {
    let mut codes = text.match_indices(CODE);
    codes.find(|(at, _)| text.as_bytes().get(at + CODE.len()).is_some_and(u8::is_ascii_digit)).map(|(at, _)| at)
}

/// One line without colours, accounts, tokens and the ids that only Microsoft can look up.
fn tidy(text: &str) -> String {
    let text = text.get(error_line(text).unwrap_or(0)..).unwrap_or(text);
    let text = without_colours(text);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if matches!(word, "Trace" | "Correlation" | "TraceID:") && code(&line).is_some() {
            break;
        }
        if line.is_empty() && word.eq_ignore_ascii_case("error:") {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        if word.contains('@') || word.contains("#EXT#") {
            line.push_str("(an account)");
        } else if word.len() > MAX_WORD_BYTES || word.contains("eyJ") {
            line.push_str("(left out)");
        } else {
            line.push_str(word);
        }
    }
    let preface = code(&line).unwrap_or(0);
    let line = if preface > MAX_PREFACE_CHARS { line.get(preface..).unwrap_or(&line) } else { &line };
    line.chars().take(MAX_CHARS).collect()
}

/// Without the sequences that colour a terminal, and with blanks for other control characters.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1B}' {
            // `ESC [ … letter`
            let _ = letters.find(char::is_ascii_alphabetic);
        } else {
            plain.push(if letter.is_control() { ' ' } else { letter });
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = r"fetching token: failed to authenticate:\n(invalid_tenant) AADSTS90002: Tenant 'contoso' not found. Check to make sure you have the correct tenant ID. Trace ID: 0000 Correlation ID: 0000 Timestamp: 2026-04-14 00:43:58Z\n";
    const TENANT_REASON: &str = "fetching token: failed to authenticate: (invalid_tenant) AADSTS90002: Tenant 'contoso' not \
                                 found. Check to make sure you have the correct tenant ID.";

    #[test]
    fn every_shape_of_every_azd_gives_the_reason_with_its_code() {
        let message = |text: &str| {
            format!(
                r#"{{"type":"consoleMessage","timestamp":"2026-04-13T17:43:24.7558297-07:00","data":{{"message":"{text}"}}}}"#
            )
        };
        let error = |text: &str| {
            format!(
                r#"{{"error":"{text}","links":[{{"title":"t","url":"https://learn.microsoft.com/"}}],"message":"Authentication with Azure failed.","suggestion":"Run 'azd auth login' to sign in again."}}"#
            )
        };
        let old = message(&format!(r"\nERROR: {TENANT}\n"));
        for (name, stderr) in [
            ("before 1.23.7", old.clone()),
            ("between", format!("{}\n{}\n", message(r"\n"), error(TENANT))),
            ("since 1.24", format!("{}\n", error(TENANT))),
            (
                "advice after it",
                format!("{old}\n{}\n", message("Suggestion: reauthentication required, run `azd auth login`")),
            ),
            ("advice before it", format!("{}\n{old}\n", message("Suggestion: run `azd auth login`"))),
            ("over several lines", error(TENANT).replace(',', ",\n")),
            ("no JSON", format!("\nERROR: {}", TENANT.replace("\\n", "\n"))),
            ("in colours", format!("\u{1B}[31mERROR: {}\u{1B}[0m", TENANT.replace("\\n", "\n"))),
            ("a notice before it", format!("WARNING: azd is out of date\n{old}")),
        ] {
            assert_eq!(read(&stderr).as_deref(), Some(TENANT_REASON), "{name}");
        }
        // Written by azd 1.32.
        let nobody = message(r"\nERROR: not logged in, run `azd auth login` to login\n");
        assert_eq!(read(&nobody).as_deref(), Some("not logged in, run `azd auth login` to login"));
        let expired = error("fetching token: AADSTS700082: The refresh token has expired due to inactivity.");
        assert!(read(&expired).unwrap().contains("AADSTS700082: The refresh token has expired"));
        assert_eq!(read("Error: unknown flag: --tenant-id\n").as_deref(), Some("unknown flag: --tenant-id"));
        assert_eq!(
            read(r#"{"error":"","message":"Authentication with Azure failed."}"#).as_deref(),
            Some("Authentication with Azure failed.")
        );
    }

    #[test]
    fn what_az_says_is_found_among_its_warnings_and_advice() {
        for (stderr, reason) in [
            (
                "ERROR: AADSTS50158: External security challenge not satisfied.\nTrace ID: 1\nCorrelation ID: 2\nTimestamp: 2023-04-21 20:57:57Z\nInteractive authentication is needed. Please run:\naz login --scope s\n",
                "AADSTS50158: External security challenge not satisfied.",
            ),
            (
                "WARNING: You have 2 updates available.\nERROR: Please run 'az login' to setup account.\n",
                "Please run 'az login' to setup account.",
            ),
            (
                "ERROR: User 'me@contoso.com' does not exist in MSAL token cache. Run `az login`.\n",
                "User (an account) does not exist in MSAL token cache. Run `az login`.",
            ),
            (
                "Traceback (most recent call last):\n  File \"/usr/bin/az\", line 3\nModuleNotFoundError: No module named 'azure'\n",
                "ModuleNotFoundError: No module named 'azure'",
            ),
            (
                "ERROR: The command failed with an unexpected error. Here is the traceback:\nERROR: [Errno 13] Permission denied: '/x'\nTraceback (most recent call last):\n",
                "The command failed with an unexpected error. Here is the traceback: ERROR: [Errno 13] Permission denied: '/x' Traceback (most recent call last):",
            ),
            ("env: 'python3': No such file or directory\r\n", "env: 'python3': No such file or directory"),
            ("WARNING: only this\n", "WARNING: only this"),
        ] {
            assert_eq!(read(stderr).as_deref(), Some(reason));
        }
        assert_eq!(read(" \n\n"), None);
        assert_eq!(read(r#"{"type":"consoleMessage","data":{"message":"\n"}}"#), None);
    }

    #[test]
    fn accounts_and_tokens_are_left_out_and_the_code_survives_the_bound() {
        let long =
            format!("ERROR: run `azd auth login --claims {}` for live.com#me@contoso.com eyJ0.e.s", "QUJD".repeat(40));
        assert_eq!(read(&long).as_deref(), Some("run `azd auth login --claims (left out) for (an account) (left out)"));
        let late = format!("ERROR: {}AADSTS50076: more proof. {}", "é ".repeat(200), "x ".repeat(500));
        let reason = read(&late).unwrap();
        assert!(reason.starts_with("AADSTS50076: more proof.") && reason.chars().count() == MAX_CHARS, "{reason}");
    }
}
