//! Which addresses belong to the public internet. Pure: what the operator allows beyond it is
//! decided where the settings are known.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Not of the public internet: <https://www.iana.org/assignments/iana-ipv4-special-registry>.
const SPECIAL_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Only `2000::/3` is given out, and of it these are not of the public internet, or stand for an
/// IPv4 address in a way that nothing public needs any more (Teredo in `2001::/23`, 6to4):
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const SPECIAL_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Where machines in a cloud get their credentials: the services of AWS (for instances, tasks
/// and pods), Google, Azure, Alibaba, Oracle, Tencent and Scaleway. Two of them look public.
const METADATA: [IpAddr; 13] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 253)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 0, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
];

/// The address that is reached in the end: an IPv4 address in IPv6's clothes (mapped, RFC 4291
/// §2.5.5.2; by NAT64, RFC 6052 §2.1) is that IPv4 address.
pub(super) fn reached(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => match v6.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
            _ => IpAddr::V6(v6),
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Whether the address, as [`reached`] gives it, is one of the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    let within = |network: IpNet| network.contains(&address);
    !is_metadata(address)
        && match address {
            IpAddr::V4(_) => !SPECIAL_V4
                .into_iter()
                .any(|(ip, bits)| within(net(ip, bits))),
            IpAddr::V6(_) => {
                let (ip, bits) = GLOBAL_V6;
                within(net(ip, bits))
                    && !SPECIAL_V6
                        .into_iter()
                        .any(|(ip, bits)| within(net(ip, bits)))
            }
        }
}

/// Whether the address, as [`reached`] gives it, is a metadata service; by 6to4 too.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    let behind = match address {
        IpAddr::V6(v6) => match v6.segments() {
            [0x2002, high, low, ..] => embedded(high, low),
            _ => address,
        },
        IpAddr::V4(_) => address,
    };
    METADATA.contains(&behind)
}

fn embedded(high: u16, low: u16) -> IpAddr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    IpAddr::from([a, b, c, d])
}

fn net(address: impl Into<IpAddr>, bits: u8) -> IpNet {
    IpNet::new_assert(address.into(), bits)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("8.8.8.8")]
    #[case("1.1.1.1")]
    #[case("11.0.0.0")]
    #[case("100.63.255.255")]
    #[case("100.128.0.0")]
    #[case("126.255.255.255")]
    #[case("128.0.0.0")]
    #[case("169.253.255.255")]
    #[case("172.15.255.255")]
    #[case("172.32.0.0")]
    #[case("192.0.1.0")]
    #[case("192.167.255.255")]
    #[case("198.17.255.255")]
    #[case("198.20.0.0")]
    #[case("223.255.255.255")]
    #[case("2606:4700:4700::1111")]
    #[case("2001:200::1")]
    #[case("2a00::1")]
    #[case("::ffff:8.8.8.8")]
    #[case("64:ff9b::808:808")]
    fn public(#[case] address: IpAddr) {
        assert!(is_public(reached(address)));
    }

    #[rstest]
    #[case::unspecified("0.0.0.0")]
    #[case::this_network("0.1.2.3")]
    #[case::private("10.0.0.1")]
    #[case::private("172.16.0.1")]
    #[case::private("172.31.255.255")]
    #[case::private("192.168.1.1")]
    #[case::carrier_grade("100.64.0.1")]
    #[case::carrier_grade("100.127.255.255")]
    #[case::loopback("127.0.0.1")]
    #[case::loopback("127.255.255.254")]
    #[case::link_local("169.254.1.1")]
    #[case::protocols("192.0.0.8")]
    #[case::documentation("192.0.2.1")]
    #[case::documentation("198.51.100.1")]
    #[case::documentation("203.0.113.1")]
    #[case::relay("192.88.99.1")]
    #[case::benchmark("198.18.0.1")]
    #[case::benchmark("198.19.255.255")]
    #[case::multicast("224.0.0.1")]
    #[case::multicast("239.255.255.255")]
    #[case::reserved("240.0.0.1")]
    #[case::broadcast("255.255.255.255")]
    #[case::unspecified("::")]
    #[case::loopback("::1")]
    #[case::compatible("::127.0.0.1")]
    #[case::compatible("::8.8.8.8")]
    #[case::mapped("::ffff:127.0.0.1")]
    #[case::mapped("::ffff:10.0.0.1")]
    #[case::translated("::ffff:0:127.0.0.1")]
    #[case::nat64("64:ff9b::7f00:1")]
    #[case::nat64("64:ff9b::a00:1")]
    #[case::nat64_local("64:ff9b:1::808:808")]
    #[case::discard("100::1")]
    #[case::unique_local("fc00::1")]
    #[case::unique_local("fdff::1")]
    #[case::link_local("fe80::1")]
    #[case::site_local("fec0::1")]
    #[case::multicast("ff02::1")]
    #[case::teredo("2001::1")]
    #[case::benchmark("2001:2::1")]
    #[case::orchid("2001:20::1")]
    #[case::documentation("2001:db8::1")]
    #[case::documentation("3fff::1")]
    #[case::six_to_four("2002:7f00:1::1")]
    #[case::six_to_four("2002:808:808::1")]
    #[case::segment_routing("5f00::1")]
    fn not_public(#[case] address: IpAddr) {
        assert!(!is_public(reached(address)));
        assert!(!is_metadata(reached(address)));
    }

    #[rstest]
    #[case("169.254.169.254")]
    #[case("::ffff:169.254.169.254")]
    #[case("64:ff9b::a9fe:a9fe")]
    #[case("2002:a9fe:a9fe::1")]
    #[case("169.254.170.2")]
    #[case("168.63.129.16")]
    #[case("100.100.100.200")]
    #[case("192.0.0.192")]
    #[case("fd00:ec2::254")]
    #[case("fd20:ce::254")]
    fn metadata(#[case] address: IpAddr) {
        assert!(is_metadata(reached(address)));
        assert!(!is_public(reached(address)));
    }
}
