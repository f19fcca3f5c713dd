//! Which addresses are called: public ones. Whoever registers an endpoint must not be able to reach what only this machine can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 that is not the public internet: the IANA special-purpose registry, and multicast.
const PRIVATE_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// All of public IPv6 is in here, but not all in here is public.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);
/// What is in [`GLOBAL_V6`] without being public: protocol assignments with Teredo, documentation, segment routing.
const PRIVATE_V6: [Ipv6Net; 3] = [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x3fff, 0, 20)];
/// An IPv4 address inside: RFC 3056 section 2.
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 16);
/// An IPv4 address inside: RFC 6052 section 2.1.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// A network that is named by its first two segments.
const fn v6(first: u16, second: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix)
}

/// Whether `address` is public, or among those the operator listed.
pub(super) fn may_be_called(address: IpAddr, allowed: &[IpNet]) -> bool {
    is_listed(address, allowed) || is_public(address)
}

/// Whether the operator listed `address`, in whatever way it is written.
pub(super) fn is_listed(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = address.to_canonical();
    allowed.iter().any(|network| network.contains(&address))
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !PRIVATE_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            let [_, first, second, .., seventh, eighth] = address.segments();
            if NAT64.contains(&address) {
                return is_public(inner(seventh, eighth));
            }
            if SIX_TO_FOUR.contains(&address) {
                return is_public(inner(first, second));
            }
            GLOBAL_V6.contains(&address) && !PRIVATE_V6.iter().any(|network| network.contains(&address))
        }
    }
}

/// The IPv4 address that two segments hold.
fn inner(high: u16, low: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V-003: every range that an attacker would like.
    #[test]
    fn only_public_addresses_are_called() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            let address: IpAddr = private.parse().unwrap();
            assert!(!may_be_called(address, &[]), "V-003: {private}");
        }
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
        ] {
            let address: IpAddr = public.parse().unwrap();
            assert!(may_be_called(address, &[]), "{public} is public");
        }
    }

    #[test]
    fn what_the_operator_listed_is_called_and_nothing_beside_it() {
        let allowed = ["127.0.0.1/32".parse().unwrap(), "fd12::/16".parse().unwrap()];
        for (address, called) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.2", false),
            ("::1", false),
            ("fd12:1::1", true),
            ("fd13::1", false),
        ] {
            assert_eq!(may_be_called(address.parse().unwrap(), &allowed), called, "{address}");
        }
    }
}
