//! Which addresses are called, whoever gave them: one corpus for calls and for documents.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, routing::get};
use axum_server::tls_rustls::RustlsConfig;
use countersign::{
    config::OutboundConfig,
    outbound::{DocumentError, EndpointProblem, LIMIT, Lookup, Outbound, OutboundError, SystemLookup, check_endpoint},
};
use serde::Deserialize;
use url::Url;

#[derive(Deserialize)]
struct Corpus {
    urls: Vec<Address>,
    names: Vec<Named>,
}

#[derive(Deserialize)]
struct Address {
    row: String,
    url: String,
    verdict: String,
}

#[derive(Deserialize)]
struct Named {
    row: String,
    name: String,
    addresses: Vec<IpAddr>,
}

fn corpus() -> Corpus {
    serde_json::from_str(include_str!("../../../tests/vectors/outbound-addresses.json")).unwrap()
}

fn word(problem: EndpointProblem) -> &'static str {
    match problem {
        EndpointProblem::Scheme => "scheme",
        EndpointProblem::Credentials => "credentials",
        EndpointProblem::Fragment => "fragment",
        EndpointProblem::NotPublic => "not_public",
    }
}

/// Knows what it was told, and counts who asks.
#[derive(Default)]
struct Table {
    names: HashMap<String, Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Lookup for Table {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.names
            .get(name)
            .cloned()
            .ok_or(io::Error::from(io::ErrorKind::NotFound))
    }
}

fn forbidden(problem: EndpointProblem) -> OutboundError {
    OutboundError::Forbidden(problem)
}

async fn post(outbound: &Outbound, url: &Url) -> OutboundError {
    outbound.post_json(url, "token", "{}".to_owned()).await.unwrap_err()
}

async fn document(outbound: &Outbound, url: &Url) -> DocumentError {
    outbound.get_json(url).await.unwrap_err()
}

/// V-003, R-150: https to public hosts, however an address is spelt.
#[tokio::test]
async fn an_address_is_judged_before_anybody_is_called() {
    let table = Arc::new(Table::default());
    let outbound = Outbound::new(&OutboundConfig::default(), table.clone()).unwrap();
    let corpus = corpus();
    assert!(corpus.urls.len() > 50, "the corpus is read");
    for Address { row, url, verdict } in corpus.urls {
        let parsed = Url::parse(&url).unwrap();
        let judged = check_endpoint(&parsed, &[]);
        assert_eq!(judged.map_or_else(word, |()| "ok"), verdict, "{row}: {url}");
        if let Err(problem) = judged {
            assert_eq!(post(&outbound, &parsed).await, forbidden(problem), "{row}: {url}");
            let document = document(&outbound, &parsed).await;
            assert_eq!(document, DocumentError::Call(forbidden(problem)), "{row}: {url}");
        }
    }
    assert_eq!(
        table.asked.load(Ordering::Relaxed),
        0,
        "V-003: not even a name was looked up"
    );
}

/// V-003: private, link-local and metadata addresses behind a name.
#[tokio::test]
async fn a_name_is_judged_by_where_it_leads() {
    let names = corpus().names;
    let table = names.iter().map(|named| (named.name.clone(), named.addresses.clone()));
    let table = Arc::new(Table {
        names: table.collect(),
        asked: AtomicUsize::default(),
    });
    let outbound = Outbound::new(&OutboundConfig::default(), table).unwrap();
    for Named { row, name, .. } in names {
        let url = Url::parse(&format!("https://{name}/x")).unwrap();
        let problem = forbidden(EndpointProblem::NotPublic);
        assert_eq!(post(&outbound, &url).await, problem, "{row}: {name}");
        assert_eq!(
            document(&outbound, &url).await,
            DocumentError::Call(problem),
            "{row}: {name}"
        );
    }
}

/// Changes its mind with every question: an address that may be called, one that may not, both.
struct Flipping(AtomicUsize);

const GOOD: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const BAD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

#[async_trait]
impl Lookup for Flipping {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(match self.0.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => vec![GOOD],
            1 => vec![BAD],
            _ => vec![BAD, GOOD],
        })
    }
}

/// A host with a certificate for `shop.example`, at both addresses, that ends every connection after one answer.
struct Host {
    port: u16,
    certificate: String,
    /// Who was reached, call by call.
    reached: Arc<Mutex<Vec<IpAddr>>>,
}

impl Host {
    fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
        let (chain, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key.try_into().unwrap())
            .unwrap();
        let tls = RustlsConfig::from_config(Arc::new(tls));
        let reached = Arc::new(Mutex::new(Vec::new()));
        let good = TcpListener::bind(SocketAddr::new(GOOD, 0)).unwrap();
        let port = good.local_addr().unwrap().port();
        // Not every system has the second one; then there is nobody to be reached by mistake.
        let bad = TcpListener::bind(SocketAddr::new(BAD, port)).ok();
        for listener in [Some(good), bad].into_iter().flatten() {
            listener.set_nonblocking(true).unwrap();
            let address = listener.local_addr().unwrap().ip();
            let reached = reached.clone();
            let answer = move || {
                reached.lock().unwrap().push(address);
                async { ([("content-type", "application/json"), ("connection", "close")], "{}") }
            };
            let router = Router::new().route("/x", get(answer.clone()).post(answer));
            let server = axum_server::from_tcp_rustls(listener, tls.clone()).unwrap();
            tokio::spawn(server.serve(router.into_make_service()));
        }
        Self {
            port,
            certificate: made.cert.pem(),
            reached,
        }
    }

    /// A caller that may reach the first address alone, and trusts the certificate.
    fn caller(&self, lookup: Arc<dyn Lookup>) -> Outbound {
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, &self.certificate).unwrap();
        let allow = vec!["127.0.0.1/32".parse().unwrap()];
        Outbound::new(&OutboundConfig { allow, ca_file }, lookup).unwrap()
    }
}

/// V-005: a name that changes its mind between a check and a connection, 1,000 times for calls and for documents.
#[tokio::test]
async fn a_name_that_changes_its_mind_reaches_no_other_address() {
    let host = Host::start();
    let outbound = host.caller(Arc::new(Flipping(AtomicUsize::new(0))));
    let url = Url::parse(&format!("https://shop.example:{}/x", host.port)).unwrap();
    let problem = forbidden(EndpointProblem::NotPublic);
    let (mut answered, mut refused) = (0, 0);
    for number in 0..1000 {
        let called = if number % 2 == 0 {
            outbound.get_json(&url).await.map(drop)
        } else {
            let called = outbound.post_json(&url, "token", "{}".to_owned()).await;
            called.map(drop).map_err(DocumentError::Call)
        };
        match called {
            Ok(()) => answered += 1,
            Err(error) => {
                assert_eq!(error, DocumentError::Call(problem.clone()), "V-005: try {number}");
                refused += 1;
            }
        }
    }
    let reached = host.reached.lock().unwrap();
    assert!(
        reached.iter().all(|address| *address == GOOD),
        "V-005: nobody else was reached"
    );
    assert_eq!((answered, reached.len()), (1000 - refused, 1000 - refused), "V-005");
    assert!(
        (300..=400).contains(&refused),
        "V-005: each connection is judged by itself: {refused}"
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_ends_the_call() {
    let host = Host::start();
    let trusts = host.caller(Arc::new(Flipping(AtomicUsize::new(0))));
    let at = |host_name: &str, port: u16| Url::parse(&format!("https://{host_name}:{port}/x")).unwrap();
    let other_name = document(&trusts, &at("127.0.0.1", host.port)).await;
    assert!(
        matches!(&other_name, DocumentError::Call(OutboundError::Unreachable(words)) if words.contains("certificate")),
        "V-043: made for another name: {other_name:?}"
    );
    let allow = vec!["127.0.0.1/32".parse().unwrap()];
    let config = OutboundConfig {
        allow,
        ..OutboundConfig::default()
    };
    let outbound = Outbound::new(&config, Arc::new(Flipping(AtomicUsize::new(0)))).unwrap();
    let stranger = document(&outbound, &at("shop.example", host.port)).await;
    assert!(
        matches!(&stranger, DocumentError::Call(OutboundError::Unreachable(words)) if words.contains("certificate")),
        "V-043: a stranger: {stranger:?}"
    );
    assert!(
        host.reached.lock().unwrap().is_empty(),
        "V-043: nothing was asked of either"
    );
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let outbound = Outbound::new(&config, Arc::new(SystemLookup)).unwrap();
    let began = std::time::Instant::now();
    let called = document(&outbound, &at("127.0.0.1", silent.local_addr().unwrap().port())).await;
    assert_eq!(called, DocumentError::Call(OutboundError::TimedOut), "V-043: silence");
    assert!(
        began.elapsed() < LIMIT + Duration::from_secs(2),
        "V-043: {:?}",
        began.elapsed()
    );
}
