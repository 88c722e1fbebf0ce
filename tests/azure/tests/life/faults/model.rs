//! A region without the model, or without quota for it: said before anything is made, with the regions that have both.

use scripted_azure::Fault;

use crate::rehearsal::{Done, Rehearsal};

const UP: [&str; 2] = ["up", "--no-prompt"];

pub(super) async fn is_wanting(life: &Rehearsal) {
    // Where the deployment will be there is quota for one and no more, so that what is looked up later is used by this deployment itself.
    life.azure.quota("eastus2", 100);
    life.azure.quota("swedencentral", 20);
    let short = life.azd(&UP).await;
    short.fails("the quota in swedencentral leaves 20");
    assert!(short.text.contains("azd env set MODEL_CAPACITY 20"), "{}", short.text);
    // Poland has the most.
    assert!(short.text.contains("azd env set MODEL_LOCATION polandcentral"), "{}", short.text);
    nothing_has_begun(&short);

    for (name, value, words) in [
        ("MODEL_LOCATION", "westeurope", "DeepSeek-V4-Pro is not offered in westeurope."),
        ("MODEL_SKU", "DataZoneStandard", "there is version 2026-04-23 as GlobalStandard"),
        ("MODEL_NAME", "gpt-oss-120b", "gpt-oss-120b (GlobalStandard) is to have a capacity of 100"),
    ] {
        life.set(name, value).await;
        let refused = life.azd(&UP).await;
        refused.fails(words);
        nothing_has_begun(&refused);
        life.set(name, "").await;
    }
    // azd's own switch is ours, too.
    life.azd(&["config", "set", "validation.provision", "off"]).await.expect("azd config set");
    life.azure.fault(Fault::refusal("POST", "/validate", 400, "Enough", "It has gone on."));
    life.azd(&UP).await.fails("It has gone on.");
    life.azd(&["config", "unset", "validation.provision"]).await.expect("azd config unset");
    life.set("MODEL_LOCATION", "eastus2").await;
}

fn nothing_has_begun(done: &Done) {
    let asked = done.requests();
    assert!(!asked.iter().any(|request| request.starts_with("PUT") || request.contains("validate")), "{asked:?}");
    assert!(done.calls("func").is_empty() && done.calls("npx").is_empty());
}
