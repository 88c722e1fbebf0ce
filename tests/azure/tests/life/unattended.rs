//! From sign-in to nothing, with `--no-prompt`.

use std::fs;
use std::time::Duration;

use scripted_azure::TENANT;

use crate::checks;
use crate::rehearsal::{Done, Rehearsal};

/// Longest wait for a deployment that goes on.
const SOON: Duration = Duration::from_mins(2);

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

    monitored(&life).await;
    again(&life, &up).await;
    removed(&life).await;
    a_page_that_cannot_be_built(&life).await;
    let back = life.azd(&["up", "--no-prompt"]).await.expect("azd up after azd down");
    checks::deployed(&life, &back, "chat", &[]);
    checks::nothing_leaks(&life);
    checks::no_surprise(&life);
}

/// `azd monitor` opens the dashboard, and with a word more what is measured.
async fn monitored(life: &Rehearsal) {
    for (arguments, kind, end) in [
        (&["monitor"][..], "Microsoft.Portal/dashboards", ""),
        (&["monitor", "--live"], "Microsoft.Insights/components", "/quickPulse"),
    ] {
        life.azd(arguments).await.expect("azd monitor");
        let resource = life.azure.state().of_type(kind).next().unwrap()["id"].as_str().unwrap().to_owned();
        let opened = life.place.opened().pop().unwrap();
        assert!(opened.contains(TENANT) && opened.ends_with(&format!("{resource}{end}")), "{opened}");
    }
    let state = life.azure.state();
    let dashboard = state.of_type("Microsoft.Portal/dashboards").next().unwrap().to_string();
    assert!(dashboard.contains(&life.values("chat")["PAGE_ORIGIN"]) && dashboard.contains("/workbook)"), "{dashboard}");
}

/// A second `azd up` deploys no infrastructure and changes nothing; `--no-state` does, and changes nothing either.
async fn again(life: &Rehearsal, first: &Done) {
    let before = (life.environment_file("chat"), format!("{:?}", life.azure.state().resources));
    let again = life.azd(&["up", "--no-prompt"]).await.expect("a second azd up");
    let asked = again.requests();
    assert!(!asked.iter().any(|request| request.starts_with("PUT") || request.contains("validate")), "{asked:?}");
    assert!(asked.iter().any(|request| request.contains("calculateTemplateHash")), "{asked:?}");
    assert_eq!(asked.iter().filter(|request| request.starts_with("HEAD")).count(), 1, "{asked:?}");
    for program in ["func", "npx"] {
        let arguments =
            |done: &Done| -> Vec<_> { done.calls(program).iter().map(|call| call.arguments.clone()).collect() };
        assert_eq!(arguments(&again), arguments(first), "{program}");
    }
    assert_eq!((life.environment_file("chat"), format!("{:?}", life.azure.state().resources)), before);

    let same = life.azd(&["provision", "--no-prompt"]).await.expect("azd provision");
    assert!(same.text.contains("no changes") || same.text.contains("Didn't find new changes"), "{}", same.text);
    life.azd(&["provision", "--no-prompt", "--no-state"]).await.expect("azd provision --no-state");
    let newest = life.azure.newest_deployment().unwrap();
    assert_eq!(life.azure.changed(newest["name"].as_str().unwrap()), Some(0));

    let deploy = life.azd(&["deploy", "--no-prompt", "--debug"]).await.expect("azd deploy");
    let known = ["/resources", "/listSecrets", "/builds/default"];
    let asked = deploy.requests();
    assert!(asked.iter().all(|request| known.iter().any(|end| request.ends_with(end))), "{asked:?}");
}

/// The page is built beside the deployment: that a build fails is seen, and azd ends.
async fn a_page_that_cannot_be_built(life: &Rehearsal) {
    let start = life.project.join("web/index.html");
    let text = fs::read_to_string(&start).unwrap();
    fs::write(&start, text.replace("src/main.ts", "src/missing.ts")).unwrap();
    let up = life.azd(&["up", "--no-prompt"]).await;
    assert!(!up.succeeded && up.text.contains("src/missing.ts"), "{}", up.text);
    assert!(up.calls("func").is_empty() && up.calls("npx").is_empty());
    fs::write(&start, text).unwrap();
    assert!(life.azure.settled(SOON).await, "what azd has left behind ends by itself");
}

/// `azd down` leaves nothing, and a second one finds nothing.
async fn removed(life: &Rehearsal) {
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
    assert!(down.at_call("az", "group exists") < workspace, "predown looks before anything is deleted");
    assert!(workspace < group && group < void && void < purge && purge < registration);
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
    let left = life.values("chat");
    let outputs = life.outputs();
    let kept: Vec<&String> = left.keys().filter(|name| outputs.contains(name)).collect();
    assert!(kept.is_empty(), "{kept:?}");

    let twice = life.azd(&["down", "--force", "--purge", "--no-prompt"]).await.expect("a second azd down");
    assert!(!twice.requests().iter().any(|request| request.starts_with("DELETE")), "{:?}", twice.requests());
    assert!(life.azure.state().is_empty());
}
