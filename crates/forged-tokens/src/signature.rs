//! Signatures: whose, over what, and bent how.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use countersign_jose::{Algorithm, SigningKey, b64};
use serde::Deserialize;

use crate::Honest;

/// Who signs a forged token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedBy {
    /// The key that the reader trusts.
    #[default]
    Own,
    /// A key of the same kind that nobody trusts.
    Stranger,
    /// Keys of other kinds that nobody trusts.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
    /// RSA, PKCS#1 v1.5.
    Rsa,
    /// Ed25519.
    Ed25519,
    /// HMAC, with the trusted public key as JSON for a secret.
    HmacJwk,
    /// HMAC, with the bytes of the trusted public key.
    HmacBytes,
    /// HMAC, with the trusted public key's first coordinate or modulus, as it is written.
    HmacText,
    /// HMAC, with the name of the key.
    HmacKid,
    /// HMAC, with nothing.
    HmacEmpty,
    /// HMAC, with a secret that many examples use.
    HmacSecret,
}

/// What is done to a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// Nothing.
    #[default]
    Good,
    /// No byte of it is left.
    Empty,
    /// All bytes are 0: r = s = 0 (CVE-2022-21449).
    Zeros,
    /// All bytes are 255.
    Ones,
    /// r = s = 1.
    One,
    /// r = 0.
    RZero,
    /// s = 0.
    SZero,
    /// r = s = the order of the curve, which is 0.
    Order,
    /// r stays, s = the order of the curve.
    SOrder,
    /// r and s change places.
    Swapped,
    /// A byte is missing at the end.
    Short,
    /// A byte is missing in front.
    ShortFront,
    /// A zero byte follows.
    Long,
    /// A zero byte is in front.
    LongFront,
    /// Twice the same.
    Twice,
    /// One half of it.
    Half,
    /// One byte.
    OneByte,
    /// The other encoding, DER.
    Der,
    /// One bit differs.
    Flipped,
    /// Bytes in reverse order.
    Reversed,
    /// Its own text in base64url.
    Text,
    /// Of the honest token.
    OfHonest,
    /// Of the payload alone.
    OfPayload,
    /// Of header and payload without the dot.
    OfJoined,
}

/// Keys of others: one of each kind, that nobody trusts.
pub struct Forger(Vec<SigningKey>);

impl Default for Forger {
    fn default() -> Self {
        let kinds = [
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::Rs256,
            Algorithm::Ps256,
            Algorithm::EdDsa,
        ];
        Self(kinds.map(|kind| SigningKey::generate(kind).expect("a key")).into())
    }
}

impl Forger {
    /// A key that signs with `algorithm` and that nobody trusts.
    #[must_use]
    pub fn stranger(&self, algorithm: Algorithm) -> &SigningKey {
        let found = self.0.iter().find(|key| key.algorithm() == algorithm);
        found.expect("an algorithm that tests use")
    }

    pub(crate) fn sign(&self, by: SignedBy, honest: &Honest<'_>, message: &[u8]) -> Vec<u8> {
        let own = honest.key;
        let public = || serde_json::to_value(own.public_jwk()).expect("a key is JSON");
        let coordinate = || {
            let public = public();
            let text = public.get("n").or(public.get("x")).and_then(|text| text.as_str());
            text.expect("a public key").to_owned()
        };
        let secret = match by {
            SignedBy::Own => return sign(own, message),
            SignedBy::Stranger => return sign(self.stranger(own.algorithm()), message),
            SignedBy::P256 => return sign(self.stranger(Algorithm::Es256), message),
            SignedBy::P384 => return sign(self.stranger(Algorithm::Es384), message),
            SignedBy::P521 => return sign(self.stranger(Algorithm::Es512), message),
            SignedBy::Rsa => return sign(self.stranger(Algorithm::Rs256), message),
            SignedBy::Ed25519 => return sign(self.stranger(Algorithm::EdDsa), message),
            SignedBy::HmacJwk => public().to_string().into_bytes(),
            SignedBy::HmacBytes => b64::decode(&coordinate()).expect("base64url"),
            SignedBy::HmacText => coordinate().into_bytes(),
            SignedBy::HmacKid => own.kid().as_bytes().to_vec(),
            SignedBy::HmacEmpty => Vec::new(),
            SignedBy::HmacSecret => b"secret".to_vec(),
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::sign(&key, message).as_ref().to_vec()
    }
}

/// A token of any header and any payload, rightly signed by `key`.
#[must_use]
pub fn signed(key: &SigningKey, header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", b64::encode(header), b64::encode(payload));
    let signature = sign(key, input.as_bytes());
    format!("{input}.{}", b64::encode(signature))
}

/// The signature of `key` over any bytes at all, which the product itself never makes.
fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let pkcs8 = key.to_pkcs8();
    let ecdsa = |kind: &'static EcdsaSigningAlgorithm| {
        let pair = EcdsaKeyPair::from_pkcs8(kind, pkcs8).expect("an EC key");
        pair.sign(&random, message).expect("a signature").as_ref().to_vec()
    };
    let rsa = |kind: &'static dyn RsaEncoding| {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).expect("an RSA key");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(kind, &random, message, &mut signature).expect("a signature");
        signature
    };
    match key.algorithm() {
        Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
        Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).expect("an Ed25519 key");
            pair.sign(message).as_ref().to_vec()
        }
        other => panic!("nobody forges {other}"),
    }
}

impl Signature {
    pub(crate) fn is_of_the_honest_token(self) -> bool {
        self == Self::OfHonest
    }

    pub(crate) fn over<'a>(self, input: &'a str, honest: &'a str, payload: &'a str) -> std::borrow::Cow<'a, [u8]> {
        match self {
            Self::OfHonest => honest.as_bytes().into(),
            Self::OfPayload => payload.as_bytes().into(),
            Self::OfJoined => input.replace('.', "").into_bytes().into(),
            _ => input.as_bytes().into(),
        }
    }

    pub(crate) fn bend(self, good: &[u8], algorithm: Algorithm) -> Vec<u8> {
        let len = good.len();
        let (r, s) = good.split_at(len / 2);
        let one = || {
            let mut half = vec![0; len / 2];
            half.extend([1]);
            half.split_off(half.len() - len / 2)
        };
        let order = || padded(&order_of(algorithm), len / 2);
        match self {
            Self::Good | Self::OfHonest | Self::OfPayload | Self::OfJoined => good.to_vec(),
            Self::Empty => Vec::new(),
            Self::Zeros => vec![0; len],
            Self::Ones => vec![0xff; len],
            Self::One => [one(), one()].concat(),
            Self::RZero => [&vec![0; len / 2], s].concat(),
            Self::SZero => [r, &vec![0; len - len / 2]].concat(),
            Self::Order => [order(), order()].concat(),
            Self::SOrder => [r, &order()].concat(),
            Self::Swapped => [s, r].concat(),
            Self::Short => good.iter().take(len.saturating_sub(1)).copied().collect(),
            Self::ShortFront => good.iter().skip(1).copied().collect(),
            Self::Long => [good, &[0]].concat(),
            Self::LongFront => [&[0], good].concat(),
            Self::Twice => good.repeat(2),
            Self::Half => r.to_vec(),
            Self::OneByte => vec![0],
            Self::Der => der(r, s),
            Self::Flipped => good
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ u8::from(at == len / 3))
                .collect(),
            Self::Reversed => good.iter().rev().copied().collect(),
            Self::Text => b64::encode(good).into_bytes(),
        }
    }
}

/// The other signature (r, n - s) of an ECDSA token: as good as the first, and made without the key.
#[must_use]
pub fn second_form(token: &str, algorithm: Algorithm) -> String {
    let (input, signature) = token.rsplit_once('.').expect("three parts");
    let signature = b64::decode(signature).expect("base64url");
    let (r, s) = signature.split_at(signature.len() / 2);
    let order = padded(&order_of(algorithm), s.len());
    let mut borrow = 0;
    let mut other: Vec<u8> = Vec::new();
    for (n, s) in order.iter().rev().zip(s.iter().rev()) {
        let digit = i16::from(*n) - i16::from(*s) - borrow;
        borrow = i16::from(digit < 0);
        other.push(u8::try_from(digit.rem_euclid(256)).expect("a byte"));
    }
    other.reverse();
    format!("{input}.{}", b64::encode([r, &other].concat()))
}

/// The number of points of the curve; of others, P-256's.
fn order_of(algorithm: Algorithm) -> Vec<u8> {
    let hex = match algorithm {
        Algorithm::Es384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        Algorithm::EdDsa => "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
        _ => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    };
    let digits = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).expect("hexadecimal"));
    digits
        .map(|digits| u8::from_str_radix(digits, 16).expect("hexadecimal"))
        .collect()
}

fn padded(number: &[u8], len: usize) -> Vec<u8> {
    let zeros = len.saturating_sub(number.len());
    let mut padded = vec![0; zeros];
    padded.extend(number);
    padded
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let short: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign: &[u8] = if short.first().is_none_or(|byte| *byte >= 128) {
            &[0]
        } else {
            &[]
        };
        let value = [sign, &short].concat();
        [&[2], &length(value.len())[..], &value].concat()
    };
    let both = [integer(r), integer(s)].concat();
    [&[0x30], &length(both.len())[..], &both].concat()
}

fn length(len: usize) -> Vec<u8> {
    match u8::try_from(len) {
        Ok(short) if short < 128 => vec![short],
        Ok(long) => vec![0x81, long],
        Err(_) => {
            let [high, low] = u16::try_from(len).expect("short enough").to_be_bytes();
            vec![0x82, high, low]
        }
    }
}
