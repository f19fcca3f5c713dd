use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::domain::AccountKey;

/// Listeners of one person at most.
const MAX_LISTENERS: usize = 8;

/// Tells those who listen that something changed for a person. Level-triggered: it says that, not what, and a signal that comes while nobody
/// looks is not lost to who looks later. Nothing is kept for people to whom nobody listens.
#[derive(Default)]
pub struct Wakes {
    people: Mutex<People>,
}

#[derive(Default)]
struct People {
    signals: HashMap<AccountKey, watch::Sender<()>>,
    closed: bool,
}

/// A place to listen; leaving gives it back.
pub struct Subscription {
    wakes: Arc<Wakes>,
    account: AccountKey,
    signal: Option<watch::Receiver<()>>,
}

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Something changed.
    Changed,
    /// The server stops.
    Closed,
}

/// Why nobody more may listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotNow {
    /// As many listen for this person as may.
    Full,
    /// The server stops.
    Closed,
}

impl Wakes {
    /// A hub to which nobody listens yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Signals a change for `account`. Call it after the commit.
    pub fn notify(&self, account: &AccountKey) {
        if let Some(signal) = self.people().signals.get(account) {
            signal.send_replace(());
        }
    }

    /// Tells all listeners to leave, so that a server that stops does not wait for them.
    pub fn close(&self) {
        let mut people = self.people();
        people.closed = true;
        people.signals.clear();
    }

    /// Listens for `account`.
    ///
    /// # Errors
    /// When as many listen as may, or the server stops.
    pub fn subscribe(self: &Arc<Self>, account: &AccountKey) -> Result<Subscription, NotNow> {
        let mut people = self.people();
        if people.closed {
            return Err(NotNow::Closed);
        }
        let signals = &mut people.signals;
        let sender = signals.entry(account.clone()).or_insert_with(|| watch::Sender::new(()));
        if sender.receiver_count() >= MAX_LISTENERS {
            return Err(NotNow::Full);
        }
        let signal = sender.subscribe();
        Ok(Subscription {
            wakes: self.clone(),
            account: account.clone(),
            signal: Some(signal),
        })
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut people = self.wakes.people();
        self.signal = None;
        let sender = people.signals.get(&self.account);
        if sender.is_some_and(|sender| sender.receiver_count() == 0) {
            people.signals.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn account(sub: &str) -> AccountKey {
        AccountKey {
            iss: "https://id.example".to_owned(),
            sub: sub.into(),
        }
    }

    #[tokio::test]
    async fn a_signal_reaches_its_person_even_when_it_came_before_the_look() {
        let wakes = Wakes::new();
        let mut anna = wakes.subscribe(&account("anna")).unwrap();
        let mut ben = wakes.subscribe(&account("ben")).unwrap();
        wakes.notify(&account("anna"));
        wakes.notify(&account("anna"));
        timeout(Duration::from_secs(5), anna.heard()).await.unwrap();
        let silent = timeout(Duration::from_millis(20), ben.heard()).await;
        assert!(silent.is_err(), "V-045: nobody hears of another person");
        let once = timeout(Duration::from_millis(20), anna.heard()).await;
        assert!(once.is_err(), "two signals before one look are one change");
    }

    #[test]
    fn listeners_are_counted_and_nothing_stays_when_they_leave() {
        let wakes = Wakes::new();
        let mut listeners: Vec<_> = (0..MAX_LISTENERS)
            .map(|_| wakes.subscribe(&account("anna")).unwrap())
            .collect();
        assert!(wakes.subscribe(&account("anna")).is_err(), "V-045: a cap per person");
        listeners.pop();
        assert!(wakes.subscribe(&account("anna")).is_ok(), "who leaves makes room");
        listeners.clear();
        assert!(wakes.people().signals.is_empty(), "memory is bounded by who listens");
        wakes.notify(&account("anna"));
        assert!(wakes.people().signals.is_empty());
    }
    #[tokio::test]
    async fn closing_sends_everybody_away() {
        let wakes = Wakes::new();
        let mut anna = wakes.subscribe(&account("anna")).unwrap();
        wakes.close();
        let heard = timeout(Duration::from_secs(5), anna.heard()).await.unwrap();
        assert_eq!(heard, Heard::Closed);
        assert_eq!(wakes.subscribe(&account("anna")).err(), Some(NotNow::Closed));
    }
}
