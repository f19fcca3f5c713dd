//! Whose sector it is: a client with pairwise subjects that fetches its tokens has shown in this flow that it has a key of its
//! `jwks_uri` (CIBA Core section 4). Else whoever names another's `jwks_uri` would learn that one's names of people.

use crate::{
    domain::Client,
    op::{
        clients::{Proven, is_pushed_to},
        refusal::Refusal,
    },
};

/// Whether `client` has shown enough by how it authenticated, or by having `signed` what it asks.
pub(super) fn proven_enough(client: &Client, proven: Proven, signed: bool) -> Result<(), Refusal> {
    // Who is pushed to shows it by taking the tokens there.
    if !client.tokens.pairwise || is_pushed_to(client) {
        return Ok(());
    }
    if client.jwks_uri.is_some() && (proven == Proven::Key || signed) {
        return Ok(());
    }
    Err(Refusal::invalid_request(
        "a client with pairwise subjects signs its request, or authenticates with a key of its jwks_uri",
    ))
}

#[cfg(test)]
mod tests {
    use countersign_protocol::DeliveryMode;

    use super::*;

    #[test]
    fn a_pairwise_client_proves_a_key_of_its_jwks_uri() {
        use DeliveryMode::{Ping, Poll, Push};
        for (pairwise, mode, jwks_uri, proven, signed, enough) in [
            (true, Poll, true, Proven::Key, false, true),
            (true, Ping, true, Proven::Key, false, true),
            (true, Poll, true, Proven::Secret, true, true),
            (true, Poll, true, Proven::Certificate, true, true),
            (true, Poll, true, Proven::Secret, false, false),
            (true, Ping, true, Proven::Secret, false, false),
            (true, Poll, true, Proven::Certificate, false, false),
            (true, Poll, false, Proven::Key, true, false),
            (true, Push, false, Proven::Secret, false, true),
            (false, Poll, false, Proven::Secret, false, true),
        ] {
            let mut client = Client::new("shop", "Shop", 0);
            client.tokens.pairwise = pairwise;
            client.delivery_mode = Some(mode);
            client.jwks_uri = jwks_uri.then(|| "https://keys.example/jwks".parse().unwrap());
            let verdict = proven_enough(&client, proven, signed);
            let case = format!("pairwise {pairwise}, {mode:?}, jwks_uri {jwks_uri}, {proven:?}, signed {signed}");
            assert_eq!(verdict.is_ok(), enough, "R-034: {case}");
        }
    }
}
