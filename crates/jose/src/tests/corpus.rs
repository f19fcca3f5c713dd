//! The corpus of hostile tokens, built anew for each algorithm. Wherever a signature can be right it is right, so that the rule
//! under test is the only reason to refuse.

use serde_json::{Value, json};

use super::forgery::{TYP, signed, signed_parts, stray_low_bit, with_signature};
use crate::JoseError::{
    Algorithm as Alg, Claims, Critical, DuplicateMember, ForbiddenHeader, KeyMismatch, Malformed, Signature, TooLong,
};
use crate::{Algorithm, JoseError, SigningKey, b64, digest};

const CLAIMS: &str = r#"{"dec":"approve","exp":1700000000}"#;

/// What a token is, the token, and the error it is due.
pub(super) type Case = (String, String, JoseError);

/// An honest token, and hostile ones against whoever trusts `key`.
pub(super) fn corpus(key: SigningKey, stranger: SigningKey) -> (String, Vec<Case>) {
    let mut forger = Forger {
        key,
        stranger,
        cases: Vec::new(),
    };
    forger.algorithms();
    forger.types();
    forger.key_choosing_headers();
    forger.repetitions();
    forger.spellings();
    forger.signatures();
    forger.claims();
    (signed(&forger.key, forger.header(""), CLAIMS), forger.cases)
}

/// Writes the cases against one trusted key.
struct Forger {
    key: SigningKey,
    stranger: SigningKey,
    cases: Vec<Case>,
}

impl Forger {
    fn header(&self, more: &str) -> String {
        format!(r#"{{"alg":"{}","typ":"{TYP}"{more}}}"#, self.key.algorithm())
    }

    fn add(&mut self, what: &str, token: impl Into<String>, due: JoseError) {
        self.cases
            .push((format!("{}: {what}", self.key.algorithm()), token.into(), due));
    }

    /// A rightly signed token whose whole header is given.
    fn whole_header(&mut self, header: &str, due: JoseError) {
        self.add(&format!("header {header:.60}"), signed(&self.key, header, CLAIMS), due);
    }

    /// A rightly signed token whose header has `more` members.
    fn more_header(&mut self, more: &str, due: JoseError) {
        self.whole_header(&self.header(more), due);
    }

    /// A rightly signed token with another payload.
    fn payload(&mut self, payload: impl AsRef<[u8]>, due: JoseError) {
        let shown = String::from_utf8_lossy(payload.as_ref()).into_owned();
        self.add(
            &format!("payload {shown:.60}"),
            signed(&self.key, self.header(""), payload),
            due,
        );
    }

    fn algorithms(&mut self) {
        for none in ["none", "None", "NONE", "nOnE", "", "none "] {
            let header = format!(r#"{{"alg":"{none}","typ":"{TYP}"}}"#);
            self.add(
                &format!("alg {none:?} unsigned"),
                with_signature(&header, CLAIMS, ""),
                Malformed,
            );
            self.whole_header(&header, Alg);
        }
        let public = serde_json::to_string(&self.key.public_jwk()).unwrap();
        let bare = serde_json::to_value(self.key.public_jwk()).unwrap();
        let coordinate = bare
            .get("x")
            .or(bare.get("n"))
            .and_then(Value::as_str)
            .unwrap()
            .to_owned();
        for secret in [
            public.as_bytes(),
            &b64::decode(&coordinate).unwrap(),
            coordinate.as_bytes(),
            self.key.kid().as_bytes(),
            b"",
        ] {
            let header = format!(r#"{{"alg":"HS256","typ":"{TYP}"}}"#);
            let input = format!("{}.{}", b64::encode(&header), b64::encode(CLAIMS));
            let mac = digest::hmac_sha256(secret, input.as_bytes());
            self.cases.push((
                "the public key as HMAC secret".to_owned(),
                with_signature(&header, CLAIMS, mac),
                Alg,
            ));
        }
        for name in [
            "HS384",
            "HS512",
            "ES256K",
            "RSA-OAEP",
            "dir",
            "PBES2-HS256+A128KW",
            "es256",
            "Ed25519",
            "RS1",
        ] {
            self.whole_header(&format!(r#"{{"alg":"{name}","typ":"{TYP}"}}"#), Alg);
        }
        // Known to the library, but not what this purpose expects.
        for other in [
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::EdDsa,
            Algorithm::Rs256,
            Algorithm::Ps512,
        ] {
            if other != self.key.algorithm() {
                self.whole_header(&format!(r#"{{"alg":"{other}","typ":"{TYP}"}}"#), Alg);
            }
        }
        let name = self.key.algorithm();
        self.whole_header(&format!(r#"{{"typ":"{TYP}"}}"#), Alg);
        self.whole_header(&format!(r#"{{"Alg":"{name}","typ":"{TYP}"}}"#), Alg);
        self.whole_header(&format!(r#"{{"alg":["{name}"],"typ":"{TYP}"}}"#), Malformed);
        self.whole_header(&format!(r#"{{"alg":null,"typ":"{TYP}"}}"#), Malformed);
        self.whole_header(&format!(r#"{{"alg":256,"typ":"{TYP}"}}"#), Malformed);
    }

    fn types(&mut self) {
        let name = self.key.algorithm();
        self.whole_header(&format!(r#"{{"alg":"{name}"}}"#), JoseError::Typ);
        for typ in [
            "JWT",
            "at+jwt",
            "dpop+jwt",
            "logout+jwt",
            "",
            "countersign-decision",
            "countersign-decision+jwt ",
            "application/application/countersign-decision+jwt",
            "application/countersign-decision+jwt/x",
            "text/countersign-decision+jwt",
            "countersign-decision+jwt; a=b",
        ] {
            self.whole_header(&format!(r#"{{"alg":"{name}","typ":"{typ}"}}"#), JoseError::Typ);
        }
        self.whole_header(&format!(r#"{{"alg":"{name}","typ":null}}"#), Malformed);
        self.whole_header(&format!(r#"{{"alg":"{name}","typ":["{TYP}"]}}"#), Malformed);
    }

    fn key_choosing_headers(&mut self) {
        let own = serde_json::to_string(&self.key.public_jwk()).unwrap();
        let foreign = serde_json::to_string(&self.stranger.public_jwk()).unwrap();
        let foreign_header = self.header(&format!(r#","jwk":{foreign}"#));
        self.add(
            "the stranger brings a key",
            signed(&self.stranger, foreign_header, CLAIMS),
            ForbiddenHeader,
        );
        self.more_header(&format!(r#","jwk":{own}"#), ForbiddenHeader);
        for more in [
            r#","jwk":null"#,
            r#","jku":"https://evil.example/keys""#,
            r#","jku":null"#,
            r#","x5u":"https://evil.example/chain""#,
            r#","x5c":["MIIB"]"#,
            r#","x5c":[]"#,
            r#","zip":"DEF""#,
            r#","cty":"JWT""#,
            r#","cty":"application/jwt""#,
        ] {
            self.more_header(more, ForbiddenHeader);
        }
        for more in [
            r#","crit":["exp"]"#,
            r#","crit":["b64"],"b64":false"#,
            r#","crit":[]"#,
            r#","crit":null"#,
            r#","b64":false"#,
            r#","b64":true"#,
            r#","crit":["alg"]"#,
        ] {
            self.more_header(more, Critical);
        }
        for kid in [
            "../../../dev/null",
            "' or 1=1 --",
            "key\\u0000",
            "",
            "*",
            "https://evil.example/",
            "$(id)",
        ] {
            self.more_header(&format!(r#","kid":"{kid}""#), KeyMismatch);
        }
        self.more_header(&format!(r#","kid":"{}""#, self.stranger.kid()), KeyMismatch);
        self.more_header(&format!(r#","kid":"{}""#, "k".repeat(257)), TooLong);
        for more in [
            r#","kid":null"#,
            r#","kid":1"#,
            r#","kid":["a"]"#,
            r#","kid":{"$ne":""}"#,
        ] {
            self.more_header(more, Malformed);
        }
    }

    fn repetitions(&mut self) {
        let name = self.key.algorithm();
        self.more_header(&format!(r#","alg":"{name}""#), DuplicateMember);
        self.more_header(r#","alg":"none""#, DuplicateMember);
        self.more_header(&format!(r#","t\u0079p":"{TYP}""#), DuplicateMember);
        self.more_header(r#","kid":"a","kid":"a""#, DuplicateMember);
        self.more_header(r#","x":{"y":1,"y":2}"#, DuplicateMember);
        self.payload(r#"{"dec":"deny","exp":1700000000,"dec":"approve"}"#, DuplicateMember);
        self.payload(r#"{"exp":1700000000,"exp":1}"#, DuplicateMember);
        self.payload(r#"{"exp":1700000000,"\u0065xp":1}"#, DuplicateMember);
        self.payload(
            r#"{"exp":1700000000,"uv":{"method":"pin","method":"face"}}"#,
            DuplicateMember,
        );
        self.payload(r#"{"exp":1700000000,"a":[[{"b":1,"b":1}]]}"#, DuplicateMember);
    }

    fn spellings(&mut self) {
        let (header, payload) = (b64::encode(self.header("")), b64::encode(CLAIMS));
        let good = signed_parts(&self.key, &header, &payload);
        let (input, signature) = good
            .rsplit_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let resigned = |header: &str, payload: &str| signed_parts(&self.key, header, payload);
        let padded = [
            resigned(&format!("{header}="), &payload),
            resigned(&header, &format!("{payload}==")),
            format!("{good}="),
            format!("{good}=="),
            resigned(&format!(" {header}"), &payload),
            resigned(&header, &format!("{payload}\n")),
            resigned(&header, &format!("{}\r\n{}", &payload[..4], &payload[4..])),
            format!(" {good}"),
            format!("{good}\n"),
            format!("{good}\0"),
            format!("Bearer {good}"),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.{signature}"),
            format!("{good}~"),
            format!("{header}..{signature}"),
            format!("{input}."),
            input.clone(),
            header.clone(),
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
            "...".to_owned(),
            format!("{header}.{payload}.{signature}.{payload}.{signature}"),
            good.replace('.', ","),
            good.replacen('e', "е", 1),
            resigned(&header.replacen('e', "%65", 1), &payload),
            resigned(&header, &format!("{payload}+/")),
            json!({"protected": header, "payload": payload, "signature": signature}).to_string(),
            resigned(&b64::encode("not json"), &payload),
            resigned(&b64::encode("[]"), &payload),
            resigned(&b64::encode("null"), &payload),
            resigned(&b64::encode(format!("\u{feff}{}", self.header(""))), &payload),
            resigned(&b64::encode(format!("{} {{}}", self.header(""))), &payload),
            resigned(&b64::encode(self.header(",")), &payload),
            resigned(&b64::encode(self.header("/* */")), &payload),
            resigned(
                &b64::encode([self.header(",\"x\":\"").as_bytes(), b"\xff\"}"].concat()),
                &payload,
            ),
        ];
        for (at, token) in padded.into_iter().enumerate() {
            self.add(&format!("spelling {at}: {token:.40}"), token, Malformed);
        }
        // A last character with stray low bits decodes to the same bytes in lax readers.
        for (what, part) in [("header", 0), ("payload", 1), ("signature", 2)] {
            let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
            if !parts[part].len().is_multiple_of(4) {
                let stray = stray_low_bit(&parts[part]);
                parts[part] = stray;
                let token = if part == 2 {
                    parts.join(".")
                } else {
                    signed_parts(&self.key, &parts[0], &parts[1])
                };
                self.add(&format!("stray bits in the {what}"), token, Malformed);
            }
        }
        let long = format!(r#"{{"exp":1700000000,"pad":"{}"}}"#, "x".repeat(4096));
        self.payload(long, TooLong);
        self.add("a megabyte of dots", ".".repeat(1 << 20), TooLong);
        self.more_header(&format!(r#","x":"{}""#, "x".repeat(4096)), TooLong);
    }

    fn signatures(&mut self) {
        let (header, claims) = (self.header(""), CLAIMS);
        let input = format!("{}.{}", b64::encode(&header), b64::encode(claims));
        let good = self.key.sign_detached(input.as_bytes()).unwrap();
        let other_input = format!(
            "{}.{}",
            b64::encode(&header),
            b64::encode(r#"{"dec":"deny","exp":1700000000}"#)
        );
        let of_another_token = self.key.sign_detached(other_input.as_bytes()).unwrap();
        let len = good.len();
        for (what, signature) in [
            ("all zeros (psychic: r = s = 0)", vec![0; len]),
            ("all ones", vec![0xff; len]),
            (
                "r = s = 1",
                [vec![0; len / 2 - 1], vec![1], vec![0; len / 2 - 1], vec![1]].concat(),
            ),
            ("r = 0", [vec![0; len / 2], good[len / 2..].to_vec()].concat()),
            ("s = 0", [good[..len / 2].to_vec(), vec![0; len / 2]].concat()),
            ("halves swapped", [&good[len / 2..], &good[..len / 2]].concat()),
            ("one byte short", good[..len - 1].to_vec()),
            ("one byte long", [good.as_slice(), &[0]].concat()),
            ("one byte in front", [&[0], good.as_slice()].concat()),
            ("twice", good.repeat(2)),
            ("one byte", vec![0]),
            ("as DER", der_of(&good)),
            ("a stranger's", self.stranger.sign_detached(input.as_bytes()).unwrap()),
            ("of another token", of_another_token),
            (
                "of the payload alone",
                self.key.sign_detached(claims.as_bytes()).unwrap(),
            ),
        ] {
            self.add(
                &format!("signature {what}"),
                with_signature(&header, claims, signature),
                Signature,
            );
        }
    }

    fn claims(&mut self) {
        let nested = signed(&self.key, self.header(""), CLAIMS);
        self.payload(&nested, Claims);
        self.payload(format!("\"{nested}\""), Claims);
        let deep = format!("{{\"exp\":1700000000,\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for payload in [
            "[]",
            "null",
            "1",
            "x",
            "{}",
            "{\"exp\":1700000000}x",
            "\u{feff}{\"exp\":1700000000}",
            &deep,
        ] {
            self.payload(payload, Claims);
        }
        self.payload(b"{\"exp\":1700000000,\"a\":\"\xc3\x28\"}", Claims);
        for exp in [
            "\"1700000000\"",
            "1700000000.0",
            "1.5",
            "17e8",
            "-1",
            "9223372036854775808",
            "253402300800",
            "NaN",
            "null",
            "[]",
            "true",
        ] {
            self.payload(format!("{{\"exp\":{exp}}}"), Claims);
        }
    }
}

/// r and s as ASN.1 integers, as ECDSA signatures are outside of JOSE.
fn der_of(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let integer = |half: &[u8]| [&[0x02, u8::try_from(half.len() + 1).unwrap_or(0xff), 0], half].concat();
    let content = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(content.len()).unwrap_or(0xff)], content].concat()
}
