//! What a worker needs to tell providers, where there are none.

use std::sync::Arc;

use countersign::{
    config::Config,
    connectors::{self, Connectors, UpstreamParts, Upstreams},
    consent::{self, Consent},
    issuers::Issuers,
    outbound::Outbound,
};
use countersign_clock::OsRandom;

use crate::op_world::{ISSUER, World};

fn issuers(world: &World, config: &Config) -> (Outbound, Arc<Issuers>) {
    let outbound = Outbound::to_providers(&config.outbound).unwrap();
    let issuers = Issuers::new(&config.connectors, outbound.clone(), world.clock.clone());
    (outbound, Arc::new(issuers))
}

fn consent(world: &World, config: &Config, issuers: &Issuers) -> Arc<Consent> {
    Arc::new(Consent::new(consent::Parts {
        config: config.consent.clone(),
        origin: ISSUER.to_owned(),
        issuer: ISSUER.to_owned(),
        titles: issuers.titles(),
        storage: world.storage.clone(),
        keys: world.keys.clone(),
        clock: world.clock.clone(),
        wakes: world.wakes.clone(),
        owed: Arc::default(),
    }))
}

/// No connector at all.
pub fn of(world: &World, config: &Config) -> Arc<Connectors> {
    let (outbound, issuers) = issuers(world, config);
    let connectors = Connectors::new(connectors::Parts {
        config: config.connectors.clone(),
        report_seconds: config.op.report_seconds,
        message_length: config.op.binding_message_length,
        details_types: config.op.authorization_details.clone(),
        consent: consent(world, config, &issuers),
        issuers,
        keys: world.keys.clone(),
        outbound,
        storage: world.storage.clone(),
        clock: world.clock.clone(),
    });
    Arc::new(connectors.unwrap())
}

/// No provider that is asked.
pub fn to_ask(world: &World, config: &Config) -> Arc<Upstreams> {
    let (outbound, issuers) = issuers(world, config);
    let upstreams = Upstreams::open(UpstreamParts {
        config: config.connectors.upstream.clone(),
        consent: consent(world, config, &issuers),
        issuers,
        keys: world.keys.clone(),
        outbound,
        storage: world.storage.clone(),
        clock: world.clock.clone(),
        random: Arc::new(OsRandom),
    });
    Arc::new(upstreams.unwrap())
}
