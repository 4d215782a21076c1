//! Migrations, and what they leave: the same schema on both databases, made once, all or nothing.

mod rows_of_then;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

use lanyard::database::Database;
use lanyard::database::{
    api_key, auth_identity, auth_provider, credential, event, flow, idempotency_key, identity,
    identity_provider, integration, job_lease, master_key, organization, organization_integration,
    organization_member, pending_link, provider_health, revocation, rewrap, secret, session, user,
    user_merge,
};
use lanyard::server::open_database;
use lanyard::vault::ServerSecret;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use tempfile::TempDir;

use crate::support::app::{App, Db, read_settings};
use crate::support::postgres;
use crate::support::process::Process;
use crate::support::site::Site;

/// An empty database, open as the server opens it.
struct Empty {
    database: Database,
    url: String,
    _folder: TempDir,
}

impl Empty {
    async fn new(on: Db) -> Self {
        let folder = TempDir::new().unwrap();
        let url = match on {
            Db::Sqlite => format!("sqlite:{}", folder.path().join("lanyard.db").display()),
            Db::Postgres => postgres::new_empty_database().await,
        };
        let settings = read_settings(folder.path(), &url, &[]);
        let database = open_database(&settings).await.unwrap();
        Self {
            database,
            url,
            _folder: folder,
        }
    }
}

#[rstest]
#[tokio::test]
async fn every_entity_reads_the_migrated_schema(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let empty = Empty::new(on).await;
    let applied = empty.database.migrate("here").await.unwrap();
    assert_eq!(
        applied,
        [
            "m20261122_000001_ground",
            "m20261122_000002_tenancy",
            "m20261122_000003_flows",
            "m20261122_000004_vault",
        ]
    );
    let db = empty.database.reader();
    let mut read = BTreeSet::new();
    read.extend(select::<api_key::Entity>(db).await);
    read.extend(select::<auth_identity::Entity>(db).await);
    read.extend(select::<auth_provider::Entity>(db).await);
    read.extend(select::<credential::Entity>(db).await);
    read.extend(select::<event::Entity>(db).await);
    read.extend(select::<event::seal::Entity>(db).await);
    read.extend(select::<event::unsealed::Entity>(db).await);
    read.extend(select::<flow::Entity>(db).await);
    read.extend(select::<idempotency_key::Entity>(db).await);
    read.extend(select::<identity::Entity>(db).await);
    read.extend(select::<identity_provider::Entity>(db).await);
    read.extend(select::<integration::Entity>(db).await);
    read.extend(select::<job_lease::Entity>(db).await);
    read.extend(select::<organization::Entity>(db).await);
    read.extend(select::<organization::domain::Entity>(db).await);
    read.extend(select::<organization_integration::Entity>(db).await);
    read.extend(select::<organization_member::Entity>(db).await);
    read.extend(select::<pending_link::Entity>(db).await);
    read.extend(select::<provider_health::Entity>(db).await);
    read.extend(select::<revocation::Entity>(db).await);
    read.extend(select::<rewrap::Entity>(db).await);
    read.extend(select::<secret::Entity>(db).await);
    read.extend(select::<master_key::Entity>(db).await);
    read.extend(select::<session::Entity>(db).await);
    read.extend(select::<user::Entity>(db).await);
    read.extend(select::<user_merge::Entity>(db).await);
    // Every column has its field.
    let stored = schema(db).await;
    let stored: BTreeSet<String> = stored
        .into_iter()
        .flat_map(|(table, columns)| {
            columns
                .into_iter()
                .map(move |column| format!("{table}.{}", column.name))
        })
        .collect();
    assert_eq!(read, stored);
}

/// Reads the whole table; answers with its columns.
async fn select<E: EntityTrait>(db: &DatabaseConnection) -> Vec<String> {
    let rows = E::find().all(db).await.unwrap();
    assert!(rows.is_empty());
    let table = E::default().table_name().to_owned();
    <E::Column as sea_orm::Iterable>::iter()
        .map(|column| format!("{table}.{}", sea_orm::IdenStatic::as_str(&column)))
        .collect()
}

#[rstest]
#[tokio::test]
async fn a_second_run_has_nothing_to_do(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let empty = Empty::new(on).await;
    assert_eq!(empty.database.migrate("here").await.unwrap().len(), 4);
    assert!(empty.database.migrate("here").await.unwrap().is_empty());
}

#[rstest]
#[tokio::test]
async fn a_migration_that_fails_leaves_nothing(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let empty = Empty::new(on).await;
    // In the way of one of the last tables: by then most of the others have been made.
    let in_the_way = "CREATE TABLE event_seal (theirs integer)";
    let database = &empty.database;
    run(database, in_the_way).await;
    let error = database.migrate("here").await.unwrap_err().to_string();
    assert!(
        error.starts_with("the database here can't be migrated: ") && error.contains("event_seal"),
        "{error}"
    );
    let tables: Vec<String> = schema(database.reader()).await.into_keys().collect();
    assert_eq!(tables, ["event_seal"]);
    let status = database.migration_status("here").await.unwrap();
    assert!(status.applied.is_empty());
    // And nothing stays locked: once the way is free, it goes through.
    run(database, "DROP TABLE event_seal").await;
    assert_eq!(database.migrate("here").await.unwrap().len(), 4);
}

async fn run(database: &Database, sql: &str) {
    database
        .write(|tx| async move { Ok(tx.execute_unprepared(sql).await.map(drop)?) })
        .await
        .unwrap();
}

#[rstest]
#[tokio::test]
async fn processes_that_start_together_on_nothing_migrate_once_and_all_come_up(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let site = Site::new(on).await;
    let (one, two, three, four) =
        tokio::join!(site.serve(), site.serve(), site.serve(), site.serve());
    let processes = [one, two, three, four];
    let database = site.database().await;
    let secrets = i64::try_from(ServerSecret::ALL.len()).unwrap();
    for (table, rows) in [
        ("seaql_migrations", 4),
        ("master_key", 1),
        ("secret", secrets),
        ("api_key", 1),
    ] {
        let sql = format!("SELECT count(*) AS value FROM {table}");
        assert_eq!(integers(&database, &sql).await, [rows], "{table}");
    }
    let mut urls = Vec::new();
    let mut keys = Vec::new();
    for process in processes {
        urls.push(ready(&process).await);
        let printed = process.stop().await;
        keys.extend(
            printed
                .split_whitespace()
                .find(|word| word.starts_with("lyd_"))
                .map(str::to_owned),
        );
    }
    assert_eq!(urls, [200; 4]);
    assert_eq!(
        keys.len(),
        1,
        "one of them shows the key that they all know"
    );
    database.close().await.unwrap();
}

async fn ready(process: &Process) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/readyz", process.url);
    client.get(url).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let mut both = Vec::new();
    for on in [Db::Sqlite, Db::Postgres] {
        let app = App::start(on).await;
        let db = app.database.reader();
        both.push((schema(db).await, indexes(db).await));
    }
    assert_eq!(both[0].0, both[1].0);
    assert_eq!(both[0].1, both[1].1);
    assert!(both[0].0.len() > 12 && both[0].1.len() > 25, "{both:?}");
}

#[tokio::test]
async fn text_on_postgres_is_compared_by_its_bytes() {
    let app = App::start(Db::Postgres).await;
    let db = app.database.reader();
    let linguistic = "SELECT datlocprovider::text || daticulocale AS value FROM pg_database \
                      WHERE datname = current_database()";
    let locale = texts(db, linguistic).await;
    assert!(
        locale[0].starts_with('i'),
        "the test's own locale must not be C: {locale:?}"
    );
    let columns = "SELECT table_name || '.' || column_name || ' ' || coalesce(collation_name, 'default') AS value
        FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('text', 'character varying', 'character')
          AND table_name <> 'seaql_migrations' ORDER BY 1";
    let columns = texts(db, columns).await;
    assert!(columns.len() > 50, "{columns:?}");
    let linguistic: Vec<_> = columns
        .iter()
        .filter(|column| !column.ends_with(" C"))
        .collect();
    assert!(linguistic.is_empty(), "{linguistic:?}");
}

#[tokio::test]
async fn sqlite_checks_foreign_keys_writes_ahead_and_overwrites_what_it_deletes() {
    let app = App::start(Db::Sqlite).await;
    let reader = app.database.reader();
    for (pragma, value) in [("foreign_keys", 1), ("secure_delete", 1), ("query_only", 1)] {
        let sql = format!("SELECT {pragma} AS value FROM pragma_{pragma}");
        assert_eq!(
            integers(reader, &sql).await,
            [value],
            "{pragma} of a reader"
        );
    }
    let journal = "SELECT journal_mode AS value FROM pragma_journal_mode";
    assert_eq!(texts(reader, journal).await, ["wal"]);
    for (pragma, value) in [("foreign_keys", 1), ("secure_delete", 1), ("query_only", 0)] {
        let sql = &format!("SELECT {pragma} AS value FROM pragma_{pragma}");
        let found = app
            .database
            .write(|tx| async move { Ok(integers(&*tx, sql).await) })
            .await
            .unwrap();
        assert_eq!(found, [value], "{pragma} of the writer");
    }
    let written = reader.execute_unprepared("DELETE FROM api_key").await;
    assert!(written.unwrap_err().to_string().contains("readonly"));
}

#[rstest]
#[tokio::test]
async fn a_row_that_others_refer_to_is_kept(#[values(Db::Sqlite, Db::Postgres)] on: Db) {
    let app = App::start(on).await;
    let (user, provider) = (app.user("jane").await, app.provider("crm").await);
    app.linked(&provider, &user, "1").await;
    for table in ["\"user\"", "identity_provider"] {
        let sql = &format!("DELETE FROM {table}");
        let deleted = app
            .database
            .write(|tx| async move { Ok(tx.execute_unprepared(sql).await.map(drop)?) })
            .await;
        assert!(deleted.is_err(), "{table}");
    }
}

#[rstest]
#[case::sqlite_has_one_writer(Db::Sqlite, 1)]
#[case::postgres_has_as_many_as_connections(Db::Postgres, 4)]
#[tokio::test(flavor = "multi_thread")]
async fn as_many_write_at_once_as_the_database_takes(#[case] on: Db, #[case] most: usize) {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    let app = App::start(on).await;
    let (inside, seen) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    let meeting = &tokio::sync::Barrier::new(most);
    let write = || {
        app.database.write(|tx| async move {
            seen.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
            tx.execute_unprepared("SELECT 1").await?;
            // Ends once `most` are inside together.
            meeting.wait().await;
            inside.fetch_sub(1, SeqCst);
            Ok(())
        })
    };
    let all = futures_util::future::join_all((0..8).map(|_| write()));
    let all = tokio::time::timeout(std::time::Duration::from_secs(30), all).await;
    for written in all.expect("writers that may meet do") {
        written.unwrap();
    }
    assert_eq!(seen.load(SeqCst), most);
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    name: String,
    may_be_null: bool,
}

/// The tables and their columns, in the order of the names. The migrations' own table is not ours.
async fn schema(db: &DatabaseConnection) -> BTreeMap<String, BTreeSet<Column>> {
    let sql = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => {
            "SELECT table_name || ' ' || column_name || ' ' || is_nullable AS value
             FROM information_schema.columns WHERE table_schema = 'public'"
        }
        // A primary key of SQLite's may be null unless it says otherwise.
        _ => {
            "SELECT t.name || ' ' || c.name || ' ' ||
                 CASE WHEN c.\"notnull\" OR c.pk THEN 'NO' ELSE 'YES' END AS value
             FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        }
    };
    let mut tables: BTreeMap<String, BTreeSet<Column>> = BTreeMap::new();
    for row in texts(db, sql).await {
        let words: Vec<&str> = row.split(' ').collect();
        if words[0] == "seaql_migrations" {
            continue;
        }
        tables
            .entry(words[0].to_owned())
            .or_default()
            .insert(Column {
                name: words[1].to_owned(),
                may_be_null: words[2] == "YES",
            });
    }
    tables
}

/// The indexes that have a name of ours.
async fn indexes(db: &DatabaseConnection) -> BTreeSet<String> {
    let sql = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => {
            "SELECT indexname AS value FROM pg_indexes WHERE schemaname = 'public'
               AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'"
        }
        _ => "SELECT name AS value FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    };
    texts(db, sql).await.into_iter().collect()
}

async fn texts(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    values(db, sql).await
}

async fn integers(db: &impl ConnectionTrait, sql: &str) -> Vec<i64> {
    values(db, sql).await
}

/// The column `value` of every row.
async fn values<T: sea_orm::TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Vec<T> {
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get("", "value").unwrap())
        .collect()
}
