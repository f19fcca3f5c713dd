//! How a client uses CIBA (CIBA Core section 4).

use countersign_protocol::DeliveryMode;

use super::{
    By, Member, Rule,
    authentication::{callable, proves},
    given::{Given, Problem, listed, said, set},
    offer::Offer,
};
use crate::{
    domain::{Client, GrantType},
    op::delivery::are_bound,
};

pub(super) const MEMBERS: [Member; 6] = [
    Member {
        name: "backchannel_token_delivery_mode",
        by: By::Client,
        read: delivery_mode,
        write: |client, _| said(&client.delivery_mode),
    },
    Member {
        name: "backchannel_client_notification_endpoint",
        by: By::Client,
        read: |given, client, offer| {
            client.notification_endpoint = callable(given, offer)?;
            Ok(())
        },
        write: |client, _| said(&client.notification_endpoint),
    },
    Member {
        name: "backchannel_authentication_request_signing_alg",
        by: By::Client,
        read: |given, client, offer| {
            client.requests.signing_alg = given.one_of(&offer.request_algs)?;
            Ok(())
        },
        write: |client, _| said(&client.requests.signing_alg),
    },
    Member {
        name: "backchannel_user_code_parameter",
        by: By::Client,
        read: |given, client, _| {
            client.requests.user_code = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.requests.user_code),
    },
    Member {
        name: "authorization_details_types",
        by: By::Client,
        read: details_types,
        write: |client, _| listed(&client.requests.details_types),
    },
    Member {
        name: "default_acr_values",
        by: By::Client,
        read: |given, client, _| {
            client.requests.default_acr_values = given.texts()?.unwrap_or_default();
            Ok(())
        },
        write: |client, _| listed(&client.requests.default_acr_values),
    },
];

pub(super) const RULES: [Rule; 3] = [
    Rule {
        member: "backchannel_token_delivery_mode",
        holds: |client, _| {
            let redeems = client.grant_types.contains(&GrantType::Ciba);
            match (client.delivery_mode, redeems) {
                (None, true) => Err("is missing: a client that uses CIBA has one".into()),
                (Some(DeliveryMode::Poll | DeliveryMode::Ping), false) => {
                    Err("is for a client that has urn:openid:params:grant-type:ciba among its grant_types".into())
                }
                // Who is pushed to redeems nothing (CIBA Core section 4).
                (Some(_), true) | (Some(DeliveryMode::Push) | None, false) => Ok(()),
            }
        },
    },
    Rule {
        member: "backchannel_client_notification_endpoint",
        holds: |client, offer| {
            let called = matches!(client.delivery_mode, Some(DeliveryMode::Ping | DeliveryMode::Push));
            match &client.notification_endpoint {
                None if called => Err("is missing: a client that is told of results is called there".into()),
                // CIBA Core section 14.
                Some(url) if called && !offer.may_be_called(url) && !proves(client, url) => Err(
                    "is at a host that is not known to be the client's: authenticate with keys of a jwks_uri at the same host, or ask the operator".into(),
                ),
                _ => Ok(()),
            }
        },
    },
    Rule {
        member: "backchannel_token_delivery_mode",
        holds: |client, _| {
            if client.delivery_mode == Some(DeliveryMode::Push) && are_bound(&client.tokens) {
                return Err(
                    "is push, but who is pushed to cannot show the key that its tokens are to be bound to".into(),
                );
            }
            Ok(())
        },
    },
];

fn delivery_mode(given: Given<'_>, client: &mut Client, offer: &Offer) -> Result<(), Problem> {
    client.delivery_mode = given.word()?;
    let Some(mode) = client.delivery_mode else {
        return Ok(());
    };
    if !offer.delivery_modes.contains(&mode) {
        return Err(match offer.by {
            By::Operator => "is not among [op] delivery_modes".into(),
            By::Client => "is not offered".into(),
        });
    }
    Ok(())
}

fn details_types(given: Given<'_>, client: &mut Client, offer: &Offer) -> Result<(), Problem> {
    let types = given.texts()?.unwrap_or_default();
    if let Some(known) = &offer.details_types
        && types.iter().any(|one| !known.contains(one))
    {
        return Err("has a type that the client cannot have here".into());
    }
    client.requests.details_types = types;
    Ok(())
}
