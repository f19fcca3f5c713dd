//! Parameters of OAuth requests (RFC 6749 section 3.1 and appendix B), read strictly: each at most once, but for `resource` (RFC 8707
//! section 2), valid UTF-8, and a parameter without a value counts as absent.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::refusal::Refusal;

/// More parameters than any request of ours has.
const MAX_PARAMETERS: usize = 64;
/// The one parameter that may be there several times.
const REPEATABLE: &str = "resource";

/// The parameters of one request.
#[derive(Clone)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `application/x-www-form-urlencoded`, from a body or a query.
    ///
    /// # Errors
    /// `invalid_request` when it is not well-formed or a parameter is there twice.
    pub fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let encoded = std::str::from_utf8(encoded).map_err(|_| malformed())?;
        let mut params = Self(Vec::new());
        for pair in encoded.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(malformed)?;
            let value = decode(value).ok_or_else(malformed)?;
            params.add(name, value)?;
        }
        Ok(params)
    }

    /// Parameters that came in another form, held to the same rules.
    ///
    /// # Errors
    /// `invalid_request` when one is there twice or has U+0000 in it.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut params = Self(Vec::new());
        for (name, value) in pairs {
            if value.contains('\0') {
                return Err(malformed());
            }
            params.add(name, value)?;
        }
        Ok(params)
    }

    fn add(&mut self, name: String, value: String) -> Result<(), Refusal> {
        if name != REPEATABLE && self.0.iter().any(|(known, _)| *known == name) {
            return Err(Refusal::invalid_request("a parameter is there twice"));
        }
        if self.0.len() == MAX_PARAMETERS {
            return Err(Refusal::invalid_request("there are too many parameters"));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The claims of a request object, or the members of a JSON body, as parameters: texts as they are, what is JSON as the text that was sent, null as
    /// absent.
    ///
    /// # Errors
    /// As [`Params::from_pairs`].
    pub(crate) fn from_members(members: &BTreeMap<String, Box<RawValue>>) -> Result<Self, Refusal> {
        let text = |value: &RawValue| serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned());
        let there = members.iter().filter(|(_, value)| value.get() != "null");
        Self::from_pairs(there.flat_map(|(name, value)| {
            // What may be there several times in a form is an array here.
            let several = (name == REPEATABLE).then(|| serde_json::from_str::<Vec<String>>(value.get()).ok());
            let several = several.flatten().unwrap_or_else(|| vec![text(value)]);
            several.into_iter().map(|one| (name.clone(), one)).collect::<Vec<_>>()
        }))
    }

    /// Names and values, without those parameters that `left_out` names.
    pub(super) fn without(&self, left_out: &[&str]) -> Vec<(String, String)> {
        let kept = self.0.iter().filter(|(name, _)| !left_out.contains(&name.as_str()));
        kept.cloned().collect()
    }

    /// The value of `name`, when it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of `name`, in their order.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of `name`, of at most `max_len` bytes.
    pub(super) fn bounded(&self, name: &'static str, max_len: usize) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            Some(value) if value.len() > max_len => Err(Refusal::invalid_request(format!("{name} is too long"))),
            value => Ok(value),
        }
    }

    /// The value of `name`, which has to be there, of at most `max_len` bytes.
    pub(super) fn required(&self, name: &'static str, max_len: usize) -> Result<&str, Refusal> {
        self.bounded(name, max_len)?
            .ok_or_else(|| Refusal::invalid_request(format!("{name} is missing")))
    }
}

fn malformed() -> Refusal {
    Refusal::invalid_request("the parameters are not well-formed application/x-www-form-urlencoded in UTF-8")
}

/// Decodes one name or value; none when it is not exactly what the encoding allows. No parameter has a use for U+0000.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_once_and_exactly() {
        let params = Params::parse(b"a=1&b=x+y%2Bz&c=&d&%C3%A4=%E2%82%AC").unwrap();
        assert_eq!(params.get("a"), Some("1"));
        assert_eq!(params.get("b"), Some("x y+z"));
        assert_eq!(
            params.get("c"),
            None,
            "R-067: a parameter without a value counts as absent"
        );
        assert_eq!(
            params.get("d"),
            None,
            "R-067: a parameter without a value counts as absent"
        );
        assert_eq!(params.get("ä"), Some("€"));
    }

    #[test]
    fn a_resource_may_be_there_several_times() {
        let params = Params::parse(b"resource=urn:a&x=1&resource=urn:b&resource=").unwrap();
        let all: Vec<&str> = params.all("resource").collect();
        assert_eq!(all, ["urn:a", "urn:b"], "R-069: RFC 8707 section 2");
        for (claims, expected) in [
            (r#"{"resource":["urn:a","urn:b"]}"#, &["urn:a", "urn:b"][..]),
            (r#"{"resource":"urn:a"}"#, &["urn:a"]),
        ] {
            let params = Params::from_members(&serde_json::from_str(claims).unwrap()).unwrap();
            let all: Vec<&str> = params.all("resource").collect();
            assert_eq!(all, expected, "R-069, R-267: {claims}");
        }
    }

    #[test]
    fn what_readers_could_disagree_about_is_refused() {
        for (encoded, why) in [
            (&b"a=1&a=1"[..], "V-037: twice the same"),
            (b"a=1&a=", "V-037: twice, once empty"),
            (b"a=1&%61=2", "V-037: twice in two spellings"),
            (b"a=%", "half an escape"),
            (b"a=%4", "half an escape"),
            (b"a=%+1", "no hexadecimal digits"),
            (b"a=%zz", "no hexadecimal digits"),
            (b"a=%FF", "not UTF-8"),
            (b"a=\xFF", "not UTF-8"),
            (b"a=%C0%AF", "overlong UTF-8"),
            (b"a=%00", "U+0000"),
        ] {
            assert!(Params::parse(encoded).is_err(), "{why}");
        }
        let many: Vec<String> = (0..65).map(|n| format!("p{n}=1")).collect();
        assert!(Params::parse(many.join("&").as_bytes()).is_err(), "too many");
    }
}
