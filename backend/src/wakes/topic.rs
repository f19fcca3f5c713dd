use countersign_jose::{b64, digest};
use countersign_protocol::Handle;

use crate::domain::AccountKey;

/// What somebody can wait for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Something changed for this person: a request came or was settled, a device was revoked.
    Person(AccountKey),
    /// The embedded provider's request behind this prompt is settled.
    Request(Handle),
    /// Signing keys changed.
    Keys,
}

/// The short name of a [`Topic`]. Two topics with the same one would wake each other's listeners for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicDigest([u8; 12]);

impl TopicDigest {
    /// Length of its text.
    pub const TEXT_LEN: usize = 16;

    /// As text, for signals between nodes: 16 characters of base64url.
    #[must_use]
    pub fn to_text(self) -> String {
        b64::encode(self.0)
    }

    /// Reads what [`TopicDigest::to_text`] wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        b64::decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl Topic {
    /// Its short name.
    #[must_use]
    pub fn digest(&self) -> TopicDigest {
        let whole = match self {
            Self::Person(account) => digest::sha256(format!("person\0{}\0{}", account.iss, account.sub)),
            Self::Request(handle) => digest::sha256(format!("request\0{handle}")),
            Self::Keys => digest::sha256("keys"),
        };
        let mut short = [0; 12];
        for (to, from) in short.iter_mut().zip(whole) {
            *to = from;
        }
        TopicDigest(short)
    }

    /// Who may listen at once, at most.
    pub(super) fn max_listeners(&self) -> usize {
        match self {
            Self::Person(_) => 8,
            // One poll at a time, and those whose end was not noticed yet.
            Self::Request(_) => 4,
            Self::Keys => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_its_text_and_tells_topics_apart() {
        let person = |iss: &str, sub: &str| {
            Topic::Person(AccountKey {
                iss: iss.to_owned(),
                sub: sub.into(),
            })
        };
        let topics = [
            person("https://id.example", "anna"),
            person("https://id.example", "ben"),
            person("https://other.example", "anna"),
            Topic::Request(Handle::new("anna")),
            Topic::Keys,
        ];
        for (at, topic) in topics.iter().enumerate() {
            let text = topic.digest().to_text();
            assert_eq!(text.len(), TopicDigest::TEXT_LEN);
            assert_eq!(TopicDigest::from_text(&text), Some(topic.digest()));
            for other in topics.iter().skip(at + 1) {
                assert_ne!(topic.digest(), other.digest(), "{topic:?} {other:?}");
            }
        }
        assert_eq!(TopicDigest::from_text("short"), None);
    }
}
