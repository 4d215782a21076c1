//! Whom a request comes from: the peer, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::Request;
use poem::http::HeaderName;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word counts.
#[derive(Debug, Clone, Default)]
pub struct Proxies(pub Vec<IpNet>);

impl Proxies {
    /// The address of the client: the nearest that no trusted proxy has. What stands further off
    /// anybody may have written.
    pub fn client_of(&self, request: &Request) -> IpAddr {
        let peer = request
            .remote_addr()
            .as_socket_addr()
            .map_or(IpAddr::from([0, 0, 0, 0]), SocketAddr::ip);
        let lists = request.headers().get_all(FORWARDED_FOR).iter();
        let named: Vec<&str> = lists
            .filter_map(|list| list.to_str().ok())
            .flat_map(|list| list.split(','))
            .collect();
        self.nearest(peer, named.into_iter().rev())
    }

    fn nearest<'a>(&self, peer: IpAddr, named: impl Iterator<Item = &'a str>) -> IpAddr {
        let mut nearest = peer.to_canonical();
        for name in named {
            if !self.0.iter().any(|proxies| proxies.contains(&nearest)) {
                break;
            }
            match name.trim().parse::<IpAddr>() {
                Ok(address) => nearest = address.to_canonical(),
                Err(_) => break,
            }
        }
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_whom_they_forward_for() {
        let proxies = Proxies(vec!["10.0.0.0/8".parse().unwrap()]);
        for (peer, named, client) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
            (
                "10.0.0.1",
                "203.0.113.9, 198.51.100.7, 10.0.0.2",
                "198.51.100.7",
            ),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
            ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ] {
            let found = proxies.nearest(peer.parse().unwrap(), named.split(',').rev());
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {named}");
        }
    }
}
