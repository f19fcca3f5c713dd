//! The commands of an operator on a PostgreSQL database.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use countersign_postgres_cluster::{Cluster, PowerLoss};

fn countersign(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .args(["--config", "config.toml"])
        .current_dir(folder)
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn people_clients_and_keys_are_kept_in_the_database_that_is_named() {
    let cluster = Cluster::start(PowerLoss::Ignored);
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("url", &cluster.database());
    put("config.toml", "[storage]\nurl_file = \"url\"\nsecret_file = \"key\"\n");
    let run = |arguments: &[&str]| countersign(folder.path(), arguments);

    let early = run(&["keys", "list"]);
    assert!(!early.status.success());
    assert!(
        told(&early).contains("key is missing: with PostgreSQL"),
        "nodes that made a key each could not read each other's: {}",
        told(&early)
    );
    put("key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY");
    let client = ["client", "add", "--id", "shop", "--name", "Shop", "--grant", "ciba"];
    let added = run(&[&client[..], &["--auth", "client_secret_basic"]].concat());
    assert!(added.status.success(), "{}", told(&added));
    let again = run(&[&client[..], &["--auth", "client_secret_basic"]].concat());
    assert!(!again.status.success(), "its id is taken");
    assert!(told(&run(&["client", "list"])).contains("shop"));
    let keys = told(&run(&["keys", "list"]));
    assert_eq!(keys.matches("active").count(), 3, "one for each purpose: {keys}");
    let people = told(&run(&["user", "list"]));
    assert!(!people.contains("error"), "{people}");
    assert!(
        !folder.path().join("countersign.db").exists(),
        "nothing is kept elsewhere"
    );
}

#[test]
fn a_database_that_cannot_be_reached_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let config = "[storage]\nurl = \"postgres://u:hunter2@127.0.0.1:1/c\"\nsecret_file = \"key\"\n";
    fs::write(folder.path().join("config.toml"), config).unwrap();
    let refused = countersign(folder.path(), &["client", "list"]);
    assert!(!refused.status.success());
    let told = told(&refused);
    assert!(told.contains("PostgreSQL database cannot be opened"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
