//! Whether the client may ask at all, and be told in the way that it registered (CIBA Core section 4).

use countersign_protocol::{DeliveryMode, OAuthErrorCode};

use crate::{
    domain::{Client, GrantType},
    op::{Provider, delivery::are_bound, refusal::Refusal},
};

impl Provider {
    pub(super) fn check_delivery(&self, client: &Client) -> Result<(), Refusal> {
        let unauthorized = |description| Err(Refusal::new(OAuthErrorCode::UnauthorizedClient, description));
        let mode = client.delivery_mode.unwrap_or(DeliveryMode::Poll);
        // A client that is called with its tokens needs no grant to fetch them.
        if mode != DeliveryMode::Push && !client.grant_types.contains(&GrantType::Ciba) {
            return unauthorized("the client is not registered for CIBA");
        }
        if !self.parts.config.delivery_modes.contains(&mode) {
            return unauthorized("the client's delivery mode is not offered any more");
        }
        if mode == DeliveryMode::Push && are_bound(&client.tokens) {
            return unauthorized("tokens that are bound to a key cannot be delivered by push");
        }
        Ok(())
    }
}
