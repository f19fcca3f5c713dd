//! Names of the directory in text (RFC 4514), compared with those in certificates part by part: same parts, same order, same values. Values are
//! compared letter by letter: authorities write a name as they checked it, and a looser comparison would let two of their customers be one.

use x509_parser::{
    der_parser::{asn1_rs::Any, oid::Oid},
    prelude::FromDer as _,
    x509::{AttributeTypeAndValue, X509Name},
};

/// Keywords that stand for attribute types: those of RFC 4514 section 3 and what authorities write beside them.
const KEYWORDS: [(&str, &[u64]); 24] = [
    ("CN", &[2, 5, 4, 3]),
    ("COMMONNAME", &[2, 5, 4, 3]),
    ("SN", &[2, 5, 4, 4]),
    ("SERIALNUMBER", &[2, 5, 4, 5]),
    ("C", &[2, 5, 4, 6]),
    ("L", &[2, 5, 4, 7]),
    ("ST", &[2, 5, 4, 8]),
    ("S", &[2, 5, 4, 8]),
    ("STREET", &[2, 5, 4, 9]),
    ("O", &[2, 5, 4, 10]),
    ("OU", &[2, 5, 4, 11]),
    ("T", &[2, 5, 4, 12]),
    ("TITLE", &[2, 5, 4, 12]),
    ("BUSINESSCATEGORY", &[2, 5, 4, 15]),
    ("POSTALCODE", &[2, 5, 4, 17]),
    ("GN", &[2, 5, 4, 42]),
    ("GIVENNAME", &[2, 5, 4, 42]),
    ("ORGANIZATIONIDENTIFIER", &[2, 5, 4, 97]),
    ("UID", &[0, 9, 2342, 19_200_300, 100, 1, 1]),
    ("DC", &[0, 9, 2342, 19_200_300, 100, 1, 25]),
    ("E", &[1, 2, 840, 113_549, 1, 9, 1]),
    ("EMAILADDRESS", &[1, 2, 840, 113_549, 1, 9, 1]),
    ("JURISDICTIONC", &[1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 3]),
    ("JURISDICTIONCOUNTRYNAME", &[1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 3]),
];

/// A distinguished name: its parts from the root to the subject, as certificates have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DistinguishedName(Vec<Vec<Attribute>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    kind: Oid<'static>,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    /// What was written as `#` and hexadecimal digits: DER.
    Der(Vec<u8>),
}

impl DistinguishedName {
    /// Reads a name as RFC 4514 writes it; none when it is not one, or has no part.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<Vec<Attribute>> = Vec::new();
        let mut part = Vec::new();
        let mut rest = text;
        loop {
            let (kind, after) = rest.split_once('=')?;
            let (value, separator, after) = value(after)?;
            part.push(Attribute {
                kind: attribute_type(kind.trim_matches(' '))?,
                value,
            });
            match separator {
                Some('+') => {}
                Some(_) => parts.push(std::mem::take(&mut part)),
                None => break,
            }
            rest = after;
        }
        parts.push(part);
        // The text begins with the subject.
        parts.reverse();
        Some(Self(parts))
    }

    /// Whether this is the name in a certificate.
    pub(super) fn is(&self, name: &X509Name<'_>) -> bool {
        let parts: Vec<_> = name.iter().collect();
        self.0.len() == parts.len()
            && self.0.iter().zip(parts).all(|(expected, found)| {
                // The attributes of one part have no order.
                let found: Vec<_> = found.iter().collect();
                expected.len() == found.len()
                    && expected
                        .iter()
                        .all(|expected| found.iter().any(|found| expected.is(found)))
                    && found
                        .iter()
                        .all(|found| expected.iter().any(|expected| expected.is(found)))
            })
    }
}

impl Attribute {
    fn is(&self, found: &AttributeTypeAndValue<'_>) -> bool {
        let same_value = match &self.value {
            Value::Text(text) => found.as_str().is_ok_and(|found| found == text),
            Value::Der(der) => Any::from_der(der).is_ok_and(|(rest, value)| {
                rest.is_empty() && value.tag() == found.attr_value().tag() && value.data == found.attr_value().data
            }),
        };
        same_value && *found.attr_type() == self.kind
    }
}

fn attribute_type(text: &str) -> Option<Oid<'static>> {
    let keyword = KEYWORDS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(text));
    if let Some((_, numbers)) = keyword {
        return Oid::from(numbers).ok();
    }
    let numbers: Option<Vec<u64>> = text
        .split('.')
        .map(|number| {
            let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
            number.parse().ok().filter(|_| plain)
        })
        .collect();
    Oid::from(&numbers.filter(|numbers| numbers.len() > 1)?).ok()
}

/// A value, what ends it, and what follows.
fn value(text: &str) -> Option<(Value, Option<char>, &str)> {
    let text = text.trim_start_matches(' ');
    if let Some(digits) = text.strip_prefix('#') {
        let end = digits.find([',', '+']).unwrap_or(digits.len());
        let (digits, rest) = digits.split_at_checked(end)?;
        let der = bytes(digits.trim_end_matches(' '))?;
        let mut rest = rest.chars();
        return Some((Value::Der(der), rest.next(), rest.as_str()));
    }
    let mut found = Vec::new();
    // Spaces at the end belong to the value when they are escaped alone.
    let mut kept = 0;
    let mut letters = text.chars();
    let separator = loop {
        match letters.next() {
            None => break None,
            Some(separator @ (',' | '+')) => break Some(separator),
            Some('"' | ';' | '<' | '>' | '\0') => return None,
            Some('\\') => {
                let escaped = letters.next()?;
                if " \"#,+;<=>\\".contains(escaped) {
                    found.push(u8::try_from(escaped).ok()?);
                } else {
                    let pair: String = [escaped, letters.next()?].iter().collect();
                    found.extend(bytes(&pair)?);
                }
                kept = found.len();
            }
            Some(letter) => {
                found.extend(letter.encode_utf8(&mut [0; 4]).bytes());
                if letter != ' ' {
                    kept = found.len();
                }
            }
        }
    };
    found.truncate(kept);
    let text = String::from_utf8(found).ok().filter(|text| !text.is_empty())?;
    Some((Value::Text(text), separator, letters.as_str()))
}

fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hexadecimal
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let pairs = digits.filter(|digits| !digits.is_empty() && digits.len() % 2 == 0)?;
    pairs
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(high * 16 + low),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};
    use x509_parser::prelude::X509Certificate;

    use super::*;

    fn certificate(name: &[(DnType, DnValue)]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in name {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    fn is(text: &str, certificate: &[u8]) -> bool {
        let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
        DistinguishedName::parse(text).is_some_and(|name| name.is(certificate.subject()))
    }

    #[test]
    fn a_name_is_the_same_in_every_spelling_and_no_other() {
        let organization = DnType::CustomDnType(vec![2, 5, 4, 97]);
        let found = certificate(&[
            (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
            (organization, "PSDDE-BAFIN-1".into()),
            (DnType::OrganizationName, "Shop, \u{c4}rmel & Co ".into()),
            (DnType::CommonName, "client".into()),
        ]);
        for same in [
            "CN=client,O=Shop\\, \u{c4}rmel & Co\\ ,2.5.4.97=PSDDE-BAFIN-1,C=DE",
            "cn = client , o = Shop\\2c \\C3\\84rmel & Co\\20 ,organizationIdentifier=PSDDE-BAFIN-1,C=DE",
            "2.5.4.3=#0c06636c69656e74,O=Shop\\, \u{c4}rmel & Co\\ ,2.5.4.97=PSDDE-BAFIN-1,2.5.4.6=#13024445",
        ] {
            assert!(is(same, &found), "R-264: {same}");
        }
        for other in [
            "CN=client",
            "C=DE,2.5.4.97=PSDDE-BAFIN-1,O=Shop\\, \u{c4}rmel & Co\\ ,CN=client",
            "CN=Client,O=Shop\\, \u{c4}rmel & Co\\ ,2.5.4.97=PSDDE-BAFIN-1,C=DE",
            "CN=client,O=Shop\\, \u{c4}rmel & Co,2.5.4.97=PSDDE-BAFIN-1,C=DE",
            "CN=client+O=Shop\\, \u{c4}rmel & Co\\ ,2.5.4.97=PSDDE-BAFIN-1,C=DE",
            "CN=client,CN=client,O=Shop\\, \u{c4}rmel & Co\\ ,2.5.4.97=PSDDE-BAFIN-1,C=DE",
            "CN=client,O=Shop\\, \u{c4}rmel & Co\\ ,2.5.4.97=PSDDE-BAFIN-1,C=#0c024445",
        ] {
            assert!(!is(other, &found), "R-264: {other}");
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for bad in [
            "",
            "CN",
            "CN=",
            "CN=a,",
            "CN=a,O",
            "=a",
            "XX=a",
            "1=a",
            "2.5.4.=a",
            "CN=a;O=b",
            "CN=a\"b\"",
            "CN=a\\",
            "CN=a\\g0",
            "CN=\\ff",
            "CN=#",
            "CN=#0",
            "CN=#zz",
        ] {
            assert_eq!(DistinguishedName::parse(bad), None, "R-264: {bad:?}");
        }
    }

    #[test]
    fn no_text_makes_it_fall_over() {
        let letters = ['C', 'N', '=', ',', '+', '\\', '#', '0', 'f', ' ', '"', '\u{e4}', '.'];
        let mut state = 1_u32;
        for _ in 0..20_000 {
            let text: String = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    letters[(state >> 16) as usize % letters.len()]
                })
                .collect();
            let _whatever = DistinguishedName::parse(&text);
        }
    }
}
