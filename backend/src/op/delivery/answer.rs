use countersign_clock::Millis;

use crate::outbound::{Answer, OutboundError};

/// How a call to a client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It knows.
    Delivered,
    /// It could not be told now.
    Retry {
        /// Milliseconds that it asked to be left alone.
        after: Option<Millis>,
        /// What went wrong.
        error: String,
    },
    /// It was not called at all, because it is being called a lot.
    Busy,
    /// It will not be told: an answer that means no, or an endpoint that must not be called.
    Refused {
        /// What went wrong.
        error: String,
    },
}

impl Told {
    pub(super) fn refused(error: impl Into<String>) -> Self {
        Self::Refused { error: error.into() }
    }

    pub(super) fn retry(error: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            error: error.into(),
        }
    }
}

/// What came of a call.
pub(super) fn heard(answer: Result<Answer, OutboundError>) -> Told {
    match answer {
        Ok(answer) => answered(answer.status, answer.retry_after),
        Err(OutboundError::Busy) => Told::Busy,
        Err(error @ OutboundError::Forbidden(_)) => Told::refused(error.to_string()),
        Err(error @ (OutboundError::TimedOut | OutboundError::Unreachable(_))) => Told::retry(error.to_string()),
    }
}

/// Every 2xx is a success; a redirect is not followed; only what is likely to pass is tried again (CIBA Core section 10.2 leaves it to us).
fn answered(status: u16, retry_after: Option<u32>) -> Told {
    let error = format!("answered {status}");
    match status {
        200..300 => Told::Delivered,
        429 | 500.. => Told::Retry {
            after: retry_after.map(|seconds| Millis::from(seconds) * 1000),
            error,
        },
        _ => Told::Refused { error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status, None), Told::Delivered, "R-153: {status}");
        }
        for status in [429, 500, 502, 503, 504, 599] {
            assert!(
                matches!(answered(status, None), Told::Retry { after: None, .. }),
                "R-154: {status}"
            );
        }
        for status in [301, 302, 303, 304, 307, 308] {
            assert!(
                matches!(answered(status, None), Told::Refused { .. }),
                "R-152, R-154: {status}"
            );
        }
        for status in [400, 401, 403, 404, 408, 410, 422, 499] {
            assert!(
                matches!(answered(status, None), Told::Refused { .. }),
                "R-154: {status}"
            );
        }
        let asked = Told::Retry {
            after: Some(7000),
            error: "answered 503".to_owned(),
        };
        assert_eq!(answered(503, Some(7)), asked);
    }
}
