//! Authentication context classes (OpenID Connect Core section 2).

use crate::domain::Acr;

/// Class of a sign-in at the provider's own page.
pub const ACR_PASSWORD: &str = "urn:countersign:acr:password";

/// `acr_values_supported`, strongest first.
pub(super) const SUPPORTED: [&str; 3] = [Acr::DEVICE_VERIFIED, Acr::DEVICE, ACR_PASSWORD];
