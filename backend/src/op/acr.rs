//! Authentication context classes (OpenID Connect Core section 2).

use crate::domain::Acr;

/// Class of a sign-in at the provider's own page.
pub const ACR_PASSWORD: &str = "urn:countersign:acr:password";

/// `acr_values_supported`, strongest first.
pub(super) const SUPPORTED: [&str; 3] = [Acr::DEVICE_VERIFIED, Acr::DEVICE, ACR_PASSWORD];

/// The classes that there are here; a stronger one meets a weaker one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// A password, at the sign-in page.
    Password,
    /// The person holds a registered device.
    Device,
    /// And was verified on it.
    DeviceVerified,
}

impl Class {
    /// The class called `acr`; none when there is no such class here.
    pub(super) fn named(acr: &str) -> Option<Self> {
        match acr {
            ACR_PASSWORD => Some(Self::Password),
            Acr::DEVICE => Some(Self::Device),
            Acr::DEVICE_VERIFIED => Some(Self::DeviceVerified),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_offered_strongest_first() {
        let classes: Vec<Class> = SUPPORTED.iter().filter_map(|acr| Class::named(acr)).collect();
        assert_eq!(classes, [Class::DeviceVerified, Class::Device, Class::Password]);
        assert!(classes.is_sorted_by(|stronger, weaker| stronger > weaker), "R-204");
        assert_eq!(Class::named("urn:example:gold"), None);
    }
}
