use std::{collections::HashMap, sync::Arc};

use crate::{
    storage::{PersonMark, Storage, StorageError},
    wakes::{Topic, TopicDigest, Wakes},
};

/// Topics that one read asks for at most.
const CHUNK: usize = 1_000;

/// Finds what those who listen on this node were not told: by another node whose signal got lost, or by a command beside the server. The cost is
/// one read of the store for a thousand people, and one for a thousand held polls.
pub(super) struct Missed {
    storage: Arc<dyn Storage>,
    wakes: Arc<Wakes>,
    /// Where the people stood to whom somebody listened at the last look.
    known: HashMap<TopicDigest, PersonMark>,
}

impl Missed {
    pub(super) fn new(storage: Arc<dyn Storage>, wakes: Arc<Wakes>) -> Self {
        Self {
            storage,
            wakes,
            known: HashMap::new(),
        }
    }

    /// Looks once and wakes whoever missed something.
    pub(super) async fn look(&mut self) -> Result<(), StorageError> {
        let (mut people, mut handles) = (Vec::new(), Vec::new());
        for topic in self.wakes.listened() {
            match topic {
                Topic::Person(account) => people.push(account),
                Topic::Request(handle) => handles.push(handle),
                Topic::Keys => {}
            }
        }
        let mut known = HashMap::with_capacity(people.len());
        for chunk in people.chunks(CHUNK) {
            for (account, mark) in self.storage.person_marks(chunk).await? {
                let digest = Topic::Person(account).digest();
                // Somebody who came since the last look may have looked before the change and listened after its signal.
                if self.known.get(&digest) != Some(&mark) {
                    self.wakes.pass_on(digest);
                }
                known.insert(digest, mark);
            }
        }
        self.known = known;
        for chunk in handles.chunks(CHUNK) {
            for handle in self.storage.settled_among(chunk).await? {
                self.wakes.pass_on(Topic::Request(handle).digest());
            }
        }
        Ok(())
    }
}
