//! `x-fapi-interaction-id` (FAPI 1.0 part 1 section 6.2.1): the name of one call to a resource, the client's or one that we make, so that both
//! sides can find it in their logs.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, HeaderValue, Request},
    middleware::Next,
    response::Response,
};

use crate::op::Provider;

const INTERACTION_ID: HeaderName = HeaderName::from_static("x-fapi-interaction-id");
/// A UUID has 36; whoever uses another kind of id is understood as well.
const MAX_LEN: usize = 128;

/// Sends the id back that came in, or a new one.
pub(super) async fn named(State(provider): State<Arc<Provider>>, request: Request<Body>, next: Next) -> Response {
    let mut came = request.headers().get_all(&INTERACTION_ID).iter();
    let good = |value: &&HeaderValue| {
        (1..=MAX_LEN).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let id = match (came.next().filter(good), came.next()) {
        (Some(id), None) => Some(id.clone()),
        _ => HeaderValue::try_from(provider.interaction_id()).ok(),
    };
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(INTERACTION_ID, id);
    }
    response
}
