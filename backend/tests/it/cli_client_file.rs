//! `countersign client`: clients looked at, changed, invited, and described by a file.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

struct Operator(tempfile::TempDir);

impl Operator {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.folder().join(name), text).unwrap();
    }

    fn tries(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("client")
            .args(arguments)
            .env("TILL_SECRET", "a secret of the till, 0123456789")
            .current_dir(self.folder())
            .output()
            .unwrap()
    }

    /// What it says.
    #[track_caller]
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.tries(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Why it does not.
    #[track_caller]
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.tries(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn shown(&self, id: &str) -> Value {
        serde_json::from_str(&self.does(&["show", id])).unwrap()
    }
}

const FILE: &str = r#"
[[client]]
client_id = "shop"
client_name = "Demo Shop"
grant_types = ["urn:openid:params:grant-type:ciba"]
backchannel_token_delivery_mode = "poll"
scope = "openid profile"
secret_file = "shop.secret"

[[client]]
client_id = "till"
client_name = "Till"
grant_types = ["urn:openid:params:grant-type:ciba"]
backchannel_token_delivery_mode = "ping"
backchannel_client_notification_endpoint = "https://till.example/ciba"
backchannel_authentication_request_signing_alg = "ES256"
backchannel_user_code_parameter = true
require_signed_backchannel_request = true
jwks_uri = "https://till.example/jwks"
token_endpoint_auth_method = "client_secret_post"
request_max_expiry = 60
secret_env = "TILL_SECRET"

[[client]]
client_id = "made"
client_name = "Secret made here"
grant_types = ["urn:openid:params:grant-type:ciba"]
backchannel_token_delivery_mode = "poll"
"#;

/// Proves G-17, C-02 and B-09 for the file: what is a client's own is in it, and the same file again changes nothing.
#[test]
fn a_file_says_which_clients_there_are() {
    let operator = Operator::new();
    operator.put("clients.toml", FILE);
    operator.put("shop.secret", "a secret of the shop, 0123456789\n");
    let dry = operator.does(&["apply", "clients.toml", "--dry-run"]);
    assert!(
        dry.contains("+ shop") && dry.contains("3 added, 0 changed, 0 removed, 0 unchanged (nothing was done)"),
        "{dry}"
    );
    assert_eq!(operator.does(&["list"]), "", "nothing was done");
    let applied = operator.does(&["apply", "clients.toml"]);
    assert_eq!(
        applied.matches("client_secret: ").count(),
        1,
        "one secret was made: {applied}"
    );
    let till = operator.shown("till");
    for (member, value) in [
        ("backchannel_token_delivery_mode", "ping".into()),
        (
            "backchannel_client_notification_endpoint",
            "https://till.example/ciba".into(),
        ),
        ("backchannel_authentication_request_signing_alg", "ES256".into()),
        ("backchannel_user_code_parameter", true.into()),
        ("require_signed_backchannel_request", true.into()),
        ("request_max_expiry", 60.into()),
    ] {
        assert_eq!(till[member], Value::clone(&value), "G-17, C-02: {member}");
    }
    assert_eq!(
        operator.shown("shop")["scope"],
        "openid profile",
        "B-09: client by client"
    );
    let again = operator.does(&["apply", "clients.toml"]);
    assert_eq!(
        again, "0 added, 0 changed, 0 removed, 3 unchanged\n",
        "the same again changes nothing"
    );

    operator.does(&[
        "add",
        "--id",
        "old",
        "--name",
        "Old",
        "--auth",
        "client_secret_basic",
        "--grant",
        "ciba",
    ]);
    operator.put("clients.toml", &FILE.replace("openid profile", "openid"));
    operator.put("shop.secret", "another secret of the shop, 0123456789");
    let changed = operator.does(&["apply", "clients.toml", "--prune"]);
    for line in [
        "~ shop",
        "    scope: \"openid profile\" -> \"openid\"",
        "    client_secret: another one",
        "- old",
        "0 added, 1 changed, 1 removed, 2 unchanged",
    ] {
        assert!(changed.lines().any(|said| said == line), "{line} in {changed}");
    }
}

#[test]
fn a_file_that_is_wrong_changes_nothing() {
    let operator = Operator::new();
    let good = FILE.replace("secret_file = \"shop.secret\"", "");
    let end = "\n[[client]]\nclient_id = \"last\"\ngrant_types = [\"urn:openid:params:grant-type:ciba\"]\nbackchannel_token_delivery_mode = \"poll\"\n";
    for (more, word) in [
        (format!("{end}grant_type = 1"), "grant_type: is not known"),
        (format!("{end}scope = \"openid admin\""), "[op.scopes]"),
        (
            format!("{end}secret_env = \"NO_SUCH_VARIABLE\""),
            "NO_SUCH_VARIABLE is not set",
        ),
        (format!("{end}secret_file = \"no-such-file\""), "no-such-file"),
        (format!("{end}secret_file = \"short\""), "shorter"),
        (end.replace("last", "till"), "till is in the file twice"),
        (end.replace("last", "countersign-app"), "built in"),
        ("\n[[clients]]\n".to_owned(), "clients"),
    ] {
        operator.put("short", "short");
        operator.put("clients.toml", &format!("{good}{more}"));
        let error = operator.fails(&["apply", "clients.toml"]);
        assert!(error.contains(word), "{more}: {error}");
        assert_eq!(operator.does(&["list"]), "", "nothing was changed");
    }
}

/// Proves V-002 for the command, and G-17: each member is changed by its name.
#[test]
fn a_client_is_shown_changed_and_switched_off() {
    let operator = Operator::new();
    let add = [
        "add",
        "--id",
        "shop",
        "--name",
        "Shop",
        "--auth",
        "client_secret_basic",
        "--grant",
        "ciba",
    ];
    let secret = operator.does(&add);
    assert_eq!(operator.shown("shop")["client_name"], "Shop");
    let said = operator.does(&[
        "set",
        "shop",
        "client_name=Shop in Bern",
        "request_max_expiry=60",
        "contacts=[\"ops@shop.example\"]",
    ]);
    assert_eq!(said, "", "the secret stays");
    let shown = operator.shown("shop");
    assert_eq!(shown["client_name"], "Shop in Bern", "G-17");
    assert_eq!(shown["request_max_expiry"], 60, "G-17");
    operator.does(&[
        "set",
        "shop",
        "request_max_expiry=",
        "grant_types=[\"authorization_code\"]",
        "backchannel_token_delivery_mode=",
        "redirect_uris=[\"https://shop.example/cb\"]",
    ]);
    let shown = operator.shown("shop");
    assert!(shown.get("request_max_expiry").is_none(), "G-17: taken away");
    assert_eq!(shown["response_types"][0], "code");
    let new = operator.does(&["set", "shop", "--new-secret"]);
    assert!(new.lines().count() == 1 && new != secret);
    for (arguments, word) in [
        (&["set", "shop", "redirect_uris="][..], "redirect_uris"),
        (&["set", "shop"], "nothing to change"),
        (&["set", "nobody", "scope=openid"], "there is no client nobody"),
        (&["show", "countersign-app"], "built in"),
        (&["disable", "nobody"], "there is no client nobody"),
    ] {
        let error = operator.fails(arguments);
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
    operator.does(&["disable", "shop"]);
    assert_eq!(operator.shown("shop")["disabled"], true, "V-002");
    assert!(operator.does(&["list"]).trim_end().ends_with("\tdisabled"), "V-002");
    operator.does(&["enable", "shop"]);
    assert!(operator.shown("shop").get("disabled").is_none(), "V-002");
}

#[test]
fn an_invitation_is_made_listed_and_taken_back() {
    let operator = Operator::new();
    let made = operator.tries(&["invite", "--name", "partner", "--uses", "3", "--expires", "12h"]);
    let (token, warned) = (
        String::from_utf8(made.stdout).unwrap(),
        String::from_utf8(made.stderr).unwrap(),
    );
    assert!(
        made.status.success() && token.trim_end().len() == 43,
        "R-261: {token}{warned}"
    );
    assert!(warned.contains("mode is \"off\""), "{warned}");
    let listed = operator.does(&["invitations"]);
    assert!(
        listed.starts_with("partner\t3 left\tfor 4") && !listed.contains(token.trim()),
        "{listed}"
    );
    assert!(operator.fails(&["invite", "--name", "partner"]).contains("already"));
    assert!(
        operator
            .fails(&["invite", "--name", "x", "--uses", "0"])
            .contains("--uses")
    );
    operator.does(&["uninvite", "partner"]);
    assert_eq!(operator.does(&["invitations"]), "");
    assert!(operator.fails(&["uninvite", "partner"]).contains("no invitation"));
}

/// Proves R-262 for the operator: a client that could never authenticate is not added, whichever command it is, and the setting is named.
#[test]
fn a_client_by_certificate_needs_the_listener_for_certificates() {
    let operator = Operator::new();
    let add = [
        "add",
        "--id",
        "bank",
        "--name",
        "Bank",
        "--grant",
        "ciba",
        "--auth",
        "tls_client_auth",
        "--set",
        "tls_client_auth_subject_dn=CN=bank",
    ];
    let file = "[[client]]\nclient_id = \"bank\"\nclient_name = \"Bank\"\ngrant_types = [\"urn:openid:params:grant-type:ciba\"]\n\
        backchannel_token_delivery_mode = \"poll\"\ntoken_endpoint_auth_method = \"tls_client_auth\"\n\
        tls_client_auth_subject_dn = \"CN=bank\"\n";
    operator.put("clients.toml", file);
    for command in [&add[..], &["apply", "clients.toml"]] {
        let why = operator.fails(command);
        assert!(
            why.contains("token_endpoint_auth_method: is not offered") && why.contains("[mtls] listen"),
            "R-262: {why}"
        );
    }
    assert_eq!(operator.does(&["list"]), "", "nothing was added");
    operator.put(
        "countersign.toml",
        "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\nca_file = \"ca.pem\"\n",
    );
    operator.does(&[&add[..], &["--config", "countersign.toml"]].concat());
    let applied = operator.does(&["apply", "clients.toml", "--config", "countersign.toml"]);
    assert_eq!(applied, "0 added, 0 changed, 0 removed, 1 unchanged\n");
}
