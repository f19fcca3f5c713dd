use countersign_jose::digest;
use countersign_protocol::{AuthReqId, Handle};

/// The handle of a request: the device learns it, and nobody gets from it to the `auth_req_id`.
#[must_use]
pub fn handle_of(auth_req_id: &AuthReqId) -> Handle {
    Handle::new(digest::sha256_b64(format!(
        "countersign-prompt{}",
        auth_req_id.expose()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_the_digest_of_a_prefix_and_the_id() {
        let handle = handle_of(&AuthReqId::new("abc"));
        assert_eq!(handle.as_str(), digest::sha256_b64("countersign-promptabc"));
        assert_eq!(handle.as_str().len(), 43);
    }
}
