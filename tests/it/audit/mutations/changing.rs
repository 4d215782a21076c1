//! How each mutation changes something, and what it leaves. They are called one after the other.

use serde_json::json;

use super::rows::CODE;
use super::{Case, Rows};

/// What the mutations are about. Secrets that are given have `canary` in them.
pub fn cases(rows: &Rows) -> Vec<Case> {
    let Rows {
        user,
        joe,
        provider,
        identity,
        spare_provider,
        spare_key,
        session,
        organization,
        integration,
        share,
        double,
        merge,
        mates,
        sso,
        sign_on,
        mates_link,
        linkable,
        ..
    } = rows;
    vec![
        Case::new("upsertUser", r#"upsertUser(input: { entityRef: "User:Jim", displayName: "Jim", annotations: { team: "a" } }) { user { id } }"#, "user.created", "/user/id")
            .after(json!({ "entityRef": "user:default/jim", "displayName": "Jim", "annotations": { "team": "a" }, "status": "ACTIVE" })),
        Case::new("createIdentityProvider", r#"createIdentityProvider(input: { slug: "gh", type: "github", config: {}, clientId: "id", clientSecret: "canary-secret" }) { identityProvider { id } userErrors { message } }"#, "provider.created", "/identityProvider/id")
            .after(json!({ "slug": "gh", "type": "github", "clientId": "id", "hasClientSecret": true, "allowsSignIn": false, "version": 1 })),
        Case::new("updateIdentityProvider", format!("updateIdentityProvider(input: {{ id: {provider:?}, name: \"CRM\", enabled: false }}) {{ identityProvider {{ id }} }}"), "provider.updated", "/identityProvider/id")
            .before(json!({ "slug": "crm", "enabled": true, "version": 1 }))
            .after(json!({ "slug": "crm", "name": "CRM", "enabled": false, "version": 2 })),
        Case::new("updateIdentityData", format!("updateIdentityData(input: {{ id: {identity:?}, data: {{ team: 7 }} }}) {{ identity {{ id }} }}"), "identity.updated", "/identity/id")
            .before(json!({ "data": {} }))
            .after(json!({ "data": { "team": 7 } })),
        Case::new("createOrganization", r#"createOrganization(input: { slug: "shop", name: "Shop" }) { organization { id } }"#, "organization.created", "/organization/id")
            .after(json!({ "slug": "shop", "name": "Shop", "domains": [] })),
        Case::new("updateOrganization", format!("updateOrganization(input: {{ id: {organization:?}, name: \"Acme Ltd\", domains: [\"ACME.example\"] }}) {{ organization {{ id }} }}"), "organization.updated", "/organization/id")
            .before(json!({ "slug": "acme", "name": "acme", "domains": [] }))
            .after(json!({ "slug": "acme", "name": "Acme Ltd", "domains": ["acme.example"] })),
        Case::new("addOrganizationMember", format!("addOrganizationMember(organizationId: {organization:?}, userId: {joe:?}) {{ organization {{ id }} }}"), "organization.member_added", "/organization/id")
            .after(json!({ "userId": joe })),
        Case::new("installIntegration", format!("installIntegration(input: {{ organizationId: {organization:?}, provider: \"pager\", externalId: \"1\", name: \"Pager\", config: {{ room: 1 }} }}) {{ organizationIntegration {{ id }} }}"), "org_integration.installed", "/organizationIntegration/id")
            .behind(&["integration.created"])
            .after(json!({ "provider": "pager", "externalId": "1", "config": { "room": 1 }, "status": "ACTIVE", "defaultIdentityId": null })),
        Case::new("updateIntegration", format!("updateIntegration(input: {{ id: {integration:?}, name: \"Forge\", status: DISABLED }}) {{ integration {{ id }} }}"), "integration.updated", "/integration/id")
            .before(json!({ "name": "Hub", "status": "ACTIVE" }))
            .after(json!({ "name": "Forge", "status": "DISABLED" })),
        Case::new("updateOrganizationIntegration", format!("updateOrganizationIntegration(input: {{ id: {share:?}, config: {{ room: 2 }} }}) {{ organizationIntegration {{ id }} }}"), "org_integration.updated", "/organizationIntegration/id")
            .before(json!({ "config": {} }))
            .after(json!({ "config": { "room": 2 } })),
        Case::new("setDefaultIdentity", format!("setDefaultIdentity(organizationIntegrationId: {share:?}, identityId: {identity:?}) {{ organizationIntegration {{ id }} }}"), "org_integration.updated", "/organizationIntegration/id")
            .before(json!({ "defaultIdentityId": null }))
            .after(json!({ "defaultIdentityId": identity })),
        Case::new("linkIdentity", format!("linkIdentity(input: {{ userId: {user:?}, providerId: {provider:?}, externalId: \"4711\", profile: {{ email: \"j@example.org\" }}, credential: {{ accessToken: \"canary-token-a\", refreshToken: \"canary-token-r\" }}, idempotencyKey: \"canary-k\" }}) {{ identity {{ id }} }}"), "identity.updated", "/identity/id")
            .before(json!({ "externalId": "4711", "email": null, "version": 2 }))
            .after(json!({ "externalId": "4711", "email": "j@example.org", "version": 3, "userId": user, "providerId": provider })),
        Case::new("linkIdentity", format!("linkIdentity(input: {{ userId: {user:?}, providerId: {provider:?}, externalId: \"4712\", onConflict: UPDATE_IN_PLACE }}) {{ identity {{ id }} }}"), "identity.updated", "/identity/id")
            .before(json!({ "externalId": "4711", "email": "j@example.org" }))
            .after(json!({ "externalId": "4712", "email": null })),
        Case::new("linkIdentity", format!("linkIdentity(input: {{ userId: {joe:?}, providerId: {provider:?}, externalId: \"4712\", onConflict: REATTACH, credential: {{ accessToken: \"canary-token-a\" }} }}) {{ identity {{ id }} }}"), "identity.linked", "/identity/id")
            .behind(&["org_integration.default_lost", "identity.unlinked", "identity.unlinked"])
            .after(json!({ "externalId": "4712", "userId": joe, "isPrimary": true, "version": 1 })),
        Case::new("startLink", format!("startLink(input: {{ providerId: {linkable:?}, userId: {user:?}, returnTo: \"https://app.example/x?secret=canary\", onConflict: UPDATE_IN_PLACE }}) {{ url userErrors {{ message }} }}"), "link.started", user)
            .after(json!({ "application": "writer", "userId": user, "providerId": linkable, "returnOrigin": "https://app.example", "scopes": null, "onConflict": "UPDATE_IN_PLACE" })),
        Case::new("completeLink", format!("completeLink(code: {CODE:?}, userId: {joe:?}) {{ identity {{ id }} userErrors {{ message }} }}"), "identity.linked", "/identity/id")
            .after(json!({ "externalId": "L1", "userId": joe, "providerId": linkable, "scopes": ["openid"] })),
        Case::new("setPrimaryIdentity", format!("setPrimaryIdentity(id: {:?}) {{ identity {{ id }} }}", mates[1]), "identity.updated", "/identity/id")
            .behind(&["identity.updated"])
            .before(json!({ "externalId": "m2", "isPrimary": false, "version": 1 }))
            .after(json!({ "externalId": "m2", "isPrimary": true, "version": 2 })),
        Case::new("unlinkIdentity", format!("unlinkIdentity(input: {{ id: {:?} }}) {{ deletedId userErrors {{ message }} }}", mates[0]), "identity.unlinked", "/deletedId")
            .before(json!({ "externalId": "m1", "isPrimary": false })),
        Case::new("linkAuthIdentity", format!("linkAuthIdentity(input: {{ authProviderId: {sign_on:?}, userId: {double:?}, ident: \"S3\" }}) {{ authIdentity {{ id }} userErrors {{ message }} }}"), "auth_identity.linked", "/authIdentity/id")
            .after(json!({ "authProviderId": sign_on, "userId": double, "ident": "S3" })),
        Case::new("deleteAuthIdentity", format!("deleteAuthIdentity(id: {mates_link:?}) {{ deletedId userErrors {{ message }} }}"), "auth_identity.deleted", "/deletedId")
            .before(json!({ "ident": "S2" })),
        Case::new("deleteAuthIdentities", format!("deleteAuthIdentities(userId: {user:?}, organizationId: {organization:?}) {{ deletedIds userErrors {{ message }} }}"), "auth_identity.deleted", "/deletedIds/0")
            .before(json!({ "ident": "S1", "userId": user })),
        Case::new("setAuthProvider", format!("setAuthProvider(input: {{ organizationId: {organization:?}, providerId: {sso:?} }}) {{ authProvider {{ id }} }}"), "auth_provider.updated", "/authProvider/id")
            .before(json!({ "providerId": sso, "allowUnlinked": true }))
            .after(json!({ "providerId": sso, "allowUnlinked": false })),
        Case::new("removeAuthProvider", format!("removeAuthProvider(organizationId: {organization:?}) {{ deletedId userErrors {{ message }} }}"), "auth_provider.deleted", "/deletedId")
            .behind(&["auth_identity.deleted"])
            .before(json!({ "providerId": sso, "allowUnlinked": false })),
        Case::new("removeOrganizationMember", format!("removeOrganizationMember(organizationId: {organization:?}, userId: {user:?}) {{ organization {{ id }} }}"), "organization.member_removed", "/organization/id")
            .before(json!({ "userId": user })),
        Case::new("uninstallIntegration", format!("uninstallIntegration(organizationIntegrationId: {share:?}) {{ deletedId }}"), "org_integration.uninstalled", "/deletedId")
            .before(json!({ "provider": "github", "externalId": "1", "defaultIdentityId": null })),
        Case::new("undoMerge", format!("undoMerge(id: {merge:?}) {{ merge {{ id }} userErrors {{ message }} }}"), "user.merge_undone", "/merge/id")
            .behind(&["user.updated"])
            .before(json!({ "intoUserId": user, "dateUndone": null }))
            .after(json!({ "intoUserId": user, "moved": 0, "notGivenBack": 0 })),
        Case::new("mergeUsers", format!("mergeUsers(input: {{ fromUserId: {double:?}, intoUserId: {user:?} }}) {{ merge {{ id }} userErrors {{ message }} }}"), "user.merged", "/merge/id")
            .behind(&["organization.member_removed", "organization.member_added", "identity.updated", "user.updated"])
            .after(json!({ "fromUserId": double, "intoUserId": user, "moved": 2, "removed": 0 })),
        Case::new("createApiKey", r#"createApiKey(input: { name: "new", scopes: ["audit:read"] }) { apiKey { id } secret }"#, "api_key.created", "/apiKey/id")
            .after(json!({ "name": "new", "scopes": ["audit:read"], "application": "new" })),
        Case::new("revokeApiKey", format!("revokeApiKey(id: {spare_key:?}) {{ deletedId }}"), "api_key.revoked", "/deletedId")
            .before(json!({ "name": "spare", "scopes": ["user:act_as"] })),
        Case::new("deleteIdentityProvider", format!("deleteIdentityProvider(id: {spare_provider:?}) {{ deletedId userErrors {{ message }} }}"), "provider.deleted", "/deletedId")
            .before(json!({ "slug": "spare" })),
        Case::new("endSession", format!("endSession(id: {session:?}) {{ deletedId userErrors {{ message }} }}"), "session.ended", "/deletedId")
            .before(json!({ "identityId": null, "userAgent": "Browser/1.0" })),
        Case::new("endOtherSessions", "endOtherSessions { deletedIds userErrors { message } }", "session.ended", "/deletedIds/0")
            .before(json!({ "identityId": null, "userAgent": "Browser/1.0" }))
            .by_person(),
        // Last, since nothing is linked to a user who is disabled, and nobody is signed in as one.
        Case::new("upsertUser", r#"upsertUser(input: { entityRef: "user:default/jane", email: null, status: DISABLED }) { user { id } }"#, "user.updated", "/user/id")
            .behind(&["session.ended"])
            .before(json!({ "email": "jane@example.org", "status": "ACTIVE" }))
            .after(json!({ "email": null, "status": "DISABLED", "displayName": "jane" })),
    ]
}
