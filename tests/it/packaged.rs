//! The packaged app, as `cargo xtask package` leaves it in `dist/func`, under the stand-in host. Where there is none,
//! `cargo xtask test` says so.

use std::path::PathBuf;

use harness::host::{Host, HostOptions};
use harness::upstream::{Reply, Upstream, chunk, finish, sse};

use crate::support::app::{app_files, project};
use crate::support::client::{begin, post, question};

fn packaged() -> Option<PathBuf> {
    Some(project().join("dist/func")).filter(|folder| folder.join("reasoning-chat").is_file())
}

#[tokio::test]
async fn the_packaged_app_starts_and_answers() {
    let Some(folder) = packaged() else { return };
    let upstream = Upstream::start().await;
    upstream.always(Reply::sse(sse(&[&chunk("Hi"), &finish("stop")])));
    let env = vec![("AZURE_INFERENCE_ENDPOINT".to_owned(), format!("{}/v1", upstream.url()))];
    let host = Host::start(&folder, HostOptions { inherit_env: false, env, ..HostOptions::default() }).await.unwrap();
    let answer = begin(post(&host.url("api/chat/stream"), &question("Hi"))).await.rest().await;
    assert_eq!(answer.content(), "Hi");
}

#[test]
fn the_packaged_app_is_the_program_and_the_files_of_the_source() {
    let Some(folder) = packaged() else { return };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        files.push(entry.unwrap().file_name().into_string().unwrap());
    }
    files.sort();
    let mut expected: Vec<String> =
        app_files().into_iter().map(|file| file.split('/').next().unwrap().to_owned()).collect();
    expected.push("reasoning-chat".to_owned());
    expected.sort();
    assert_eq!(files, expected);
    for file in &app_files() {
        let (packaged, source) =
            (std::fs::read(folder.join(file)).unwrap(), std::fs::read(project().join(file)).unwrap());
        assert!(packaged == source, "{file} has changed since: run `cargo xtask package` again");
    }
}
