//! The listener where clients may show a certificate: real sockets, real handshakes.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use countersign::{
    config::{Config, FapiProfile},
    domain::{CertificateSubject, Client, ClientAuthMethod},
    serve::{Serving, serve, serve_certificates},
};
use rcgen::KeyPair;
use rustls::{
    CipherSuite, ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
    client::ResolvesClientCert,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use crate::{
    mtls_actor::{Authority, SUBJECT, Shown, self_signed, settings},
    op_world::{World, shop},
};

/// A listener that serves a world.
struct Listener {
    address: SocketAddr,
    certificate: PathBuf,
    folder: tempfile::TempDir,
    serving: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Which of both listeners.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Ordinary,
    ForCertificates,
}

impl Listener {
    fn start(world: &World, which: Which, profile: FapiProfile, key: &KeyPair) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let files = ["server.crt", "server.key"].map(|name| folder.path().join(name));
        let [certificate, key_file] = files.clone();
        write_pair(&certificate, &key_file, key);
        let toml = format!(
            "[server]\ntls = \"files\"\ntls_certificate = {certificate:?}\ntls_key = {key_file:?}\n[mtls]\nlisten = \"127.0.0.1:0\""
        );
        let config = Config::from_toml(&toml).unwrap();
        let router = world.router.clone();
        let serving = tokio::spawn(async move {
            let serving = Serving {
                server: &config.server,
                tls_profile: profile,
                router,
                beside: std::path::Path::new(""),
            };
            let never = std::future::pending();
            match which {
                Which::Ordinary => serve(serving, listener, || {}, never).await.unwrap(),
                Which::ForCertificates => serve_certificates(&config.mtls, serving, listener, never)
                    .await
                    .unwrap(),
            }
        });
        let [certificate, _] = files;
        Self {
            address,
            certificate,
            folder,
            serving,
        }
    }

    /// A form over a connection of its own: status and body.
    async fn post(&self, speaker: &Speaker<'_>, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
        let connector = TlsConnector::from(speaker.config(&self.certificate));
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, stream).await?;
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("\r\ndate: "), "R-212: {head}");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, serde_json::from_str(body).unwrap()))
    }

    /// Status of a request by which nobody but the client itself is asked about.
    async fn probe(&self, speaker: &Speaker<'_>, id: &str) -> std::io::Result<u16> {
        let body = format!("token=unknown&client_id={id}");
        Ok(self.post(speaker, "/introspect", &body).await?.0)
    }
}

fn write_pair(certificate: &std::path::Path, key_file: &std::path::Path, key: &KeyPair) {
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(certificate, params.self_signed(key).unwrap().pem()).unwrap();
    std::fs::write(key_file, key.serialize_pem()).unwrap();
}

/// How a client speaks TLS.
#[derive(Clone, Copy)]
struct Speaker<'a> {
    shown: Option<&'a Shown>,
    /// The key that signs the handshake, where it is not the one of the certificate.
    other_key: Option<&'a KeyPair>,
    version: &'static SupportedProtocolVersion,
    suites: Option<&'a [CipherSuite]>,
}

const SILENT: Speaker<'static> = Speaker {
    shown: None,
    other_key: None,
    version: &TLS13,
    suites: None,
};

impl Speaker<'_> {
    fn config(&self, trusted: &std::path::Path) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let mut provider = aws_lc_rs::default_provider();
        if let Some(suites) = self.suites {
            provider.cipher_suites.retain(|known| suites.contains(&known.suite()));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_root_certificates(roots);
        let Some(shown) = self.shown else {
            return Arc::new(builder.with_no_client_auth());
        };
        let mut config = builder.with_no_client_auth();
        config.client_auth_cert_resolver = Arc::new(Shows(Arc::new(certified(shown, self.other_key))));
        Arc::new(config)
    }
}

fn certified(shown: &Shown, other_key: Option<&KeyPair>) -> CertifiedKey {
    let chain = std::iter::once(&shown.certificate).chain(&shown.issuers);
    let chain = chain.map(|der| CertificateDer::from(der.clone())).collect();
    let key = other_key.unwrap_or(&shown.key).serialize_der();
    let provider: CryptoProvider = aws_lc_rs::default_provider();
    let key = provider
        .key_provider
        .load_private_key(PrivateKeyDer::try_from(key).unwrap())
        .unwrap();
    CertifiedKey::new(chain, key)
}

/// Shows the certificate whatever the server says that it wants.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

async fn world(authority: &Authority, own: &Shown) -> World {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(&settings(folder.path(), authority, "")).await;
    let by_authority = Client {
        auth_method: ClientAuthMethod::TlsClientAuth,
        certificate_subject: Some(CertificateSubject::SubjectDn(SUBJECT.to_owned())),
        ..shop("by-authority")
    };
    let by_key = Client {
        auth_method: ClientAuthMethod::SelfSignedTlsClientAuth,
        jwks: Some(json!({"keys": [own.jwk_with_certificate()]})),
        ..shop("by-key")
    };
    world.add_client(by_authority).await;
    world.add_client(by_key).await;
    world
}

/// Proves on the wire, and R-212: each answer has a `Date`.
#[tokio::test]
async fn a_client_is_known_by_what_it_shows_in_the_handshake() {
    let authority = Authority::new("authority");
    let intermediate = authority.below("intermediate");
    let own = self_signed(|_| {});
    let mut issued = intermediate.issue(|_| {});
    issued.issuers = vec![intermediate.der()];
    let stranger = Authority::new("authority").issue(|_| {});
    let past = authority.issue(|params| params.not_after = rcgen::date_time_ymd(2026, 11, 20));
    let world = world(&authority, &own).await;
    let key = KeyPair::generate().unwrap();
    let listener = Listener::start(&world, Which::ForCertificates, FapiProfile::Plain, &key);
    for (shown, by_authority, by_key, why) in [
        (None, 401, 401, "nothing shown, and heard nevertheless"),
        (Some(&own), 401, 200, "its own"),
        (Some(&issued), 200, 401, "the authority's, by way of another"),
        (Some(&stranger), 401, 401, "another authority's"),
        (Some(&past), 401, 401, "one that is over"),
    ] {
        for version in [&TLS12, &TLS13] {
            let speaker = Speaker {
                shown,
                version,
                ..SILENT
            };
            let heard = [
                listener.probe(&speaker, "by-authority").await.unwrap(),
                listener.probe(&speaker, "by-key").await.unwrap(),
            ];
            assert_eq!(heard, [by_authority, by_key], "R-264: {why}, {version:?}");
        }
    }
    // A certificate is public: what counts is its key.
    for version in [&TLS12, &TLS13] {
        let thief = Speaker {
            shown: Some(&own),
            other_key: Some(&issued.key),
            version,
            ..SILENT
        };
        let heard = listener.probe(&thief, "by-key").await;
        assert!(heard.is_err(), "R-264: no handshake without the key: {heard:?}");
    }
}

#[tokio::test]
async fn the_ordinary_listener_asks_for_no_certificate() {
    let authority = Authority::new("authority");
    let own = self_signed(|_| {});
    let world = world(&authority, &own).await;
    let key = KeyPair::generate().unwrap();
    let listener = Listener::start(&world, Which::Ordinary, FapiProfile::Plain, &key);
    let speaker = Speaker {
        shown: Some(&own),
        ..SILENT
    };
    assert_eq!(listener.probe(&speaker, "by-key").await.unwrap(), 401, "R-211");
}

/// Proves: what TLS 1.2 may look like, by profile and by the server's key.
#[tokio::test]
async fn a_profile_leaves_only_its_suites() {
    use CipherSuite as Suite;
    const RSA_GCM: &[Suite] = &[
        Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ];
    const RSA_CHACHA: &[Suite] = &[Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256];
    const ECDSA_GCM: &[Suite] = &[Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    const ECDSA_CHACHA: &[Suite] = &[Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256];
    let authority = Authority::new("authority");
    let own = self_signed(|_| {});
    let world = world(&authority, &own).await;
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let ecdsa = KeyPair::generate().unwrap();
    for (profile, expected) in [
        (FapiProfile::Plain, [true, true, true, true]),
        (FapiProfile::Fapi2, [true, false, true, false]),
        (FapiProfile::FapiCiba, [true, false, false, false]),
    ] {
        for which in [Which::ForCertificates, Which::Ordinary] {
            let by_rsa = Listener::start(&world, which, profile, &rsa);
            let by_ecdsa = Listener::start(&world, which, profile, &ecdsa);
            let tried = [
                (&by_rsa, RSA_GCM),
                (&by_rsa, RSA_CHACHA),
                (&by_ecdsa, ECDSA_GCM),
                (&by_ecdsa, ECDSA_CHACHA),
            ];
            let mut heard = Vec::new();
            for (listener, suites) in tried {
                let speaker = Speaker {
                    version: &TLS12,
                    suites: Some(suites),
                    ..SILENT
                };
                heard.push(listener.probe(&speaker, "by-key").await.is_ok());
            }
            assert_eq!(heard, expected, "R-211, R-224: {profile:?}");
            for listener in [&by_rsa, &by_ecdsa] {
                assert_eq!(listener.probe(&SILENT, "by-key").await.unwrap(), 401, "R-211: TLS 1.3");
                for version in [0x0300, 0x0301, 0x0302_u16] {
                    let alert = greet(listener.address, version).await;
                    assert_eq!(
                        alert,
                        [21, 70],
                        "R-211: {version:#x} is refused as a version (RFC 8446 section 6.2)"
                    );
                }
            }
        }
    }
    assert_eq!(
        ProtocolVersion::TLSv1_2,
        TLS12.version,
        "R-211: the oldest that is spoken"
    );
}

/// A greeting of an old version, by hand because no library at hand would say it: type and description of the record that comes back.
async fn greet(address: SocketAddr, version: u16) -> [u8; 2] {
    let [major, minor] = version.to_be_bytes();
    let mut hello = vec![major, minor];
    hello.extend([7; 32]);
    // No session, TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA and TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    // P-256, uncompressed; signatures with ECDSA and RSA over SHA-256.
    let extensions = [
        0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 4, 1,
    ];
    hello.extend([0, u8::try_from(extensions.len()).unwrap()]);
    hello.extend(extensions);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&record).await.unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    [answer[0], answer[6]]
}

#[tokio::test]
async fn whoever_cannot_serve_says_which_file_it_is() {
    let authority = Authority::new("authority");
    let own = self_signed(|_| {});
    let world = world(&authority, &own).await;
    let key = KeyPair::generate().unwrap();
    let started = Listener::start(&world, Which::ForCertificates, FapiProfile::Plain, &key);
    let missing = started.folder.path().join("missing.key");
    let toml = format!(
        "[mtls]\nlisten = \"127.0.0.1:0\"\ntls_certificate = {:?}\ntls_key = {missing:?}",
        started.certificate
    );
    let config = Config::from_toml(&toml).unwrap();
    let serving = Serving {
        server: &config.server,
        tls_profile: FapiProfile::Plain,
        router: world.router.clone(),
        beside: std::path::Path::new(""),
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let failed = serve_certificates(&config.mtls, serving, listener, std::future::pending()).await;
    let error = failed.unwrap_err().to_string();
    assert!(error.contains("missing.key"), "{error}");
}
