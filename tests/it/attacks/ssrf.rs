//! Requests that are to go where only this server gets to: by the issuer, by what its
//! configuration names, by redirects. A listener on this machine's own address counts who comes.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use lanyard::demo::provider::{Broken, DiscoveryFault, Endpoint, ProfileFault, Times};
use serde_json::json;
use tokio::net::TcpListener;

use super::world;
use crate::flows::{ACME, stored_nothing};
use crate::support::until::until;
use crate::support::world::World;

/// Something inside that nobody outside may make us speak to.
struct Inside {
    port: u16,
    visits: Arc<AtomicU32>,
}

impl Inside {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&visits);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, visits }
    }

    /// It is there, and has not been visited but for this once.
    async fn was_left_alone(&self) {
        assert_eq!(self.visits.load(Ordering::SeqCst), 0);
        let address = (Ipv4Addr::LOCALHOST, self.port);
        tokio::net::TcpStream::connect(address).await.unwrap();
        until(
            "the visit is counted",
            Duration::from_secs(30),
            async || self.visits.load(Ordering::SeqCst) > 0,
        )
        .await;
    }

    /// URLs that lead here, or to what clouds keep for their machines, by address.
    fn by_address(&self) -> Vec<String> {
        let hosts = [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "0.0.0.0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "169.254.169.254",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "10.0.0.1",
            "192.168.0.1",
        ];
        let url = |host: &&str| format!("https://{host}:{}/inside", self.port);
        hosts.iter().map(url).collect()
    }

    /// The same by names that resolve to this machine.
    fn by_name(&self) -> Vec<String> {
        let hosts = ["localhost", "LOCALHOST"];
        let url = |host: &&str| format!("https://{host}:{}/inside", self.port);
        hosts.iter().map(url).collect()
    }
}

#[tokio::test]
async fn an_issuer_inside_is_not_asked() {
    let (world, inside) = (world().await, Inside::start().await);
    let create = "mutation($input: CreateIdentityProviderInput!) {
        createIdentityProvider(input: $input) { identityProvider { id } userErrors { code } } }";
    let all = [inside.by_address(), inside.by_name()].concat();
    let plain = all.iter().map(|url| url.replace("https:", "http:"));
    let all: Vec<String> = all.iter().cloned().chain(plain).collect();
    let mut began = 0;
    for (number, issuer) in all.iter().enumerate() {
        let slug = format!("inside-{number}");
        let input = json!({
            "slug": slug, "type": "oidc", "allowsSignIn": true, "clientId": "us",
            "config": { "issuer": issuer },
        });
        let asked = world.app.ask(create).variables(json!({ "input": input }));
        let made = asked.send().await.body;
        if !made["data"]["createIdentityProvider"]["identityProvider"].is_object() {
            continue;
        }
        began += 1;
        let path = format!("/auth/{slug}/start?intent=sign_in");
        let seen = world.browser().get(&path).await;
        seen.is_refused(502, "PROVIDER_UNAVAILABLE");
        // What is inside is nobody's business, nor which rule stands before it.
        assert!(!seen.text.contains("private"), "{seen:?}");
    }
    assert!(began > 10, "{began} of {} could be tried", all.len());
    inside.was_left_alone().await;
}

#[tokio::test]
async fn what_a_configuration_names_by_an_inside_address_begins_no_flow() {
    let (world, inside) = (world().await, Inside::start().await);
    for key in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        for url in inside.by_address() {
            let fault = DiscoveryFault::With(key, json!(url));
            world.provider.fault(ACME, fault, Times::Once);
            let seen = world.browser().get("/auth/acme/start?intent=sign_in").await;
            seen.is_refused(502, "PROVIDER_UNAVAILABLE");
        }
    }
    inside.was_left_alone().await;
    world
        .browser()
        .sign_in(ACME, "ada")
        .await
        .leads_to("/account");
}

/// A name shows where it leads when it is connected to.
#[tokio::test]
async fn what_a_configuration_names_by_an_inside_name_is_not_asked() {
    let (world, inside) = (world().await, Inside::start().await);
    // So that user info is asked.
    let unsaid = ProfileFault::VerificationUnsaid;
    world.provider.fault(ACME, unsaid, Times::Always);
    for key in ["token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        for url in inside.by_name() {
            let fault = DiscoveryFault::With(key, json!(url));
            world.provider.fault(ACME, fault, Times::Once);
            let seen = world.browser().sign_in(ACME, "ada").await;
            seen.is_refused(502, "PROVIDER_UNAVAILABLE");
            // Until the configuration is asked for anew.
            world.pass(TimeDelta::minutes(11));
        }
    }
    inside.was_left_alone().await;
    stored_nothing(&world).await;
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let (world, inside) = (world().await, Inside::start().await);
    let unsaid = ProfileFault::VerificationUnsaid;
    for endpoint in [
        Endpoint::Discovery,
        Endpoint::Token,
        Endpoint::Jwks,
        Endpoint::UserInfo,
    ] {
        for scheme in ["http", "https"] {
            let to = format!("{scheme}://127.0.0.1:{}/", inside.port);
            let redirect = Broken::Redirect(to.parse().unwrap());
            world.provider.clear_faults(ACME);
            world.provider.fault(ACME, unsaid, Times::Always);
            world
                .provider
                .fault(ACME, (endpoint, redirect), Times::Always);
            is_unavailable(&world, endpoint).await;
        }
    }
    inside.was_left_alone().await;
    stored_nothing(&world).await;
}

async fn is_unavailable(world: &World, endpoint: Endpoint) {
    let browser = world.browser();
    let seen = if endpoint == Endpoint::Discovery {
        browser.get("/auth/acme/start?intent=sign_in").await
    } else {
        browser.sign_in(ACME, "ada").await
    };
    seen.is_refused(502, "PROVIDER_UNAVAILABLE");
}
