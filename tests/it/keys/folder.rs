//! Keys from a folder, as Kubernetes mounts secrets.

use std::path::Path;

use chrono::TimeDelta;
use rstest::rstest;
use tempfile::TempDir;

use super::*;
use crate::support::app::Db;

/// Puts the keys in the folder in one step: the links lead into another hidden folder then.
fn mount(folder: &Path, version: &str, names: &[(&str, u8)]) {
    let data = folder.join(format!("..{version}"));
    std::fs::create_dir(&data).unwrap();
    for (name, byte) in names {
        std::fs::write(data.join(name), key(*byte)).unwrap();
        let link = folder.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(format!("..data/{name}"), link).unwrap();
        }
    }
    let new = folder.join("..data_tmp");
    std::os::unix::fs::symlink(format!("..{version}"), &new).unwrap();
    std::fs::rename(new, folder.join("..data")).unwrap();
}

#[rstest]
#[tokio::test]
async fn a_key_that_is_added_while_the_server_runs_is_found(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let folder = TempDir::new().unwrap();
    mount(folder.path(), "2026_01", &[("2026-01", 1)]);
    let path = folder.path().display().to_string();
    let app = App::start_with(on, &[("LANYARD_MASTER_KEY_DIR", &path)]).await;
    let (provider, user) = (app.provider("crm").await, app.user("jane").await);
    identity(link(&app, &provider, &user, "1", "canary-token-1").await);
    // The operator is early.
    rotate(&app, &[1, 2], 2).await;
    assert_eq!(ready(&app).await.0, 503);
    mount(folder.path(), "2026_07", &[("2026-01", 1), ("2026-07", 2)]);
    app.clock.advance(TimeDelta::seconds(3));
    assert_eq!(ready(&app).await, (200, "ok\n".to_owned()));
    let jane = identity(link(&app, &provider, &user, "1", "canary-token-2").await);
    assert_eq!(token(read(&app, &jane).await), "canary-token-2");
    until_rotated(&app).await;
    assert_eq!(sealed_with(&app).await, BTreeSet::from([id(2)]));
}
