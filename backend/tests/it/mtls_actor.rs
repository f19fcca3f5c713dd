//! Authorities, and clients that have certificates.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use countersign::op::{CertificateIssuers, ClientCertificate};
use countersign_jose::b64;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PublicKeyData as _,
};
use serde_json::{Value, json};

use crate::op_world::{Answer, World, encode};

/// Whoever issues certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(of_authority(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority that this one vouches for.
    pub fn below(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(of_authority(name), KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A client's certificate, after a change.
    pub fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = of_client();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap().der().to_vec();
        Shown {
            certificate,
            issuers: Vec::new(),
            key,
        }
    }
}

fn of_authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// What certificates in these tests say when nothing is changed.
pub fn of_client() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["client.shop.example".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Shop");
    params.distinguished_name.push(DnType::CommonName, "client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// The name in such a certificate, as clients register it.
pub const SUBJECT: &str = "CN=client,O=Shop";

/// What a client shows.
pub struct Shown {
    pub certificate: Vec<u8>,
    pub issuers: Vec<Vec<u8>>,
    pub key: KeyPair,
}

/// A certificate that nobody vouches for, after a change.
pub fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let key = KeyPair::generate().unwrap();
    let mut params = of_client();
    change(&mut params);
    Shown {
        certificate: params.self_signed(&key).unwrap().der().to_vec(),
        issuers: Vec::new(),
        key,
    }
}

impl Shown {
    /// The key, as clients register it.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.key.der_bytes()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "x": b64::encode(x), "y": b64::encode(y), "kid": "of-the-certificate"})
    }

    /// The same with the certificate in it.
    pub fn jwk_with_certificate(&self) -> Value {
        let text = b64::encode(&self.certificate).replace('-', "+").replace('_', "/");
        let padding = "=".repeat((4 - text.len() % 4) % 4);
        let mut jwk = self.jwk();
        jwk["x5c"] = json!([text + &padding]);
        jwk
    }

    /// Puts it beside a request as the listener does.
    pub fn beside(&self, request: &mut Request<Body>) {
        let extensions = request.extensions_mut();
        extensions.insert(ClientCertificate(Arc::from(self.certificate.as_slice())));
        extensions.insert(CertificateIssuers(self.issuers.clone().into()));
    }
}

impl World {
    /// A form that comes in over the listener for certificates, whether or not one was shown.
    pub async fn form_with(&self, shown: Option<&Shown>, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let mut request = request.body(Body::from(encode(form))).unwrap();
        if let Some(shown) = shown {
            shown.beside(&mut request);
        }
        self.send(request).await
    }
}

/// Settings of a provider with the listener, and with this authority.
pub fn settings(folder: &std::path::Path, authority: &Authority, more: &str) -> String {
    let file = folder.join("authorities.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    format!(
        "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://mtls.id.example\"\nca_file = {:?}\n{more}",
        file.to_str().unwrap()
    )
}
