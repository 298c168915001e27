//! Which addresses are not public: the special-purpose registries of IANA (RFC 6890 and its successors) as a table.
//!
//! Forms that carry an IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo, ISATAP) are refused whole: what they reach depends on
//! a translator that we cannot see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

const SPECIAL_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    // One public-looking address with which a cloud's guests reach their host.
    (v4(168, 63, 129, 16, 32), "cloud metadata"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

const SPECIAL_V6: &[(Ipv6Net, &str)] = &[
    (v6([0x2001, 0, 0, 0], 32), "Teredo"),
    (v6([0x2001, 0, 0, 0], 23), "protocol assignments"),
    (v6([0x2001, 0xdb8, 0, 0], 32), "documentation"),
    (v6([0x2002, 0, 0, 0], 16), "6to4"),
    (v6([0x3fff, 0, 0, 0], 20), "documentation"),
    (v6([0x64, 0xff9b, 0, 0], 96), "NAT64"),
    (v6([0x64, 0xff9b, 1, 0], 48), "NAT64"),
    (v6([0x100, 0, 0, 0], 64), "discard"),
    (v6([0x5f00, 0, 0, 0], 16), "segment routing"),
    (v6([0xfc00, 0, 0, 0], 7), "unique local"),
    (v6([0xfe80, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0], 8), "multicast"),
];

/// Where a cloud answers its own machines, besides IPv4's link-local range: what is learned there opens the whole account.
const CLOUD_V4: &[Ipv4Net] = &[v4(169, 254, 0, 0, 16), v4(168, 63, 129, 16, 32), v4(100, 100, 100, 200, 32)];

const CLOUD_V6: &[Ipv6Net] = &[
    v6([0xfe80, 0, 0, 0], 10),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128),
];

/// The translator's prefix that everybody knows (RFC 6052 §2.1); the IPv4 address follows it.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);

/// The only block from which public IPv6 addresses are given out.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// The kind of special range `address` lies in; `None` when it is public or inside one of `allow`.
pub fn special_range(address: IpAddr, allow: &[IpNet]) -> Option<&'static str> {
    if allow.iter().any(|range| range.contains(&address)) {
        return None;
    }
    match address {
        IpAddr::V4(v4) => SPECIAL_V4.iter().find(|(range, _)| range.contains(&v4)).map(|(_, kind)| *kind),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

/// Like [`special_range`] for a host that the operator named: only what is link-local or a cloud's own, also behind an IPv6 form of it.
pub fn link_local(address: IpAddr, allow: &[IpNet]) -> Option<&'static str> {
    if allow.iter().any(|range| range.contains(&address)) {
        return None;
    }
    let is_local = match address.to_canonical() {
        IpAddr::V4(v4) => is_cloud_v4(v4),
        IpAddr::V6(v6) => {
            let [.., a, b, c, d] = v6.octets();
            let inside = NAT64.contains(&v6) && is_cloud_v4(Ipv4Addr::new(a, b, c, d));
            inside || CLOUD_V6.iter().any(|range| range.contains(&v6))
        }
    };
    is_local.then_some("link-local or cloud metadata")
}

fn is_cloud_v4(address: Ipv4Addr) -> bool {
    CLOUD_V4.iter().any(|range| range.contains(&address))
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        return Some("loopback");
    }
    if address.is_unspecified() {
        return Some("unspecified");
    }
    if address.to_ipv4_mapped().is_some() {
        return Some("IPv4-mapped");
    }
    let [.., a, b, _, _] = address.segments();
    if matches!(a, 0 | 0x0200) && b == 0x5efe {
        return Some("ISATAP");
    }
    let listed = SPECIAL_V6.iter().find(|(range, _)| range.contains(&address)).map(|(_, kind)| *kind);
    listed.or_else(|| (!GLOBAL_UNICAST.contains(&address)).then_some("reserved"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(address: &str) -> Option<&'static str> {
        special_range(address.parse().unwrap(), &[])
    }

    #[test]
    fn both_ends_of_every_special_range_are_refused() {
        for (range, name) in SPECIAL_V4 {
            for end in [range.network(), range.broadcast()] {
                assert!(special_range(end.into(), &[]).is_some(), "{end} {name}");
            }
        }
        for (range, name) in SPECIAL_V6 {
            for end in [range.network(), range.broadcast()] {
                assert!(special_range(end.into(), &[]).is_some(), "{end} {name}");
            }
        }
    }

    #[test]
    fn every_disguise_of_an_inner_address_is_refused() {
        for (address, expected) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("0.0.0.0", "this network"),
            ("10.1.2.3", "private"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("100.100.100.200", "carrier-grade NAT"),
            ("169.254.169.254", "link-local"),
            ("168.63.129.16", "cloud metadata"),
            ("192.0.0.170", "protocol assignments"),
            ("198.19.255.255", "benchmarking"),
            ("239.1.1.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:127.0.0.1", "IPv4-mapped"),
            ("::ffff:8.8.8.8", "IPv4-mapped"),
            ("64:ff9b::7f00:1", "NAT64"),
            ("64:ff9b:1::a00:1", "NAT64"),
            ("2002:7f00:1::", "6to4"),
            ("2001:0:53aa:64c::1", "Teredo"),
            ("2a00::5efe:10.0.0.1", "ISATAP"),
            ("2001:db8::1", "documentation"),
            ("3fff:fff::1", "documentation"),
            ("fd00:ec2::254", "unique local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("4000::1", "reserved"),
        ] {
            assert_eq!(kind(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        for address in
            ["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "223.255.255.255", "2606:4700::1111"]
        {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn an_allowed_range_opens_itself_and_nothing_beside_it() {
        let allow = ["127.0.0.2/32".parse().unwrap(), "10.20.0.0/16".parse().unwrap()];
        let with = |address: &str| special_range(address.parse().unwrap(), &allow);
        assert_eq!(with("127.0.0.2"), None);
        assert_eq!(with("10.20.255.255"), None);
        assert_eq!(with("127.0.0.1"), Some("loopback"));
        assert_eq!(with("10.21.0.0"), Some("private"));
        assert_eq!(with("::ffff:127.0.0.2"), Some("IPv4-mapped"));
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_the_standard_library(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let known = address.is_loopback() || address.is_private() || address.is_link_local()
                || address.is_multicast() || address.is_documentation() || address.is_broadcast() || address.is_unspecified();
            prop_assert!(!known || special_range(address.into(), &[]).is_some());
        }

        #[test]
        fn an_ipv4_address_inside_an_ipv6_one_never_passes(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            for address in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, a, b),
            ] {
                prop_assert!(special_range(address.into(), &[]).is_some());
            }
        }
    }
}
