//! Merging users: the plan, the merge, the way back, and what is left in the end.

mod defaults;
mod events;
mod generated;
mod moves;
mod outdated;
mod races;
mod refused;
mod sessions;
mod sweep;
mod undo;
mod undo_partly;

use lanyard::database::{auth_identity as link, organization_member};
use lanyard::id::{OrganizationId, UserId};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::client::{Answer, text};
use crate::support::sign_on::{auth_identity, sign_on};

const PLAN: &str = "query($from: ID!, $into: ID!, $policy: MergeConflictPolicy!) {
    mergePlan(fromUserId: $from, intoUserId: $into, onConflict: $policy) {
        token items { nodeId node { __typename id } outcome reason }
    }
}";

const MERGE: &str = "mutation($input: MergeUsersInput!) { mergeUsers(input: $input) {
    merge { id from { id status mergedInto { id } } into { id status } dateMerged undoableUntil dateUndone
            items { nodeId node { __typename id } outcome reason } }
    user { id }
    userErrors { code message field retryable }
} }";

const UNDO: &str = "mutation($id: ID!) { undoMerge(id: $id) {
    merge { id from { id status mergedInto { id } } into { id status } dateUndone
            items { nodeId node { __typename id } outcome reason } }
    user { id }
    userErrors { code message field retryable }
} }";

pub async fn ask_plan(app: &App, from: &str, into: &str, policy: &str) -> Answer {
    app.ask(PLAN)
        .variables(json!({ "from": from, "into": into, "policy": policy }))
        .send()
        .await
}

/// A plan that there must be.
pub async fn plan(app: &App, from: &str, into: &str, policy: &str) -> Value {
    let data = ask_plan(app, from, into, policy).await.data();
    assert!(data["mergePlan"].is_object(), "{data:#}");
    data["mergePlan"].clone()
}

pub async fn ask_merge(app: &App, input: Value) -> Answer {
    app.ask(MERGE)
        .variables(json!({ "input": input }))
        .send()
        .await
}

pub async fn merge(app: &App, from: &str, into: &str, policy: &str) -> Value {
    let input = json!({ "fromUserId": from, "intoUserId": into, "onConflict": policy });
    ask_merge(app, input).await.data()["mergeUsers"].clone()
}

/// A merge that must be done.
pub async fn merged(app: &App, from: &str, into: &str, policy: &str) -> Value {
    let payload = merge(app, from, into, policy).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(payload["user"]["id"], into);
    payload["merge"].clone()
}

pub async fn ask_undo(app: &App, merge: &str) -> Answer {
    app.ask(UNDO).variables(json!({ "id": merge })).send().await
}

/// An undo that must be done.
pub async fn undone(app: &App, merge: &Value) -> Value {
    let payload = ask_undo(app, &text(merge, "/id")).await.data()["undoMerge"].clone();
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(payload["user"]["id"], merge["from"]["id"]);
    payload["merge"].clone()
}

/// The codes and fields of the refusals.
pub fn codes(payload: &Value) -> Value {
    assert!(
        payload["merge"].is_null() && payload["user"].is_null(),
        "{payload:#}"
    );
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| json!([error["code"], error["field"]]))
        .collect()
}

/// Ids and outcomes, in their order.
pub fn outcomes(of: &Value) -> Vec<(String, String)> {
    let items = of["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| (text(item, "/nodeId"), text(item, "/outcome")))
        .collect()
}

/// The reason of an item.
#[track_caller]
pub fn reason_of(of: &Value, node: &str) -> String {
    let mut items = of["items"].as_array().unwrap().iter();
    let item = items.find(|item| item["nodeId"] == node);
    text(
        item.unwrap_or_else(|| panic!("no {node} in {of:#}")),
        "/reason",
    )
}

pub fn pairs(expected: &[(&String, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(id, outcome)| ((*id).clone(), (*outcome).to_owned()))
        .collect()
}

impl App {
    /// Ends the membership and nothing else, past the API: what rests on it goes along there.
    /// Merges hold their rules by what is stored, also where a link or a default was left over.
    pub async fn forget_member(&self, organization: &str, user: &str) {
        let organization: OrganizationId = organization.parse().unwrap();
        let user: UserId = user.parse().unwrap();
        self.database
            .write(|tx| async move {
                organization_member::delete(&tx, organization, user).await?;
                Ok(())
            })
            .await
            .unwrap();
    }

    /// The organizations that the user is a member of, each with when it began.
    pub async fn memberships(&self, user: &str) -> Vec<organization_member::Model> {
        let rows = organization_member::Entity::find();
        let mut rows = rows.all(self.database.reader()).await.unwrap();
        rows.retain(|row| row.user_id.to_string() == user);
        rows.sort_by_key(|row| row.organization_id);
        rows
    }

    pub async fn sign_on_links(&self) -> Vec<link::Model> {
        let rows = link::Entity::find();
        let mut rows = rows.all(self.database.reader()).await.unwrap();
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// Whose the identity is.
    pub async fn owner(&self, identity: &str) -> String {
        self.stored().await.identity(identity).user_id.to_string()
    }
}

/// Two users with one thing of each kind and each outcome, and what names them.
pub struct Pair {
    pub from: String,
    pub into: String,
    /// An identity that simply moves.
    pub alone: String,
    /// One at a provider where the other user has an account, which takes one.
    pub conflict: String,
    /// A primary one at a provider of many, where the other user has a primary one.
    pub second: String,
    pub primary_of_into: String,
    /// A membership that moves, and one that both have.
    pub own_organization: String,
    pub shared_organization: String,
    /// A link to a sign-on that moves, and one that the other user has too.
    pub own_link: String,
    pub shared_link: String,
}

impl Pair {
    pub async fn new(app: &App) -> Self {
        let (from, into) = (app.user("from").await, app.user("into").await);
        let own_organization = app.organization("own").await;
        let shared_organization = app.organization("shared").await;
        app.add_member(&own_organization, &from).await;
        app.add_member(&shared_organization, &from).await;
        app.add_member(&shared_organization, &into).await;
        let (one, single) = (app.provider("one").await, app.provider("single").await);
        let many = json!({ "allowsMultiplePerUser": true });
        let many = app.provider_with("many", many).await;
        let own = app.own_provider(&own_organization, "own-sso").await;
        let shared = app.own_provider(&shared_organization, "shared-sso").await;
        let own_sign_on = sign_on(app, &own_organization, &own, true).await;
        let shared_sign_on = sign_on(app, &shared_organization, &shared, true).await;
        app.linked(&single, &into, "into").await;
        let primary_of_into = app.linked(&many, &into, "into").await;
        auth_identity(app, &shared_sign_on, &into, "into").await;
        Self {
            alone: app.linked(&one, &from, "from").await,
            conflict: app.linked(&single, &from, "from").await,
            second: app.linked(&many, &from, "from").await,
            own_link: auth_identity(app, &own_sign_on, &from, "from").await,
            shared_link: auth_identity(app, &shared_sign_on, &from, "from").await,
            primary_of_into,
            own_organization,
            shared_organization,
            from,
            into,
        }
    }

    /// What a merge under SKIP does, in the order of the plan.
    pub fn expected(&self) -> Vec<(String, String)> {
        let mut identities = [
            (&self.alone, "MOVES"),
            (&self.conflict, "STAYS"),
            (&self.second, "MOVES"),
        ];
        let mut links = [(&self.own_link, "MOVES"), (&self.shared_link, "REMOVED")];
        let mut organizations = [
            (&self.own_organization, "MOVES"),
            (&self.shared_organization, "REMOVED"),
        ];
        identities.sort();
        links.sort();
        organizations.sort();
        pairs(&[&identities[..], &links[..], &organizations[..]].concat())
    }
}
