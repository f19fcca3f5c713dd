use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Counts what is under way to each host, so that a slow one does not take all places.
#[derive(Default)]
pub(super) struct Hosts(Mutex<HashMap<String, usize>>);

/// A place at a host; free again when dropped.
pub(super) struct Place<'a> {
    hosts: &'a Hosts,
    host: String,
}

impl Hosts {
    /// A place at `host`, when fewer than `most` are taken.
    pub(super) fn take(&self, host: String, most: usize) -> Option<Place<'_>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = taken.entry(host.clone()).or_default();
        if *places >= most {
            return None;
        }
        *places += 1;
        Some(Place { hosts: self, host })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.hosts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = taken.get_mut(&self.host) {
            *places -= 1;
            if *places == 0 {
                taken.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_places_and_no_other_hosts() {
        let hosts = Hosts::default();
        let take = |host: &str| hosts.take(host.to_owned(), 2);
        let (first, second) = (take("slow"), take("slow"));
        assert!(first.is_some() && second.is_some());
        assert!(take("slow").is_none(), "both places are taken");
        assert!(take("quick").is_some(), "another host has its own");
        drop(first);
        let again = take("slow");
        assert!(again.is_some(), "who is done makes room");
        drop((second, again));
        assert!(hosts.0.lock().unwrap().is_empty(), "nothing stays");
    }
}
