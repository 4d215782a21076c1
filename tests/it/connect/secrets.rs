//! Nothing that completes a link, or that a provider has given, is kept in the clear, shown on a
//! page or logged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use lanyard::clock::Clock;
use lanyard::demo::provider::Endpoint;
use lanyard::vault::{KeyRing, MasterKey, Place, Vault};
use rstest::rstest;
use tracing_subscriber::fmt::MakeWriter;

use super::{ADAS, HUB, Portal, second_page};
use crate::support::app::Db;
use crate::support::connecting::told;

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn opened(
    vault: &Vault,
    identity: uuid::Uuid,
    column: &str,
    sealed: &lanyard::database::Sealed,
) -> String {
    let place = Place {
        table: "credential",
        row: identity.as_bytes(),
        column,
    };
    String::from_utf8(vault.open(&place, sealed).unwrap().to_vec()).unwrap()
}

#[rstest]
#[tokio::test]
async fn what_a_link_goes_by_is_nowhere_to_be_read(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .with_env_filter("info,lanyard=trace")
        .finish();
    // All that the server does in this test, it does on this thread.
    let _logging = tracing::subscriber::set_default(subscriber);
    let portal = Portal::new(on).await;
    let (world, app, browser) = (&portal.world, &portal.world.app, portal.world.browser());
    let connect = portal.start().await;
    let mut secrets = vec![connect.path().trim_start_matches("/connect/").to_owned()];
    let mut kept = vec![format!("{:?}", app.dump().await)];
    let mut pages = Vec::new();
    pages.push(
        browser
            .get(connect.path())
            .await
            .text
            .replace(&secrets[0], ""),
    );
    let authorization = browser.set_out(&connect).await;
    secrets.push(told(&authorization, "state").unwrap());
    secrets.extend(browser.cookies().into_values());
    kept.push(format!("{:?}", app.dump().await));
    let callback = world.provider.decide(&authorization, ADAS.0).unwrap();
    secrets.push(told(&callback, "code").unwrap());
    let back = browser.come_back(&callback).await;
    pages.push(back.text.clone());
    secrets.extend(browser.cookies().into_values());
    kept.push(format!("{:?}", app.dump().await));
    let found = second_page(&back);
    pages.push(browser.get(&found).await.text);
    let address = browser.press(&found, "connect").await.goes_on_to();
    let code = told(&address, "link_code").unwrap();
    secrets.push(code.clone());
    kept.push(format!("{:?}", app.dump().await));
    portal.is_no_code(&portal.key, &code, &portal.bo).await;
    let answer = app.complete_link(&portal.key, &code, &portal.ada).await;
    pages.push(answer.body.to_string());
    app.all_sealed().await;
    kept.push(format!("{:?}", app.dump().await));
    pages.push(format!("{address}").replace(&code, ""));

    let keys = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
    let vault = Vault::new(keys, Clock::default());
    let stored = app.stored().await;
    let tokens = &stored.credentials[0];
    let id = tokens.identity_id.0;
    secrets.push(opened(
        &vault,
        id,
        "access_token_sealed",
        &tokens.access_token_sealed,
    ));
    if let Some(refresh) = &tokens.refresh_token_sealed {
        secrets.push(opened(&vault, id, "refresh_token_sealed", refresh));
    }
    let exchange = &world.provider.records_of(HUB, Endpoint::Token)[0];
    secrets.push(exchange.get("code_verifier").unwrap().to_owned());
    assert!(secrets.len() >= 9, "{}", secrets.len());
    assert!(
        secrets.iter().all(|secret| secret.len() >= 16),
        "{secrets:?}"
    );
    let log = log.text();
    assert!(log.contains("/connect/{token}"), "it does log: {log}");
    for secret in &secrets {
        assert!(!log.contains(secret), "the log has {secret}");
        for text in &kept {
            assert!(!text.contains(secret), "the database has {secret}");
        }
        for text in &pages {
            assert!(!text.contains(secret), "a page has {secret}: {text}");
        }
    }
}
