//! A process with fewer keys than the others: it stores no secrets, says why, and reads what it
//! can.

use rstest::rstest;

use super::*;
use crate::support::app::Db;

#[rstest]
#[tokio::test]
async fn a_process_without_the_current_key_stores_no_secrets_and_says_so(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    let jane = identity(link(&app, &provider, &user, "1", "canary-token-1").await);
    assert_eq!(ready(&app).await, (200, "ok\n".to_owned()));
    rotate(&app, &[1, 2], 2).await;

    let before = app.stored().await;
    let refused = link(&app, &provider, &user, "1", "canary-token-2").await;
    assert_eq!(refused.code(), "INTERNAL");
    assert!(!refused.body.to_string().contains(&id(2)), "{refused:?}");
    let after = app.stored().await;
    assert_eq!(after.credentials, before.credentials);
    assert_eq!(after.identities, before.identities);
    let (status, why) = ready(&app).await;
    assert_eq!(status, 503);
    assert!(
        why.contains(&format!("does not have the current master key {}", id(2))),
        "{why}"
    );
    let created = app
        .ask("mutation($input: CreateIdentityProviderInput!) { createIdentityProvider(input: $input) { identityProvider { id } } }")
        .variables(json!({ "input": {
            "slug": "okta", "type": "oidc", "config": { "issuer": "https://id.example" },
            "clientId": "us", "clientSecret": "canary-secret",
        } }))
        .send()
        .await;
    assert_eq!(created.code(), "INTERNAL");

    // What it has keys for it reads, and what holds no secrets it writes.
    assert_eq!(token(read(&app, &jane).await), "canary-token-1");
    let other = app.user("joe").await;
    app.linked(&provider, &other, "2").await;
    assert_eq!(sealed_with(&app).await, BTreeSet::from([id(1)]));

    // A process with both keys passes everything on; then the first one reads no more of it.
    let full = App::start_at(&app.database_url, &[("LANYARD_MASTER_KEY", &keys(&[1, 2]))]).await;
    identity(link(&full, &provider, &user, "1", "canary-token-3").await);
    until_rotated(&full).await;
    assert_eq!(sealed_with(&full).await, BTreeSet::from([id(2)]));
    assert_eq!(token(read(&full, &jane).await), "canary-token-3");
    assert_eq!(read(&app, &jane).await.code(), "INTERNAL");
    assert_eq!(ready(&full).await.0, 200);
}
