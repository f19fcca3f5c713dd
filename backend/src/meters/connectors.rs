use std::fmt;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::family::Family,
    registry::{Registry, Unit},
};

use super::{Count, Level};

/// What became of a question that a provider handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intake {
    /// It waits.
    New,
    /// It was handed over before.
    Again,
    /// It was not taken.
    Refused,
}

/// What came of telling a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completion {
    /// It knows.
    Told,
    /// It is told again later.
    Retried,
    /// Nobody knows whether it heard.
    Unclear,
    /// It does not know, and is not told any more.
    GivenUp,
}

/// Words of a label.
macro_rules! words {
    ($kind:ty: $($value:ident = $word:literal),+) => {
        impl EncodeLabelValue for $kind {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                match self { $(Self::$value => $word,)+ }.encode(encoder)
            }
        }
    };
}

words!(Intake: New = "new", Again = "again", Refused = "refused");
words!(Completion: Told = "told", Retried = "retried", Unclear = "unclear", GivenUp = "given_up");

/// The connector's name is the operator's, from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByIntake {
    connector: String,
    outcome: Intake,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCompletion {
    connector: String,
    outcome: Completion,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByConnector {
    connector: String,
}

/// The instruments of connectors.
#[derive(Default)]
pub(super) struct ConnectorMeters {
    intakes: Family<ByIntake, Count>,
    completions: Family<ByCompletion, Count>,
    told_at: Family<ByConnector, Level>,
}

impl ConnectorMeters {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let meters = Self::default();
        registry.register(
            "connector_intakes",
            "Requests that providers outside handed over, by what became of them",
            meters.intakes.clone(),
        );
        registry.register(
            "connector_completions",
            "Calls that tell providers outside how their requests ended, by what came of them",
            meters.completions.clone(),
        );
        registry.register_with_unit(
            "connector_last_success_timestamp",
            "When a provider outside was told something at last, seconds since 1970",
            Unit::Seconds,
            meters.told_at.clone(),
        );
        meters
    }

    pub(super) fn handed_over(&self, connector: &str, outcome: Intake) {
        let connector = connector.to_owned();
        self.intakes.get_or_create(&ByIntake { connector, outcome }).inc();
    }

    pub(super) fn completed(&self, connector: &str, outcome: Completion, seconds: i64) {
        let connector = connector.to_owned();
        if outcome == Completion::Told {
            let by = ByConnector {
                connector: connector.clone(),
            };
            self.told_at.get_or_create(&by).set(seconds);
        }
        self.completions
            .get_or_create(&ByCompletion { connector, outcome })
            .inc();
    }
}
