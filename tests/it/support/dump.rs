//! All that is stored, whatever the tables are.

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard::database::{Database, event};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::app::App;
use super::until::until;

/// The rows of each table as SQL literals, sorted; bytes stand in hexadecimal.
pub type Dump = BTreeMap<String, Vec<String>>;

/// The names of tables and of their columns.
pub type Columns = BTreeMap<String, Vec<String>>;

/// All tables, without the columns that the server writes of its own accord.
pub async fn dump(database: &Database) -> Dump {
    dump_of(database, &columns(database).await).await
}

/// The tables and columns that [`dump`] shows.
pub async fn columns(database: &Database) -> Columns {
    let columns = match database.backend() {
        DbBackend::Postgres => {
            "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns
             WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        }
        _ => {
            "SELECT m.name AS t, c.name AS c FROM sqlite_master m
             JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid"
        }
    };
    let mut tables = Columns::new();
    for row in texts(database, columns, &["t", "c"]).await {
        let [table, column] = row.try_into().unwrap();
        if !["last_used_at", "last_seen_at"].contains(&column.as_str()) {
            tables.entry(table).or_default().push(column);
        }
    }
    tables
}

/// These tables, in these columns only.
pub async fn dump_of(database: &Database, tables: &Columns) -> Dump {
    let mut dump = Dump::new();
    for (table, columns) in tables {
        let quoted = columns
            .iter()
            .map(|column| match database.backend() {
                DbBackend::Postgres => format!("quote_nullable(\"{column}\"::text)"),
                _ => format!("quote(\"{column}\")"),
            })
            .collect::<Vec<_>>();
        let row = quoted.join(" || '|' || ");
        let sql = format!("SELECT {row} AS r FROM \"{table}\"");
        let mut rows = texts(database, &sql, &["r"]).await.concat();
        rows.sort_unstable();
        dump.insert(table.clone(), rows);
    }
    dump
}

async fn texts(database: &Database, sql: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let statement = Statement::from_string(database.backend(), sql);
    let rows = database.reader().query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| {
            let text = |column: &&str| row.try_get::<String>("", column).unwrap();
            columns.iter().map(text).collect()
        })
        .collect()
}

impl App {
    pub async fn dump(&self) -> Dump {
        dump(&self.database).await
    }

    /// Waits until the sealer has nothing left to do.
    pub async fn all_sealed(&self) {
        all_sealed(&self.database).await;
    }
}

/// Waits until whoever seals the events of this database has nothing left to do.
pub async fn all_sealed(database: &Database) {
    until(
        "all events are sealed",
        Duration::from_secs(30),
        async || !event::any_unsealed(database.reader()).await.unwrap(),
    )
    .await;
}
