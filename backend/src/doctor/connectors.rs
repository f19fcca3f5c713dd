use countersign_clock::Clock;
use futures_util::future::join_all;

use super::{
    Finding, Verdict,
    app_client::app_client,
    chain, ill,
    issuer::{Issuer, Kind},
    webhook,
};
use crate::{
    config::{Config, ConnectorConfig},
    outbound::Outbound,
};

/// Looks at every connector, at all of them at once.
pub(super) async fn look(config: &Config, clock: &dyn Clock) -> Vec<Finding> {
    let connectors = &config.connectors;
    if connectors.all().next().is_none() {
        return Vec::new();
    }
    let outbound = match Outbound::to_providers(&config.outbound) {
        Ok(outbound) => outbound,
        Err(error) => {
            return vec![Finding {
                check: "issuer",
                connector: None,
                verdict: ill(chain(&error), "name a PEM file with certificates of authorities"),
            }];
        }
    };
    let realms = connectors.keycloak.iter().map(|realm| (realm, Kind::Keycloak));
    let others = connectors.generic.iter().map(|other| (other, Kind::Generic));
    let looks = realms
        .chain(others)
        .map(|(connector, kind)| look_at(connector, kind, &outbound, clock));
    join_all(looks).await.into_iter().flatten().collect()
}

async fn look_at(connector: &ConnectorConfig, kind: Kind, outbound: &Outbound, clock: &dyn Clock) -> Vec<Finding> {
    let issuer = Issuer::look(connector, kind, outbound, clock).await;
    let mut findings = vec![
        ("issuer", issuer.found()),
        ("issuer_clock", issuer.clock()),
        ("issuer_keys", issuer.keys().await),
        ("issuer_ciba", issuer.ciba()),
        ("sign_in", issuer.sign_in()),
        ("app_client", app_client(connector, kind, &issuer, outbound).await),
    ];
    if kind == Kind::Generic {
        findings.push(("webhook_secret", webhook::secret(connector)));
        findings.push(("callback", webhook::callback(connector, outbound).await));
    }
    let named = |(check, verdict): (&'static str, Verdict)| Finding {
        check,
        connector: Some(connector.name.clone()),
        verdict,
    };
    findings.into_iter().map(named).collect()
}
