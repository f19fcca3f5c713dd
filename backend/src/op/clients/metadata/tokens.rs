//! What a client is given, and how it asks for it in a browser.

use super::{
    By, Member, Rule,
    authentication::callable,
    given::{Given, Problem, said, set},
    offer::Offer,
};
use crate::{config::IdTokenAlg, domain::Client};

pub(super) const MEMBERS: [Member; 10] = [
    Member {
        name: "id_token_signed_response_alg",
        by: By::Client,
        read: id_token_alg,
        write: |client, _| said(&client.id_token_alg),
    },
    Member {
        name: "userinfo_signed_response_alg",
        by: By::Client,
        read: |given, client, offer| {
            client.tokens.userinfo_alg = given.one_of(&offer.signing_algs)?;
            Ok(())
        },
        write: |client, _| said(&client.tokens.userinfo_alg),
    },
    Member {
        name: "access_token_signing_alg",
        by: By::Client,
        read: |given, client, offer| {
            client.tokens.access_token_alg = given.one_of(&offer.signing_algs)?;
            Ok(())
        },
        write: |client, _| said(&client.tokens.access_token_alg),
    },
    Member {
        name: "dpop_bound_access_tokens",
        by: By::Client,
        read: |given, client, _| {
            client.tokens.dpop_bound = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.tokens.dpop_bound),
    },
    Member {
        name: "tls_client_certificate_bound_access_tokens",
        by: By::Client,
        read: |given, client, offer| {
            client.tokens.certificate_bound = given.flag()?;
            if client.tokens.certificate_bound {
                offer.certificates.check_binding()?;
            }
            Ok(())
        },
        write: |client, _| set(client.tokens.certificate_bound),
    },
    Member {
        name: "subject_type",
        by: By::Client,
        read: |given, client, _| {
            client.tokens.pairwise = given.one_of(&["public", "pairwise"])?.as_deref() == Some("pairwise");
            Ok(())
        },
        write: |client, _| said(&if client.tokens.pairwise { "pairwise" } else { "public" }),
    },
    Member {
        name: "sector_identifier_uri",
        by: By::Client,
        read: |given, client, offer| {
            client.tokens.sector_identifier_uri = callable(given, offer)?;
            Ok(())
        },
        write: |client, _| said(&client.tokens.sector_identifier_uri),
    },
    Member {
        name: "request_object_signing_alg",
        by: By::Client,
        read: |given, client, offer| {
            client.authorization.object_alg = given.one_of(&offer.object_algs)?;
            Ok(())
        },
        write: |client, _| said(&client.authorization.object_alg),
    },
    Member {
        name: "require_signed_request_object",
        by: By::Client,
        read: |given, client, _| {
            client.authorization.object = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.authorization.object),
    },
    Member {
        name: "require_pushed_authorization_requests",
        by: By::Client,
        read: |given, client, _| {
            client.authorization.pushed = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.authorization.pushed),
    },
];

/// Pairwise subjects have rules of their own: `check_sector`.
pub(super) const RULES: [Rule; 2] = [
    Rule {
        member: "require_signed_request_object",
        holds: |client, _| match (&client.authorization.object_alg, client.authorization.object) {
            (None, true) => Err("needs request_object_signing_alg".into()),
            _ => Ok(()),
        },
    },
    Rule {
        member: "dpop_bound_access_tokens",
        holds: |client, _| match (client.tokens.dpop_bound, client.tokens.certificate_bound) {
            (true, true) => Err("excludes tls_client_certificate_bound_access_tokens".into()),
            _ => Ok(()),
        },
    },
];

fn id_token_alg(given: Given<'_>, client: &mut Client, offer: &Offer) -> Result<(), Problem> {
    let unasked = match offer.id_token_alg {
        IdTokenAlg::Es256 => "ES256",
        IdTokenAlg::Rs256 => "RS256",
    };
    client.id_token_alg = given.one_of(&offer.signing_algs)?.unwrap_or_else(|| unasked.to_owned());
    Ok(())
}
