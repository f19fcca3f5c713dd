//! Reading a document that a client publishes, such as its keys. Nothing goes out with the question but the address.

use reqwest::{Response, StatusCode, header};
use url::Url;

use super::{MOST_AT_ONE_HOST, Outbound, OutboundError, check_endpoint, outbound_error};

/// Greatest length of a document, bytes.
pub const MAX_DOCUMENT_LEN: usize = 64 * 1024;

/// A JSON document, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// At most [`MAX_DOCUMENT_LEN`] bytes.
    pub body: Vec<u8>,
    /// Seconds for which it may be kept, where its host says so (RFC 9111 section 5.2.2); 0 where it may not.
    pub max_age: Option<u32>,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// There is no answer.
    #[error(transparent)]
    Call(#[from] OutboundError),
    /// The answer is not 200. Redirects are among these: they are not followed.
    #[error("answered {0}")]
    Status(u16),
    /// The answer does not say that it is JSON.
    #[error("its content type is not JSON")]
    ContentType,
    /// It is longer than [`MAX_DOCUMENT_LEN`].
    #[error("it is longer than 64 KiB")]
    TooLong,
}

impl Outbound {
    /// Fetches a JSON document.
    ///
    /// # Errors
    /// When the address must not be called, its host is busy, or what comes within 5 seconds is not a JSON document of bounded length.
    pub async fn get_json(&self, url: &Url) -> Result<Document, DocumentError> {
        check_endpoint(url, &self.allowed).map_err(OutboundError::Forbidden)?;
        let host = url.origin().ascii_serialization();
        let place = self.hosts.take(host, MOST_AT_ONE_HOST);
        let _place = place.ok_or(OutboundError::Busy)?;
        let request = self
            .client
            .get(url.clone())
            .header(header::ACCEPT, "application/json, application/jwk-set+json");
        let response = request.send().await.map_err(|error| outbound_error(&error))?;
        if response.status() != StatusCode::OK {
            return Err(DocumentError::Status(response.status().as_u16()));
        }
        if !is_json(&response) {
            return Err(DocumentError::ContentType);
        }
        let max_age = max_age(&response);
        let body = whole(response).await?;
        Ok(Document { body, max_age })
    }
}

/// The body, as long as it is not too long; the time for it is that of the whole call.
pub(super) async fn whole(mut response: Response) -> Result<Vec<u8>, DocumentError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| outbound_error(&error))? {
        if body.len() + chunk.len() > MAX_DOCUMENT_LEN {
            return Err(DocumentError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(super) fn is_json(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let said = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/jwk-set+json"]
        .iter()
        .any(|json| essence.eq_ignore_ascii_case(json))
}

fn max_age(response: &Response) -> Option<u32> {
    let said = response.headers().get_all(header::CACHE_CONTROL).iter();
    let directives = said
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    directives.filter_map(|directive| seconds(directive.trim())).min()
}

/// What one directive allows; none when it says nothing about time. What is too large for a number is as good as for ever.
fn seconds(directive: &str) -> Option<u32> {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
        return Some(0);
    }
    let digits = value.trim_matches('"');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (name.eq_ignore_ascii_case("max-age") && is_number).then(|| digits.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_says_for_how_long() {
        for (directive, allowed) in [
            ("max-age=300", Some(300)),
            ("Max-Age=\"300\"", Some(300)),
            ("max-age=99999999999999999999", Some(u32::MAX)),
            ("no-store", Some(0)),
            ("NO-CACHE", Some(0)),
            ("no-cache=\"set-cookie\"", Some(0)),
            ("max-age", None),
            ("max-age=", None),
            ("max-age=-1", None),
            ("max-age=1.5", None),
            ("s-maxage=300", None),
            ("public", None),
            ("", None),
        ] {
            assert_eq!(seconds(directive), allowed, "{directive}");
        }
    }
}
