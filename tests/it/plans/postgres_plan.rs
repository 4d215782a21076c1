//! What PostgreSQL says about its plans, and how many rows they really read
//! (`EXPLAIN ANALYZE`).

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::Value;

use super::lookups::Lookup;

/// The driver prepares its statements. After five runs PostgreSQL may go over to one plan for
/// all values: that one is looked at too.
const RUNS: usize = 7;

/// What is wrong with the first or the last plan, if anything.
pub async fn faults(
    database: &DatabaseConnection,
    lookup: &Lookup,
    statement: &Statement,
) -> Option<String> {
    let backend = statement.db_backend;
    let prepare = format!("PREPARE looked_at AS {}", statement.sql);
    database.execute_unprepared(&prepare).await.unwrap();
    let mut execute = statement.clone();
    let count = statement.values.as_ref().map_or(0, |values| values.0.len());
    let places: Vec<String> = (1..=count).map(|place| format!("${place}")).collect();
    execute.sql = places.join(", ");
    let values = match count {
        0 => String::new(),
        _ => format!("({execute})"),
    };
    let explain = format!(
        "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) EXECUTE looked_at{values}"
    );
    let mut plans = Vec::new();
    for _ in 0..RUNS {
        let row = database
            .query_one_raw(Statement::from_string(backend, explain.as_str()))
            .await
            .unwrap()
            .unwrap();
        let plan: Value = row.try_get("", "QUERY PLAN").unwrap();
        plans.push(plan[0]["Plan"].clone());
    }
    database
        .execute_unprepared("DEALLOCATE looked_at")
        .await
        .unwrap();
    [plans.first(), plans.last()]
        .into_iter()
        .flatten()
        .find_map(|plan| {
            let mut read = 0;
            let fault = fault_of(plan, &mut read);
            fault
                .or_else(|| {
                    (read > lookup.most_rows)
                        .then(|| format!("reads {read} rows, {} at most", lookup.most_rows))
                })
                .map(|fault| format!("{fault}\n{}", outline(plan, 1)))
        })
}

/// Looks at the node and those below it, and adds up the rows that they read from tables.
fn fault_of(node: &Value, read: &mut u64) -> Option<String> {
    let kind = node["Node Type"].as_str().unwrap();
    let count = |key: &str| node[key].as_f64().unwrap_or_default();
    if kind.contains("Scan") && node.get("Relation Name").is_some() {
        let rows = count("Actual Rows") + count("Rows Removed by Filter");
        *read += (rows * count("Actual Loops")) as u64;
    }
    let children = node["Plans"].as_array();
    let below: Vec<_> = children
        .into_iter()
        .flatten()
        .filter_map(|child| fault_of(child, read))
        .collect();
    // A table that fits in few pages is best read whole; on SQLite the same statement has to go by
    // an index.
    let read_here = count("Actual Rows") + count("Rows Removed by Filter");
    if kind == "Seq Scan" && read_here > SMALL {
        return Some(format!("Seq Scan on {}", node["Relation Name"]));
    }
    below.into_iter().next()
}

/// Rows of a small table: the sign-ons are 2,000.
const SMALL: f64 = 2_000.0;

fn outline(node: &Value, depth: usize) -> String {
    let mut line = format!(
        "{}{}",
        "  ".repeat(depth),
        node["Node Type"].as_str().unwrap()
    );
    for key in [
        "Relation Name",
        "Index Name",
        "Index Cond",
        "Recheck Cond",
        "Filter",
        "Actual Rows",
        "Actual Loops",
        "Rows Removed by Filter",
    ] {
        if let Some(value) = node.get(key) {
            let value = value.to_string();
            let value: String = value.chars().take(120).collect();
            line += &format!("; {key}: {value}");
        }
    }
    let children = node["Plans"].as_array().into_iter().flatten();
    let below = children.map(|child| outline(child, depth + 1));
    std::iter::once(line)
        .chain(below)
        .collect::<Vec<_>>()
        .join("\n")
}
