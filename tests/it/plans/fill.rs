//! A million identities, by SQL: the same rows on both databases.
//!
//! 250,000 users with four identities each at eight providers; a credential for every fourth;
//! 20,000 other providers, 20,000 API keys, 100,000 sessions, 200,000 sealed events; 5,000
//! organizations, one of them of 100,000 users; 100,000 organization integrations; 2,000 sign-ons
//! with 200,000 links; 50,000 flows, and as many links on their way. Ids are numbers: the rows of a
//! table are numbered from 0.

mod flows;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use uuid::Uuid;

/// The row of that number, in whatever table.
pub fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x7000_8000_0000_0000_0000 + u128::from(number))
}

/// An organization that four in ten users are members of.
pub const BIG: u32 = 0;
/// One of twenty members, who are far apart.
pub const SMALL: u32 = 777;
/// It has half of all that is installed.
pub const ORGANIZATION_OF_MANY_INTEGRATIONS: u32 = 0;
/// 4,000 organizations have it.
pub const INTEGRATION_OF_MANY: u32 = 50_000;
/// 4,000 organization integrations act as it.
pub const SHARED_ACCOUNT: u32 = 777;

pub const EXTERNAL_ID: &str = "account-777";
pub const EMAIL: &str = "Person777@example.org";
pub const ENTITY_REF: &str = "user:default/person777";
/// Organizations' sign-ons.
pub const SIGN_ONS: u32 = 2_000;

/// The words that the two databases have for the same thing.
struct Words {
    /// The numbers from 0 up to below `{}`, as rows of a column `n`.
    numbers: &'static str,
    /// The id of the number `{}`.
    id: &'static str,
    /// The time `{}` seconds after the first.
    time: &'static str,
    bytes: &'static str,
    /// Between a column of an identity column and its values.
    overriding: &'static str,
}

const POSTGRES: Words = Words {
    numbers: "generate_series(0, {} - 1) AS numbers (n)",
    id: "('000000000000700080000000' || lpad(to_hex({}), 8, '0'))::uuid",
    time: "timestamptz '2026-01-01 00:00:00Z' + ({}) * interval '1 second'",
    bytes: "decode(lpad(to_hex({}), 64, '0'), 'hex')",
    overriding: "OVERRIDING SYSTEM VALUE",
};

const SQLITE: Words = Words {
    numbers: "(WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {} - 1) SELECT n FROM numbers)",
    id: "unhex('000000000000700080000000' || printf('%08x', {}))",
    time: "strftime('%Y-%m-%dT%H:%M:%S+00:00', 1767225600 + ({}), 'unixepoch')",
    bytes: "unhex(printf('%064x', {}))",
    overriding: "",
};

/// Indexes are made after the rows: one by one, each with every row, takes many times longer.
pub async fn fill(database: &DatabaseConnection) {
    let words = match database.get_database_backend() {
        DbBackend::Postgres => POSTGRES,
        _ => SQLITE,
    };
    let indexes = indexes(database).await;
    assert!(indexes.len() > 20, "{indexes:?}");
    for (name, _) in &indexes {
        run(database, &format!("DROP INDEX {name}")).await;
    }
    for (table, rows, columns) in TABLES.iter().chain(SIGN_ON_TABLES).chain(flows::TABLES) {
        run(database, &insert(&words, table, *rows, columns)).await;
    }
    for (_, sql) in &indexes {
        run(database, sql).await;
    }
}

fn insert(words: &Words, table: &str, rows: u32, columns: &[(&str, &str)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|(_, value)| words.write(value))
        .collect();
    format!(
        "INSERT INTO {table} ({}) {} SELECT {} FROM {}",
        names.join(", "),
        if table == "event" {
            words.overriding
        } else {
            ""
        },
        values.join(", "),
        words.numbers.replace("{}", &rows.to_string()),
    )
}

impl Words {
    /// Puts this database's words for `id[…]`, `time[…]` and `bytes[…]`.
    fn write(&self, value: &str) -> String {
        let mut value = value.to_owned();
        for (mark, words) in [
            ("id[", self.id),
            ("time[", self.time),
            ("bytes[", self.bytes),
        ] {
            while let Some((before, rest)) = value.split_once(mark) {
                let (argument, after) = rest.split_once(']').unwrap();
                value = format!("{before}{}{after}", words.replace("{}", argument));
            }
        }
        value
    }
}

/// Members of a big organization, and of many small ones.
const MEMBERS: &str = "organization_member";

type Table = (&'static str, u32, &'static [(&'static str, &'static str)]);

const TABLES: &[Table] = &[
    (
        "organization",
        5_000,
        &[
            ("id", "id[n]"),
            ("slug", "'organization-' || n"),
            ("name", "'Organization ' || n"),
            ("date_added", "time[n]"),
        ],
    ),
    (
        "organization_domain",
        5_000,
        &[
            ("domain", "'organization-' || n || '.example'"),
            ("organization_id", "id[n]"),
            ("date_added", "time[n]"),
        ],
    ),
    (
        "\"user\"",
        250_000,
        &[
            ("id", "id[n]"),
            ("entity_ref", "'user:default/person' || n"),
            ("email", "'Person' || n || '@example.org'"),
            ("email_folded", "'person' || n || '@example.org'"),
            ("annotations_json", "'{}'"),
            (
                "status",
                "CASE WHEN n % 100 = 1 THEN 'DISABLED' ELSE 'ACTIVE' END",
            ),
            ("has_other_sign_in", "false"),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
        ],
    ),
    // The big organization has two in five users, each other one twenty, 12,500 apart.
    (
        MEMBERS,
        100_000,
        &[
            ("organization_id", "id[0]"),
            ("user_id", "id[(n * 5) / 2]"),
            ("date_added", "time[n]"),
        ],
    ),
    (
        MEMBERS,
        99_980,
        &[
            ("organization_id", "id[1 + n / 20]"),
            ("user_id", "id[(n % 20) * 12500 + n / 20]"),
            ("date_added", "time[n]"),
        ],
    ),
    // The first eight have identities, at four types; the rest are there to be passed over. Half
    // of those are organizations' own.
    (
        "identity_provider",
        20_008,
        &[
            ("id", "id[n]"),
            ("slug", "'provider-' || n"),
            (
                "type",
                "CASE WHEN n >= 8 THEN 'oidc' WHEN n < 2 THEN 'github' WHEN n < 4 THEN 'gitlab' WHEN n < 6 THEN 'google' ELSE 'custom' END",
            ),
            (
                "external_id",
                "CASE WHEN n IN (0, 4) THEN '' ELSE 'instance-' || n END",
            ),
            ("name", "'Provider ' || n"),
            ("config_json", "'{}'"),
            ("client_of", "CASE WHEN n % 1000 = 999 THEN id[0] END"),
            (
                "organization_id",
                "CASE WHEN n >= 10008 THEN id[n % 5000] END",
            ),
            ("enabled", "n % 10 <> 0"),
            ("allows_sign_in", "n % 10 = 1"),
            ("allows_multiple_per_user", "false"),
            ("managed_by", "'API'"),
            ("version", "1"),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
        ],
    ),
    // Four in a row are of one user, at providers of all four types.
    (
        "identity",
        1_000_000,
        &[
            ("id", "id[n]"),
            ("provider_id", "id[(n % 4) * 2 + (n / 4) % 2]"),
            (
                "provider_type",
                "CASE n % 4 WHEN 0 THEN 'github' WHEN 1 THEN 'gitlab' WHEN 2 THEN 'google' ELSE 'custom' END",
            ),
            ("user_id", "id[n / 4]"),
            ("external_id", "'account-' || (n / 4)"),
            ("account_slot", "''"),
            ("is_primary", "n % 100 <> 7"),
            ("email", "'Person' || (n / 4) || '@example.org'"),
            ("email_folded", "'person' || (n / 4) || '@example.org'"),
            ("attributes_json", "'{}'"),
            ("scopes_json", "'[]'"),
            (
                "status",
                "CASE n % 100 WHEN 3 THEN 'INVALID' WHEN 5 THEN 'UNKNOWN' ELSE 'VALID' END",
            ),
            ("data_json", "'{}'"),
            ("version", "1"),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
            // In another order than the ids.
            ("date_verified", "time[(n % 1000) * 1000 + n / 1000]"),
        ],
    ),
    (
        "credential",
        250_000,
        &[
            ("identity_id", "id[n * 4]"),
            ("access_token_sealed", "bytes[n]"),
            ("scopes_json", "'[]'"),
            ("expires_at", "time[(n % 500) * 500 + n / 500]"),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
        ],
    ),
    (
        "api_key",
        20_000,
        &[
            ("id", "id[n]"),
            ("name", "'key ' || n"),
            ("application", "'application'"),
            ("hash", "bytes[n]"),
            ("hint", "'lyd_abcd'"),
            ("scopes_json", "'[\"admin\"]'"),
            (
                "organization_id",
                "CASE WHEN n % 2 = 1 THEN id[n % 5000] END",
            ),
            ("created_by_kind", "'SERVER'"),
            ("created_by_name", "'fill'"),
            ("date_added", "time[n]"),
        ],
    ),
    (
        "session",
        100_000,
        &[
            ("id", "id[n]"),
            ("token_hash", "bytes[n]"),
            ("user_id", "id[n / 4]"),
            ("provider_id", "id[n % 8]"),
            ("identity_id", "id[n]"),
            ("user_agent", "'Browser/1.0'"),
            ("date_added", "time[n]"),
            ("last_seen_at", "time[n]"),
            ("expires_at", "time[n]"),
        ],
    ),
    (
        "integration",
        50_001,
        &[
            ("id", "id[n]"),
            (
                "provider",
                "CASE n % 4 WHEN 0 THEN 'github' WHEN 1 THEN 'gitlab' WHEN 2 THEN 'slack' ELSE 'pagerduty' END",
            ),
            ("external_id", "'installation-' || (n / 4)"),
            ("name", "'Integration ' || n"),
            ("metadata_json", "'{}'"),
            ("status", "'ACTIVE'"),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
        ],
    ),
    // Every second is one organization's, the others are of many; half of all act as somebody.
    (
        "organization_integration",
        100_000,
        &[
            ("id", "id[n * 2]"),
            ("organization_id", "id[(n % 2) * (1 + (n / 2) % 4999)]"),
            ("integration_id", "id[n / 2]"),
            (
                "provider",
                "CASE (n / 2) % 4 WHEN 0 THEN 'github' WHEN 1 THEN 'gitlab' WHEN 2 THEN 'slack' ELSE 'pagerduty' END",
            ),
            ("external_id", "'installation-' || (n / 8)"),
            ("config_json", "'{}'"),
            (
                "status",
                "CASE WHEN n % 100 = 3 THEN 'DISABLED' ELSE 'ACTIVE' END",
            ),
            (
                "default_identity_id",
                "CASE WHEN n % 4 < 2 THEN id[n * 4] END",
            ),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
        ],
    ),
    (
        "organization_integration",
        4_000,
        &[
            ("id", "id[n * 50 + 1]"),
            ("organization_id", "id[1 + n]"),
            ("integration_id", "id[50000]"),
            (
                "provider",
                "CASE (50000) % 4 WHEN 0 THEN 'github' WHEN 1 THEN 'gitlab' WHEN 2 THEN 'slack' ELSE 'pagerduty' END",
            ),
            ("external_id", "'installation-12500'"),
            ("config_json", "'{}'"),
            (
                "status",
                "CASE WHEN n % 100 = 3 THEN 'DISABLED' ELSE 'ACTIVE' END",
            ),
            ("default_identity_id", "id[777]"),
            ("date_added", "time[n]"),
            ("date_updated", "time[n]"),
        ],
    ),
    (
        "event",
        200_000,
        &[
            ("number", "n + 1"),
            ("id", "id[n]"),
            ("at", "time[n]"),
            (
                "action",
                "CASE n % 4 WHEN 0 THEN 'identity.linked' WHEN 1 THEN 'identity.updated' WHEN 2 THEN 'user.created' ELSE 'user.updated' END",
            ),
            ("actor_kind", "'SERVER'"),
            ("actor_name", "'fill'"),
        ],
    ),
    (
        "event_seal",
        200_000,
        &[
            ("sequence", "n + 1"),
            ("event_number", "n + 1"),
            ("hash", "bytes[n]"),
            ("at", "time[n]"),
            (
                "action",
                "CASE n % 4 WHEN 0 THEN 'identity.linked' WHEN 1 THEN 'identity.updated' WHEN 2 THEN 'user.created' ELSE 'user.updated' END",
            ),
            ("actor_id", "'api_key_' || (n % 1000)"),
            ("target_id", "'identity_' || (n % 50000)"),
            ("user_id", "'user_' || (n % 50000)"),
            (
                "organization_id",
                "CASE n % 4 WHEN 0 THEN 'organization_0' WHEN 1 THEN 'organization_' || (n % 5000) END",
            ),
        ],
    ),
    // Users of the end of the directory went into those of its beginning, in all their order.
    (
        "user_merge",
        50_000,
        &[
            ("id", "id[n]"),
            ("from_user_id", "id[200000 + n]"),
            ("into_user_id", "id[n]"),
            ("from_status", "'ACTIVE'"),
            ("items_json", "'[]'"),
            ("date_merged", "time[n]"),
            ("undoable_until", "time[n]"),
            ("sweep_at", "CASE WHEN n % 10 <> 3 THEN time[n] END"),
        ],
    ),
    (
        "idempotency_key",
        100_000,
        &[
            ("application", "'application'"),
            ("key", "'key-' || n"),
            ("input_hash", "bytes[n]"),
            ("outcome", "'CREATED'"),
            ("identity_id", "id[n]"),
            ("date_added", "time[n]"),
        ],
    ),
];

/// The first organizations sign on, by providers that come after the first eight.
const SIGN_ON_TABLES: &[Table] = &[
    (
        "auth_provider",
        SIGN_ONS,
        &[
            ("id", "id[n]"),
            ("organization_id", "id[n]"),
            ("provider_id", "id[n + 8]"),
            ("allow_unlinked", "n % 2 = 0"),
            ("date_added", "time[n]"),
        ],
    ),
    (
        "auth_identity",
        200_000,
        &[
            ("id", "id[n]"),
            ("auth_provider_id", "id[n % 2000]"),
            ("organization_id", "id[n % 2000]"),
            ("user_id", "id[n / 2]"),
            ("ident", "'account-' || n"),
            ("date_added", "time[n]"),
            ("last_verified", "time[n]"),
            ("last_synced", "time[n]"),
        ],
    ),
];

/// What is no constraint: name and definition.
async fn indexes(database: &DatabaseConnection) -> Vec<(String, String)> {
    let backend = database.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT indexname AS name, indexdef AS sql FROM pg_indexes
             WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        }
        _ => "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    };
    let rows = database.query_all_raw(Statement::from_string(backend, sql));
    rows.await
        .unwrap()
        .iter()
        .map(|row| {
            (
                row.try_get("", "name").unwrap(),
                row.try_get("", "sql").unwrap(),
            )
        })
        .collect()
}

pub async fn run(database: &DatabaseConnection, sql: &str) {
    let done = database.execute_unprepared(sql).await;
    done.unwrap_or_else(|cause| panic!("{cause}\n{sql}"));
}
