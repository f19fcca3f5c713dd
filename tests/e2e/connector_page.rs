//! `docs/connectors/generic.md`: what it shows is run as it stands.

use std::{fs, net::TcpListener, path::Path, process::Stdio, time::Duration};

use countersign_authenticator::Timing;
use countersign_e2e::{Backend, BackendOptions, Device, Person, eventually, program};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The block of the page that begins with this line.
fn block(opening: &str) -> String {
    let page = fs::read_to_string(program::workspace().join("docs/connectors/generic.md")).expect("the page is there");
    let begin = page.find(opening).expect("the page has the block") + opening.len();
    let end = page[begin..].find("```").expect("the block ends") + begin;
    page[begin..end].to_owned()
}

/// A port that nobody had a moment ago: the configuration names it before the receiver listens there.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

async fn receiver(folder: &Path, secret: &Path, port: u16) -> Child {
    let program = folder.join("receiver.mjs");
    fs::write(&program, block("```js receiver.mjs\n")).expect("it can be written");
    let receiver = Command::new("node")
        .arg(&program)
        .env("SECRET_FILE", secret)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node can be started");
    eventually("the receiver to listen", Duration::from_secs(20), async || {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    receiver
}

#[tokio::test]
async fn the_page_leads_to_the_first_approval() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = folder.path().join("acme.secret");
    let made = Command::new("sh")
        .arg("-c")
        .arg(block("```sh secret.sh\n"))
        .current_dir(folder.path())
        .status()
        .await
        .expect("sh can be started");
    assert!(made.success() && secret.exists(), "step 1 makes the secret");
    let home = Backend::start(&BackendOptions::default());
    let person = Person::add(&home, "anna");
    let port = free_port();
    let config = block("```toml\n")
        .replace(
            "https://op.acme.example/countersign/callback",
            &format!("http://127.0.0.1:{port}/callback"),
        )
        .replace("https://op.acme.example", &home.origin)
        .replace("/etc/countersign/acme.secret", &secret.display().to_string());
    let backend = Backend::start(&BackendOptions::with(&config));
    let mut receiver = receiver(folder.path(), &secret, port).await;
    let browse = async |url: &url::Url| person.sign_in_and_return(url).await;
    let device = Device::pair_as(&backend.origin, Some(&home.origin), "Phone", Timing::default(), browse).await;
    let sent = Command::new("sh")
        .arg("-c")
        .arg(block("```sh request.sh\n"))
        .envs([
            ("BACKEND", backend.origin.as_str()),
            ("NAME", "acme"),
            ("SUB", &person.sub(&home)),
        ])
        .env("SECRET_FILE", &secret)
        .output()
        .await
        .expect("sh can be started");
    let said = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(sent.status.success(), "{said}{}", String::from_utf8_lossy(&sent.stderr));
    let taken: Value = serde_json::from_str(&said).expect("the answer is JSON");
    let request = device.wait_for_request().await;
    assert_eq!(taken["handle"], request.handle.as_str());
    device.approve(&request.handle, None).await;
    let mut lines = BufReader::new(receiver.stdout.take().expect("its output is piped")).lines();
    let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
    let line = line.expect("the receiver hears it in time").expect("it speaks UTF-8");
    assert_eq!(line.as_deref(), Some("first-request approved"));
}

/// What the page promises of a secret that cannot be used.
#[test]
fn a_secret_that_cannot_be_used_is_said_at_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let secret = folder.path().join("acme.secret");
    let page = block("```toml\n").replace("/etc/countersign/acme.secret", &secret.display().to_string());
    let refused = || Backend::prepare(&BackendOptions::with(&page)).refused("127.0.0.1:0");
    let missing = refused();
    assert!(
        missing.contains("acme.secret") && missing.contains("cannot be read"),
        "{missing}"
    );
    fs::write(&secret, "whsec_dG9vIHNob3J0\n").expect("it can be written");
    let short = refused();
    assert!(
        short.contains("acme.secret") && short.contains("24 to 64 bytes"),
        "{short}"
    );
    assert!(
        !short.contains("dG9vIHNob3J0"),
        "S-095: not even a wrong one is repeated"
    );
}
