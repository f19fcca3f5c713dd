//! Forms on their way in: content type, size, encoding.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, Request, StatusCode, header, request::Parts},
};

use crate::op::{CertificateIssuers, ClientCertificate, ClientRequest, Endpoint, Params, Refusal};

/// The largest form, bytes.
const MAX_LEN: usize = 64 * 1024;
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// A form that cannot be read, with the status that says so.
pub(super) struct Unreadable {
    pub(super) status: StatusCode,
    pub(super) refusal: Refusal,
}

impl From<Refusal> for Unreadable {
    fn from(refusal: Refusal) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            refusal,
        }
    }
}

/// A form, with what came beside it.
pub(super) struct Form {
    pub(super) headers: HeaderMap,
    pub(super) params: Params,
    certificate: Option<ClientCertificate>,
    issuers: Option<CertificateIssuers>,
}

impl Form {
    /// The same, as the request of a client to `endpoint`.
    pub(super) fn as_client(&self, endpoint: Endpoint) -> ClientRequest<'_> {
        ClientRequest {
            endpoint,
            authorization: only(&self.headers, &header::AUTHORIZATION),
            params: &self.params,
            certificate: self.certificate.as_ref(),
            issuers: self.issuers.as_ref(),
            dpop: dpop(&self.headers),
        }
    }
}

/// Reads the form in the body of `request`.
pub(super) async fn read(request: Request<Body>) -> Result<Form, Unreadable> {
    let (parts, body) = request.into_parts();
    if !is_form(&parts.headers) {
        let refusal = Refusal::invalid_request("the content type is not application/x-www-form-urlencoded in UTF-8");
        return Err(refusal.into());
    }
    read_parts(parts, body, Params::parse).await
}

/// Reads the body of `request`, whatever its type, with `params`.
pub(super) async fn read_as(
    request: Request<Body>,
    params: impl FnOnce(&[u8]) -> Result<Params, Refusal>,
) -> Result<Form, Unreadable> {
    let (parts, body) = request.into_parts();
    read_parts(parts, body, params).await
}

async fn read_parts(
    parts: Parts,
    body: Body,
    params: impl FnOnce(&[u8]) -> Result<Params, Refusal>,
) -> Result<Form, Unreadable> {
    let too_large = |_| Unreadable {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        refusal: Refusal::invalid_request("the request is larger than 64 KiB"),
    };
    let bytes = axum::body::to_bytes(body, MAX_LEN).await.map_err(too_large)?;
    Ok(Form {
        certificate: parts.extensions.get().cloned(),
        issuers: parts.extensions.get().cloned(),
        headers: parts.headers,
        params: params(&bytes)?,
    })
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let form = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let utf8 = parts
        .filter(|part| !part.is_empty())
        .all(|part| match part.split_once('=') {
            Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
                charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        });
    form && utf8
}

/// The `Authorization` header, as it came, see [`only`].
pub(super) fn authorization(headers: &HeaderMap) -> Option<&str> {
    only(headers, &header::AUTHORIZATION)
}

/// The `DPoP` header, as it came, see [`only`].
pub(super) fn dpop(headers: &HeaderMap) -> Option<&str> {
    only(headers, &DPOP)
}

/// A header that is there once. One that is not text or is there twice is no credential: it reads as an empty one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some("");
    }
    Some(first.to_str().unwrap_or_default())
}
