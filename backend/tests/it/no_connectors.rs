//! What a worker needs to tell providers, where there are none.

use std::sync::Arc;

use countersign::{
    config::Config,
    connectors::{self, Connectors},
    consent::{self, Consent},
    issuers::Issuers,
    outbound::Outbound,
};

use crate::op_world::{ISSUER, World};

/// No connector at all.
pub fn of(world: &World, config: &Config) -> Arc<Connectors> {
    let outbound = Outbound::to_providers(&config.outbound).unwrap();
    let issuers = Issuers::new(&config.connectors, outbound.clone(), world.clock.clone());
    let consent = Consent::new(consent::Parts {
        config: config.consent.clone(),
        origin: ISSUER.to_owned(),
        issuer: ISSUER.to_owned(),
        titles: issuers.titles(),
        storage: world.storage.clone(),
        keys: world.keys.clone(),
        clock: world.clock.clone(),
        wakes: world.wakes.clone(),
        owed: Arc::default(),
    });
    Arc::new(
        Connectors::new(connectors::Parts {
            config: config.connectors.clone(),
            report_seconds: config.op.report_seconds,
            message_length: config.op.binding_message_length,
            details_types: config.op.authorization_details.clone(),
            consent: Arc::new(consent),
            issuers: Arc::new(issuers),
            keys: world.keys.clone(),
            outbound,
            storage: world.storage.clone(),
            clock: world.clock.clone(),
        })
        .unwrap(),
    )
}
