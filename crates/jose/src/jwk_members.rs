//! The key itself inside a JWK: members to checked bytes and back (RFC 7518 section 6, RFC 8037 section 2).

use serde_json::{Map, Value};

use crate::{Algorithm, JoseError, b64};

/// The curves of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Bytes of one coordinate.
    const fn field_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A public key as the providers take it, so that nothing is decoded per verification.
///
/// A point of the right size that is not on its curve is found by the provider at the first verification, which fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Material {
    /// `point` is 0x04, x, y (SEC 1 section 2.3.3).
    Ec { curve: Curve, point: Vec<u8> },
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// The 32 bytes of RFC 8032.
    Ed25519 { x: [u8; 32] },
}

impl Material {
    /// Reads the members that `kty` asks for and refuses those that only secret keys have.
    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Self, JoseError> {
        let kty = text(members, "kty")?;
        if kty == "oct"
            || ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
                .iter()
                .any(|name| members.contains_key(*name))
        {
            return Err(JoseError::SecretKey);
        }
        match kty {
            "EC" => {
                let curve = match text(members, "crv")? {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return Err(JoseError::Key),
                };
                let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
                if x.len() != curve.field_len() || y.len() != curve.field_len() {
                    return Err(JoseError::Key);
                }
                let mut point = Vec::with_capacity(1 + 2 * curve.field_len());
                point.push(4);
                point.extend_from_slice(&x);
                point.extend_from_slice(&y);
                Ok(Self::Ec { curve, point })
            }
            "RSA" => Self::rsa(bytes(members, "n")?, bytes(members, "e")?),
            "OKP" => match text(members, "crv")? {
                "Ed25519" => Self::ed25519(&bytes(members, "x")?),
                _ => Err(JoseError::Key),
            },
            _ => Err(JoseError::Key),
        }
    }

    /// An uncompressed point that a provider wrote.
    pub(crate) fn ec(curve: Curve, point: &[u8]) -> Result<Self, JoseError> {
        if point.len() != 1 + 2 * curve.field_len() || point.first() != Some(&4) {
            return Err(JoseError::Key);
        }
        Ok(Self::Ec {
            curve,
            point: point.to_vec(),
        })
    }

    /// A modulus of 2048 to 4096 bits and an exponent that is odd, at least 65537 and at most 32 bits.
    pub(crate) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, JoseError> {
        let (Some(&n_first), Some(&n_last)) = (n.first(), n.last()) else {
            return Err(JoseError::Key);
        };
        let bits = n.len() * 8 - n_first.leading_zeros() as usize;
        if n_first == 0 || n_last % 2 == 0 || !(2048..=4096).contains(&bits) {
            return Err(JoseError::Key);
        }
        let exponent = e.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if e.len() > 4 || e.first() == Some(&0) || exponent % 2 == 0 || exponent < 65_537 {
            return Err(JoseError::Key);
        }
        Ok(Self::Rsa { n, e })
    }

    /// A point of Ed25519 that is not one of the eight whose signatures prove nothing.
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, JoseError> {
        let x: [u8; 32] = x.try_into().map_err(|_| JoseError::Key)?;
        let mut unsigned = x;
        if let Some(last) = unsigned.last_mut() {
            *last &= 0x7f;
        }
        if SMALL_ORDER.contains(&unsigned) {
            return Err(JoseError::Key);
        }
        Ok(Self::Ed25519 { x })
    }

    /// Whether keys of this kind sign with `alg`.
    pub(crate) fn fits(&self, alg: Algorithm) -> bool {
        match self {
            Self::Ec { curve, .. } => matches!(
                (curve, alg),
                (Curve::P256, Algorithm::Es256) | (Curve::P384, Algorithm::Es384) | (Curve::P521, Algorithm::Es512)
            ),
            Self::Rsa { .. } => matches!(
                alg,
                Algorithm::Ps256
                    | Algorithm::Ps384
                    | Algorithm::Ps512
                    | Algorithm::Rs256
                    | Algorithm::Rs384
                    | Algorithm::Rs512
            ),
            Self::Ed25519 { .. } => alg == Algorithm::EdDsa,
        }
    }

    /// The required members in lexicographic order, as RFC 7638 section 3.2 hashes them.
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Ec { curve, point } => {
                let (x, y) = point.get(1..).unwrap_or_default().split_at(curve.field_len());
                vec![
                    ("crv", curve.as_str().to_owned()),
                    ("kty", "EC".to_owned()),
                    ("x", b64::encode(x)),
                    ("y", b64::encode(y)),
                ]
            }
            Self::Rsa { n, e } => {
                vec![("e", b64::encode(e)), ("kty", "RSA".to_owned()), ("n", b64::encode(n))]
            }
            Self::Ed25519 { x } => {
                vec![
                    ("crv", "Ed25519".to_owned()),
                    ("kty", "OKP".to_owned()),
                    ("x", b64::encode(x)),
                ]
            }
        }
    }
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<&'m str, JoseError> {
    members.get(name).and_then(Value::as_str).ok_or(JoseError::Key)
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JoseError> {
    b64::decode(text(members, name)?).map_err(|_| JoseError::Key)
}

/// The y coordinates (little-endian) of the points of order 1, 2, 4 and 8, with the two spellings above the field prime.
/// Under such a key one signature verifies for many messages.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    surrounded(0x01, 0x00, 0x00),
    surrounded(0xec, 0xff, 0x7f),
    surrounded(0xed, 0xff, 0x7f),
    surrounded(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn surrounded(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    // Evaluated at compile time: an index out of bounds would not build.
    let [head, .., tail] = &mut bytes;
    *head = first;
    *tail = last;
    bytes
}
