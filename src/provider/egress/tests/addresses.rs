//! Where a request really goes: names that resolve to one thing and then another, and all the
//! ways to write an address.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::provider::egress::names::Names;
use crate::provider::tests::raw::{Raw, Way};

const ALLOWED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Two servers at one port of two addresses, of which the rules let one through.
struct Rebinding {
    allowed: Raw,
    other: Raw,
    egress: Egress,
    lookups: Arc<AtomicU32>,
}

impl Rebinding {
    /// The name's addresses, lookup by lookup; the last ones stay.
    async fn new(answers: &[&[Ipv4Addr]]) -> Self {
        let allowed = Raw::at(&format!("{ALLOWED}:0"), Way::Says(Vec::new())).await;
        let port = allowed.address.port();
        let other = Raw::at(&format!("{OTHER}:{port}"), Way::Says(Vec::new())).await;
        let answers: Vec<Vec<Ipv4Addr>> = answers.iter().map(|ips| ips.to_vec()).collect();
        let lookups = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&lookups);
        let names = Names::by(move |_| {
            let number = counted.fetch_add(1, Ordering::SeqCst) as usize;
            let addresses = answers[number.min(answers.len() - 1)].clone();
            let addresses = addresses.into_iter().map(|ip| (ip, 0).into()).collect();
            Box::pin(async move { Ok(addresses) })
        });
        let settings = settings::Egress {
            allow: vec![network(&format!("{ALLOWED}/32"))],
            ca_file: None,
        };
        let egress = Egress::by(&settings, &names).unwrap();
        Self {
            allowed,
            other,
            egress,
            lookups,
        }
    }

    /// Both servers speak no TLS: who was connected to is what counts.
    async fn send(&self) -> EgressError {
        let port = self.allowed.address.port();
        let url = format!("https://rebinding.example:{port}/");
        self.egress.send(get(&url)).await.unwrap_err()
    }

    fn connected(&self) -> (usize, usize) {
        (self.allowed.heads().len(), self.other.heads().len())
    }
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    let world = Rebinding::new(&[&[ALLOWED], &[OTHER]]).await;
    let error = world.send().await;
    assert!(matches!(error, EgressError::Unreachable { .. }), "{error}");
    assert_eq!(world.lookups.load(Ordering::SeqCst), 1, "looked up once");
    assert_eq!(world.connected(), (1, 0));
    let error = world.send().await;
    assert!(matches!(error, EgressError::Refused { .. }), "{error}");
    assert_eq!(world.connected(), (1, 0), "checked anew");
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_connected_to() {
    let world = Rebinding::new(&[&[OTHER, ALLOWED, OTHER]]).await;
    let error = world.send().await;
    assert!(matches!(error, EgressError::Unreachable { .. }), "{error}");
    assert_eq!(world.connected(), (1, 0));
    // Nor is another one tried where those fail.
    let world = Rebinding::new(&[&[Ipv4Addr::new(127, 0, 0, 2), OTHER]]).await;
    let port = world.allowed.address.port();
    let elsewhere = Raw::at(&format!("{OTHER}:0"), Way::Hangs).await;
    let url = format!("https://rebinding.example:{}/", elsewhere.address.port());
    let error = world.egress.send(get(&url)).await.unwrap_err();
    assert!(matches!(error, EgressError::Unreachable { .. }), "{error}");
    assert_eq!(world.connected(), (0, 0), "{port}");
    assert_eq!(elsewhere.heads().len(), 0);
}

#[tokio::test]
async fn a_name_nobody_knows_is_told_without_its_path() {
    let names = Names::by(|_| Box::pin(async { Err(io::Error::other("no such name")) }));
    let settings = settings::Egress {
        allow: Vec::new(),
        ca_file: None,
    };
    let egress = Egress::by(&settings, &names).unwrap();
    let error = egress
        .send(get("https://nowhere.example/canary?canary"))
        .await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("no such name") && !error.contains("canary"),
        "{error}"
    );
}

/// What a name resolves to, whatever clothes the address wears.
#[rstest]
#[case::loopback("127.0.0.1")]
#[case::this_host("0.0.0.0")]
#[case::private("10.0.0.1")]
#[case::shared("100.64.0.1")]
#[case::metadata("169.254.169.254")]
#[case::loopback_6("::1")]
#[case::unspecified("::")]
#[case::mapped("::ffff:127.0.0.1")]
#[case::mapped_metadata("::ffff:169.254.169.254")]
#[case::nat64("64:ff9b::7f00:1")]
#[case::nat64_metadata("64:ff9b::a9fe:a9fe")]
#[case::six_to_four("2002:7f00:1::")]
#[case::compatible("::7f00:1")]
#[case::unique_local("fd00:ec2::254")]
#[case::link_local("fe80::1")]
#[tokio::test]
async fn no_name_leads_to_a_private_address(#[case] address: IpAddr) {
    let names = Names::by(move |_| Box::pin(async move { Ok(vec![(address, 0).into()]) }));
    let settings = settings::Egress {
        allow: Vec::new(),
        ca_file: None,
    };
    let egress = Egress::by(&settings, &names).unwrap();
    let error = egress.send(get("https://inside.example/")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, EgressError::Refused { .. }), "{error}");
}

/// Loopback, private and metadata addresses in every form that URLs know.
#[rstest]
#[case::dotted("127.0.0.1")]
#[case::short("127.1")]
#[case::decimal("2130706433")]
#[case::hexadecimal("0x7f000001")]
#[case::hexadecimal_parts("0x7f.0x0.0x0.0x1")]
#[case::octal("017700000001")]
#[case::octal_parts("0177.0.0.01")]
#[case::mixed("0x7f.0.1")]
#[case::a_dot_at_the_end("127.0.0.1.")]
#[case::encoded("%31%32%37.0.0.1")]
#[case::full_width("１２７．０．０．１")]
#[case::circled("①②⑦.⓪.⓪.①")]
#[case::ideographic_dots("127。0。0。1")]
#[case::zero("0")]
#[case::unspecified("0.0.0.0")]
#[case::metadata("169.254.169.254")]
#[case::metadata_decimal("2852039166")]
#[case::metadata_hexadecimal("0xa9fea9fe")]
#[case::metadata_octal("0251.0376.0251.0376")]
#[case::loopback_6("[::1]")]
#[case::loopback_6_in_full("[0:0:0:0:0:0:0:1]")]
#[case::unspecified_6("[::]")]
#[case::mapped("[::ffff:127.0.0.1]")]
#[case::mapped_in_hexadecimal("[::ffff:7f00:1]")]
#[case::mapped_metadata("[::ffff:a9fe:a9fe]")]
#[case::compatible("[::127.0.0.1]")]
#[case::nat64("[64:ff9b::127.0.0.1]")]
#[case::nat64_metadata("[64:ff9b::a9fe:a9fe]")]
#[case::local_nat64("[64:ff9b:1::7f00:1]")]
#[case::six_to_four("[2002:7f00:1::]")]
#[case::teredo("[2001::1]")]
#[case::link_local("[fe80::1]")]
#[case::unique_local("[fc00::1]")]
#[case::site_local("[fec0::1]")]
#[tokio::test]
async fn no_way_to_write_a_private_address_leads_there(#[case] host: &str) {
    let url: Url = format!("https://{host}/").parse().unwrap();
    let egress = egress(Vec::new());
    let refused = egress.check(&url).unwrap_err().to_string();
    assert!(refused.contains("is a private address"), "{url}: {refused}");
    let error = egress.send(get(url.as_str())).await.unwrap_err();
    assert!(matches!(error, EgressError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_to_inside_is_not_followed() {
    let inside = Raw::start(Way::Says(Vec::new())).await;
    let mut told = String::new();
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} X\r\nlocation: {}\r\nrefresh: 0; url={0}\r\n\r\n",
            inside.url()
        );
        let outside = Raw::at("127.0.0.2:0", Way::Says(head.into_bytes())).await;
        let egress = egress(vec![network("127.0.0.0/8")]);
        let error = egress.send(get(&outside.url())).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Redirected { status: found, .. } if found == status),
            "{error}"
        );
        told += &error.to_string();
    }
    assert!(inside.heads().is_empty());
    assert!(!told.contains(&inside.url()), "{told}");
}
