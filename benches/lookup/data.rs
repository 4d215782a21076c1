//! Rows to look up, by SQL.

use lanyard::id::ProviderId;
use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

pub struct Data {
    /// As the database has it.
    pub provider: Uuid,
    /// As the API shows it.
    pub provider_id: String,
    identities: u32,
}

impl Data {
    /// One provider, and as many users as identities.
    pub async fn fill(url: &str, identities: u32) -> Self {
        let database = sea_orm::Database::connect(url).await.unwrap();
        let (id, numbers) = match database.get_database_backend() {
            DbBackend::Postgres => (
                "('000000000000700080000000' || lpad(to_hex(n), 8, '0'))::uuid",
                format!("generate_series(0, {identities} - 1) AS numbers (n)"),
            ),
            _ => (
                "unhex('000000000000700080000000' || printf('%08x', n))",
                format!(
                    "(WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers \
                     WHERE n < {identities} - 1) SELECT n FROM numbers)"
                ),
            ),
        };
        let provider = id.replace("(n)", "(0)").replace(", n)", ", 0)");
        let now = "'2026-01-01T00:00:00+00:00'";
        for sql in [
            format!("INSERT INTO \"user\" (id, entity_ref, annotations_json, status, has_other_sign_in, date_added, date_updated)
                     SELECT {id}, 'user:default/person' || n, '{{}}', 'ACTIVE', false, {now}, {now} FROM {numbers}"),
            format!("INSERT INTO identity_provider (id, slug, type, external_id, name, config_json, enabled, allows_sign_in, allows_multiple_per_user, managed_by, version, date_added, date_updated)
                     VALUES ({provider}, 'bench', 'custom', '', 'Bench', '{{}}', true, false, false, 'API', 1, {now}, {now})"),
            format!("INSERT INTO identity (id, provider_id, provider_type, user_id, external_id, account_slot, is_primary, attributes_json, scopes_json, status, data_json, version, date_added, date_updated, date_verified)
                     SELECT {id}, {provider}, 'custom', {id}, 'account-' || n, '', true, '{{}}', '[]', 'VALID', '{{}}', 1, {now}, {now}, {now} FROM {numbers}"),
            "ANALYZE".to_owned(),
        ] {
            let sql = match database.get_database_backend() {
                DbBackend::Postgres => sql.replace(now, &format!("{now}::timestamptz")),
                _ => sql,
            };
            let done = database.execute_unprepared(&sql).await;
            done.unwrap_or_else(|cause| panic!("{cause}\n{sql}"));
        }
        database.close().await.unwrap();
        let provider = Uuid::from_u128(0x7000_8000_0000_0000_0000);
        Self {
            provider,
            provider_id: ProviderId(provider).to_string(),
            identities,
        }
    }

    /// The external id of an identity; every number has one.
    pub fn account(&self, number: u32) -> String {
        format!("account-{}", number % self.identities)
    }
}
