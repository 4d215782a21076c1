//! Generated states: what the plan says is what the merge does, and an undo leads back.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use super::{codes, merge, merged, outcomes, plan, undone};
use crate::support::app::{App, Db};
use crate::support::sign_on::{auth_identity, sign_on};

const STATES: u64 = 64;

/// Numbers that are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Where things are: shared by all states, since each has its own users.
struct Places {
    /// Takes one account of each user, or many.
    shared: [String; 4],
    organizations: Vec<Place>,
}

struct Place {
    organization: String,
    provider: String,
    sign_on: String,
}

impl Places {
    async fn new(app: &App) -> Self {
        let many = json!({ "allowsMultiplePerUser": true });
        let shared = [
            app.provider("one").await,
            app.provider("two").await,
            app.provider_with("many", many.clone()).await,
            app.provider_with("more", many.clone()).await,
        ];
        let mut organizations = Vec::new();
        for (number, mut more) in [json!({}), many, json!({})].into_iter().enumerate() {
            let organization = app.organization(&format!("org-{number}")).await;
            more["organizationId"] = json!(organization);
            let provider = app.provider_with(&format!("sso-{number}"), more).await;
            organizations.push(Place {
                sign_on: sign_on(app, &organization, &provider, true).await,
                organization,
                provider,
            });
        }
        Self {
            shared,
            organizations,
        }
    }

    /// Gives the user something of everything, or nothing.
    async fn furnish(&self, app: &App, user: &str, numbers: &mut Numbers) {
        for (place, provider) in self.shared.iter().enumerate() {
            let most = if place < 2 { 2 } else { 4 };
            for number in 0..numbers.below(most) {
                app.linked(provider, user, &format!("{user}-{number}"))
                    .await;
            }
        }
        for place in &self.organizations {
            if numbers.once_in(2) {
                continue;
            }
            app.add_member(&place.organization, user).await;
            if numbers.once_in(2) {
                app.linked(&place.provider, user, user).await;
            }
            if numbers.once_in(2) {
                auth_identity(app, &place.sign_on, user, user).await;
            }
            if numbers.once_in(4) {
                app.remove_member(&place.organization, user).await;
            }
        }
    }
}

/// Whose each thing is: identities with whether they are primary, links, memberships.
async fn owners(app: &App, users: &[&String]) -> BTreeMap<String, Vec<String>> {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in app.stored().await.identities {
        let of = if row.is_primary {
            "primary"
        } else {
            "identity"
        };
        let name = format!("{of} {}", row.id);
        owners
            .entry(name)
            .or_default()
            .push(row.user_id.to_string());
    }
    for row in app.sign_on_links().await {
        let name = format!("link {row:?}");
        owners
            .entry(name)
            .or_default()
            .push(row.user_id.to_string());
    }
    for user in users {
        for row in app.memberships(user).await {
            let name = format!("member {} {}", row.organization_id, row.date_added);
            owners.entry(name).or_default().push((*user).clone());
        }
    }
    owners
}

/// What the plan says has come true.
async fn assert_done(app: &App, plan: &Value, from: &str, into: &str, state: u64) {
    let stored = app.stored().await;
    let links = app.sign_on_links().await;
    let joined = (app.memberships(from).await, app.memberships(into).await);
    for (id, outcome) in outcomes(plan) {
        let (owner, was_kept) = if id.starts_with("identity_") {
            (Some(stored.identity(&id).user_id.to_string()), true)
        } else if id.starts_with("auth_identity_") {
            let row = links.iter().find(|row| row.id.to_string() == id);
            (row.map(|row| row.user_id.to_string()), row.is_some())
        } else {
            let is_in = |rows: &[lanyard::database::organization_member::Model]| {
                rows.iter().any(|row| row.organization_id.to_string() == id)
            };
            assert!(!is_in(&joined.0), "state {state}: {id} stayed");
            assert!(is_in(&joined.1), "state {state}: {id} is lost");
            continue;
        };
        let expected = match outcome.as_str() {
            "MOVES" => Some(into.to_owned()),
            "STAYS" => Some(from.to_owned()),
            "REMOVED" => None,
            other => panic!("{other}"),
        };
        assert_eq!(owner, expected, "state {state}: {id} {outcome}");
        assert_eq!(was_kept, outcome != "REMOVED");
    }
    for row in &stored.identities {
        let there = stored
            .identities
            .iter()
            .filter(|other| other.user_id == row.user_id && other.provider_id == row.provider_id);
        let primary = there.filter(|other| other.is_primary).count();
        assert_eq!(primary, 1, "state {state}: {row:?}");
    }
}

#[rstest]
#[tokio::test]
async fn a_merge_does_what_its_plan_says_and_an_undo_leads_back(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let app = App::start(on).await;
    let places = Places::new(&app).await;
    let (mut refused, mut things) = (0, 0);
    for state in 0..STATES {
        let mut numbers = Numbers(0x6c61_6e79_6172_6400 + state);
        // The first numbers of seeds beside each other are alike.
        for _ in 0..8 {
            numbers.below(2);
        }
        let from = app.user(&format!("from-{state}")).await;
        let into = app.user(&format!("into-{state}")).await;
        places.furnish(&app, &from, &mut numbers).await;
        places.furnish(&app, &into, &mut numbers).await;
        let before = owners(&app, &[&from, &into]).await;
        let plan = plan(&app, &from, &into, "SKIP").await;
        let stays = outcomes(&plan)
            .iter()
            .any(|(_, outcome)| outcome == "STAYS");
        things += outcomes(&plan).len();
        if stays {
            refused += 1;
            codes(&merge(&app, &from, &into, "FAIL").await);
            assert_eq!(owners(&app, &[&from, &into]).await, before, "state {state}");
        }
        let policy = if stays { "SKIP" } else { "FAIL" };
        let merge = merged(&app, &from, &into, policy).await;
        assert_eq!(outcomes(&merge), outcomes(&plan), "state {state}");
        assert_done(&app, &plan, &from, &into, state).await;
        let back = undone(&app, &merge).await;
        assert_eq!(back["items"], json!([]), "state {state}");
        assert_eq!(owners(&app, &[&from, &into]).await, before, "state {state}");
    }
    assert!(refused > 10, "{refused} states had conflicts");
    assert!(refused < STATES - 5, "{refused} states had conflicts");
    assert!(things > 250, "{things} things");
}
