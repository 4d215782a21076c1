//! Types that an operator adds by a folder: the one that the documentation shows links accounts,
//! one takes a built-in type's place, and a wrong file is named with its line before anything
//! starts.

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::trial;
use crate::support::app::{App, Db};
use crate::support::player::Recording;
use crate::support::repository::read;
use crate::support::site::{Ended, Site};

/// The file that docs/providers.md shows.
fn example() -> String {
    let docs = read("docs/providers.md");
    let (_, rest) = docs.split_once("```toml\n").expect("an example");
    let (example, rest) = rest.split_once("```\n").unwrap();
    assert!(
        !rest.contains("```toml"),
        "one example, and this test reads it"
    );
    assert!(docs.contains("`timesheet.toml`"));
    example.to_owned()
}

/// What the example's provider answers.
const RECORDED: &str = r#"
documentation = ["https://time.example.com/docs"]
[answers.token]
request = "POST https://time.example.com/oauth/token"
status = 200
headers = { Content-Type = "application/json" }
body = '{"access_token": "canary-access", "refresh_token": "canary-refresh", "token_type": "bearer", "expires_in": 3600}'
[answers.me]
request = "GET https://time.example.com/api/me"
status = 200
headers = { Content-Type = "application/json" }
body = '{"person": {"number": 4711, "login": "ada", "first_name": "Ada", "last_name": "Marlow", "employed": true, "department": "Engines", "addresses": [{"kind": "home", "address": "ada@home.example"}, {"kind": "work", "address": "ada@time.example.com"}]}}'
[answers.me_gone]
request = "GET https://time.example.com/api/me"
status = 200
headers = { Content-Type = "application/json" }
body = '{"person": {"number": 4711, "login": "ada", "first_name": "Ada", "last_name": "Marlow", "employed": false, "department": null, "addresses": []}}'
[answers.me_nobody]
request = "GET https://time.example.com/api/me"
status = 200
headers = { Content-Type = "application/json" }
body = '{"person": {"login": "ada", "employed": true, "addresses": []}}'
[cases.success]
answers = ["token", "me"]
[cases.success.expect]
external_id = "4711"
email = "ada@time.example.com"
username = "ada"
display_name = "Ada Marlow"
scopes = ["profile"]
[cases.success.expect.attributes]
department = "Engines"
[cases.gone]
answers = ["token", "me_gone"]
page = "ACCOUNT_NOT_ALLOWED"
[cases.nobody]
answers = ["token", "me_nobody"]
page = "ANSWER_INVALID"
"#;

#[tokio::test]
async fn the_type_that_the_documentation_shows_links_accounts() {
    let files = [("timesheet.toml".to_owned(), example())];
    let recording = Recording::parse("the example's", RECORDED);
    let failed = trial::failures(Db::Sqlite, "timesheet", &files, recording).await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn provider_types_has_an_operators_types_too() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("timesheet.toml", &example());
    let github = read("src/provider/catalog/github.toml");
    let named = github.replace("name = \"GitHub\"", "name = \"Our GitHub\"");
    assert_ne!(named, github);
    write("github.toml", &named);
    write("notes.txt", "no type");
    let before = types(&App::start(Db::Sqlite).await).await;
    let settings = [("LANYARD_PROVIDER_TYPES", folder.path().to_str().unwrap())];
    let mut found = types(&App::start_with(Db::Sqlite, &settings).await).await;
    let own = found.pop().unwrap();
    assert_eq!(
        own,
        json!({
            "key": "timesheet", "name": "Timesheet", "known": true, "protocol": "OAUTH2",
            "defaultScopes": ["profile"], "usesPkce": true, "refreshes": true, "revokes": false,
        })
    );
    for (built_in, found) in before.iter().zip(&mut found) {
        if built_in["key"] == "github" {
            assert_eq!(found["name"], "Our GitHub");
            found["name"] = built_in["name"].clone();
        }
    }
    assert_eq!(found, before);
}

async fn types(app: &App) -> Vec<Value> {
    let types = app.ask(
        "{ providerTypes { key name known protocol defaultScopes usesPkce refreshes revokes } }",
    );
    let answer = types.data().await;
    answer["providerTypes"].as_array().unwrap().clone()
}

const LOGIN: &str = "\"me.person.login\"";

#[rstest]
#[case::unknown_key("public_clients", "public_client", "unknown field `public_client`")]
#[case::another_key(
    "key = \"timesheet\"",
    "key = \"other\"",
    "`key` is `other`, but the file is timesheet.toml"
)]
#[case::no_flow("\"OAUTH2\"", "\"OAUTH3\"", "unknown variant `OAUTH3`")]
#[case::wrong_expression(LOGIN, "\"me.person.\"", "`username` is no CEL, at 1:")]
#[case::unknown_variable(LOGIN, "\"you.login\"", "`username` names `you`, which is none of")]
#[case::unknown_function(LOGIN, "\"me.person.login.matches('a+')\"", "calls `matches`")]
#[case::too_deep(
    LOGIN,
    "\"me.a.all(a, me.a.all(b, me.a.all(c, true)))\"",
    "`username` has comprehensions nested more than 2 deep"
)]
#[case::too_costly(
    LOGIN,
    "\"me.a.map(a, me.a.map(b, b))\"",
    "`username` may cost too much"
)]
#[case::a_token(
    "department = ",
    "access_token = ",
    "`access_token` names a token or a secret"
)]
#[case::unknown_field("https://time.example.com/api", "{server}/api", "names `server`")]
#[case::no_url(
    "https://time.example.com/oauth/token",
    "/oauth/token",
    "must begin with https"
)]
#[tokio::test]
async fn a_wrong_file_stops_the_start_with_its_line(
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] says: &str,
) {
    refused(&example().replacen(right, wrong, 1), wrong, says).await;
}

#[tokio::test]
async fn an_expression_that_is_too_long_stops_the_start_with_its_line() {
    let long = format!("\"me.person.login{}\"", " + ''".repeat(400));
    let text = example().replacen(LOGIN, &long, 1);
    refused(&text, &long, "`username` is 2015 bytes long: at most 2000").await;
    // This one would end the process: the library would go down as many levels.
    let deep = format!("\"{}1\"", "1+".repeat(1_499));
    let text = example().replacen(LOGIN, &deep, 1);
    refused(&text, &deep, "`username` is 2999 bytes long: at most 2000").await;
}

/// The line of `wrong` is named, and what it says; nothing is made.
async fn refused(text: &str, wrong: &str, says: &str) {
    let at = text.find(wrong).expect("the example has what is replaced");
    let line = 1 + text[..at].matches('\n').count();
    let site = Site::new(Db::Sqlite).await;
    site.write("types/timesheet.toml", text);
    let before = site.made();
    for arguments in [&["serve"][..], &["config", "check"]] {
        let mut command = site.lanyard(arguments);
        let ended = Ended::of(command.env("LANYARD_PROVIDER_TYPES", "types")).await;
        let [said] = ended.said()[..] else {
            panic!("{arguments:?}: not one line: {ended:#?}");
        };
        let begins = format!(
            "lanyard: the catalogue of provider types is broken: types/timesheet.toml:{line}: "
        );
        assert!(said.starts_with(&begins), "{begins}\n{said}");
        assert!(said.contains(says), "{says}\n{said}");
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{ended:#?}"
        );
    }
    assert_eq!(site.made(), before);
}

#[tokio::test]
async fn a_folder_that_is_not_there_stops_the_start() {
    let site = Site::new(Db::Sqlite).await;
    let mut command = site.lanyard(&["serve"]);
    let ended = Ended::of(command.env("LANYARD_PROVIDER_TYPES", "types")).await;
    ended.fails_saying(&[
        "LANYARD_PROVIDER_TYPES: \"types\" can't be read: No such file or directory (os error 2)",
    ]);
    assert!(site.made().is_empty());
}
