//! What the operator's rules let through: URLs before anything is sent, addresses before they
//! are connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::EgressError;
use super::address::{is_metadata, is_public, reached};
use super::names::Names;
use crate::settings::EgressRule;

/// The rules, and what they come to.
#[derive(Debug, Clone)]
pub(super) struct Guard(Arc<[EgressRule]>);

/// How far the rules trust a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Its host has to be public, or each of its addresses named.
    Public,
    /// A rule names its host, which may be private or plain http.
    Named,
}

impl Guard {
    pub fn new(rules: Vec<EgressRule>) -> Self {
        Self(rules.into())
    }

    /// Whether a request may go to the URL at all.
    pub fn check(&self, url: &Url) -> Result<Trust, EgressError> {
        let refused = |why| Err(EgressError::refused(url, why));
        let Some(host) = url.host() else {
            return refused("has no host");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refused("holds a user name or password");
        }
        let named = self.0.iter().any(|rule| rule.names(url));
        match url.scheme() {
            "https" => {}
            "http" if named => {}
            "http" => return refused("is plain http"),
            _ => return refused("is neither https nor http"),
        }
        // An address is connected to as it stands: no resolver will see it.
        let address = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        let is_exact = |rule: &EgressRule| matches!(rule, EgressRule::Host(..)) && rule.names(url);
        if let Some(address) = address
            && !self.0.iter().any(is_exact)
            && !self.lets_through(reached(address), Trust::Public)
        {
            return refused("is a private address");
        }
        Ok(if named { Trust::Named } else { Trust::Public })
    }

    /// Whether an address that a name resolved to may be connected to.
    pub fn lets_through(&self, address: IpAddr, trust: Trust) -> bool {
        let is_listed = |rule: &EgressRule| match rule {
            EgressRule::Host(Host::Ipv4(listed), None) => address == *listed,
            EgressRule::Host(Host::Ipv6(listed), None) => address == *listed,
            EgressRule::Host(_, _) | EgressRule::Network(_) => false,
        };
        if self.0.iter().any(is_listed) {
            return true;
        }
        if is_metadata(address) {
            return false;
        }
        let in_network = |rule: &EgressRule| match rule {
            EgressRule::Network(network) => network.contains(&address),
            EgressRule::Host(_, _) => false,
        };
        trust == Trust::Named || is_public(address) || self.0.iter().any(in_network)
    }
}

/// Resolves a name once and gives only addresses that may be connected to: between the check
/// and the connection nothing is looked up again.
pub(super) struct Resolver {
    pub names: Names,
    pub guard: Guard,
    pub trust: Trust,
}

/// None of a name's addresses may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("resolves to private addresses only")]
pub(super) struct OnlyPrivate;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, guard, trust) = (self.names.clone(), self.guard.clone(), self.trust);
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            let addresses: Vec<SocketAddr> = found
                .iter()
                .copied()
                .filter(|found| guard.lets_through(reached(found.ip()), trust))
                .collect();
            if addresses.is_empty() {
                return Err(OnlyPrivate.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
