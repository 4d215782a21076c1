//! Addresses: where we listen, what we are called, whose word about addresses we take.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use url::{Host, Url};

use super::{
    problem::Check,
    setting::{Default, Setting},
    source::Source,
};

pub(super) const SETTINGS: &[&Setting] = &[
    &LISTEN,
    &PRIVATE_LISTEN,
    &PUBLIC_URL,
    &ALLOWED_ORIGINS,
    &TRUSTED_PROXIES,
];

const LISTEN: Setting = Setting {
    environment: "LANYARD_LISTEN",
    key: Some("listen"),
    default: Default::Value("127.0.0.1:8080"),
    meaning: "The address and port to listen on; port 0 takes a free one.",
    secret: false,
};

const PRIVATE_LISTEN: Setting = Setting {
    environment: "LANYARD_PRIVATE_LISTEN",
    key: Some("private_listen"),
    default: Default::None,
    meaning: "A second address and port, for `/livez`, `/readyz` and `/metrics` alone.",
    secret: false,
};

const PUBLIC_URL: Setting = Setting {
    environment: "LANYARD_PUBLIC_URL",
    key: Some("public_url"),
    default: Default::Rule("http:// and the listen address where that is loopback, else required"),
    meaning: "The address at which browsers and providers reach this server.",
    secret: false,
};

const ALLOWED_ORIGINS: Setting = Setting {
    environment: "LANYARD_ALLOWED_ORIGINS",
    key: Some("allowed_origins"),
    default: Default::None,
    meaning: "Other origins whose pages may call the API and be returned to.",
    secret: false,
};

const TRUSTED_PROXIES: Setting = Setting {
    environment: "LANYARD_TRUSTED_PROXIES",
    key: Some("trusted_proxies"),
    default: Default::None,
    meaning: "Addresses and CIDRs of proxies that tell whom they forward for.",
    secret: false,
};

/// Addresses: our own, and those that we believe.
#[derive(Debug)]
pub struct Http {
    /// Where the public routes are served.
    pub listen: SocketAddr,
    /// Where health and metrics are served apart.
    pub private_listen: Option<SocketAddr>,
    /// As configured; ask [`Http::public_url`].
    pub public_url: Option<Url>,
    /// Other origins that browsers may call from.
    pub allowed_origins: Vec<Origin>,
    /// As configured, IPv4 in its own form; ask [`Http::trusts`].
    pub trusted_proxies: Vec<IpNet>,
}

/// An origin as a browser writes it in the header `Origin`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// Scheme, host and port, the scheme's own port left out.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that browsers with secrets in their addresses may be sent to.
    ///
    /// # Errors
    /// The rest of a sentence that says what is wrong.
    pub fn of_application(text: &str) -> Result<Self, String> {
        origin(text, secure_address)
    }
}

impl Http {
    pub(super) fn read(source: &mut Source) -> Self {
        let listen = source.value_or_default(&LISTEN, address);
        let private_listen = source.value(&PRIVATE_LISTEN, |text| {
            let private = address(text)?;
            let same = private.ip() == listen.ip()
                || private.ip().is_unspecified()
                || listen.ip().is_unspecified();
            if private.port() != 0 && private.port() == listen.port() && same {
                return Err("takes the port of LANYARD_LISTEN; give another".to_owned());
            }
            Ok(private)
        });
        let public_url = source.value(&PUBLIC_URL, public_url);
        if public_url.is_none() && !is_loopback(listen.ip()) {
            let message = format!(
                "is required where LANYARD_LISTEN ({listen}) is not loopback; \
                 give what browsers use, like https://id.example.com"
            );
            source.needs(&PUBLIC_URL, message);
        }
        let allowed_origins = source.list(&ALLOWED_ORIGINS, |text| origin(text, web_address));
        let trusted_proxies = source.list(&TRUSTED_PROXIES, network_or_address);
        if trusted_proxies
            .iter()
            .any(|network| network.prefix_len() == 0)
        {
            let message = "trusts every address, so anyone can choose the address that we see";
            source.warn(&TRUSTED_PROXIES, message);
        }
        if trusted_proxies.is_empty() && public_url.as_ref().is_some_and(is_https) {
            let message = "names no proxy, while TLS ends somewhere in front of this server: all \
                           who sign in count as one address, and 20 at a time is all it gets";
            source.warn(&TRUSTED_PROXIES, message);
        }
        Self {
            listen,
            private_listen,
            public_url,
            allowed_origins,
            trusted_proxies,
        }
    }

    /// Where this server is reached, when it listens at `bound`. It has no path but `/`.
    pub fn public_url(&self, bound: SocketAddr) -> Url {
        self.public_url.clone().unwrap_or_else(|| {
            let address = SocketAddr::new(bound.ip().to_canonical(), bound.port());
            Url::parse(&format!("http://{address}")).expect("an address and port make a URL")
        })
    }

    /// Whether what `peer` says about whom it forwards for is to be believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        // A socket for both families shows IPv4 peers as ::ffff:a.b.c.d.
        let peer = peer.to_canonical();
        self.trusted_proxies
            .iter()
            .any(|network| network.contains(&peer))
    }
}

fn is_https(url: &Url) -> bool {
    url.scheme() == "https"
}

fn address(text: &str) -> Check<SocketAddr> {
    text.parse()
        .map_err(|_| "is not an address and port; give one like 127.0.0.1:8080".to_owned())
}

fn public_url(text: &str) -> Check<Url> {
    secure_address(text, "https://id.example.com")
}

/// An origin, of an address such as `read` takes.
fn origin(text: &str, read: fn(&str, &str) -> Check<Url>) -> Check<Origin> {
    let example = "https://app.example.com";
    if text.contains('*') {
        return Err(format!("has a wildcard; name each origin, like {example}"));
    }
    if text == "null" {
        return Err(format!(
            "is what any sandboxed page sends; give an origin like {example}"
        ));
    }
    let url = read(text, example)?;
    if text.ends_with('/') {
        return Err("must end after the host and port, without the /".to_owned());
    }
    Ok(Origin(url.origin().ascii_serialization()))
}

/// One whose traffic nobody reads on the way.
fn secure_address(text: &str, example: &str) -> Check<Url> {
    let url = web_address(text, example)?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => is_loopback(address.into()),
        Some(Host::Ipv6(address)) => is_loopback(address.into()),
        None => false,
    };
    if url.scheme() == "http" && !loopback {
        return Err("must be https: http is for loopback hosts only \
                    (127.0.0.0/8, ::1, localhost)"
            .to_owned());
    }
    Ok(url)
}

/// A URL of the web that has nothing after its host and port but perhaps a `/`.
fn web_address(text: &str, example: &str) -> Check<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        let written_out = text
            .get(url.scheme().len()..)
            .is_some_and(|s| s.starts_with("://"));
        ["http", "https"].contains(&url.scheme()) && written_out && url.port() != Some(0)
    });
    let Some(url) = url else {
        return Err(format!("is not a URL like {example}"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user name and no password".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("must end after the host and port: no path, no query, no fragment".to_owned());
    }
    Ok(url)
}

fn network_or_address(text: &str) -> Check<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical().into()),
        Err(_) => network(text)
            .unwrap_or_else(|| Err("is not an address or CIDR; give one like 10.0.0.0/8".into())),
    }
}

/// A CIDR, if `text` is one; it must not have bits set after its prefix. IPv4 in IPv6 becomes IPv4.
pub(super) fn network(text: &str) -> Option<Check<IpNet>> {
    let network: IpNet = text.parse().ok()?;
    if network != network.trunc() {
        let meant = network.trunc();
        return Some(Err(format!(
            "has bits set after its prefix; did you mean {meant}?"
        )));
    }
    let IpNet::V6(v6) = network else {
        return Some(Ok(network));
    };
    let v4 = v6
        .addr()
        .to_ipv4_mapped()
        .zip(v6.prefix_len().checked_sub(96));
    let v4 = v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    Some(Ok(v4.map_or(network, IpNet::V4)))
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
