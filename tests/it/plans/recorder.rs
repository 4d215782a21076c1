//! A connection that notes the statements that are sent on it.

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectOptions, DatabaseConnection, Statement};

use super::lookups::Lookup;

pub struct Recorder {
    database: DatabaseConnection,
    sent: Arc<Mutex<Vec<Statement>>>,
}

impl Recorder {
    /// One connection: what is prepared or set on it holds for the next statement.
    pub async fn connect(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let mut database = sea_orm::Database::connect(options).await.unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&sent);
        database.set_metric_callback(move |info| {
            assert!(!info.failed, "{}", info.statement);
            noted.lock().unwrap().push(info.statement.clone());
        });
        Self { database, sent }
    }

    pub const fn database(&self) -> &DatabaseConnection {
        &self.database
    }

    /// What a lookup sends when it runs.
    pub async fn statements_of(&mut self, lookup: &Lookup) -> Vec<Statement> {
        self.sent.lock().unwrap().clear();
        (lookup.run)(self.database.clone()).await;
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}
