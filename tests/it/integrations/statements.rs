//! How many statements lists of integrations take, and whom they act as.

use rstest::rstest;
use serde_json::{Value, json};

use super::setting::Setting;
use crate::statements::cost;
use crate::support::app::Db;

const MANY: usize = 10;

/// Ten organizations, each with ten integrations that act as Jane's account.
async fn many(on: Db) -> Setting {
    let it = Setting::start(on).await;
    for number in 0..MANY {
        let organization = it.app.organization(&format!("organization-{number}")).await;
        it.app.add_member(&organization, &it.jane).await;
        for number in 0..MANY {
            it.installed(json!({
                "organizationId": organization,
                "externalId": number.to_string(),
                "defaultIdentityId": it.account,
            }))
            .await;
        }
    }
    it
}

#[rstest]
#[tokio::test]
async fn a_page_with_its_pages_is_one_statement_a_level(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = many(on).await;
    let query = "{ organizationIntegrations(first: 100) { nodes {
        organization { slug integrations(first: 2) { nodes { id } totalCount } }
        integration { name organizationIntegrations(last: 2) { nodes { id } } }
        defaultIdentity { externalId }
    } } }";
    let listed = it.app.ask(query).data().await;
    let nodes = listed["organizationIntegrations"]["nodes"]
        .as_array()
        .unwrap();
    assert_eq!(nodes.len(), MANY * MANY);
    for node in nodes {
        assert_eq!(node["organization"]["integrations"]["totalCount"], MANY);
        let has = &node["integration"]["organizationIntegrations"]["nodes"];
        assert_eq!(has.as_array().unwrap().len(), 2);
    }
    // The page; organizations, integrations, identities; a page of each for organizations and for
    // integrations; counts.
    assert_eq!(cost(&it.app, query, &json!({})).await, 7);
}

#[rstest]
#[tokio::test]
async fn whom_many_integrations_act_as_is_two_statements(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = many(on).await;
    let page = "{ organizationIntegrations(first: 20) { nodes { id } } }";
    let listed = it.app.ask(page).data().await;
    let ids = listed["organizationIntegrations"]["nodes"]
        .as_array()
        .unwrap();
    let mut query = String::new();
    for (number, node) in ids.iter().enumerate() {
        let id = &node["id"];
        query += &format!(" d{number}: defaultIdentity(organizationIntegrationId: {id}) {{ id }}");
    }
    let query = format!("{{{query} }}");
    let answers = it.app.ask(&query).data().await;
    let answers = answers.as_object().unwrap();
    assert_eq!(answers.len(), 20);
    assert!(
        answers
            .values()
            .all(|answer| answer["id"] == json!(it.account))
    );
    // What decides about them, and the identity.
    assert_eq!(cost(&it.app, &query, &Value::Null).await, 2);
}

#[rstest]
#[tokio::test]
async fn what_acts_as_a_page_of_identities_is_one_statement(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let it = many(on).await;
    for number in 0..MANY {
        let user = it.app.user(&format!("user-{number}")).await;
        it.app
            .linked(&it.crm, &user, &format!("user-{number}"))
            .await;
    }
    let query = "{ identities(first: 20) { nodes { id defaultFor { id } } } }";
    let listed = it.app.ask(query).data().await;
    let counts: Vec<usize> = listed["identities"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["defaultFor"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), MANY * MANY);
    assert_eq!(counts.len(), MANY + 1);
    assert_eq!(cost(&it.app, query, &json!({})).await, 2);
}
