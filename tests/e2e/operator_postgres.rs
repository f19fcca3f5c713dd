//! What an operator does differently where the store is a PostgreSQL database.

use countersign_e2e::{Backend, BackendOptions, Stage};
use countersign_postgres_cluster::{Cluster, PowerLoss};
use countersign_protocol::Verdict;

use crate::doctor::Report;

fn options(cluster: &Cluster) -> BackendOptions {
    BackendOptions {
        config: "[op]\ninterval = 1\n[metrics]\nlisten = \"127.0.0.1:0\"\n".to_owned(),
        database_url: Some(cluster.database()),
        ..BackendOptions::default()
    }
}

#[test]
fn the_doctor_looks_at_the_database_on_its_server() {
    let mut cluster = Cluster::start(PowerLoss::Ignored);
    let options = options(&cluster);
    let never_started = Backend::prepare(&options);
    let report = Report::of(&never_started);
    assert_eq!(report.code(), Some(0), "{report}");
    assert!(report.says("database").contains("schema version 0 of"), "{report}");
    let url = options.database_url.as_deref().expect("a database");
    let tables = cluster.query(url, "select count(*) from pg_tables where schemaname = 'public'");
    assert_eq!(tables, "0", "it changes nothing");

    let mut backend = Backend::start(&options);
    let report = Report::of(&backend);
    for check in [
        "configuration",
        "database",
        "clock",
        "keys",
        "listen",
        "discovery",
        "jwks",
    ] {
        assert_eq!(report.state(check), "ok", "{check}: {report}");
    }
    for check in ["integrity", "disk", "log"] {
        assert_eq!(report.state(check), "skipped", "{check}: {report}");
    }
    assert_eq!(report.code(), Some(0), "{report}");

    for command in [&["backup", "x.db"][..], &["restore", "x.db"]] {
        let refused = backend.command(command, "");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains("pg_"), "it says with what: {said}");
    }
    assert!(backend.stop().success());
    cluster.sql(url, "update schema_version set version = 9999");
    Report::of(&backend).ill(&["database"], "schema version 9999");
    cluster.kill();
    Report::of(&backend).ill(&["database"], "cannot be opened");
}

/// V-041, for a database that PostgreSQL's own programs brought back.
#[tokio::test]
async fn what_was_open_in_a_restored_database_is_ended() {
    let cluster = Cluster::start(PowerLoss::Ignored);
    let mut stage = Stage::with(&options(&cluster)).await;
    let approved = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    assert!(stage.backend.stop().success());
    let said = stage.backend.succeed(&["after-restore"], "");
    assert!(said.contains("1 requests that were not redeemed"), "{said}");
    stage.backend.restart();
    assert_eq!(stage.refused(&approved).await, "access_denied", "V-041");
    let started = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    stage.shop.poll(&started.auth_req_id).await.expect("a new grant works");
    let said = stage.backend.log();
    assert!(said.contains("metrics are served"), "{said}");
}
