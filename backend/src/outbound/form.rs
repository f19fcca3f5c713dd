//! Forms to providers of which the operator made us a client.

use std::time::Duration;

use reqwest::header::{self, HeaderValue};
use url::{Url, form_urlencoded};

use super::{
    MOST_AT_ONE_HOST, Outbound, OutboundError, ProviderCallError, answer, check_endpoint,
    document::{is_json, whole},
    outbound_error,
};

/// A call with a form.
pub struct FormCall<'a> {
    /// Where to.
    pub url: &'a Url,
    /// The `Authorization` header, where there is one.
    pub authorization: Option<&'a str>,
    /// The form.
    pub form: &'a [(&'a str, &'a str)],
    /// From the first look-up to the end of the answer.
    pub limit: Duration,
}

/// What the other side said.
pub struct FormAnswer {
    /// HTTP status.
    pub status: u16,
    /// Seconds that it asks to be left alone.
    pub retry_after: Option<u32>,
    /// At most [`super::MAX_DOCUMENT_LEN`] bytes of JSON; nothing where it is something else.
    pub body: Vec<u8>,
}

impl Outbound {
    /// Posts a form and reads the JSON that answers.
    ///
    /// # Errors
    /// When there is no whole answer; the error says whether the call may have been heard.
    pub async fn post_form_to_provider(&self, call: FormCall<'_>) -> Result<FormAnswer, ProviderCallError> {
        let unsent = |error: OutboundError| ProviderCallError::Unsent(error.to_string());
        check_endpoint(call.url, &self.allowed).map_err(|problem| unsent(OutboundError::Forbidden(problem)))?;
        let host = call.url.origin().ascii_serialization();
        let place = self.hosts.take(host, MOST_AT_ONE_HOST);
        let _place = place.ok_or_else(|| unsent(OutboundError::Busy))?;
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(call.form)
            .finish();
        let mut request = self
            .client
            .post(call.url.clone())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .timeout(call.limit)
            .body(body);
        if let Some(Ok(mut value)) = call.authorization.map(HeaderValue::from_str) {
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| {
            let words = outbound_error(&error).to_string();
            if error.is_connect() {
                ProviderCallError::Unsent(words)
            } else {
                ProviderCallError::Unclear(words)
            }
        })?;
        let head = answer(&response);
        let body = if is_json(&response) {
            let whole = whole(response).await;
            whole.map_err(|error| ProviderCallError::Unclear(error.to_string()))?
        } else {
            Vec::new()
        };
        Ok(FormAnswer {
            status: head.status,
            retry_after: head.retry_after,
            body,
        })
    }
}
