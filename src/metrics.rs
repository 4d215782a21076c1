//! What the server counts of itself, for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counters that the parts of the server add to.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// HTTP requests by route and status.
    pub requests: Family<RequestLabels, Counter>,
    /// GraphQL operations by how they ended: `ok`, or the first error's code.
    pub operations: Family<OutcomeLabel, Counter>,
    /// Links by outcome: `created`, …, `refused`, or `failed` for errors.
    pub links: Family<OutcomeLabel, Counter>,
    /// Tries to revoke tokens at their providers, by outcome: `revoked`, `skipped`, `failed`, or
    /// `delayed` where another try follows.
    pub revocations: Family<OutcomeLabel, Counter>,
    /// Sign-ins by outcome: `ok`, or the code of the page that refused them.
    pub sign_ins: Family<OutcomeLabel, Counter>,
    /// Refreshes of tokens by outcome: `refreshed`, `late`, `ended`, `refused`, `unavailable`, and
    /// `provider` where the provider can't be used as it is.
    pub refreshes: Family<OutcomeLabel, Counter>,
    /// Whether a master key is being replaced: 1 or 0.
    pub key_rotations: Gauge,
    /// Rows that are still to pass to the current master key, by table.
    pub rewrap_left: Family<TableLabel, Gauge>,
    /// Rows with a value that can't, by table.
    pub rewrap_failed: Family<TableLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub route: &'static str,
    pub status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabel {
    pub outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TableLabel {
    pub table: &'static str,
}

impl Metrics {
    /// Whether a master key is being replaced. Where none is, no rows are left.
    pub fn count_rotation(&self, is_unfinished: bool) {
        self.key_rotations.set(i64::from(is_unfinished));
        if !is_unfinished {
            self.rewrap_left.clear();
            self.rewrap_failed.clear();
        }
    }

    /// How far a table is with passing to the current master key.
    pub fn count_rewrap(&self, table: &'static str, left: i64, failed: i64) {
        let label = &TableLabel { table };
        self.rewrap_left.get_or_create(label).set(left);
        self.rewrap_failed.get_or_create(label).set(failed);
    }

    pub fn count_link(&self, outcome: &'static str) {
        self.links.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub fn count_revocation(&self, outcome: &'static str) {
        self.revocations
            .get_or_create(&OutcomeLabel { outcome })
            .inc();
    }

    pub fn count_sign_in(&self, outcome: &'static str) {
        self.sign_ins.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub fn count_refresh(&self, outcome: &'static str) {
        self.refreshes
            .get_or_create(&OutcomeLabel { outcome })
            .inc();
    }

    pub fn count_operation(&self, outcome: &'static str) {
        self.operations
            .get_or_create(&OutcomeLabel { outcome })
            .inc();
    }

    pub fn count_request(&self, route: &'static str, status: u16) {
        self.requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
    }

    /// All counters in the `OpenMetrics` text format.
    pub fn encode(&self, statements: u64) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("lanyard");
        registry.register("requests", "HTTP requests", self.requests.clone());
        registry.register(
            "graphql_operations",
            "GraphQL operations",
            self.operations.clone(),
        );
        registry.register("sign_ins", "Sign-ins", self.sign_ins.clone());
        registry.register("refreshes", "Refreshes of tokens", self.refreshes.clone());
        registry.register("links", "Links of accounts to users", self.links.clone());
        registry.register(
            "revocations",
            "Tries to revoke tokens at their providers",
            self.revocations.clone(),
        );
        registry.register(
            "master_key_rotations_unfinished",
            "Whether a master key is being replaced",
            self.key_rotations.clone(),
        );
        registry.register(
            "rewrap_rows_left",
            "Rows that are still to pass to the current master key",
            self.rewrap_left.clone(),
        );
        registry.register(
            "rewrap_rows_failed",
            "Rows with a sealed value that no master key opens",
            self.rewrap_failed.clone(),
        );
        let reads: Counter = Counter::default();
        reads.inc_by(statements);
        registry.register("database_statements", "Statements that readers ran", reads);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}
