//! The list of what is sealed is that of the schema.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::SEALED;
use crate::database::Database;

#[tokio::test]
async fn every_sealed_column_is_in_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open_sqlite(&folder.path().join("db"), 1)
        .await
        .unwrap();
    database.migrate("test").await.unwrap();
    let sql = "SELECT m.name AS \"table\", c.name AS \"column\", c.pk AS key
        FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
    let rows = database
        .reader()
        .query_all_raw(Statement::from_string(DbBackend::Sqlite, sql))
        .await
        .unwrap();
    let (mut sealed, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let table: String = row.try_get("", "table").unwrap();
        let column: String = row.try_get("", "column").unwrap();
        let key: i64 = row.try_get("", "key").unwrap();
        if key == 1 {
            keys.insert((table.clone(), column.clone()));
        }
        let is_sealed = column == "sealed" || column.ends_with("_sealed");
        // A key's check value is its own.
        if is_sealed && table != "master_key" {
            sealed.insert((table, column));
        }
    }
    let listed: BTreeSet<_> = SEALED
        .iter()
        .flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(|column| (table.name.to_owned(), (*column).to_owned()))
        })
        .collect();
    assert_eq!(listed, sealed);
    for table in &SEALED {
        let (super::Key::Uuid(key) | super::Key::Text(key)) = table.key;
        assert!(
            keys.contains(&(table.name.to_owned(), key.to_owned())),
            "{table:?}"
        );
    }
}
