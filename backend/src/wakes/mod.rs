//! Who waits for a change, and who says that there was one.
//!
//! Level-triggered: a signal says that something changed, not what, and one that comes while nobody looks is not lost to who looks later.
//! Signals may get lost between nodes; who listens is told by a sweep then. It knows no store and no network.

mod topic;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

pub use topic::{Topic, TopicDigest};

/// Topics that wait to be told to other nodes, at most. What is beyond it is left to their sweeps.
const MAX_OUTGOING: usize = 20_000;

/// Tells those who listen on this node that a topic changed. Nothing is kept of topics to which nobody listens.
#[derive(Default)]
pub struct Wakes {
    state: Mutex<State>,
    /// Something waits to be told to other nodes.
    noted: Notify,
}

#[derive(Default)]
struct State {
    heard: HashMap<TopicDigest, Listened>,
    /// What other nodes are to be told; none when there are no others.
    outgoing: Option<HashSet<TopicDigest>>,
    closed: bool,
}

struct Listened {
    topic: Topic,
    signal: watch::Sender<()>,
}

/// A place to listen; leaving gives it back.
pub struct Subscription {
    wakes: Arc<Wakes>,
    digest: TopicDigest,
    signal: Option<watch::Receiver<()>>,
}

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Something changed, or may have.
    Changed,
    /// The server stops.
    Closed,
}

/// Why nobody more may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// As many listen to this topic as may.
    Full,
    /// The server stops.
    Closed,
}

impl Wakes {
    /// A hub to which nobody listens yet, of the only node.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A hub of one node among several: what is said here waits in [`Wakes::outgoing`] to be told to the others.
    #[must_use]
    pub fn among_nodes() -> Arc<Self> {
        let wakes = Self::default();
        wakes.state().outgoing = Some(HashSet::new());
        Arc::new(wakes)
    }

    /// Says that `topic` changed. Call it after the commit.
    pub fn notify(&self, topic: &Topic) {
        let digest = topic.digest();
        let mut state = self.state();
        state.wake(digest);
        if let Some(outgoing) = &mut state.outgoing
            && outgoing.len() < MAX_OUTGOING
            && outgoing.insert(digest)
        {
            self.noted.notify_one();
        }
    }

    /// Passes on what another node or a sweep says.
    pub fn pass_on(&self, digest: TopicDigest) {
        self.state().wake(digest);
    }

    /// Lets everybody look, because signals may have been lost.
    pub fn wake_all(&self) {
        for listened in self.state().heard.values() {
            listened.signal.send_replace(());
        }
    }

    /// What other nodes are to be told: waits until there is something and takes all of it. Never returns on the only node.
    pub async fn outgoing(&self) -> Vec<TopicDigest> {
        loop {
            let taken: Vec<TopicDigest> = match &mut self.state().outgoing {
                Some(outgoing) => outgoing.drain().collect(),
                None => Vec::new(),
            };
            if !taken.is_empty() {
                return taken;
            }
            self.noted.notified().await;
        }
    }

    /// The topics to which somebody listens on this node.
    #[must_use]
    pub fn listened(&self) -> Vec<Topic> {
        let state = self.state();
        state.heard.values().map(|listened| listened.topic.clone()).collect()
    }

    /// Tells all listeners to leave, so that a server that stops does not wait for them.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.heard.clear();
    }

    /// Listens to `topic`.
    ///
    /// # Errors
    /// When as many listen as may, or the server stops.
    pub fn subscribe(self: &Arc<Self>, topic: Topic) -> Result<Subscription, NotNow> {
        let digest = topic.digest();
        let max_listeners = topic.max_listeners();
        let mut state = self.state();
        if state.closed {
            return Err(NotNow::Closed);
        }
        let listened = state.heard.entry(digest).or_insert_with(|| Listened {
            topic,
            signal: watch::Sender::new(()),
        });
        if listened.signal.receiver_count() >= max_listeners {
            return Err(NotNow::Full);
        }
        let signal = listened.signal.subscribe();
        Ok(Subscription {
            wakes: self.clone(),
            digest,
            signal: Some(signal),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&self, digest: TopicDigest) {
        if let Some(listened) = self.heard.get(&digest) {
            listened.signal.send_replace(());
        }
    }
}

impl Subscription {
    /// Returns when something changed since the last return, at once when it already has.
    pub async fn heard(&mut self) -> Heard {
        let Some(signal) = &mut self.signal else {
            return Heard::Closed;
        };
        // The sender lives as long as its listeners, unless everything was closed.
        signal.changed().await.map_or(Heard::Closed, |()| Heard::Changed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.wakes.state();
        self.signal = None;
        let listened = state.heard.get(&self.digest);
        if listened.is_some_and(|listened| listened.signal.receiver_count() == 0) {
            state.heard.remove(&self.digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_protocol::Handle;
    use tokio::time::timeout;

    use super::*;
    use crate::domain::AccountKey;

    fn person(sub: &str) -> Topic {
        Topic::Person(AccountKey {
            iss: "https://id.example".to_owned(),
            sub: sub.into(),
        })
    }

    async fn is_silent(listener: &mut Subscription) -> bool {
        timeout(Duration::from_millis(20), listener.heard()).await.is_err()
    }

    #[tokio::test]
    async fn a_signal_reaches_its_topic_even_when_it_came_before_the_look() {
        let wakes = Wakes::new();
        let mut anna = wakes.subscribe(person("anna")).unwrap();
        let mut ben = wakes.subscribe(person("ben")).unwrap();
        wakes.notify(&person("anna"));
        wakes.notify(&person("anna"));
        timeout(Duration::from_secs(5), anna.heard()).await.unwrap();
        assert!(is_silent(&mut ben).await, "V-045: nobody hears of another person");
        assert!(is_silent(&mut anna).await, "two signals before one look are one change");
        wakes.pass_on(person("ben").digest());
        timeout(Duration::from_secs(5), ben.heard()).await.unwrap();
        wakes.wake_all();
        timeout(Duration::from_secs(5), anna.heard()).await.unwrap();
        timeout(Duration::from_secs(5), ben.heard()).await.unwrap();
    }

    #[test]
    fn listeners_are_counted_and_nothing_stays_when_they_leave() {
        let wakes = Wakes::new();
        for (topic, most) in [(person("anna"), 8), (Topic::Request(Handle::new("h")), 4)] {
            let mut listeners: Vec<_> = (0..most).map(|_| wakes.subscribe(topic.clone()).unwrap()).collect();
            let more = wakes.subscribe(topic.clone()).err();
            assert_eq!(more, Some(NotNow::Full), "V-045: a cap per person and request");
            listeners.pop();
            assert!(wakes.subscribe(topic.clone()).is_ok(), "who leaves makes room");
            assert_eq!(wakes.listened(), std::slice::from_ref(&topic));
            listeners.clear();
            assert!(wakes.listened().is_empty(), "memory is bounded by who listens");
            wakes.notify(&topic);
            assert!(wakes.listened().is_empty());
        }
    }

    #[tokio::test]
    async fn closing_sends_everybody_away() {
        let wakes = Wakes::new();
        let mut anna = wakes.subscribe(person("anna")).unwrap();
        wakes.close();
        let heard = timeout(Duration::from_secs(5), anna.heard()).await.unwrap();
        assert_eq!(heard, Heard::Closed);
        assert_eq!(wakes.subscribe(person("anna")).err(), Some(NotNow::Closed));
    }

    #[tokio::test]
    async fn other_nodes_are_told_once_what_was_said_here_and_nothing_that_they_said() {
        let wakes = Wakes::among_nodes();
        wakes.pass_on(person("ben").digest());
        wakes.notify(&person("anna"));
        wakes.notify(&person("anna"));
        wakes.notify(&Topic::Keys);
        let told = timeout(Duration::from_secs(5), wakes.outgoing()).await.unwrap();
        let told: HashSet<_> = told.into_iter().collect();
        assert_eq!(told, [person("anna").digest(), Topic::Keys.digest()].into());
        let more = timeout(Duration::from_millis(20), wakes.outgoing()).await;
        assert!(more.is_err(), "what was taken is not told again");
        let alone = Wakes::new();
        alone.notify(&Topic::Keys);
        assert!(alone.state().outgoing.is_none(), "the only node collects nothing");
    }

    #[test]
    fn what_waits_for_other_nodes_is_bounded() {
        let wakes = Wakes::among_nodes();
        for number in 0..=MAX_OUTGOING {
            wakes.notify(&Topic::Request(Handle::new(number.to_string())));
        }
        let waiting = wakes.state().outgoing.as_ref().map(HashSet::len);
        assert_eq!(
            waiting,
            Some(MAX_OUTGOING),
            "a database that is away costs bounded memory"
        );
    }
}
