//! What is on the wire and nothing else.
