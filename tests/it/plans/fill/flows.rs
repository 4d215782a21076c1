//! Flows, and links on their way: one begins each second and is over at that same second, so those
//! behind a point in time are still open.

use super::Table;

pub const TABLES: &[Table] = &[
    // One in eight is a person's own, one in eight is of a key that is bound to an organization.
    (
        "pending_link",
        50_000,
        &[
            ("id", "id[n]"),
            (
                "step",
                "CASE n % 4 WHEN 0 THEN 'OPEN' WHEN 1 THEN 'AWAY' WHEN 2 THEN 'FOUND' ELSE 'AGREED' END",
            ),
            (
                "application",
                "CASE WHEN n % 8 <> 2 THEN 'application-' || (n % 100) END",
            ),
            (
                "organization_id",
                "CASE WHEN n % 8 = 1 THEN id[n % 5000] END",
            ),
            ("session_id", "CASE WHEN n % 8 = 2 THEN id[n] END"),
            ("user_id", "id[n / 4]"),
            ("provider_id", "id[n % 8]"),
            ("return_to", "'https://app.example/'"),
            ("on_conflict", "'FAIL'"),
            ("token_hash", "CASE WHEN n % 8 <> 2 THEN bytes[n] END"),
            ("browser_hash", "CASE WHEN n % 4 >= 2 THEN bytes[n] END"),
            ("code_hash", "CASE WHEN n % 4 = 3 THEN bytes[n] END"),
            ("account_sealed", "CASE WHEN n % 4 >= 2 THEN bytes[n] END"),
            ("date_added", "time[n]"),
            ("expires_at", "time[n]"),
        ],
    ),
    (
        "flow",
        50_000,
        &[
            ("id", "id[n]"),
            ("state_hash", "bytes[n]"),
            ("browser_hash", "bytes[n]"),
            ("provider_id", "id[n % 8]"),
            ("slug", "'provider-' || (n % 8)"),
            (
                "intent",
                "CASE n % 3 WHEN 0 THEN 'SIGN_IN' WHEN 1 THEN 'LINK' ELSE 'CONNECT' END",
            ),
            ("session_id", "CASE WHEN n % 3 = 1 THEN id[n] END"),
            ("pending_link_id", "CASE WHEN n % 3 = 2 THEN id[n] END"),
            ("user_id", "CASE WHEN n % 3 > 0 THEN id[n / 4] END"),
            ("return_to", "'/account'"),
            ("on_conflict", "'FAIL'"),
            ("sealed", "bytes[n]"),
            ("client_address", "'192.0.2.' || (n % 1000)"),
            ("date_added", "time[n]"),
            ("expires_at", "time[n]"),
        ],
    ),
];
