//! What SQLite says about its plans (`EXPLAIN QUERY PLAN`).

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::lookups::{Lookup, Order};

/// What is wrong with the plan, if anything.
pub async fn faults(
    database: &DatabaseConnection,
    lookup: &Lookup,
    statement: &Statement,
) -> Option<String> {
    let mut explain = statement.clone();
    explain.sql = format!("EXPLAIN QUERY PLAN {}", explain.sql);
    let rows = database.query_all_raw(explain).await.unwrap();
    let plan: Vec<String> = rows
        .iter()
        .map(|row| row.try_get("", "detail").unwrap())
        .collect();
    let fault = plan.iter().find(|line| is_bad(line, lookup))?;
    Some(format!("{fault}\n  {}", plan.join("\n  ")))
}

fn is_bad(line: &str, lookup: &Lookup) -> bool {
    let scans = line
        .strip_prefix("SCAN ")
        .is_some_and(|what| !is_of_the_plan_itself(what));
    // The list's own index, from its beginning or end to the limit.
    let in_order = line.contains(" USING INDEX") || line.contains(" USING COVERING INDEX");
    let allowed = match lookup.order {
        Order::OfAnIndex => false,
        Order::WholeTable => in_order,
        Order::OfFew => false,
    };
    let sorts = line.starts_with("USE TEMP B-TREE") && lookup.order != Order::OfFew;
    (scans && !allowed) || sorts
}

/// The arms of a union, values in a list, one row of constants.
fn is_of_the_plan_itself(what: &str) -> bool {
    ["(subquery", "page", "CONSTANT ROW"]
        .iter()
        .any(|own| what.starts_with(own))
}
