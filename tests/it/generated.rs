//! Generated files are what the code makes now: `schema.graphql`, the README's settings.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::app::{App, Db};
use crate::support::process::command;
use crate::support::repository::{assert_generated, read};
use lanyard::settings::Settings;

const BEGIN: &str = "<!-- settings:begin -->\n";
const END: &str = "<!-- settings:end -->\n";

#[tokio::test]
async fn schema_graphql_is_what_the_command_prints_and_the_server_answers() {
    let folder = TempDir::new().unwrap();
    let printed = command(folder.path(), &["schema"]).output().await.unwrap();
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert_generated("schema.graphql", &printed, "UPDATE_SCHEMA");

    let app = App::start(Db::Sqlite).await;
    let answer = app.http().get(app.url("/schema.graphql")).send().await;
    assert_eq!(answer.unwrap().text().await.unwrap(), printed);
}

#[test]
fn the_readme_lists_every_setting_as_it_is() {
    let readme = read("README.md");
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let made = format!("{before}{BEGIN}\n{}\n{END}{after}", settings_table());
    assert_generated("README.md", &made, "UPDATE_README");
}

fn settings_table() -> String {
    let mut table = "| name | default | meaning |\n|---|---|---|\n".to_owned();
    for setting in Settings::describe() {
        let default = match setting.default {
            lanyard::settings::Default::Value(value) => format!("`{value}`"),
            lanyard::settings::Default::Rule(rule) => rule.to_owned(),
            lanyard::settings::Default::None => "none".to_owned(),
        };
        let file = if setting.secret { ", `…_FILE`" } else { "" };
        let name = format!("`{}`{file}", setting.environment);
        table += &format!("| {name} | {default} | {} |\n", setting.meaning);
    }
    table
}

#[tokio::test]
async fn everything_in_the_schema_is_described() {
    let app = App::start(Db::Sqlite).await;
    let schema = app.ask(INTROSPECTION).data().await;
    let mut described = 0;
    let mut missing = Vec::new();
    let mut look_at = |path: String, thing: &Value| {
        described += 1;
        if thing["description"].as_str().is_none_or(str::is_empty) {
            missing.push(path);
        }
    };
    for kind in schema["__schema"]["types"].as_array().unwrap() {
        let name = kind["name"].as_str().unwrap();
        // __Type and its like are GraphQL's own.
        if name.starts_with("__") {
            continue;
        }
        // So is ID; connections are Relay's; the roots are made of parts.
        if !["Query", "Mutation", "ID"].contains(&name) && !name.ends_with("Connection") {
            look_at(name.to_owned(), kind);
        }
        for list in ["fields", "inputFields", "enumValues"] {
            for part in kind[list].as_array().into_iter().flatten() {
                let path = format!("{name}.{}", part["name"].as_str().unwrap());
                for argument in part["args"].as_array().into_iter().flatten() {
                    let argument_name = argument["name"].as_str().unwrap();
                    look_at(format!("{path}({argument_name}:)"), argument);
                }
                look_at(path, part);
            }
        }
    }
    assert!(described > 200, "only {described} things were looked at");
    assert!(missing.is_empty(), "without a description: {missing:#?}");
}

const INTROSPECTION: &str = "{ __schema { types {
    name description
    fields(includeDeprecated: true) { name description args { name description } }
    inputFields { name description }
    enumValues(includeDeprecated: true) { name description }
} } }";
