//! Authorization details (RFC 9396): the exact text on the wire, the operator's words that travel beside it, and the lines in which both are
//! laid out for a person.
//!
//! A detail is shown and granted as the client wrote it: members in their order, numbers digit by digit. Nobody on the way reads it into
//! numbers of a machine and writes it anew.

mod exact;
mod layout;
mod words;

pub use exact::{ExactError, ExactJson, ExactValue};
pub use layout::{DetailRow, DetailShown, DetailValue, lay_out};
pub use words::{DetailsShown, DetailsWords, MemberLabel};
