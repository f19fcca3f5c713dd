//! Telling a client that its request has a result (CIBA Core section 10.2), which it fetches.
//!
//! The client is called even when it has already fetched the result by polling: CIBA Core promises the call, and who polls and waits for it
//! would wait in vain.

use countersign_protocol::AuthReqId;
use serde::Serialize;

/// The body of a ping.
#[derive(Serialize)]
pub(super) struct Ping<'a> {
    pub(super) auth_req_id: &'a AuthReqId,
}
