//! What requests to the outside may reach.

use std::{
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use data_encoding::BASE64;
use ipnet::IpNet;
use url::{Host, Url};

use super::{
    file,
    http::network,
    problem::Check,
    setting::{Default, Setting},
    source::Source,
};

pub(super) const SETTINGS: &[&Setting] = &[&EGRESS_ALLOW, &EGRESS_CA_FILE];

const EGRESS_ALLOW: Setting = Setting {
    environment: "LANYARD_EGRESS_ALLOW",
    key: Some("egress_allow"),
    default: Default::None,
    meaning: "Hosts, host:port and CIDRs that may be private or plain http; metadata services by \
              their exact address only.",
    secret: false,
};

const EGRESS_CA_FILE: Setting = Setting {
    environment: "LANYARD_EGRESS_CA_FILE",
    key: Some("egress_ca_file"),
    default: Default::None,
    meaning: "A PEM file of certificate authorities to trust beside the public ones.",
    secret: false,
};

/// What requests to the outside may reach.
#[derive(Debug)]
pub struct Egress {
    /// What may be private or plain http.
    pub allow: Vec<EgressRule>,
    /// Authorities to trust beside the public ones.
    pub ca_file: Option<CaFile>,
}

/// Something that may be private or plain http.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EgressRule {
    /// This name or address exactly, as the `url` crate writes it; at this port, or at any.
    Host(Host, Option<u16>),
    /// Addresses in this range, IPv4 in its own form; not a metadata service within it.
    Network(IpNet),
}

/// Certificates as they were at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaFile {
    /// Where they were read.
    pub path: PathBuf,
    /// One or more `CERTIFICATE` blocks, and perhaps text between them.
    pub pem: String,
}

impl EgressRule {
    /// Whether the rule names the URL's host. A name stands for itself, never for what it resolves
    /// to.
    pub fn names(&self, url: &Url) -> bool {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(address.to_canonical()),
            Some(Host::Domain(_)) | None => None,
        };
        match self {
            Self::Host(host, port) => {
                url.host().is_some_and(|found| found.to_owned() == *host)
                    && port.is_none_or(|port| url.port_or_known_default() == Some(port))
            }
            Self::Network(network) => address.is_some_and(|address| network.contains(&address)),
        }
    }
}

impl Egress {
    pub(super) fn read(source: &mut Source) -> Self {
        let folder = source.folder();
        Self {
            allow: source.list(&EGRESS_ALLOW, rule),
            ca_file: source.value(&EGRESS_CA_FILE, |text| ca_file(folder.join(text))),
        }
    }
}

fn rule(text: &str) -> Check<EgressRule> {
    if let Some(network) = network(text) {
        return network.map(EgressRule::Network);
    }
    let wrong = || "is not a host, host:port or CIDR; give one like git.corp.example".to_owned();
    // A name with these may parse, and would never match.
    if text.contains(['*', '/', '@']) {
        return Err(wrong());
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(EgressRule::Host(canonical(Host::Ipv6(address)), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port.map(str::parse) {
        None => None,
        Some(Ok(number @ 1..)) => Some(number),
        Some(_) => return Err(wrong()),
    };
    let host = Host::parse(host).map_err(|_| wrong())?;
    Ok(EgressRule::Host(canonical(host), port))
}

fn canonical(host: Host) -> Host {
    match host {
        Host::Ipv6(address) => address
            .to_ipv4_mapped()
            .map_or(Host::Ipv6(address), Host::Ipv4),
        other @ (Host::Domain(_) | Host::Ipv4(_)) => other,
    }
}

fn ca_file(path: PathBuf) -> Check<CaFile> {
    let (bytes, _) = file::read(&path).map_err(|error| format!("can't be read: {error}"))?;
    // Bundles name their authorities between the blocks, in any encoding.
    let pem = String::from_utf8_lossy(&bytes).into_owned();
    if !holds_certificates(&pem) {
        return Err(
            "holds no certificates in PEM (-----BEGIN CERTIFICATE-----), \
                    or one that is damaged"
                .to_owned(),
        );
    }
    Ok(CaFile { path, pem })
}

/// Whether there is at least one block, and each is base64 of what may be a certificate.
fn holds_certificates(pem: &str) -> bool {
    const SEQUENCE: u8 = 0x30;
    let mut blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1).peekable();
    blocks.peek().is_some()
        && blocks.all(|block| {
            let Some((text, _)) = block.split_once("-----END CERTIFICATE-----") else {
                return false;
            };
            let text: String = text.split_whitespace().collect();
            BASE64
                .decode(text.as_bytes())
                .is_ok_and(|der| der.first() == Some(&SEQUENCE))
        })
}
