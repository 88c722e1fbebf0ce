//! From sign-in to nothing, with `--no-prompt`.

use crate::checks;
use crate::rehearsal::Rehearsal;

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_life_without_a_question() {
    let Some(life) = Rehearsal::new("unattended").await else { return };
    life.sign_in().await;
    life.new_environment(&[]).await;

    let up = life.azd(&["up", "--no-prompt"]).await.expect("azd up");
    checks::deployed(&life, &up, "chat", &[]);
    let values = life.values("chat");
    let show = life.azd(&["show"]).await.expect("azd show");
    assert!(show.text.contains(&values["PAGE_ORIGIN"]), "{}", show.text);
    let listed = life.azd(&["env", "get-values"]).await.expect("azd env get-values");
    for name in life.outputs() {
        assert!(listed.text.contains(&format!("{name}=\"{}\"", values[&name])), "{name} in {}", listed.text);
    }
    for name in ["API_ORIGIN", "PAGE_ORIGIN"] {
        let value = life.azd(&["env", "get-value", name]).await.expect("azd env get-value");
        assert_eq!(value.text.trim(), values[name], "{name}");
    }

    again(&life).await;
    let down = removed(&life).await;
    let back = life.azd(&["up", "--no-prompt"]).await.expect("azd up after azd down");
    checks::deployed(&life, &back, "chat", &[]);
    checks::nothing_leaks(&life, &[&up, &show, &down, &back]);
    checks::no_surprise(&life);
}

/// A second `azd up` deploys no infrastructure and changes nothing; `--no-state` does, and changes nothing either.
async fn again(life: &Rehearsal) {
    let before = (life.environment_file("chat"), format!("{:?}", life.azure.state().resources));
    let again = life.azd(&["up", "--no-prompt"]).await.expect("a second azd up");
    let asked = again.requests();
    assert!(!asked.iter().any(|request| request.starts_with("PUT") || request.contains("validate")), "{asked:?}");
    assert!(asked.iter().any(|request| request.contains("calculateTemplateHash")), "{asked:?}");
    assert_eq!(asked.iter().filter(|request| request.starts_with("HEAD")).count(), 1, "{asked:?}");
    assert_eq!((again.calls("func").len(), again.calls("npx").len()), (1, 1));
    assert_eq!((life.environment_file("chat"), format!("{:?}", life.azure.state().resources)), before);

    let same = life.azd(&["provision", "--no-prompt"]).await.expect("azd provision");
    assert!(same.text.contains("no changes") || same.text.contains("Didn't find new changes"), "{}", same.text);
    life.azd(&["provision", "--no-prompt", "--no-state"]).await.expect("azd provision --no-state");
    let newest = life.azure.newest_deployment().unwrap();
    assert_eq!(life.azure.changed(newest["name"].as_str().unwrap()), Some(0));

    let deploy = life.azd(&["deploy", "--no-prompt"]).await.expect("azd deploy");
    let writes: Vec<String> = deploy.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    assert!(writes.iter().all(|request| request.ends_with("/listSecrets")), "{writes:?}");
}

/// `azd down` leaves nothing, and a second one finds nothing.
async fn removed(life: &Rehearsal) -> crate::rehearsal::Done {
    let down = life.azd(&["down", "--force", "--purge", "--no-prompt"]).await.expect("azd down");
    let workspace = down.at_request("DELETE", "/workspaces/");
    let group = down.at("DELETE of the group", |what| match what {
        scripted_azure::log::What::Request(request) => {
            request.method == "DELETE"
                && request.path.to_lowercase().split('?').next().unwrap().matches('/').count() == 4
        }
        _ => false,
    });
    let (void, purge) = (down.at_request("PUT", "/deployments/"), down.at_request("DELETE", "/deletedaccounts/"));
    let registration = down.at_call("az", "ad app delete");
    assert!(workspace < group && group < void && void < purge && purge < registration);
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
    let left = life.values("chat");
    let outputs = life.outputs();
    let kept: Vec<&String> = left.keys().filter(|name| outputs.contains(name)).collect();
    assert!(kept.is_empty(), "{kept:?}");

    let twice = life.azd(&["down", "--force", "--purge", "--no-prompt"]).await.expect("a second azd down");
    assert!(!twice.requests().iter().any(|request| request.starts_with("DELETE")), "{:?}", twice.requests());
    assert!(life.azure.state().is_empty());
    down
}
