//! Failover, tried by hand: one region is told to go, and the other answers.

use super::*;
use crate::{DEPLOYMENT, MODELS, Regions};

/// Asks the region at `address` and gives the status, or `None` where there is no answer at all.
async fn status(client: &Client, address: SocketAddr, text: &str) -> Option<u16> {
    let answer =
        post(client, address, "/v1/chat/completions", &question(&format!("{text}: fast, short"))).await.ok()?;
    let status = answer.status().as_u16();
    answer.text().await.unwrap();
    Some(status)
}

/// Two regions, by their addresses. They end with the test's runtime.
async fn regions() -> [SocketAddr; 2] {
    let regions = Regions::bind().await.unwrap();
    let addresses = regions.addresses();
    tokio::spawn(regions.serve());
    addresses
}

#[tokio::test]
async fn a_region_goes_down_and_comes_back_when_told() {
    let (client, [east, west]) = (client(), regions().await);
    assert_eq!(status(&client, east, "region down").await, Some(200), "the order itself is answered");
    assert_eq!(status(&client, east, "x").await, Some(503));
    assert_eq!(status(&client, east, "region up").await, Some(503), "what is down does not listen");
    assert_eq!(status(&client, west, "x").await, Some(200));
    assert_eq!(status(&client, west, "region down").await, Some(200), "the last one stays");
    assert_eq!(status(&client, west, "region up").await, Some(200));
    assert_eq!(status(&client, east, "x").await, Some(200));
}

/// The connection that gave the order is closed behind its answer, so nothing is left to be reused.
#[tokio::test]
async fn an_unreachable_region_takes_no_connection() {
    let (client, [east, west]) = (client(), regions().await);
    assert_eq!(status(&client, east, "region unreachable").await, Some(200));
    assert_eq!(status(&client, east, "x").await, None);
    assert_eq!(status(&client, west, "region up").await, Some(200));
    assert_eq!(status(&client, east, "x").await, Some(200));
}

#[tokio::test]
async fn an_answer_says_which_model_in_which_region_gives_it() {
    let (client, [_, west]) = (client(), regions().await);
    let mut body = question("fast");
    body["model"] = json!(MODELS[1].deployments[1]);
    let chunks = events(post(&client, west, "/v1/chat/completions", &body).await.unwrap()).await;
    assert_eq!(chunks[1]["model"], "demo-quick-west");
    let said: String = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(said.contains("| Model | demo-quick-west |\n| Region | west |"), "{said}");
}

#[test]
fn names_of_deployments_are_known_and_choose_the_model() {
    for model in MODELS {
        assert!(model.efforts.contains(&model.effort));
        for deployment in model.deployments {
            assert!(crate::DEPLOYMENTS.contains(&deployment));
            assert_eq!(deployment.contains("quick"), model.name == "quick");
        }
    }
    assert!(!DEPLOYMENT.contains("quick"));
}
