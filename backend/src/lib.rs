//! The consent backend with its embedded OpenID Provider.
