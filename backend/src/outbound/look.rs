//! Looking at a provider outside on behalf of the operator: what it answers, with nothing followed and no secret sent.

use reqwest::{Method, StatusCode, header};
use url::Url;

use super::{
    DocumentError, Outbound, OutboundError,
    document::{is_json, whole},
    outbound_error,
};

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// HTTP status.
    pub status: u16,
    /// `Date`, as it was sent.
    pub date: Option<String>,
    /// `Location`, as it was sent.
    pub location: Option<String>,
    /// The body, where it is a JSON document of bounded length and the status is 200.
    pub document: Result<Vec<u8>, DocumentError>,
}

impl Outbound {
    /// Asks for `url` as a browser would, and follows nothing.
    ///
    /// # Errors
    /// When there is no answer within 5 seconds.
    pub async fn look_at(&self, url: &Url) -> Result<Sight, OutboundError> {
        self.look(Method::GET, url).await
    }

    /// Posts an empty JSON object, signed by nobody.
    ///
    /// # Errors
    /// As [`Outbound::look_at`].
    pub async fn knock_at(&self, url: &Url) -> Result<Sight, OutboundError> {
        self.look(Method::POST, url).await
    }

    async fn look(&self, method: Method, url: &Url) -> Result<Sight, OutboundError> {
        let mut request = self.client.request(method.clone(), url.clone());
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/json").body("{}");
        }
        let response = request.send().await.map_err(|error| outbound_error(&error))?;
        let said = |name| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let (status, date, location) = (response.status(), said(header::DATE), said(header::LOCATION));
        let document = if status != StatusCode::OK {
            Err(DocumentError::Status(status.as_u16()))
        } else if is_json(&response) {
            whole(response).await
        } else {
            Err(DocumentError::ContentType)
        };
        Ok(Sight {
            status: status.as_u16(),
            date,
            location,
            document,
        })
    }
}
