//! Keyset pages: every connection, every order, both ways.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use lanyard::database::identity::Model;
use rstest::rstest;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};

use crate::support::app::{App, Db};
use crate::support::client::text;

const ROWS: usize = 25;

const BODY: &str = "{ edges { cursor node { id } } nodes { id } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";

/// A connection: a query in which PAGE stands for the page's arguments, and where it answers.
struct List {
    query: String,
    pointer: String,
    /// The ids of its rows, in its order.
    expected: Vec<String>,
}

impl List {
    fn new(query: &str, pointer: &str, expected: Vec<String>) -> Self {
        Self {
            query: query.replace("BODY", BODY),
            pointer: pointer.to_owned(),
            expected,
        }
    }

    async fn page(&self, app: &App, page: &str) -> Value {
        let data = app.ask(&self.query.replace("PAGE", page)).data().await;
        let connection = data.pointer(&self.pointer).unwrap().clone();
        let edges = connection["edges"].as_array().unwrap();
        let nodes: Vec<_> = edges.iter().map(|edge| edge["node"].clone()).collect();
        assert_eq!(connection["nodes"], json!(nodes));
        let cursor = |edge: Option<&Value>| edge.map_or(Value::Null, |edge| edge["cursor"].clone());
        assert_eq!(connection["pageInfo"]["startCursor"], cursor(edges.first()));
        assert_eq!(connection["pageInfo"]["endCursor"], cursor(edges.last()));
        assert_eq!(connection["totalCount"], self.expected.len());
        connection
    }

    async fn walk(&self, app: &App, size: usize, forwards: bool) {
        let mut seen: Vec<String> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let (count, from) = if forwards {
                ("first", "after")
            } else {
                ("last", "before")
            };
            let place = cursor
                .as_ref()
                .map(|c| format!(", {from}: {c:?}"))
                .unwrap_or_default();
            let page = self.page(app, &format!("{count}: {size}{place}")).await;
            let ids: Vec<_> = page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| text(node, "/id"))
                .collect();
            let info = &page["pageInfo"];
            let (more, behind, end) = if forwards {
                ("hasNextPage", "hasPreviousPage", "endCursor")
            } else {
                ("hasPreviousPage", "hasNextPage", "startCursor")
            };
            assert_eq!(info[behind], cursor.is_some(), "{}", self.query);
            if forwards {
                seen.extend(ids.clone());
            } else {
                seen.splice(0..0, ids.clone());
            }
            assert_eq!(
                info[more],
                seen.len() < self.expected.len(),
                "{}",
                self.query
            );
            if info[more] == false {
                break;
            }
            assert_eq!(ids.len(), size, "a page is full while there is more");
            cursor = Some(text(info, &format!("/{end}")));
        }
        assert_eq!(seen, self.expected, "{size} {forwards} {}", self.query);
    }
}

/// A provider and a user with 25 accounts there, in whose dates many are equal and whose external
/// ids are not in the order of their making.
async fn identities(app: &App) -> (String, String, Vec<Model>) {
    let provider = app
        .provider_with("hub", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    for number in 0..ROWS {
        app.linked(&provider, &user, &format!("{:02}", number * 7 % ROWS))
            .await;
    }
    let start: DateTime<Utc> = "2031-01-01T00:00:00Z".parse().unwrap();
    let steps = [0, 1, 100_000, 999_999, 1_000_000];
    let mut rows = app.stored().await.identities;
    for (number, row) in rows.iter_mut().enumerate() {
        row.date_added = start + TimeDelta::microseconds(steps[number * 3 % steps.len()]);
        row.date_verified = start - TimeDelta::microseconds(steps[number % 2]);
        let changed = row.clone();
        app.database
            .write(|tx| {
                let changed = changed.clone().into_active_model().reset_all();
                async move { Ok(changed.update(&*tx).await?) }
            })
            .await
            .unwrap();
    }
    (provider, user, rows)
}

fn ids(rows: &[Model]) -> Vec<String> {
    rows.iter().map(|row| row.id.to_string()).collect()
}

fn in_order(rows: &[Model], field: &str, descending: bool) -> Vec<String> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| {
        let (time, text) = match field {
            "ID" => (None, None),
            "DATE_ADDED" => (Some(row.date_added), None),
            "DATE_VERIFIED" => (Some(row.date_verified), None),
            _ => (None, Some(row.external_id.clone())),
        };
        (time, text, row.id)
    });
    if descending {
        rows.reverse();
    }
    ids(&rows)
}

#[rstest]
#[tokio::test]
async fn identities_are_walked_in_every_order_both_ways(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values("ID", "DATE_ADDED", "DATE_VERIFIED", "EXTERNAL_ID")] field: &str,
) {
    let app = App::start(on).await;
    let (_, _, rows) = identities(&app).await;
    for direction in ["ASC", "DESC"] {
        let query = format!(
            "{{ identities(orderBy: {{field: {field}, direction: {direction}}}, PAGE) BODY }}"
        );
        let list = List::new(
            &query,
            "/identities",
            in_order(&rows, field, direction == "DESC"),
        );
        for size in [1, 3, 100] {
            list.walk(&app, size, true).await;
            list.walk(&app, size, false).await;
        }
    }
}

#[rstest]
#[tokio::test]
async fn the_other_lists_are_walked_by_id_both_ways(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (provider, user, rows) = identities(&app).await;
    let (mut providers, mut users) = (vec![provider.clone()], vec![user.clone()]);
    for number in 1..ROWS {
        providers.push(app.provider(&format!("provider-{number}")).await);
        users.push(app.user(&format!("user-{number}")).await);
    }
    providers.sort();
    users.sort();
    let lists = [
        List::new("{ identities(PAGE) BODY }", "/identities", ids(&rows)),
        List::new(
            &format!("{{ identities(filter: {{providerId: {provider:?}}}, PAGE) BODY }}"),
            "/identities",
            ids(&rows),
        ),
        List::new(
            "{ identityProviders(PAGE) BODY }",
            "/identityProviders",
            providers,
        ),
        List::new("{ users(PAGE) BODY }", "/users", users),
        List::new(
            &format!("{{ user(id: {user:?}) {{ identities(PAGE) BODY }} }}"),
            "/user/identities",
            ids(&rows),
        ),
        List::new(
            &format!(
                "{{ user(id: {user:?}) {{ identities(providerType: \"custom\", PAGE) BODY }} }}"
            ),
            "/user/identities",
            ids(&rows),
        ),
        List::new(
            &format!("{{ identityProvider(id: {provider:?}) {{ identities(PAGE) BODY }} }}"),
            "/identityProvider/identities",
            ids(&rows),
        ),
    ];
    for list in lists {
        for size in [1, 3, 100] {
            list.walk(&app, size, true).await;
            list.walk(&app, size, false).await;
        }
    }
    let none = List::new(
        &format!("{{ user(id: {user:?}) {{ identities(providerType: \"github\", PAGE) BODY }} }}"),
        "/user/identities",
        Vec::new(),
    );
    none.walk(&app, 3, true).await;
    none.walk(&app, 3, false).await;
}

#[rstest]
#[tokio::test]
async fn a_page_has_twenty_rows_unless_it_is_said(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (_, user, rows) = identities(&app).await;
    let ids = ids(&rows);
    let expected = |range: std::ops::Range<usize>| -> Vec<Value> {
        ids[range].iter().map(|id| json!({ "id": id })).collect()
    };
    let query = format!(
        "{{ identities {{ nodes {{ id }} }} user(id: {user:?}) {{ identities {{ nodes {{ id }} }} }} }}"
    );
    let data = app.ask(&query).data().await;
    assert_eq!(data["identities"]["nodes"], json!(expected(0..20)));
    assert_eq!(data["user"]["identities"]["nodes"], json!(expected(0..20)));
    let last = app
        .ask("{ identities(last: 1) { edges { cursor } } }")
        .data()
        .await;
    let cursor = text(&last, "/identities/edges/0/cursor");
    let before = app
        .ask("query($before: String!) { identities(before: $before) { nodes { id } } }")
        .variables(json!({ "before": cursor }))
        .data()
        .await;
    assert_eq!(before["identities"]["nodes"], json!(expected(4..24)));
}

#[rstest]
#[tokio::test]
async fn a_walk_stays_right_while_rows_come_and_go(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(true, false)] forwards: bool,
) {
    let app = App::start(on).await;
    let provider = app
        .provider_with("hub", json!({ "allowsMultiplePerUser": true }))
        .await;
    let user = app.user("jane").await;
    let mut rows: BTreeSet<String> = (0..ROWS).map(|number| format!("{number:02}")).collect();
    for row in &rows {
        app.linked(&provider, &user, row).await;
    }
    let query = |page: &str, place: &Option<String>| {
        let from = if forwards { "after" } else { "before" };
        let place = place
            .as_ref()
            .map(|c| format!(", {from}: {c:?}"))
            .unwrap_or_default();
        format!(
            "{{ identities(orderBy: {{field: EXTERNAL_ID}}, {page}: 3{place}) {{
                edges {{ cursor node {{ externalId }} }} pageInfo {{ hasNextPage hasPreviousPage }} }} }}"
        )
    };
    let (mut at, mut cursor) = (None::<String>, None);
    let mut pages = 0;
    loop {
        let page = if forwards { "first" } else { "last" };
        let data = app.ask(&query(page, &cursor)).data().await;
        let edges = data["identities"]["edges"].as_array().unwrap();
        let mut found: Vec<_> = edges
            .iter()
            .map(|edge| text(edge, "/node/externalId"))
            .collect();
        let ahead = |row: &&String| {
            at.as_ref()
                .is_none_or(|at| if forwards { *row > at } else { *row < at })
        };
        let mut expected: Vec<_> = rows.iter().filter(ahead).cloned().collect();
        if !forwards {
            expected.reverse();
            found.reverse();
        }
        let more = if forwards {
            "hasNextPage"
        } else {
            "hasPreviousPage"
        };
        assert_eq!(data["identities"]["pageInfo"][more], expected.len() > 3);
        expected.truncate(3);
        assert_eq!(found, expected);
        if data["identities"]["pageInfo"][more] == false {
            break;
        }
        pages += 1;
        let last = if forwards {
            edges.last()
        } else {
            edges.first()
        }
        .unwrap();
        let here = text(last, "/node/externalId");
        cursor = Some(text(last, "/cursor"));
        // The row of the cursor goes, one ahead goes, one comes ahead and one behind.
        let next = rows
            .iter()
            .filter(|row| if forwards { **row > here } else { **row < here });
        let next = if forwards { next.min() } else { next.max() }
            .unwrap()
            .clone();
        for gone in [&here, &next] {
            app.execute(&format!(
                "DELETE FROM identity WHERE external_id = '{gone}'"
            ))
            .await;
            rows.remove(gone);
        }
        let behind = if forwards {
            format!("!{here}")
        } else {
            format!("{here}!")
        };
        for new in [behind, format!("{next} ahead")] {
            app.linked(&provider, &user, &new).await;
            rows.insert(new);
        }
        at = Some(here);
    }
    assert!(pages > 5, "{pages}");
}
