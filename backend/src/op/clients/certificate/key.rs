//! The public key in a certificate, as a JWK.

use countersign_jose::{Jwk, b64};
use serde_json::{Value, json};
use x509_parser::{
    oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519},
    prelude::X509Certificate,
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

/// Whether the certificate is the one that `registered` stands for.
pub(super) fn is_key_of(registered: &Jwk, certificate: &X509Certificate<'_>) -> bool {
    let same_key = jwk(certificate.public_key()).is_some_and(|key| key.thumbprint() == registered.thumbprint());
    let same_certificate = registered.certificate().is_none_or(|der| der == certificate.as_raw());
    same_key && same_certificate
}

/// None for keys that we do not use.
fn jwk(info: &SubjectPublicKeyInfo<'_>) -> Option<Jwk> {
    Jwk::parse(&members(info)?.to_string()).ok()
}

fn members(info: &SubjectPublicKeyInfo<'_>) -> Option<Value> {
    let bits = &*info.subject_public_key.data;
    if info.algorithm.algorithm == OID_SIG_ED25519 {
        return Some(json!({"kty": "OKP", "crv": "Ed25519", "x": b64::encode(bits)}));
    }
    if info.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
        let curve = [
            (OID_EC_P256, "P-256"),
            (OID_NIST_EC_P384, "P-384"),
            (OID_NIST_EC_P521, "P-521"),
        ]
        .into_iter()
        .find_map(|(oid, name)| (oid == curve).then_some(name))?;
        let (&4, point) = bits.split_first()? else {
            return None;
        };
        let (x, y) = point.split_at_checked(point.len() / 2)?;
        return Some(json!({"kty": "EC", "crv": curve, "x": b64::encode(x), "y": b64::encode(y)}));
    }
    let PublicKey::RSA(key) = info.parsed().ok()? else {
        return None;
    };
    let unsigned = |bytes: &[u8]| {
        let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
        b64::encode(bytes.get(first..).unwrap_or_default())
    };
    Some(json!({"kty": "RSA", "n": unsigned(key.modulus), "e": unsigned(key.exponent)}))
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData as _};
    use x509_parser::prelude::FromDer as _;

    use super::*;

    #[test]
    fn the_key_in_a_certificate_is_the_one_that_was_put_there() {
        for (algorithm, kty) in [
            (&PKCS_ECDSA_P256_SHA256, "EC"),
            (&PKCS_ECDSA_P384_SHA384, "EC"),
            (&PKCS_ED25519, "OKP"),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let made = rcgen::CertificateParams::default().self_signed(&key).unwrap();
            let (_, certificate) = X509Certificate::from_der(made.der()).unwrap();
            let found = members(certificate.public_key()).unwrap();
            assert_eq!(found["kty"], kty);
            let raw = [found["x"].as_str(), found["y"].as_str()]
                .into_iter()
                .flatten()
                .flat_map(|part| b64::decode(part).unwrap());
            let public = key.der_bytes();
            let public = if kty == "EC" { &public[1..] } else { public };
            assert_eq!(raw.collect::<Vec<u8>>(), public, "R-264");
            assert!(
                is_key_of(&jwk(certificate.public_key()).unwrap(), &certificate),
                "R-264"
            );
        }
    }

    #[test]
    fn the_certificate_that_was_registered_is_meant_and_no_other_of_its_key() {
        let key = KeyPair::generate().unwrap();
        let certificates = [1, 2].map(|_| rcgen::CertificateParams::default().self_signed(&key).unwrap());
        let [one, other] = &certificates;
        let (_, one) = X509Certificate::from_der(one.der()).unwrap();
        let (_, other) = X509Certificate::from_der(other.der()).unwrap();
        let mut registered = members(one.public_key()).unwrap();
        assert!(
            is_key_of(&Jwk::parse(&registered.to_string()).unwrap(), &other),
            "R-264: a key alone stands for each of its certificates"
        );
        registered["x5c"] = json!([pem_body(one.as_raw())]);
        let registered = Jwk::parse(&registered.to_string()).unwrap();
        assert!(is_key_of(&registered, &one), "R-264");
        assert!(!is_key_of(&registered, &other), "R-264");
    }

    fn pem_body(der: &[u8]) -> String {
        let text = b64::encode(der).replace('-', "+").replace('_', "/");
        let padding = "=".repeat((4 - text.len() % 4) % 4);
        text + &padding
    }
}
