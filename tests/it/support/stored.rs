//! What is stored, read and changed past the API.

use lanyard::database::{credential, event, idempotency_key, identity};
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};

use super::app::App;

/// Every row around identities.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub identities: Vec<identity::Model>,
    pub credentials: Vec<credential::Model>,
    pub events: Vec<event::Model>,
    pub keys: Vec<idempotency_key::Model>,
}

impl Stored {
    /// Action and target of the events that came after `before`, in the order of writing.
    pub fn events_since(&self, before: &Self) -> Vec<(String, String)> {
        self.events[before.events.len()..]
            .iter()
            .map(|event| {
                let target = event.target_id.clone().unwrap_or_default();
                (event.action.clone(), target)
            })
            .collect()
    }

    /// The row of that id.
    #[track_caller]
    pub fn identity(&self, id: &str) -> &identity::Model {
        let row = self.identities.iter().find(|row| row.id.to_string() == id);
        row.unwrap_or_else(|| panic!("no row {id}"))
    }
}

impl App {
    pub async fn stored(&self) -> Stored {
        let db = self.database.reader();
        Stored {
            identities: identity::Entity::find()
                .order_by_asc(identity::Column::Id)
                .all(db)
                .await
                .unwrap(),
            credentials: credential::Entity::find()
                .order_by_asc(credential::Column::IdentityId)
                .all(db)
                .await
                .unwrap(),
            events: event::Entity::find()
                .order_by_asc(event::Column::Number)
                .all(db)
                .await
                .unwrap(),
            keys: idempotency_key::Entity::find()
                .order_by_asc(idempotency_key::Column::Key)
                .all(db)
                .await
                .unwrap(),
        }
    }

    /// Runs a statement past the API, in the SQL that both databases know.
    pub async fn execute(&self, sql: &str) {
        self.database
            .write(|tx| async move {
                tx.execute_unprepared(sql).await?;
                Ok(())
            })
            .await
            .unwrap();
    }
}
