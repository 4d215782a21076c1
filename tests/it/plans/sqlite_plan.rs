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
    let by_an_index = line.contains(" USING INDEX") || line.contains(" USING COVERING INDEX");
    let allowed = by_an_index && [Order::WholeTable, Order::OfSome].contains(&lookup.order);
    let may_sort = [Order::OfFew, Order::OfSome].contains(&lookup.order);
    let sorts = line.starts_with("USE TEMP B-TREE") && !may_sort;
    (scans && !allowed) || sorts
}

/// The parts of a union, the rows that were found first, values in a list, one row of constants.
fn is_of_the_plan_itself(what: &str) -> bool {
    ["(subquery", "part", "merged", "found", "CONSTANT ROW"]
        .iter()
        .any(|own| what.starts_with(own))
}
