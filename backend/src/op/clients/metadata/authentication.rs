//! How a client shows who it is (OpenID Connect Core section 9, RFC 7591 section 2, RFC 8705 section 2).

use countersign_jose::JwkSet;
use url::Url;

use super::{
    By, Member, Rule,
    given::{Given, Problem, said},
    offer::Offer,
};
use crate::{
    domain::{CertificateSubject, Client, ClientAuthMethod, GrantType},
    op::clients::ASSERTION_ALGORITHMS,
    op::is_certificate_subject,
    outbound::check_endpoint,
};

/// Keys that a client registers at most, and bytes of all of them.
const MAX_KEYS: usize = 20;
const MAX_JWKS: usize = 32 * 1024;

const MACS: [&str; 3] = ["HS256", "HS384", "HS512"];

pub(super) const MEMBERS: [Member; 9] = [
    Member {
        name: "token_endpoint_auth_method",
        by: By::Client,
        read: auth_method,
        write: |client, _| said(&client.auth_method),
    },
    Member {
        name: "token_endpoint_auth_signing_alg",
        by: By::Client,
        read: assertion_alg,
        write: |client, _| said(&client.assertion_alg),
    },
    Member {
        name: "jwks",
        by: By::Client,
        read: jwks,
        write: |client, _| client.jwks.clone(),
    },
    Member {
        name: "jwks_uri",
        by: By::Client,
        read: |given, client, offer| {
            client.jwks_uri = callable(given, offer)?;
            Ok(())
        },
        write: |client, _| said(&client.jwks_uri),
    },
    subject("tls_client_auth_subject_dn"),
    subject("tls_client_auth_san_dns"),
    subject("tls_client_auth_san_uri"),
    subject("tls_client_auth_san_ip"),
    subject("tls_client_auth_san_email"),
];

pub(super) const RULES: [Rule; 4] = [
    Rule {
        member: "jwks_uri",
        holds: |client, _| match (&client.jwks, &client.jwks_uri) {
            (Some(_), Some(_)) => Err("is there beside jwks: a client has its keys in one place".into()),
            _ => Ok(()),
        },
    },
    Rule {
        member: "jwks",
        holds: |client, _| {
            let by_key = [
                ClientAuthMethod::PrivateKeyJwt,
                ClientAuthMethod::SelfSignedTlsClientAuth,
            ];
            let signs = client.requests.signing_alg.is_some() || client.authorization.object_alg.is_some();
            let has_keys = client.jwks.is_some() || client.jwks_uri.is_some();
            match (by_key.contains(&client.auth_method), signs, has_keys) {
                (_, _, true) | (false, false, false) => Ok(()),
                (true, _, false) => {
                    Err("is missing, and so is jwks_uri: the authentication method needs one of them".into())
                }
                (false, true, false) => {
                    Err("is missing, and so is jwks_uri: who signs requests needs one of them".into())
                }
            }
        },
    },
    Rule {
        member: "token_endpoint_auth_method",
        holds: |client, _| {
            let public = client.auth_method == ClientAuthMethod::None;
            let ciba = client.grant_types.contains(&GrantType::Ciba) || client.delivery_mode.is_some();
            if public && ciba {
                return Err("is none, but a client that uses CIBA authenticates (CIBA Core section 7.1)".into());
            }
            let named = client.certificate_subject.is_some();
            match (client.auth_method == ClientAuthMethod::TlsClientAuth, named) {
                (true, false) => Err("is tls_client_auth, which needs one of the members tls_client_auth_*".into()),
                (false, true) => {
                    Err("is another one than tls_client_auth, which the members tls_client_auth_* are for".into())
                }
                (true, true) | (false, false) => Ok(()),
            }
        },
    },
    Rule {
        member: "token_endpoint_auth_signing_alg",
        holds: |client, _| match (&client.assertion_alg, client.auth_method) {
            (None, _) => Ok(()),
            (Some(alg), ClientAuthMethod::ClientSecretJwt) if MACS.contains(&alg.as_str()) => Ok(()),
            (Some(alg), ClientAuthMethod::PrivateKeyJwt) if !MACS.contains(&alg.as_str()) => Ok(()),
            (Some(_), _) => Err("does not go with token_endpoint_auth_method".into()),
        },
    },
];

fn auth_method(given: Given<'_>, client: &mut Client, offer: &Offer) -> Result<(), Problem> {
    let method = given.word()?.unwrap_or(ClientAuthMethod::ClientSecretBasic);
    if !offer.auth_methods.contains(&method) {
        return Err("is not offered (client_secret_basic where nothing is said)".into());
    }
    offer.certificates.check_method(method)?;
    client.auth_method = method;
    Ok(())
}

fn assertion_alg(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    client.assertion_alg = given.one_of(&ASSERTION_ALGORITHMS)?;
    Ok(())
}

/// The set is kept as it came, because certificates can be in it.
fn jwks(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    client.jwks = None;
    let Some(value) = given.value else { return Ok(()) };
    let set: JwkSet = serde_json::from_value(value.clone()).map_err(|_| "is not a JWK Set of public keys")?;
    if set.keys.is_empty() {
        return Err("has no key that can be used".into());
    }
    if set.keys.len() > MAX_KEYS || value.to_string().len() > MAX_JWKS {
        return Err(format!("has more than {MAX_KEYS} keys or {MAX_JWKS} bytes").into());
    }
    client.jwks = Some(value.clone());
    Ok(())
}

/// An address that we call: https, at a public host or one that the operator listed.
pub(super) fn callable(given: Given<'_>, offer: &Offer) -> Result<Option<Url>, Problem> {
    let Some(url) = given.url()? else { return Ok(None) };
    check_endpoint(&url, &offer.allow).map_err(|problem| format!("cannot be called: {problem}"))?;
    Ok(Some(url))
}

/// One of the five ways to name a certificate, of which a client has one (RFC 8705 section 2.1.2).
const fn subject(name: &'static str) -> Member {
    Member {
        name,
        by: By::Client,
        read: certificate_subject,
        write: |client, name| match (client.certificate_subject.as_ref()?, name) {
            (CertificateSubject::SubjectDn(dn), "tls_client_auth_subject_dn") => said(dn),
            (CertificateSubject::SanDns(dns), "tls_client_auth_san_dns") => said(dns),
            (CertificateSubject::SanUri(uri), "tls_client_auth_san_uri") => said(uri),
            (CertificateSubject::SanIp(ip), "tls_client_auth_san_ip") => said(ip),
            (CertificateSubject::SanEmail(email), "tls_client_auth_san_email") => said(email),
            _ => None,
        },
    }
}

fn certificate_subject(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    // The first of them begins anew.
    if given.name == "tls_client_auth_subject_dn" {
        client.certificate_subject = None;
    }
    let Some(text) = given.text()? else { return Ok(()) };
    if client.certificate_subject.is_some() {
        return Err("is there beside another one of tls_client_auth_*".into());
    }
    let kind = match given.name {
        "tls_client_auth_san_dns" => CertificateSubject::SanDns,
        "tls_client_auth_san_uri" => CertificateSubject::SanUri,
        "tls_client_auth_san_ip" => CertificateSubject::SanIp,
        "tls_client_auth_san_email" => CertificateSubject::SanEmail,
        _ => CertificateSubject::SubjectDn,
    };
    let subject = kind(text.to_owned());
    if !is_certificate_subject(&subject) {
        return Err("is not a name of this kind".into());
    }
    client.certificate_subject = Some(subject);
    Ok(())
}

/// Whether the client has shown, before it is called at `url`, that it holds a key which is published at the same host: it authenticates with it.
pub(super) fn proves(client: &Client, url: &Url) -> bool {
    let by_key = [
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::SelfSignedTlsClientAuth,
    ]
    .contains(&client.auth_method);
    let published = client.jwks_uri.as_ref().and_then(Url::host_str);
    by_key && published.is_some() && published == url.host_str()
}
