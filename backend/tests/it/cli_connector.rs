//! `countersign connector` and what `countersign outbox` says of results that a realm was not told, as an operator runs them beside a server.

use std::process::{Command, Output};

use countersign::{domain::Payment, storage::Outbox as _};
use countersign_clock::{Clock as _, SystemClock};
use countersign_protocol::{Delivery, Handle};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connector_world::AtRealm;

/// A realm, a server that it hands over to, and an operator beside both.
struct Operator {
    at: AtRealm,
    folder: TempDir,
}

impl Operator {
    async fn new() -> Self {
        let (at, folder) = (AtRealm::new().await, TempDir::new().unwrap());
        // Commands live in the present.
        at.world.clock.advance(SystemClock.now() - at.world.clock.now());
        at.world.keys.refresh().await.unwrap();
        let config = format!(
            "[storage]\npath = {:?}\n[[connectors.keycloak]]\nname = \"acme\"\nissuer = \"{}\"\ntitle = \"Acme\"\napp_client_id = \"countersign-app\"\n",
            at.world.database().display().to_string(),
            at.realm.issuer
        );
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        Self { at, folder }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(arguments)
            .args(["--config", "config.toml"])
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    #[track_caller]
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(output.stderr));
        text(output.stdout)
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Anna approves, and the realm answers with this status when it is told.
    async fn approved(&self, status: u16) -> Handle {
        let device = self.at.device("anna-uuid").await;
        let handle = self.at.ask().await;
        device.approve(&handle).await;
        self.at.world.clock.advance(200);
        self.at.realm.says(&[status]);
        self.at.pay().await;
        handle
    }

    async fn delivery(&self, handle: &Handle) -> Option<Delivery> {
        self.at.settled(handle).await.delivery
    }
}

#[tokio::test]
async fn an_operator_sees_how_each_connector_fares() {
    let operator = Operator::new().await;
    let never = operator.said(&["connector", "list"]);
    let lines: Vec<&str> = never.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].starts_with("NAME  KIND      TOLD  FAILED"),
        "{never}"
    );
    assert!(lines[1].contains("acme  keycloak  -     -"), "{never}");
    operator.approved(500).await;
    let text = operator.said(&["connector", "list"]);
    assert!(
        text.contains("answered 500") && text.contains(&operator.at.realm.issuer),
        "{text}"
    );
    let json: Value = serde_json::from_str(&operator.said(&["connector", "list", "--json"])).unwrap();
    let [acme] = &json.as_array().unwrap()[..] else {
        panic!("{json}")
    };
    assert_eq!((&acme["name"], &acme["kind"]), (&json!("acme"), &json!("keycloak")));
    assert_eq!(
        (&acme["told_at"], &acme["error"]),
        (&Value::Null, &json!("answered 500"))
    );
    assert!(acme["failed_at"].is_i64(), "{acme}");
    assert_eq!((&acme["owed"], &acme["given_up"]), (&json!(0), &json!(1)));
}

/// S-092: telling Keycloak twice deletes the grant, so an operator has to mean it.
#[tokio::test]
async fn what_a_realm_may_have_heard_is_sent_again_by_force_alone() {
    let operator = Operator::new().await;
    let handle = operator.approved(500).await;
    let listed = operator.said(&["outbox", "list"]);
    let complete = format!("{handle}\tcomplete\tacme\t1 tries\t");
    assert!(listed.starts_with(&complete), "{listed}");
    assert!(
        listed.ends_with("\tunclear whether it heard: answered 500\n"),
        "{listed}"
    );
    let refusal = operator.refused(&["outbox", "resend", handle.as_str()]);
    assert!(
        refusal.contains("deletes the grant") && refusal.contains("--force"),
        "S-092: {refusal}"
    );
    let all = operator.said(&["outbox", "resend", "--all"]);
    assert!(all.starts_with("0 will be sent again\n1 left alone"), "S-092: {all}");
    assert_eq!(operator.delivery(&handle).await, Some(Delivery::Unclear));
    operator.said(&["outbox", "resend", handle.as_str(), "--force"]);
    assert_eq!(operator.delivery(&handle).await, Some(Delivery::Owed));
    operator
        .at
        .world
        .clock
        .advance(SystemClock.now() - operator.at.world.clock.now());
    operator.at.realm.says(&[200]);
    assert_eq!(operator.at.pay().await, Payment::Done);
    assert_eq!(
        operator.at.realm.heard().len(),
        2,
        "S-092: because the operator said so"
    );
    assert_eq!(operator.said(&["outbox", "list"]), "");
}

#[tokio::test]
async fn what_a_realm_surely_did_not_take_is_sent_again_at_a_word() {
    let operator = Operator::new().await;
    let handle = operator.approved(401).await;
    assert_eq!(operator.delivery(&handle).await, Some(Delivery::Failed));
    assert_eq!(operator.said(&["outbox", "resend", "--all"]), "1 will be sent again\n");
    assert_eq!(operator.delivery(&handle).await, Some(Delivery::Owed));
    assert_eq!(operator.at.world.storage.dead_debts(10).await.unwrap(), []);
}
