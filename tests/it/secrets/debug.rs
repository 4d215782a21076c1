//! Types that hold secrets don't print them.

use std::fmt::Debug;
use std::path::Path;

use lanyard::clock::Clock;
use lanyard::database::Database;
use lanyard::event::Sealer;
use lanyard::identity::account::Tokens;
use lanyard::input::Change;
use lanyard::settings::{KeyBytes, MasterKeys, Settings, Source};
use lanyard::vault::{KeyRing, MasterKey, Place, Sealing, Vault};
use secrecy::zeroize::Zeroizing;

const CANARY: &str = "canary-0123456789-canary-0123456";

/// The ways in which bytes are printed.
fn forms(bytes: &[u8]) -> Vec<String> {
    let list = |all: Vec<String>| all.join(", ");
    vec![
        String::from_utf8_lossy(bytes).into_owned(),
        data_encoding::BASE64.encode(bytes),
        data_encoding::HEXLOWER.encode(bytes),
        list(bytes.iter().take(6).map(ToString::to_string).collect()),
        list(
            bytes
                .iter()
                .take(6)
                .map(|byte| format!("{byte:#x}"))
                .collect(),
        ),
    ]
}

#[track_caller]
fn assert_silent(what: &str, value: &dyn Debug) {
    for printed in [
        format!("{value:?}"),
        format!("{value:#?}").replace(",\n", ", "),
    ] {
        let joined = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        for form in forms(CANARY.as_bytes()) {
            assert!(
                !printed.contains(&form) && !joined.contains(&form),
                "{what} prints {form}"
            );
        }
    }
}

/// What nobody can name a type of that has the trait, and `_` in its place.
macro_rules! none_is {
    ($trait:path: $($type:ty),+ $(,)?) => {{
        trait Ambiguous<Which> {
            const HERE: () = ();
        }
        struct Has;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
        // With the trait there are two ways to read this, and it doesn't compile.
        $(let () = <$type as Ambiguous<_>>::HERE;)+
    }};
}

#[test]
fn what_holds_a_secret_is_not_written_down() {
    none_is!(
        serde::Serialize: MasterKey,
        KeyRing,
        Vault,
        Sealing<'static>,
        KeyBytes,
        MasterKeys,
        Settings,
        Tokens,
        lanyard::provider::account::Tokens,
        lanyard::provider::client_key::ClientKey,
        lanyard::database::Sealed,
        secrecy::SecretString,
    );
    // And these do not print at all.
    none_is!(
        Debug: Sealing<'static>,
        lanyard::provider::client_key::ClientKey,
    );
}

#[tokio::test]
async fn what_holds_a_secret_does_not_print_it() {
    let key = <[u8; 32]>::try_from(CANARY.as_bytes()).unwrap();
    let master = MasterKey::new(key);
    let vault = Vault::new(
        KeyRing::new(master.clone(), vec![master.clone()]),
        Clock::default(),
    );
    let place = Place {
        table: "credential",
        row: b"1",
        column: "access_token_sealed",
    };
    let sealed = vault.sealing_for_tests().seal(&place, CANARY.as_bytes());
    assert_silent("a master key", &master);
    assert_silent("a vault", &vault);
    assert_silent("a sealed value", &sealed);
    assert_silent(
        "why it does not open",
        &vault
            .open(&Place { row: b"2", ..place }, &sealed)
            .unwrap_err(),
    );
    assert_silent(
        "tokens",
        &Tokens {
            access_token: CANARY.into(),
            refresh_token: Change::Set(CANARY.into()),
            token_type: None,
            expires_at: None,
            refresh_token_expires_at: None,
            scopes: None,
        },
    );
    let folder = tempfile::TempDir::new().unwrap();
    let database = Database::open_sqlite(&folder.path().join("db"), 1)
        .await
        .unwrap();
    assert_silent(
        "a sealer",
        &Sealer::new(database, Zeroizing::new(CANARY.as_bytes().to_vec())),
    );
    let environment = [
        (
            "LANYARD_MASTER_KEY".to_owned(),
            data_encoding::BASE64.encode(&key),
        ),
        (
            "LANYARD_BOOTSTRAP_API_KEY".to_owned(),
            format!("lyd_{CANARY}"),
        ),
        (
            "LANYARD_DATABASE_URL".to_owned(),
            format!("postgres://lanyard:{CANARY}@127.0.0.1/lanyard"),
        ),
    ];
    let settings =
        Settings::from_source(Source::new(environment.to_vec(), None, Path::new("/"))).unwrap();
    assert_silent("the settings", &settings);
}
