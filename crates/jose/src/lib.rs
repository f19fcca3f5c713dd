//! The one façade over the crypto libraries.
