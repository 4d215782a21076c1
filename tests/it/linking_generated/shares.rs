//! Integrations that act as the identities which links move about.

use lanyard::database::organization_integration;
use sea_orm::EntityTrait;
use serde_json::json;

use super::Run;
use super::model::Share;
use crate::support::app::App;
use crate::support::client::text;

const SHARES: usize = 3;

/// Integrations of one organization, of which all users are members. They act as nobody yet.
pub async fn install(app: &App, users: &[String]) -> Vec<Share> {
    let organization = app.organization("acme").await;
    for user in users {
        app.add_member(&organization, user).await;
    }
    let mut shares = Vec::new();
    for number in 0..SHARES {
        let installed = app
            .ask("mutation($input: InstallIntegrationInput!) { installIntegration(input: $input) { organizationIntegration { id } } }")
            .variables(json!({ "input": { "organizationId": organization, "provider": "pager",
                                          "externalId": number.to_string(), "name": "Pager" } }))
            .data()
            .await;
        shares.push(Share {
            id: text(&installed, "/installIntegration/organizationIntegration/id"),
            acts_as: None,
            lost: false,
        });
    }
    shares
}

impl Run {
    /// Lets one of the integrations act as one of the identities.
    pub async fn act_as(&mut self, what: &str) {
        let rows = self.model.rows.iter();
        let may: Vec<String> = rows
            .filter(|row| self.model.active[row.user])
            .map(|row| row.id.clone())
            .collect();
        if may.is_empty() {
            return;
        }
        let identity = may[self.chance.below(may.len())].clone();
        let index = self.chance.below(self.model.shares.len());
        let share = &mut self.model.shares[index];
        let data = self
            .app
            .ask("mutation($share: ID!, $identity: ID!) { setDefaultIdentity(organizationIntegrationId: $share, identityId: $identity) { userErrors { code } } }")
            .variables(json!({ "share": share.id, "identity": identity }))
            .data()
            .await;
        assert_eq!(
            data["setDefaultIdentity"]["userErrors"],
            json!([]),
            "{what}"
        );
        share.acts_as = Some(identity);
        share.lost = false;
    }

    /// The integrations act as the model says.
    pub async fn assert_shares(&self, what: &str) {
        let rows = organization_integration::Entity::find()
            .all(self.app.database.reader())
            .await
            .unwrap();
        for share in &self.model.shares {
            let row = rows
                .iter()
                .find(|row| row.id.to_string() == share.id)
                .unwrap();
            let acts_as = row.default_identity_id.map(|id| id.to_string());
            assert_eq!(acts_as, share.acts_as, "{what}");
            assert_eq!(row.default_lost_at.is_some(), share.lost, "{what}");
        }
    }
}
