//! Bytes on a connection that two readers could cut into different requests.

use std::time::Duration;

use countersign::serve::serve_plain;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::op_world::{SECRET, World, basic};

/// The request that an attacker wants to have answered on somebody else's account; its answer has this in it.
const SMUGGLED: &str = "GET /jwks HTTP/1.1\r\nhost: x\r\n\r\n";
const LOOT: &str = "\"keys\"";

/// How long a server that waits for more is listened to.
const SILENCE: Duration = Duration::from_millis(500);
/// How long an answer that comes may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends `bytes` and reads until the server hangs up or is silent for so long.
async fn answer(address: std::net::SocketAddr, bytes: &[u8], silence: Duration) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    // Who is hung up on may not get everything sent.
    let _sent = connection.write_all(bytes).await;
    let mut heard = Vec::new();
    let mut part = [0; 4096];
    while let Ok(Ok(count)) = timeout(silence, connection.read(&mut part)).await {
        if count == 0 {
            break;
        }
        heard.extend_from_slice(&part[..count]);
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// Requests with another one behind a body whose end is in doubt. `begun` is the head of a request with these lines more.
fn hidden(begun: &impl Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let long = SMUGGLED.len();
    let mut hostile = Vec::new();
    for (what, lengths) in [
        ("two lengths", "content-length: 7\r\ncontent-length: 60\r\n"),
        (
            "two lengths, the larger first",
            "content-length: 60\r\ncontent-length: 7\r\n",
        ),
        ("a list of lengths", "content-length: 7, 60\r\n"),
        ("a length with a sign", "content-length: +7\r\n"),
        ("a negative length", "content-length: -1\r\n"),
        ("a length in hexadecimal", "content-length: 0x7\r\n"),
        ("a length and something", "content-length: 7 x\r\n"),
        ("a length too large", "content-length: 99999999999999999999999\r\n"),
        ("a length with a space before the colon", "content-length : 7\r\n"),
        ("a length on a folded line", "content-length:\r\n 7\r\n"),
        ("another encoding", "transfer-encoding: gzip\r\n"),
        ("an unknown encoding", "transfer-encoding: xchunked\r\n"),
        (
            "chunks that are not the last encoding",
            "transfer-encoding: chunked, identity\r\n",
        ),
        (
            "an encoding behind a vertical tab",
            "transfer-encoding: \u{b}chunked\r\n",
        ),
        (
            "an encoding with a space before the colon",
            "transfer-encoding : chunked\r\n",
        ),
        ("no host and a strange header", "x\u{0}y: z\r\ncontent-length: 7\r\n"),
        ("a header without a colon", "nonsense\r\ncontent-length: 7\r\n"),
        ("a carriage return alone", "x: y\rz: 1\r\ncontent-length: 7\r\n"),
    ] {
        hostile.push((what, format!("{}token=x{SMUGGLED}", begun(lengths))));
    }
    let chunked = |what, body: String| (what, format!("{}{body}", begun("transfer-encoding: chunked\r\n")));
    hostile.extend([
        chunked("a chunk of no number", format!("zz\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}")),
        chunked("a chunk with a sign", format!("+7\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}")),
        chunked("a negative chunk", format!("-7\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}")),
        chunked("a chunk in 0x", format!("0x7\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}")),
        chunked(
            "a chunk too large for any number",
            format!("fffffffffffffffff\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}"),
        ),
        chunked(
            "a chunk longer than it says",
            format!("3\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}"),
        ),
        chunked(
            "a chunk that swallows the next request",
            format!("{long:x}\r\n{SMUGGLED}"),
        ),
        chunked(
            "a line feed alone after the size",
            format!("7\ntoken=x\r\n0\r\n\r\n{SMUGGLED}"),
        ),
    ]);
    hostile
}

/// What is no request at all, or one without end.
fn no_requests() -> [(&'static str, String); 9] {
    [
        ("no version", "GET /jwks\r\n\r\n".to_owned()),
        ("version 0.9", "GET /jwks HTTP/0.9\r\n\r\n".to_owned()),
        ("version 3", "GET /jwks HTTP/3.0\r\nhost: x\r\n\r\n".to_owned()),
        (
            "a space in the address",
            "GET /jw ks HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        ),
        (
            "a control character in the address",
            "GET /\u{1}jwks HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        ),
        (
            "an endless address",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(1 << 20)),
        ),
        (
            "endless headers",
            format!("GET /jwks HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200_000)),
        ),
        (
            "an endless header",
            format!("GET /jwks HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 21)),
        ),
        (
            "a tunnel",
            "CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        ),
    ]
}

/// Proves V-037.
#[tokio::test]
async fn no_request_is_hidden_in_another() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve_plain(listener, world.router.clone()));
    let before = world.stored();
    let authorization = basic("shop", SECRET);
    let begun = |more: &str| {
        format!(
            "POST /introspect HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\
            content-type: application/x-www-form-urlencoded\r\n{more}\r\n"
        )
    };
    let honest = answer(
        address,
        format!("{}token=x", begun("content-length: 7\r\nconnection: close\r\n")).as_bytes(),
        PATIENCE,
    )
    .await;
    assert!(
        honest.starts_with("HTTP/1.1 200"),
        "the honest request is answered: {honest}"
    );
    for (what, bytes) in &hidden(&begun) {
        let heard = answer(address, bytes.as_bytes(), SILENCE).await;
        assert!(
            !heard.contains(LOOT),
            "V-037: {what}: the hidden request was answered: {heard}"
        );
        assert!(!heard.starts_with("HTTP/1.1 2"), "V-037: {what}: {heard}");
    }
    for (what, line) in no_requests() {
        let heard = answer(address, line.as_bytes(), SILENCE).await;
        assert!(
            !heard.starts_with("HTTP/1.1 2") && !heard.contains(LOOT),
            "V-037: {what}: {heard}"
        );
    }
    let again = answer(
        address,
        format!("{}token=x", begun("content-length: 7\r\nconnection: close\r\n")).as_bytes(),
        PATIENCE,
    )
    .await;
    assert!(again.starts_with("HTTP/1.1 200"), "and the server goes on: {again}");
    assert_eq!(world.stored(), before, "V-037: nothing that is stored changed");
    server.abort();
}

/// Proves V-037: where a length and chunks are both announced, chunks count, and the connection is not used again.
#[tokio::test]
async fn a_length_beside_chunks_hides_nothing() {
    let world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve_plain(listener, world.router.clone()));
    let authorization = basic("shop", SECRET);
    for lengths in [
        "content-length: 60\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 60\r\n",
        "content-length: 3\r\ntransfer-encoding: chunked\r\n",
    ] {
        let bytes = format!(
            "POST /introspect HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\
            content-type: application/x-www-form-urlencoded\r\n{lengths}\r\n7\r\ntoken=x\r\n0\r\n\r\n{SMUGGLED}"
        );
        let heard = answer(address, bytes.as_bytes(), SILENCE).await;
        assert!(!heard.contains(LOOT), "V-037: {lengths}: {heard}");
    }
    server.abort();
}
