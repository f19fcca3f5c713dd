//! Server-sent events as they come in (HTML Living Standard section 9.2.6), bounded in size.

use thiserror::Error;

/// The longest line and the longest event: a `sync` with many requests is long, a gigabyte is an attack.
const MAX_PENDING: usize = 4 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

/// The stream is longer or stranger than an event stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("read an event of this size")]
pub(crate) struct TooLong;

/// Makes events out of bytes, however they are cut.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_return: bool,
}

impl Parser {
    /// Takes bytes in and gives the events that are complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' => complete.extend(self.end_of_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.event.data.len() > MAX_PENDING {
                return Err(TooLong);
            }
        }
        Ok(complete)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field.trim_start_matches('\u{feff}') {
            "event" => value.clone_into(&mut self.event.name),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // A comment, `retry`, or a field of a later version.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\r\n\r\nid: 7\nevent: sync\ndata: {\"a\":\ndata:  1}\n\nretry: 3\n: beat\n\nevent: removed\rdata: {}\r\r";

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let whole = Parser::default().feed(STREAM.as_bytes()).unwrap();
        assert_eq!(whole.len(), 2, "comments and retry are no events");
        assert_eq!(whole[0].id.as_deref(), Some("7"));
        assert_eq!(
            (whole[0].name.as_str(), whole[0].data.as_str()),
            ("sync", "{\"a\":\n 1}")
        );
        assert_eq!((whole[1].name.as_str(), whole[1].data.as_str()), ("removed", "{}"));
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let cut: Vec<Event> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|bytes| parser.feed(bytes).unwrap())
                .collect();
            assert_eq!(cut, whole, "cut every {size} bytes");
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 64 * 1024];
        assert!(
            (0..100).any(|_| parser.feed(&chunk).is_err()),
            "S-034: memory is bounded"
        );
    }
}
