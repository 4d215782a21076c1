//! Every field of the schema, asked by a key that has all scopes and is bound to one organization,
//! about rows of another one and of nobody.

use lanyard::access::matrix::SERVER_WIDE;
use reqwest::StatusCode;
use rstest::rstest;

use super::cell::{Cell, Cells};
use super::document::Given;
use crate::support::app::Db;
use crate::support::tenants::{Tenant, Tenants};

/// Whose rows are asked for.
struct Foreign<'a> {
    user: &'a str,
    provider: &'a str,
    identity: &'a str,
    key: &'a str,
    /// What is nobody's in itself: the other organization's.
    tenant: &'a Tenant,
}

impl Foreign<'_> {
    fn given(&self) -> Given {
        let quote = |text: &str| format!("{text:?}");
        let installed = || quote(&self.tenant.organization_integration);
        let integration = || quote(&self.tenant.integration);
        let organization = &self.tenant.organization;
        let (user, provider) = (|| quote(self.user), || quote(self.provider));
        let organization = || quote(organization);
        Given::from([
            ("Query.node.id", user()),
            (
                "Query.nodes.ids",
                format!("[{}, {}]", user(), quote(self.identity)),
            ),
            ("Query.identity.filter.id", quote(self.identity)),
            ("Query.userIdentities.userId", user()),
            ("Query.userIdentities.providerType", quote("custom")),
            ("Query.identityProvider.id", provider()),
            ("Query.user.id", user()),
            ("Query.organization.id", organization()),
            ("Query.integration.id", integration()),
            ("Query.organizationIntegration.id", installed()),
            (
                "Query.defaultIdentity.organizationIntegrationId",
                installed(),
            ),
            (
                "Mutation.installIntegration.input.organizationId",
                organization(),
            ),
            (
                "Mutation.installIntegration.input.provider",
                quote("service"),
            ),
            ("Mutation.installIntegration.input.externalId", quote("new")),
            ("Mutation.installIntegration.input.name", quote("new")),
            (
                "Mutation.setDefaultIdentity.organizationIntegrationId",
                installed(),
            ),
            (
                "Mutation.updateOrganizationIntegration.input.id",
                installed(),
            ),
            ("Mutation.updateIntegration.input.id", integration()),
            (
                "Mutation.uninstallIntegration.organizationIntegrationId",
                installed(),
            ),
            ("Query.linkPreview.input.providerId", provider()),
            ("Query.linkPreview.input.userId", user()),
            ("Mutation.linkIdentity.input.providerId", provider()),
            ("Mutation.linkIdentity.input.userId", user()),
            ("Mutation.linkIdentity.input.externalId", quote("4711")),
            ("Mutation.startLink.input.providerId", provider()),
            ("Mutation.startLink.input.userId", user()),
            (
                "Mutation.startLink.input.returnTo",
                quote("https://app.example/"),
            ),
            ("Mutation.completeLink.userId", user()),
            ("Mutation.updateIdentityData.input.id", quote(self.identity)),
            ("Mutation.createIdentityProvider.input.slug", quote("new")),
            (
                "Mutation.createIdentityProvider.input.type",
                quote("custom"),
            ),
            (
                "Mutation.createIdentityProvider.input.organizationId",
                organization(),
            ),
            ("Mutation.updateIdentityProvider.input.id", provider()),
            ("Mutation.updateIdentityProvider.input.name", quote("new")),
            ("Mutation.deleteIdentityProvider.id", provider()),
            ("Mutation.createOrganization.input.slug", quote("new")),
            ("Mutation.updateOrganization.input.id", organization()),
            ("Mutation.updateOrganization.input.name", quote("new")),
            (
                "Mutation.addOrganizationMember.organizationId",
                organization(),
            ),
            ("Mutation.addOrganizationMember.userId", user()),
            (
                "Mutation.removeOrganizationMember.organizationId",
                organization(),
            ),
            ("Mutation.removeOrganizationMember.userId", user()),
            (
                "Mutation.upsertUser.input.entityRef",
                quote("user:default/new"),
            ),
            (
                "Mutation.createApiKey.input.scopes",
                "[\"audit:read\"]".to_owned(),
            ),
            ("Mutation.createApiKey.input.organizationId", organization()),
            ("Query.mergePlan.fromUserId", user()),
            (
                "Query.mergePlan.intoUserId",
                quote("user_01h455vb4pex5vsknk084sn02q"),
            ),
            ("Mutation.mergeUsers.input.fromUserId", user()),
            (
                "Mutation.mergeUsers.input.intoUserId",
                quote("user_01h455vb4pex5vsknk084sn02q"),
            ),
            (
                "Mutation.undoMerge.id",
                quote("merge_01h455vb4pex5vsknk084sn02q"),
            ),
            ("Mutation.revokeApiKey.id", quote(self.key)),
            (
                "Mutation.endSession.id",
                quote("session_01h455vb4pex5vsknk084sn02q"),
            ),
            ("Query.authProvider.organizationId", organization()),
            ("Mutation.unlinkIdentity.input.id", quote(self.identity)),
            ("Mutation.setPrimaryIdentity.id", quote(self.identity)),
            ("Mutation.refreshIdentity.id", quote(self.identity)),
            (
                "Mutation.setAuthProvider.input.organizationId",
                organization(),
            ),
            ("Mutation.setAuthProvider.input.providerId", provider()),
            ("Mutation.removeAuthProvider.organizationId", organization()),
            (
                "Mutation.linkAuthIdentity.input.authProviderId",
                quote(&self.tenant.auth_provider),
            ),
            ("Mutation.linkAuthIdentity.input.userId", user()),
            ("Mutation.linkAuthIdentity.input.ident", quote("4711")),
            (
                "Mutation.deleteAuthIdentity.id",
                quote(&self.tenant.auth_identity),
            ),
            ("Mutation.deleteAuthIdentities.userId", user()),
            (
                "Mutation.deleteAuthIdentities.organizationId",
                organization(),
            ),
        ])
    }
}

fn server_wide(cell: &Cell) -> Option<String> {
    let is_wide =
        |step: &&(String, String)| SERVER_WIDE.contains(&(step.0.as_str(), step.1.as_str()));
    let found = cell.path.iter().find(is_wide);
    found.map(|(of, field)| format!("{of}.{field}"))
}

#[rstest]
#[tokio::test]
async fn a_bound_key_sees_and_changes_nothing_beyond_its_organization(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
) {
    let tenants = Tenants::new(on).await;
    let (app, a, b) = (&tenants.app, &tenants.a, &tenants.b);
    let cells = Cells::new(app).await;
    app.all_sealed().await;
    let before = app.dump().await;
    let foreigners = [
        Foreign {
            user: &a.user,
            provider: &a.provider,
            identity: &a.at_own,
            key: &a.key_id,
            tenant: a,
        },
        Foreign {
            user: &tenants.nobody,
            provider: &tenants.shared,
            identity: &tenants.nobodys,
            key: &tenants.unbound_key_id,
            tenant: a,
        },
    ];
    let hidden = tenants.hidden_from_b();
    let (mut wide, mut refused, mut seen) = (0, 0, 0);
    for foreign in &foreigners {
        let given = foreign.given();
        for cell in cells.all() {
            let label = cell.label();
            let document = cells.document(&cell, &given);
            let answer = app.ask(&document).by(&b.key).send().await;
            // Ids that were asked for may come back in the words of an error, and nowhere else.
            let data = answer.body["data"].to_string();
            let told = hidden.iter().find(|id| data.contains(**id));
            assert_eq!(told, None, "{label}: {data}");
            let body = answer.body.to_string();
            assert!(!body.contains("canary"), "{label}: {body}");
            if let Some(field) = server_wide(&cell) {
                wide += 1;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{label}");
                assert_eq!(answer.code(), "FORBIDDEN", "{label}");
                assert!(answer.message().contains(&field), "{label}: {body}");
            } else if cell.path[0].0 == "Mutation" {
                refused += 1;
                let code = answer.code();
                assert!(
                    ["NOT_FOUND", "FORBIDDEN"].contains(&code.as_str()),
                    "{label}: {body}"
                );
            } else {
                seen += 1;
            }
            if cell.path[0].0 == "Mutation" {
                assert_eq!(app.dump().await, before, "{label}");
            }
        }
    }
    assert!(
        wide > 10 && refused > 20 && seen > 100,
        "{wide} {refused} {seen}"
    );
}
