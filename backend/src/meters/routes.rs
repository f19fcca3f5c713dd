use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, histogram::Histogram},
};

use super::Limits;

/// A class of HTTP status, such as all that begin with 2.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answered {
    route: String,
    status: &'static str,
}

pub(super) type Answers = Family<Answered, Histogram, Limits>;

/// A histogram for each route and class, found by the route alone, so that no label is made for a request.
pub(super) struct Routes {
    answers: Answers,
    known: RwLock<HashMap<String, [Option<Histogram>; 5]>>,
}

impl Routes {
    pub(super) fn new(answers: Answers) -> Self {
        Self {
            answers,
            known: RwLock::default(),
        }
    }

    pub(super) fn observe(&self, route: &str, status: u16, took: Duration) {
        let class = usize::from(status / 100).saturating_sub(1).min(CLASSES.len() - 1);
        let seconds = took.as_secs_f64();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let slot = known.get(route).and_then(|classes| classes.get(class)?.as_ref());
        if let Some(histogram) = slot {
            histogram.observe(seconds);
            return;
        }
        drop(known);
        self.first(route, class).observe(seconds);
    }

    /// The first answer of its class: the series begins.
    fn first(&self, route: &str, class: usize) -> Histogram {
        let status = CLASSES.get(class).copied().unwrap_or("5xx");
        let histogram = self.answers.get_or_create_owned(&Answered {
            route: route.to_owned(),
            status,
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.entry(route.to_owned()).or_default().get_mut(class) {
            *slot = Some(histogram.clone());
        }
        histogram
    }
}
