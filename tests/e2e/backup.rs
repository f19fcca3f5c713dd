//! A backup is made while people decide, and comes back after more happened (V-041).

use std::{fs, os::unix::fs::PermissionsExt as _};

use countersign_e2e::{Backend, BackendOptions, Stage, stage::refusal};
use countersign_protocol::Verdict;
use serde_json::Value;

fn path(backend: &Backend, name: &str) -> String {
    let path = backend.folder().join(name);
    path.to_str().expect("paths are UTF-8").to_owned()
}

fn refused(backend: &Backend, arguments: &[&str]) -> String {
    let output = backend.command(arguments, "");
    assert_eq!(output.status.code(), Some(1), "countersign {arguments:?} is refused");
    String::from_utf8(output.stderr).expect("commands print UTF-8")
}

/// The shop may have a refresh token.
const OFFLINE: [&str; 4] = [
    "--grant",
    "refresh_token",
    "--scope",
    "openid profile payment offline_access",
];

/// V-041: what was redeemed after the backup was made is not redeemed again when it comes back.
#[tokio::test]
async fn nothing_that_was_open_in_a_backup_works_when_it_comes_back() {
    let mut stage = Stage::set().await;
    let club = {
        let secret = stage.backend.succeed(
            &[
                &["client", "add", "--id", "club", "--name", "Club", "--grant", "ciba"][..],
                &["--auth", "client_secret_basic"],
                &OFFLINE,
            ]
            .concat(),
            "",
        );
        let credentials = countersign_e2e::Credentials::Basic(secret);
        countersign_e2e::RelyingParty::discover(&stage.backend.origin, "club", credentials).await
    };
    let offline = [("login_hint", "anna"), ("scope", "openid offline_access")];
    let earlier = club.start(&offline).await;
    stage.decide(Verdict::Approve, None).await;
    let tokens = club.poll(&earlier.auth_req_id).await.expect("approved");
    let refresh_token = tokens.response["refresh_token"].as_str().expect("a refresh token");
    let approved = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    let undecided = stage.ask_as(&club, &[]).await;

    let backup = path(&stage.backend, "monday.db");
    let said = stage.backend.succeed(&["backup", &backup], "");
    assert!(said.contains("countersign.db.key"), "what else to keep is said: {said}");
    let mode = fs::metadata(&backup).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    assert!(refused(&stage.backend, &["backup", &backup]).contains("is there already"));

    stage
        .shop
        .poll(&approved.auth_req_id)
        .await
        .expect("it is redeemed after the backup");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let (_, renewed) = club.post("token_endpoint", &refresh).await;
    let newer = renewed["refresh_token"]
        .as_str()
        .expect("a newer refresh token")
        .to_owned();
    let running = refused(&stage.backend, &["restore", &backup, "--replace"]);
    assert!(running.contains("another countersign server"), "{running}");

    assert!(stage.backend.stop().success());
    let unasked = refused(&stage.backend, &["restore", &backup]);
    assert!(unasked.contains("is there already"), "{unasked}");
    let said = stage.backend.succeed(&["restore", &backup, "--replace"], "");
    for words in [
        "countersign.db is restored",
        "countersign.db.replaced",
        "2 requests that were not redeemed",
        "1 questions that waited",
        "1 are active",
        "--revoke-devices",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    stage.backend.restart();

    assert_eq!(stage.refused(&approved).await, "access_denied", "V-041");
    assert_eq!(
        refusal(club.poll(&undecided.auth_req_id).await),
        "access_denied",
        "V-041"
    );
    assert_eq!(refusal(club.poll(&earlier.auth_req_id).await), "invalid_grant", "V-041");
    for token in [refresh_token, &newer] {
        let again = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let (_, answer) = club.post("token_endpoint", &again).await;
        assert_eq!(answer["error"], "invalid_grant", "V-041: no refresh token outlives it");
    }
    assert!(stage.phone.pending().await.is_empty(), "nothing waits on the phone");
    let started = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    stage.shop.poll(&started.auth_req_id).await.expect("a new grant works");
}

/// V-041, for a file that was put in its place by other means.
#[tokio::test]
async fn a_database_that_came_back_by_other_means_is_ended_by_a_command() {
    let mut stage = Stage::set().await;
    let started = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    let running = refused(&stage.backend, &["after-restore"]);
    assert!(running.contains("another countersign server"), "{running}");
    assert!(stage.backend.stop().success());
    let said = stage.backend.succeed(&["after-restore", "--revoke-devices"], "");
    assert!(said.contains("1 requests that were not redeemed"), "{said}");
    assert!(said.contains("1 devices."), "{said}");
    stage.backend.restart();
    assert_eq!(stage.refused(&started).await, "access_denied", "V-041");
    let (status, body) = stage.phone.call(reqwest::Method::GET, "/ad/v1/requests", None).await;
    assert!(status.is_client_error(), "the phone pairs again: {status} {body}");
}

#[tokio::test]
async fn a_backup_comes_back_where_there_is_nothing_but_not_without_its_key() {
    let mut stage = Stage::set().await;
    let backup = path(&stage.backend, "monday.db");
    let _ = stage.backend.succeed(&["backup", &backup], "");
    assert!(stage.backend.stop().success());
    let other = Backend::prepare(&BackendOptions::default());
    let said = refused(&other, &["restore", &backup]);
    assert!(said.contains("is missing"), "the key is not in the backup: {said}");
    assert!(!other.database().exists(), "a refusal leaves nothing");
    fs::write(path(&other, "countersign.db.key"), "A".repeat(43)).expect("it can be written");
    let said = refused(&other, &["restore", &backup]);
    assert!(said.contains("does not open the signing keys"), "{said}");
    fs::copy(
        path(&stage.backend, "countersign.db.key"),
        path(&other, "countersign.db.key"),
    )
    .expect("a copy");
    let said = other.succeed(&["restore", &backup], "");
    assert!(!said.contains(".replaced"), "{said}");
    let people = other.succeed(&["user", "list"], "");
    assert!(people.contains("anna"), "{people}");
    let left: Vec<Value> = fs::read_dir(other.folder())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
                .into()
        })
        .filter(|name: &Value| name.as_str().is_some_and(|name| name.contains("restoring")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
