//! What `azd down` does not see to: resource groups that were here before, and the app registration, which is in none.
//!
//! azd runs `before-down` before it asks whether to go on, and `after-down` when everything is gone and not otherwise; but
//! by then it has forgotten the outputs. So the first notes what the second deletes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::{known, output, project, run};
use crate::steps::Outcome;
use crate::tool::tool;

/// A deleted registration appears among the deleted items after some seconds.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(5);

/// An app registration that the deployment has made.
#[derive(Debug, PartialEq, Eq)]
struct Registration {
    client_id: String,
    /// Its application id URI, which no other registration of the tenant can have.
    uri: String,
}

/// Looks before `azd down` begins. azd deletes whole resource groups, one of which may have been here before.
pub(super) fn before() -> Outcome {
    for name in ["EXISTING_RESOURCE_GROUP", "EXISTING_AI_ACCOUNT"] {
        if let Some(existing) = known(name) {
            return Err(format!(
                "{name} is {existing}, and azd would delete its whole resource group. \
                 See \"Removing\" in docs/deploying.md for a way that deletes only what was made"
            ));
        }
    }
    let made_here = known("EXISTING_APP_CLIENT_ID").is_none();
    let registration = match (made_here, known("SIGN_IN_CLIENT_ID"), known("SIGN_IN_URI")) {
        (true, Some(client_id), Some(uri)) => Some(Registration { client_id, uri }),
        _ => None,
    };
    note(&place(), registration.as_ref())
}

/// Deletes the app registration, once azd has deleted all else.
pub(super) fn after() -> Outcome {
    let place = place();
    let Some(registration) = noted(&place)? else { return Ok(()) };
    match tool("az") {
        Some(az) => delete(&az, &registration, PAUSE)?,
        None => println!("\nThe Azure CLI (az) is missing, so the app registration stays. {}", by_hand(&registration)),
    }
    note(&place, None)
}

/// One place for each environment of azd.
fn place() -> PathBuf {
    let environment = known("AZURE_ENV_NAME").unwrap_or_else(|| "default".to_owned());
    project().join("target/azd-down").join(format!("{environment}.json"))
}

/// Writes down what is to be deleted; with none, that it is nothing.
fn note(place: &Path, registration: Option<&Registration>) -> Outcome {
    let told = |error| format!("{}: {error}", place.display());
    let Some(registration) = registration else {
        return if place.exists() { fs::remove_file(place).map_err(told) } else { Ok(()) };
    };
    let text = json!({ "clientId": registration.client_id, "uri": registration.uri }).to_string();
    fs::create_dir_all(place.parent().unwrap_or(place)).and_then(|()| fs::write(place, text)).map_err(told)?;
    println!("\nWhen all else is gone, the app registration {} is deleted too.", registration.client_id);
    Ok(())
}

fn noted(place: &Path) -> Result<Option<Registration>, String> {
    if !place.exists() {
        return Ok(None);
    }
    let told = |error: String| format!("{}: {error}", place.display());
    let text = fs::read_to_string(place).map_err(|error| told(error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| told(error.to_string()))?;
    let word = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let registration = word("clientId").zip(word("uri")).map(|(client_id, uri)| Registration { client_id, uri });
    registration.map(Some).ok_or_else(|| told("it lacks clientId or uri".to_owned()))
}

/// Deletes it for good: while it is only deleted, its name is taken for 30 days, and the next `azd up` fails on that.
fn delete(az: &Path, registration: &Registration, pause: Duration) -> Outcome {
    let Registration { client_id, uri } = registration;
    let found = output(Command::new(az).args(["ad", "app", "show", "--id", client_id, "--output", "json"]));
    let found: Value = found.and_then(|found| serde_json::from_str(&found).ok()).unwrap_or_default();
    let uris = found.get("identifierUris").and_then(Value::as_array);
    let (Some(object), Some(uris)) = (found.get("id").and_then(Value::as_str), uris) else {
        return Err(format!("az does not find the app registration {client_id}. {}", by_hand(registration)));
    };
    if !uris.iter().any(|other| other == uri) {
        return Err(format!("the app registration {client_id} is not the one of this deployment: it lacks {uri}"));
    }
    let told = |error| format!("{error}. {}", by_hand(registration));
    run(Command::new(az).args(["ad", "app", "delete", "--id", client_id]), project(), None).map_err(told)?;
    let url = format!("https://graph.microsoft.com/v1.0/directory/deletedItems/{object}");
    let mut purged = Ok(());
    for attempt in 0..TRIES {
        if attempt > 0 {
            sleep(pause);
        }
        purged = run(Command::new(az).args(["rest", "--method", "delete", "--url", &url]), project(), None);
        if purged.is_ok() {
            break;
        }
    }
    purged.map_err(|error| {
        format!(
            "{error}. The app registration is deleted, but its name stays taken for 30 days, unless somebody who may \
             removes it for good: Entra, App registrations, Deleted applications. Until then use another environment name"
        )
    })
}

fn by_hand(registration: &Registration) -> String {
    format!("\"Removing\" in docs/deploying.md says how to delete it by hand: {}", registration.client_id)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A stand-in for `az` that writes down what it is asked.
    struct Az {
        folder: PathBuf,
    }

    impl Az {
        /// `purge` is a shell command that decides how the last call ends.
        fn new(test: &str, uri: &str, purge: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("down-{test}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let asked = folder.join("asked");
            let script = format!(
                "#!/bin/sh\necho \"$@\" >> {asked}\ncase \"$1 $3\" in\n\
                 'ad show') echo '{{\"id\":\"object-1\",\"identifierUris\":[\"{uri}\"]}}';;\n\
                 'rest delete') {purge};;\nesac\n",
                asked = asked.display()
            );
            fs::write(folder.join("az"), script).unwrap();
            fs::set_permissions(folder.join("az"), fs::Permissions::from_mode(0o755)).unwrap();
            Self { folder }
        }

        fn delete(&self) -> Outcome {
            delete(&self.folder.join("az"), &registration(), Duration::ZERO)
        }

        fn asked(&self) -> Vec<String> {
            let asked = fs::read_to_string(self.folder.join("asked")).unwrap();
            asked.lines().map(str::to_owned).collect()
        }
    }

    impl Drop for Az {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    fn registration() -> Registration {
        Registration { client_id: "client-1".to_owned(), uri: "api://tenant/reasoning-chat-abc".to_owned() }
    }

    const PURGE: &str = "rest --method delete --url https://graph.microsoft.com/v1.0/directory/deletedItems/object-1";

    #[test]
    fn the_registration_of_this_deployment_is_deleted_for_good() {
        let az = Az::new("good", &registration().uri, "exit 0");
        az.delete().unwrap();
        assert_eq!(az.asked(), ["ad app show --id client-1 --output json", "ad app delete --id client-1", PURGE]);
    }

    #[test]
    fn another_registration_is_never_deleted() {
        let az = Az::new("other", "api://tenant/something-else", "exit 0");
        assert!(az.delete().unwrap_err().contains("not the one of this deployment"));
        assert_eq!(az.asked().len(), 1, "it was only looked at");
    }

    #[test]
    fn a_registration_that_is_not_there_yet_among_the_deleted_is_waited_for_but_not_for_ever() {
        let az = Az::new("late", &registration().uri, "[ $(grep -c ^rest \"$(dirname $0)/asked\") -ge 3 ]");
        az.delete().unwrap();
        assert_eq!(az.asked().iter().filter(|line| *line == PURGE).count(), 3);
        let az = Az::new("never", &registration().uri, "exit 1");
        assert!(az.delete().unwrap_err().contains("30 days"));
        assert_eq!(az.asked().iter().filter(|line| *line == PURGE).count(), TRIES as usize);
    }

    #[test]
    fn what_is_noted_is_found_and_the_last_word_counts() {
        let folder = std::env::temp_dir().join(format!("down-note-{}", std::process::id()));
        let place = folder.join("chat.json");
        assert_eq!(noted(&place).unwrap(), None);
        note(&place, None).unwrap();
        note(&place, Some(&registration())).unwrap();
        assert_eq!(noted(&place).unwrap(), Some(registration()));
        note(&place, None).unwrap();
        assert_eq!(noted(&place).unwrap(), None);
        fs::write(&place, "{}").unwrap();
        assert!(noted(&place).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
