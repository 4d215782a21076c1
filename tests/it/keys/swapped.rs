//! Sealed values in each other's places: they don't open, and nothing of them gets out.

use rstest::rstest;

use super::*;
use crate::support::app::Db;

#[rstest]
#[tokio::test]
async fn tokens_in_each_others_places_are_not_given_out(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let provider = app.provider("crm").await;
    let mut identities = Vec::new();
    for name in ["jane", "joe"] {
        let user = app.user(name).await;
        let token = format!("canary-token-{name}");
        identities.push(identity(link(&app, &provider, &user, name, &token).await));
    }
    app.execute("CREATE TABLE kept AS SELECT * FROM credential")
        .await;
    let put = async |column: &str, from: &str, compare: &str| {
        app.execute(&format!(
            "UPDATE credential SET {column} = (SELECT {from} FROM kept
                WHERE kept.identity_id {compare} credential.identity_id)"
        ))
        .await;
    };
    let all_fail = async || {
        for identity in &identities {
            let answer = read(&app, identity).await;
            assert_eq!(answer.code(), "INTERNAL");
            let shown = answer.body.to_string();
            assert!(
                !shown.contains("canary") && !shown.contains("sealed"),
                "{shown}"
            );
        }
    };
    put("access_token_sealed", "access_token_sealed", "<>").await;
    all_fail().await;
    put("access_token_sealed", "refresh_token_sealed", "=").await;
    all_fail().await;
    put("access_token_sealed", "access_token_sealed", "=").await;
    for (identity, name) in identities.iter().zip(["jane", "joe"]) {
        assert_eq!(
            token(read(&app, identity).await),
            format!("canary-token-{name}")
        );
    }
    // A rotation changes nothing of it: what stands in the wrong place doesn't pass.
    put("access_token_sealed", "access_token_sealed", "<>").await;
    let both = App::start_at(&app.database_url, &[("LANYARD_MASTER_KEY", &keys(&[1, 2]))]).await;
    rotate(&both, &[1, 2], 2).await;
    until("it was gone through", SOON, async || {
        let status = status(&both).await;
        status.is_through() && status.failed() == 2
    })
    .await;
    assert_eq!(sealed_with(&both).await, BTreeSet::from([id(1), id(2)]));
    for identity in &identities {
        assert_eq!(read(&both, identity).await.code(), "INTERNAL");
    }
}
