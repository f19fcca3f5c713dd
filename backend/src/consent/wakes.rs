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
    people: Mutex<HashMap<AccountKey, watch::Sender<()>>>,
}

/// A place to listen; leaving gives it back.
pub struct Subscription {
    wakes: Arc<Wakes>,
    account: AccountKey,
    signal: Option<watch::Receiver<()>>,
}

impl Wakes {
    /// A hub to which nobody listens yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Signals a change for `account`. Call it after the commit.
    pub fn notify(&self, account: &AccountKey) {
        if let Some(signal) = self.people().get(account) {
            signal.send_replace(());
        }
    }

    /// Listens for `account`. None when as many listen as may.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, account: &AccountKey) -> Option<Subscription> {
        let mut people = self.people();
        let sender = people.entry(account.clone()).or_insert_with(|| watch::Sender::new(()));
        if sender.receiver_count() >= MAX_LISTENERS {
            return None;
        }
        let signal = sender.subscribe();
        Some(Subscription {
            wakes: self.clone(),
            account: account.clone(),
            signal: Some(signal),
        })
    }

    fn people(&self) -> MutexGuard<'_, HashMap<AccountKey, watch::Sender<()>>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// Returns when something changed since the last return, at once when it already has.
    pub async fn changed(&mut self) {
        if let Some(signal) = &mut self.signal
            && signal.changed().await.is_err()
        {
            // The sender lives as long as its listeners; without one nothing can change.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut people = self.wakes.people();
        self.signal = None;
        if people
            .get(&self.account)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            people.remove(&self.account);
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
        timeout(Duration::from_secs(5), anna.changed()).await.unwrap();
        let silent = timeout(Duration::from_millis(20), ben.changed()).await;
        assert!(silent.is_err(), "V-045: nobody hears of another person");
        let once = timeout(Duration::from_millis(20), anna.changed()).await;
        assert!(once.is_err(), "two signals before one look are one change");
    }

    #[test]
    fn listeners_are_counted_and_nothing_stays_when_they_leave() {
        let wakes = Wakes::new();
        let mut listeners: Vec<_> = (0..MAX_LISTENERS)
            .map(|_| wakes.subscribe(&account("anna")).unwrap())
            .collect();
        assert!(wakes.subscribe(&account("anna")).is_none(), "V-045: a cap per person");
        listeners.pop();
        assert!(wakes.subscribe(&account("anna")).is_some(), "who leaves makes room");
        listeners.clear();
        assert!(wakes.people().is_empty(), "memory is bounded by who listens");
        wakes.notify(&account("anna"));
        assert!(wakes.people().is_empty());
    }
}
