use countersign_clock::Clock;
use futures_util::future::{join, join_all};

use super::{
    Finding, Verdict,
    app_client::app_client,
    chain, ill,
    issuer::{Issuer, Kind},
    upstream::credential,
    webhook,
};
use crate::{
    config::{Config, ConnectorConfig, UpstreamConfig},
    outbound::Outbound,
};

/// Looks at every connector, at all of them at once.
pub(super) async fn look(config: &Config, clock: &dyn Clock) -> Vec<Finding> {
    let connectors = &config.connectors;
    if connectors.all().next().is_none() && connectors.upstream.is_empty() {
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
    let handing_over = realms
        .chain(others)
        .map(|(connector, kind)| look_at(connector, kind, &outbound, clock));
    let asked = connectors.upstream.iter().map(|one| look_up(one, &outbound, clock));
    let (handing_over, asked) = join(join_all(handing_over), join_all(asked)).await;
    handing_over.into_iter().chain(asked).flatten().collect()
}

async fn look_at(connector: &ConnectorConfig, kind: Kind, outbound: &Outbound, clock: &dyn Clock) -> Vec<Finding> {
    let issuer = Issuer::look(&connector.issuer, kind, outbound, clock).await;
    let mut findings = of_issuer(&issuer).await;
    findings.push(("sign_in", issuer.sign_in()));
    findings.push(("app_client", app_client(connector, kind, &issuer, outbound).await));
    if kind == Kind::Generic {
        findings.push(("webhook_secret", webhook::secret(connector)));
        findings.push(("callback", webhook::callback(connector, outbound).await));
    }
    named(&connector.name, findings)
}

async fn look_up(upstream: &UpstreamConfig, outbound: &Outbound, clock: &dyn Clock) -> Vec<Finding> {
    let issuer = Issuer::look(&upstream.issuer, Kind::Upstream, outbound, clock).await;
    let mut findings = of_issuer(&issuer).await;
    findings.push(("credential", credential(upstream)));
    named(&upstream.name, findings)
}

async fn of_issuer(issuer: &Issuer<'_>) -> Vec<(&'static str, Verdict)> {
    vec![
        ("issuer", issuer.found()),
        ("issuer_clock", issuer.clock()),
        ("issuer_keys", issuer.keys().await),
        ("issuer_ciba", issuer.ciba()),
    ]
}

fn named(name: &str, findings: Vec<(&'static str, Verdict)>) -> Vec<Finding> {
    let named = |(check, verdict)| Finding {
        check,
        connector: Some(name.to_owned()),
        verdict,
    };
    findings.into_iter().map(named).collect()
}
