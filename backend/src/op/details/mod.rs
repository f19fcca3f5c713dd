//! `authorization_details` (RFC 9396): what a request is for, beyond its scope. Types are the operator's, elements are the client's words, and
//! nobody changes them on the way: the person sees and the token says what the client wrote, digit by digit.

mod asked;
mod granted;
mod schema_value;

pub(super) use granted::{check_narrowing, of_grant};
