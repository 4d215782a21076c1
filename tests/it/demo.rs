//! `lanyard demo`: what the first minute begins with.

use std::net::TcpListener;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::Db;
use crate::support::demo::{ask, key, start};
use crate::support::site::{Ended, Site, mode};

/// Everything of the sample that a start could change.
const ALL: &str = "{
    users { totalCount nodes { id entityRef email status dateAdded identities { nodes {
        id externalId version dateUpdated provider { slug }
    } } } }
    identityProviders { nodes {
        id slug name version allowsSignIn hasClientSecret clientId config signIn
    } }
    organizations { nodes { id slug name domains members { totalCount nodes { id } } } }
    organizationIntegrations { nodes { id dateUpdated defaultIdentity { id } } }
}";

/// The port of the provider, by what the demo has printed.
fn provider_port(printed: &str) -> u16 {
    let rest = printed.split("http://localhost:").nth(1).unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// Where the environment names a PostgreSQL database, the demo leaves it alone.
#[rstest]
#[tokio::test]
async fn a_second_start_finds_everything_as_the_first_left_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    let process = start(&site, 0).await;
    let first = ask(&process, &key(&site), ALL).await;
    assert_eq!(first["users"]["totalCount"], 7);
    // Lena is disabled, and in nothing.
    let organization = &first["organizations"]["nodes"][0];
    assert_eq!(organization["slug"], "acme");
    assert_eq!(organization["members"]["totalCount"], 6);
    let slugs: Vec<&Value> = first["identityProviders"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|provider| &provider["slug"])
        .collect();
    assert_eq!(slugs, ["acme", "hub", "payroll"]);
    let acting = ask(
        &process,
        &key(&site),
        "{ integration(provider: \"payroll\", externalId: \"acme\") { organizationIntegrations { nodes {
            organization { slug } defaultIdentity { externalId user { entityRef } }
        } } } }",
    )
    .await;
    assert_eq!(
        acting["integration"]["organizationIntegrations"]["nodes"],
        json!([{
            "organization": { "slug": "acme" },
            "defaultIdentity": { "externalId": "E-1001", "user": { "entityRef": "user:default/ada" } },
        }])
    );
    let first_key = key(&site);
    let printed = process.stop().await;
    let port = provider_port(&printed);
    for part in [
        first_key.as_str(),
        "anyone can be anyone",
        "    curl http://127.0.0.1:",
    ] {
        assert!(printed.contains(part), "{part} in\n{printed}");
    }
    assert_eq!(mode(&site.path("lanyard-demo/demo.key")), 0o600);
    let made = ["", "/demo.key", "/lanyard.db", "/master.key"];
    let made = made.map(|path| format!("lanyard-demo{path}"));
    assert_eq!(site.made(), made);

    let process = start(&site, port).await;
    assert_eq!(key(&site), first_key);
    assert_eq!(ask(&process, &first_key, ALL).await, first);
    assert_eq!(provider_port(&process.stop().await), port);

    // The issuers are part of every identity's key.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = taken.local_addr().unwrap().port().to_string();
    let arguments = ["demo", "--provider-port", &other];
    let busy = site.run(&arguments).await;
    assert!(
        busy.said()[0].contains("give another port by --provider-port"),
        "{busy:#?}"
    );
    drop(taken);
    site.run(&arguments).await.fails_saying(&[format!(
        "the sample's identity provider acme is at http://localhost:{port}/acme, and the \
         make-believe provider is at http://localhost:{other}/acme: start it on the same port as \
         before, or on an empty data folder"
    )]);
}

#[tokio::test]
async fn whoever_has_played_with_the_sample_finds_it_as_they_left_it() {
    let site = Site::new(Db::Sqlite).await;
    let process = start(&site, 0).await;
    let key = key(&site);
    let found = ask(
        &process,
        &key,
        "{ user(entityRef: \"user:default/noor\") { id identities { nodes { provider { id slug } } } } }",
    )
    .await;
    let linked = found["user"]["identities"]["nodes"].as_array().unwrap();
    let mut slugs: Vec<&str> = Vec::new();
    for identity in linked {
        slugs.push(identity["provider"]["slug"].as_str().unwrap());
        let replace = format!(
            "mutation {{ linkIdentity(input: {{
                userId: {}, providerId: {}, externalId: \"another\", onConflict: UPDATE_IN_PLACE
            }}) {{ outcome }} }}",
            found["user"]["id"], identity["provider"]["id"],
        );
        let done = ask(&process, &key, &replace).await;
        assert_eq!(done["linkIdentity"]["outcome"], "UPDATED_IN_PLACE");
    }
    slugs.sort_unstable();
    assert_eq!(slugs, ["hub", "payroll"]);
    let before = ask(&process, &key, ALL).await;
    let port = provider_port(&process.stop().await);
    let process = start(&site, port).await;
    assert_eq!(ask(&process, &key, ALL).await, before);
    process.stop().await;
}

#[tokio::test]
async fn a_key_that_was_revoked_is_replaced_at_the_next_start() {
    let site = Site::new(Db::Sqlite).await;
    let process = start(&site, 0).await;
    let before = key(&site);
    let keys = ask(&process, &before, "{ apiKeys { nodes { id } } }").await;
    let id = &keys["apiKeys"]["nodes"][0]["id"];
    let revoke = format!("mutation {{ revokeApiKey(id: {id}) {{ deletedId }} }}");
    ask(&process, &before, &revoke).await;
    let port = provider_port(&process.stop().await);
    let process = start(&site, port).await;
    assert_ne!(key(&site), before);
    let names = ask(&process, &key(&site), "{ apiKeys { nodes { name } } }").await;
    assert_eq!(
        names,
        json!({ "apiKeys": { "nodes": [{ "name": "first admin key" }] } })
    );
    process.stop().await;
    assert_eq!(mode(&site.path("lanyard-demo/demo.key")), 0o600);
}

#[tokio::test]
async fn it_keeps_away_from_real_data_and_from_the_network() {
    let site = Site::new(Db::Sqlite).await;
    let listen = Ended::of(site.lanyard(&["demo"]).env("LANYARD_LISTEN", "0.0.0.0:0")).await;
    assert!(listen.said()[0].contains("on loopback only"), "{listen:#?}");
    let config = site.run(&["--config", "lanyard.toml", "demo"]).await;
    assert!(config.said()[0].contains("without --config"), "{config:#?}");
    assert!(site.made().is_empty());

    site.prints(&["migrate", "up"]).await;
    let arguments = ["demo", "--provider-port", "0", "--data-dir", "lanyard-data"];
    let data = site.run(&arguments).await;
    assert!(
        data.said()[0].contains("that is not the demo's"),
        "{data:#?}"
    );
    site.write("lanyard.toml", "log = \"info\"\n");
    let here = site.run(&["demo", "--data-dir", "."]).await;
    assert!(here.said()[0].contains("holds a lanyard.toml"), "{here:#?}");
    let made = ["lanyard-data", "lanyard-data/lanyard.db", "lanyard.toml"];
    assert_eq!(site.made(), made);
}
