//! What the built page learns at deploy time: where the API is, how to sign in, and whether the program takes what readers
//! think of an answer (`config.json`); and that it may talk to API and sign-in (the Content-Security-Policy in `staticwebapp.config.json`).

use std::path::Path;
use std::{fs, io};

use serde_json::{Map, Value, json};

use crate::steps::Outcome;

/// How people sign in.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// The app registration's client id.
    pub(crate) client_id: String,
    /// The tenant's address at the sign-in service.
    pub(crate) authority: String,
    /// What the page asks a token for.
    pub(crate) scope: String,
}

/// The headers and the policy, under `web/`. Not under the name that Static Web Apps looks for: its CLI takes the last file
/// of that name that it finds below `web/`, which has to be the one with this deployment's addresses.
const HOSTING: &str = "hosting.json";
/// That name.
const CONFIGURATION: &str = "staticwebapp.config.json";

/// Makes `deployed` a copy of the page built in `web`, with its headers and policy, and nothing else.
pub(crate) fn stage(web: &Path, deployed: &Path) -> Outcome {
    let built = web.join("dist");
    if !built.join("index.html").is_file() {
        return Err(format!("{} holds no built page: run `cargo xtask deploy page-build` first", built.display()));
    }
    let anew = if deployed.exists() { fs::remove_dir_all(deployed) } else { Ok(()) };
    anew.and_then(|()| copy(&built, deployed))
        .and_then(|()| fs::copy(web.join(HOSTING), deployed.join(CONFIGURATION)).map(drop))
        .map_err(|error| format!("{}: {error}", deployed.display()))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes both files of the page in `deployed`.
pub(crate) fn configure(deployed: &Path, api: &str, sign_in: Option<&SignIn>, feedback: bool) -> Outcome {
    let api = origin(api)?;
    let authority = sign_in.map(|sign_in| origin(&sign_in.authority)).transpose()?;

    let file = deployed.join(CONFIGURATION);
    let mut hosting = read(&file)?;
    if !fill_policies(&mut hosting, &api, authority.as_deref()) {
        return Err(format!("{} sets no Content-Security-Policy", file.display()));
    }
    write(&file, &hosting)?;

    let auth = sign_in.map(
        |sign_in| json!({ "clientId": sign_in.client_id, "authority": sign_in.authority, "scope": sign_in.scope }),
    );
    tell(deployed, [("apiBase", json!(api)), ("auth", json!(auth)), ("feedback", json!(feedback))])?;
    println!("The page calls {api}{}", if sign_in.is_some() { " and signs in" } else { "" });
    Ok(())
}

/// Writes fields of the page's `config.json`. What else it holds stays.
pub(crate) fn tell<const N: usize>(deployed: &Path, fields: [(&str, Value); N]) -> Outcome {
    let file = deployed.join("config.json");
    let mut config = if file.is_file() { read(&file)? } else { Value::Object(Map::new()) };
    let Some(config_object) = config.as_object_mut() else {
        return Err(format!("{} is no object", file.display()));
    };
    config_object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    write(&file, &config)
}

/// The scheme and host of an address. Nothing else may get into a policy, where a blank or a semicolon would start
/// something new.
fn origin(address: &str) -> Result<String, String> {
    let host = address.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(format!("{address:?} is no https address"));
    }
    Ok(format!("https://{host}"))
}

/// Fills every Content-Security-Policy among the headers, wherever they are set; says whether there was one.
fn fill_policies(value: &mut Value, api: &str, authority: Option<&str>) -> bool {
    let mut found = false;
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                match value {
                    Value::String(policy) if name.eq_ignore_ascii_case("content-security-policy") => {
                        *policy = fill(policy, api, authority);
                        found = true;
                    }
                    other => found |= fill_policies(other, api, authority),
                }
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                found |= fill_policies(entry, api, authority);
            }
        }
        _ => {}
    }
    found
}

/// The policy with the API and the sign-in service, and with neither of an earlier deployment. Works on a policy with
/// placeholders (`${API_ORIGIN}`) and on one without. Whether frames are needed is the page's own matter: where its policy
/// has no `frame-src`, none is made.
fn fill(policy: &str, api: &str, authority: Option<&str>) -> String {
    let mut directives: Vec<Vec<String>> = policy
        .split(';')
        .map(|directive| directive.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    let has = |directives: &[Vec<String>], name: &str| {
        directives.iter().any(|words| words.first().is_some_and(|first| first == name))
    };
    if !has(&directives, "connect-src") {
        // It would fall back to default-src, which may be 'none'; the page's own origin was meant.
        directives.push(vec!["connect-src".to_owned(), "'self'".to_owned()]);
    }
    for words in &mut directives {
        match words.first().map(String::as_str) {
            Some("connect-src") => allow(words, std::iter::once(api).chain(authority)),
            Some("frame-src") => allow(words, authority.into_iter()),
            _ => {}
        }
    }
    directives.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("; ")
}

/// Makes a directive's list its own sources and `origins`.
fn allow<'a>(words: &mut Vec<String>, origins: impl Iterator<Item = &'a str>) {
    let origins: Vec<&str> = origins.collect();
    words.retain(|word| !of_a_deployment(word) && (origins.is_empty() || word != "'none'"));
    words.extend(origins.into_iter().map(str::to_owned));
    if words.len() == 1 {
        words.push("'none'".to_owned());
    }
}

/// What an earlier run put there, or a template that was waiting for this one.
fn of_a_deployment(source: &str) -> bool {
    let host = source.strip_prefix("https://").unwrap_or_default();
    source.starts_with("${") || host.ends_with(".azurewebsites.net") || host.starts_with("login.microsoftonline.")
}

fn read(file: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn write(file: &Path, value: &Value) -> Outcome {
    fs::write(file, format!("{value:#}\n")).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "https://func-abc.azurewebsites.net";
    const AUTHORITY: &str = "https://login.microsoftonline.com";

    fn sources<'a>(policy: &'a str, name: &str) -> Vec<&'a str> {
        let mut all = policy.split("; ").filter_map(|directive| directive.strip_prefix(name));
        let found = all.next().unwrap_or_default().split_whitespace().collect();
        assert_eq!(all.next(), None, "{name} twice in {policy}");
        found
    }

    #[test]
    fn templates_and_plain_policies_come_out_the_same() {
        for before in [
            "default-src 'none'; script-src 'self'; connect-src 'self' ${API_ORIGIN}; frame-src 'self' ${AUTHORITY_ORIGIN}",
            "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'",
            "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'none'",
            "default-src 'none'; script-src 'self'",
            "default-src 'none';script-src 'self' ; connect-src 'self' https://login.microsoftonline.com;",
        ] {
            let after = fill(before, API, Some(AUTHORITY));
            assert_eq!(sources(&after, "connect-src"), ["'self'", API, AUTHORITY], "{before}");
            if before.contains("frame-src") {
                assert!(sources(&after, "frame-src").contains(&AUTHORITY), "{before}");
                assert!(!sources(&after, "frame-src").contains(&"'none'"), "{before}");
            } else {
                assert!(!after.contains("frame-src"), "{before}");
            }
            assert_eq!(sources(&after, "default-src"), ["'none'"]);
            assert_eq!(sources(&after, "script-src"), ["'self'"]);
            assert_eq!(fill(&after, API, Some(AUTHORITY)), after, "a second run changes nothing");
        }
    }

    #[test]
    fn a_later_deployment_leaves_nothing_of_an_earlier_one() {
        let first = fill("connect-src 'self'; frame-src 'self'", "https://old.azurewebsites.net", Some(AUTHORITY));
        let second = fill(&first, API, None);
        assert_eq!(sources(&second, "connect-src"), ["'self'", API]);
        assert_eq!(sources(&second, "frame-src"), ["'self'"]);
    }

    #[test]
    fn without_sign_in_no_frame_is_opened_up() {
        assert_eq!(fill("connect-src 'self'", API, None), format!("connect-src 'self' {API}"));
        assert_eq!(
            sources(&fill("frame-src https://login.microsoftonline.com", API, None), "frame-src"),
            ["'none'"],
            "an empty list is said in words"
        );
    }

    #[test]
    fn only_an_https_origin_gets_into_a_policy() {
        assert_eq!(origin("https://a.example/tenant").unwrap(), "https://a.example");
        for bad in ["", "http://a.example", "https://", "https://a; script-src *", "https://a b", "https://*"] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_deployed_is_a_copy_and_nothing_of_an_earlier_one_stays() {
        let folder = std::env::temp_dir().join(format!("page-stage-{}", std::process::id()));
        let (built, deployed) = (folder.join("dist"), folder.join("dist-azure"));
        fs::create_dir_all(built.join("assets/fonts")).unwrap();
        assert!(stage(&folder, &deployed).unwrap_err().contains("page-build"));
        fs::write(built.join("index.html"), "the page").unwrap();
        fs::write(built.join("assets/fonts/a.woff2"), "a font").unwrap();
        fs::write(folder.join("hosting.json"), "headers").unwrap();
        stage(&folder, &deployed).unwrap();
        fs::write(deployed.join("config.json"), "of an earlier deployment").unwrap();
        stage(&folder, &deployed).unwrap();
        assert!(!deployed.join("config.json").exists());
        assert_eq!(fs::read_to_string(deployed.join("index.html")).unwrap(), "the page");
        assert_eq!(fs::read_to_string(deployed.join("assets/fonts/a.woff2")).unwrap(), "a font");
        assert_eq!(fs::read_to_string(deployed.join("staticwebapp.config.json")).unwrap(), "headers");
        fs::remove_dir_all(folder).unwrap();
    }

    /// Every file of the name below a folder, as the Static Web Apps CLI looks for it.
    fn found(folder: &Path, name: &str, into: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // What is built is made of the rest.
            if path.is_dir() && !["node_modules", "dist", "dist-azure"].iter().any(|name| path.ends_with(name)) {
                found(&path, name, into);
            } else if path.file_name().is_some_and(|own| own == name) {
                into.push(path);
            }
        }
    }

    #[test]
    fn there_is_one_policy_below_the_page_and_it_is_the_deployments() {
        let web = crate::stage::project().join("web");
        let mut all = Vec::new();
        found(&web, CONFIGURATION, &mut all);
        assert!(all.is_empty(), "the uploader may take {all:?}");
    }

    #[test]
    fn the_policy_has_nothing_unsafe_and_the_file_is_as_small_as_static_web_apps_wants_it() {
        let file = crate::stage::project().join("web").join(HOSTING);
        let mut hosting = read(&file).unwrap();
        assert!(fill_policies(&mut hosting, API, Some(AUTHORITY)));
        assert!(hosting.to_string().len() < 20_000);
        let policy = hosting["globalHeaders"]["Content-Security-Policy"].as_str().unwrap();
        assert_eq!(sources(policy, "connect-src"), ["'self'", API, AUTHORITY]);
        assert!(!policy.contains("unsafe"), "{policy}");
        let required = [
            "default-src 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types offline",
            "frame-ancestors 'none'",
        ];
        for directive in required {
            assert!(policy.contains(directive), "{directive}");
        }
    }

    #[test]
    fn both_files_are_written_and_other_keys_stay() {
        let dist = std::env::temp_dir().join(format!("page-config-{}", std::process::id()));
        fs::create_dir_all(&dist).unwrap();
        fs::write(dist.join("staticwebapp.config.json"), r#"{"globalHeaders":{}}"#).unwrap();
        assert!(configure(&dist, API, None, false).unwrap_err().contains("Content-Security-Policy"));

        let hosting = r#"{"globalHeaders":{"content-security-policy":"connect-src 'self'"},"routes":[]}"#;
        fs::write(dist.join("staticwebapp.config.json"), hosting).unwrap();
        fs::write(dist.join("config.json"), r#"{"apiBase":"","auth":null,"title":"Chat"}"#).unwrap();
        let sign_in = SignIn {
            client_id: "id".to_owned(),
            authority: format!("{AUTHORITY}/tenant"),
            scope: "id/user_impersonation".to_owned(),
        };
        configure(&dist, API, Some(&sign_in), true).unwrap();
        let config = read(&dist.join("config.json")).unwrap();
        let auth = json!({
            "clientId": "id", "authority": format!("{AUTHORITY}/tenant"), "scope": "id/user_impersonation"
        });
        assert_eq!(config, json!({ "apiBase": API, "auth": auth, "feedback": true, "title": "Chat" }));
        let hosting = read(&dist.join("staticwebapp.config.json")).unwrap();
        let policy = hosting["globalHeaders"]["content-security-policy"].as_str().unwrap();
        assert_eq!(policy, format!("connect-src 'self' {API} {AUTHORITY}"));

        configure(&dist, API, None, false).unwrap();
        let config = read(&dist.join("config.json")).unwrap();
        assert_eq!(config, json!({ "apiBase": API, "auth": null, "feedback": false, "title": "Chat" }));
        fs::remove_dir_all(dist).unwrap();
    }
}
