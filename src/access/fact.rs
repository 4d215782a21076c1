//! What is stored and decides whether a row is visible.

use std::future::Future;

use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::database::{Tx, organization_integration, organization_member};
use crate::error::Error;
use crate::id::{IntegrationId, OrganizationId, UserId};

/// A question about stored rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// Is the user a member of the organization?
    Member(OrganizationId, UserId),
    /// Has the organization the integration?
    Installed(OrganizationId, IntegrationId),
}

/// Who answers questions.
pub trait Facts: Sync {
    /// Whether the answer is yes.
    fn holds(&self, question: Question) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// As the transaction sees it.
impl Facts for Tx {
    async fn holds(&self, question: Question) -> Result<bool, Error> {
        ask(self, question).await
    }
}

/// As it is committed now.
impl Facts for DatabaseConnection {
    async fn holds(&self, question: Question) -> Result<bool, Error> {
        ask(self, question).await
    }
}

async fn ask(db: &impl ConnectionTrait, question: Question) -> Result<bool, Error> {
    Ok(match question {
        Question::Member(organization, user) => {
            organization_member::is_member(db, organization, user).await?
        }
        Question::Installed(organization, integration) => {
            let pair = (organization, integration);
            let found = organization_integration::which(db, &[pair]).await?;
            found.contains(&pair)
        }
    })
}
