use crate::consent::{Arrived, PendingList, Settled};

/// One event of the device's stream (server-sent events, HTML Living Standard section 9.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// Replaces everything the device knew to be pending.
    Sync(PendingList),
    /// A new request.
    Request(Arrived),
    /// A request reached its final state.
    Settled(Settled),
    /// This device is revoked.
    Removed,
}

impl StreamEvent {
    /// The event's name, the `event` field on the wire.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sync(_) => "sync",
            Self::Request(_) => "request",
            Self::Settled(_) => "settled",
            Self::Removed => "removed",
        }
    }

    /// The event's `data` field.
    ///
    /// # Errors
    /// When a member cannot be written as JSON.
    pub fn data(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Sync(list) => serde_json::to_string(list),
            Self::Request(arrived) => serde_json::to_string(arrived),
            Self::Settled(settled) => serde_json::to_string(settled),
            Self::Removed => Ok("{}".to_owned()),
        }
    }

    /// Reads an event. `None` is an event of a later version, which a device ignores.
    ///
    /// # Errors
    /// When the data is not what the name promises.
    pub fn parse(name: &str, data: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match name {
            "sync" => Self::Sync(serde_json::from_str(data)?),
            "request" => Self::Request(serde_json::from_str(data)?),
            "settled" => Self::Settled(serde_json::from_str(data)?),
            "removed" => Self::Removed,
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_the_wire_and_an_unknown_one_is_ignored() {
        let event = StreamEvent::Sync(PendingList {
            server_time: 1,
            requests: Vec::new(),
        });
        let read = StreamEvent::parse(event.name(), &event.data().unwrap()).unwrap();
        assert_eq!(read, Some(event));
        assert_eq!(
            StreamEvent::parse("confetti", "{}").unwrap(),
            None,
            "a later version may add events"
        );
        assert!(
            StreamEvent::parse("request", "{}").is_err(),
            "a request without members is refused"
        );
    }
}
