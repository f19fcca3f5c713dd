//! The one name of a certificate by which a client is known (RFC 8705 section 2.1.2).

use std::net::IpAddr;

use x509_parser::{extensions::GeneralName, prelude::X509Certificate};

use super::distinguished_name::DistinguishedName;
use crate::domain::CertificateSubject;

const MAX_LEN: usize = 1024;

/// Whether certificates can have this name, so that a client can be registered with it.
#[must_use]
pub fn is_certificate_subject(subject: &CertificateSubject) -> bool {
    let (CertificateSubject::SubjectDn(text)
    | CertificateSubject::SanDns(text)
    | CertificateSubject::SanUri(text)
    | CertificateSubject::SanIp(text)
    | CertificateSubject::SanEmail(text)) = subject;
    let readable = match subject {
        CertificateSubject::SubjectDn(name) => DistinguishedName::parse(name).is_some(),
        CertificateSubject::SanDns(name) => name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
        CertificateSubject::SanUri(uri) => url::Url::parse(uri).is_ok() && uri.bytes().all(|b| b.is_ascii_graphic()),
        CertificateSubject::SanIp(ip) => ip.parse::<IpAddr>().is_ok(),
        CertificateSubject::SanEmail(address) => {
            let parts = address.split_once('@');
            parts.is_some_and(|(who, place)| !who.is_empty() && !place.is_empty() && !place.contains('@'))
                && address.bytes().all(|b| b.is_ascii_graphic())
        }
    };
    readable && !text.is_empty() && text.len() <= MAX_LEN
}

/// Whether `certificate` has the name. A wildcard is a name like any other here: it stands for nobody else.
pub(super) fn is_name_in(subject: &CertificateSubject, certificate: &X509Certificate<'_>) -> bool {
    let alternative = |is: &dyn Fn(&GeneralName<'_>) -> bool| {
        let names = certificate.subject_alternative_name().ok().flatten();
        names.is_some_and(|names| names.value.general_names.iter().any(is))
    };
    match subject {
        CertificateSubject::SubjectDn(name) => {
            DistinguishedName::parse(name).is_some_and(|name| name.is(certificate.subject()))
        }
        CertificateSubject::SanDns(expected) => {
            alternative(&|name| matches!(name, GeneralName::DNSName(dns) if dns.eq_ignore_ascii_case(expected)))
        }
        CertificateSubject::SanUri(expected) => {
            alternative(&|name| matches!(name, GeneralName::URI(uri) if uri == expected))
        }
        CertificateSubject::SanIp(expected) => {
            let expected = match expected.parse() {
                Ok(IpAddr::V4(ip)) => ip.octets().to_vec(),
                Ok(IpAddr::V6(ip)) => ip.octets().to_vec(),
                Err(_) => return false,
            };
            alternative(&|name| matches!(name, GeneralName::IPAddress(ip) if *ip == expected))
        }
        CertificateSubject::SanEmail(expected) => {
            alternative(&|name| matches!(name, GeneralName::RFC822Name(address) if is_same_mailbox(address, expected)))
        }
    }
}

/// Host names ignore case, what stands before them need not (RFC 5280 section 7.5).
fn is_same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((who, place)), Some((other_who, other_place))) => {
            who == other_who && place.eq_ignore_ascii_case(other_place)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use CertificateSubject::{SanDns, SanEmail, SanIp, SanUri, SubjectDn};
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};
    use x509_parser::prelude::FromDer as _;

    use super::*;

    #[test]
    fn a_client_is_known_by_one_whole_name() {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Shop, Inc.");
        params.distinguished_name.push(DnType::CommonName, "client one");
        params.subject_alt_names = vec![
            SanType::DnsName("client.shop.example".try_into().unwrap()),
            SanType::DnsName("*.wild.example".try_into().unwrap()),
            SanType::URI("https://shop.example/client".try_into().unwrap()),
            SanType::IpAddress([192, 0, 2, 1].into()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::Rfc822Name("Client@Shop.example".try_into().unwrap()),
        ];
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, certificate) = X509Certificate::from_der(made.der()).unwrap();
        for (subject, text, good) in [
            (SubjectDn as fn(String) -> _, r"CN=client one,O=Shop\, Inc.,C=DE", true),
            (SubjectDn, "CN=client one,O=Other,C=DE", false),
            (SubjectDn, "CN=client one", false),
            (SanDns, "client.shop.example", true),
            (SanDns, "CLIENT.shop.example", true),
            (SanDns, "shop.example", false),
            (SanDns, "x.wild.example", false),
            (SanDns, "client.shop.example.org", false),
            (SanUri, "https://shop.example/client", true),
            (SanUri, "https://shop.example/client/", false),
            (SanUri, "https://shop.example/Client", false),
            (SanIp, "192.0.2.1", true),
            (SanIp, "2001:db8::1", true),
            (SanIp, "2001:DB8:0::1", true),
            (SanIp, "192.0.2.2", false),
            (SanIp, "::ffff:192.0.2.1", false),
            (SanEmail, "Client@shop.EXAMPLE", true),
            (SanEmail, "client@shop.example", false),
            (SanEmail, "Client@shop.example.org", false),
        ] {
            let subject = subject(text.to_owned());
            assert!(is_certificate_subject(&subject), "R-264: {subject:?}");
            assert_eq!(is_name_in(&subject, &certificate), good, "R-264: {subject:?}");
        }
    }

    #[test]
    fn a_name_that_no_certificate_has_is_not_registered() {
        for subject in [
            SubjectDn("no equals sign".to_owned()),
            SubjectDn(String::new()),
            SanDns(String::new()),
            SanDns("*.shop.example".to_owned()),
            SanDns("sh\u{f6}p.example".to_owned()),
            SanUri("no uri".to_owned()),
            SanIp("shop.example".to_owned()),
            SanIp("192.0.2.0/24".to_owned()),
            SanEmail("shop.example".to_owned()),
            SanEmail("@shop.example".to_owned()),
            SanEmail("a@b@c".to_owned()),
            SanEmail(format!("{}@shop.example", "a".repeat(1024))),
        ] {
            assert!(!is_certificate_subject(&subject), "R-264: {subject:?}");
        }
    }
}
