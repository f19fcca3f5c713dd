//! Signals between the nodes of one PostgreSQL database, so that who waits on one hears at once what happens on another.
//!
//! What happened is in the store before anybody is told, and every listener is swept each second as well: a signal that is lost costs a second
//! and nothing else. That is why they are told after the commit and in batches, and why nothing is kept of one that could not be told.

use std::{future::pending, sync::Arc, time::Duration};

use countersign_clock::Random;
use countersign_jose::b64;

use crate::{
    storage::{PostgresSignals, StorageError},
    wakes::{Topic, TopicDigest, Wakes},
};

/// Between two batches: a signal waits no longer, and a busy node tells no more than sixty-six times a second.
const BATCH: Duration = Duration::from_millis(15);
/// Before the next try when the database cannot be reached.
const PAUSE: Duration = Duration::from_secs(1);
/// Characters of a node's name, at the head of each text.
const NAME_LEN: usize = 8;

/// One node among others.
pub struct Nodes {
    signals: PostgresSignals,
    wakes: Arc<Wakes>,
    name: String,
}

impl Nodes {
    /// The node of `wakes`.
    #[must_use]
    pub fn new(signals: PostgresSignals, wakes: Arc<Wakes>, random: &dyn Random) -> Self {
        Self {
            signals,
            wakes,
            name: name(random),
        }
    }

    /// Tells and hears until the task is dropped.
    pub async fn run(self) {
        tokio::join!(self.tell(), self.hear());
    }

    async fn tell(&self) {
        loop {
            let topics = self.wakes.outgoing().await;
            for text in texts(&self.name, &topics) {
                if let Err(error) = self.signals.tell(&text).await {
                    report("other nodes cannot be told of changes now", &error);
                    break;
                }
            }
            tokio::time::sleep(BATCH).await;
        }
    }

    async fn hear(&self) {
        loop {
            if let Err(error) = self.hear_until_lost().await {
                report("other nodes cannot be heard now", &error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn hear_until_lost(&self) -> Result<(), StorageError> {
        let mut listener = self.signals.listen().await?;
        // What was told before this moment went by unheard.
        self.wakes.wake_all();
        tracing::debug!("other nodes are heard");
        while let Some(text) = listener.heard().await? {
            for topic in topics_of_others(&self.name, &text) {
                self.wakes.pass_on(topic);
            }
        }
        Ok(())
    }
}

/// Tells all nodes of the database that `topic` changed: for commands, which are no node.
///
/// # Errors
/// When the database cannot be reached.
pub async fn tell_once(signals: &PostgresSignals, topic: &Topic, random: &dyn Random) -> Result<(), StorageError> {
    for text in texts(&name(random), &[topic.digest()]) {
        signals.tell(&text).await?;
    }
    Ok(())
}

/// Runs `nodes`, where there are others.
pub async fn run(nodes: Option<Nodes>) {
    match nodes {
        Some(nodes) => nodes.run().await,
        None => pending().await,
    }
}

fn name(random: &dyn Random) -> String {
    let mut bytes = [0; 6];
    random.fill(&mut bytes);
    b64::encode(bytes)
}

/// The node's name and as many topics as fit, again and again.
fn texts(name: &str, topics: &[TopicDigest]) -> Vec<String> {
    let most = (PostgresSignals::MAX_LEN - NAME_LEN) / TopicDigest::TEXT_LEN;
    let batches = topics.chunks(most);
    batches
        .map(|batch| {
            let topics = batch.iter().map(|topic| topic.to_text());
            std::iter::once(name.to_owned()).chain(topics).collect()
        })
        .collect()
}

/// What another node tells; nothing when it is this one, or when it cannot be read.
fn topics_of_others(name: &str, text: &str) -> Vec<TopicDigest> {
    let Some((teller, topics)) = text.split_at_checked(NAME_LEN).filter(|(teller, _)| *teller != name) else {
        return Vec::new();
    };
    tracing::trace!(teller, "another node tells of changes");
    let topics = topics.as_bytes().chunks(TopicDigest::TEXT_LEN);
    topics
        .filter_map(|topic| TopicDigest::from_text(std::str::from_utf8(topic).ok()?))
        .collect()
}

fn report(what: &str, error: &StorageError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(cause, "{what}; the sweep of each second does it meanwhile");
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;
    use countersign_protocol::Handle;

    use super::*;

    #[test]
    fn texts_carry_digests_alone_and_fit_into_a_notification() {
        let topics: Vec<TopicDigest> = (0..1_500)
            .map(|number| Topic::Request(Handle::new(format!("secret-{number}"))).digest())
            .collect();
        let (here, there) = (name(&SeededRandom::new(1)), name(&SeededRandom::new(2)));
        let texts = texts(&here, &topics);
        assert_eq!(texts.len(), 4, "many topics in each");
        for text in &texts {
            assert!(text.len() <= PostgresSignals::MAX_LEN);
            assert!(!text.contains("secret"));
            assert!(topics_of_others(&here, text).is_empty(), "who told it need not hear it");
        }
        let heard: Vec<TopicDigest> = texts.iter().flat_map(|text| topics_of_others(&there, text)).collect();
        assert_eq!(heard, topics);
    }

    #[test]
    fn what_is_no_text_of_a_node_is_nothing() {
        for text in [
            "",
            "short",
            "12345678",
            "12345678not a digest at all",
            "123456\u{20ac}",
            "12345678\u{20ac}",
        ] {
            assert!(topics_of_others("name----", text).is_empty(), "{text}");
        }
    }
}
