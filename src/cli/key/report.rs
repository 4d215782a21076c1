//! How the master keys stand, in words, and for machines. Ids only: no key gets here.

use std::io::Write;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::vault::{KeyState, KeyStatus, Turn};

/// Prints the keys, how far a rotation is, and what may be removed.
pub fn print(out: &mut impl Write, status: &KeyStatus, places: &str) -> std::io::Result<()> {
    for key in &status.keys {
        let missing = if key.is_here { "" } else { "; missing here" };
        writeln!(out, "{}  {}{missing}", key.id, turn(key))?;
    }
    if status.is_rotating() {
        writeln!(out)?;
        let columns = ("table", "rows", "seen", "rewrapped", "not opened");
        let (table, rows, seen, rewrapped, failed) = columns;
        writeln!(
            out,
            "{table:<18}{rows:>10}{seen:>10}{rewrapped:>11}{failed:>12}"
        )?;
        for state in &status.tables {
            let table = state.table;
            match state.progress {
                None => writeln!(out, "{table:<18}{:>10}", "not begun")?,
                Some(p) => writeln!(
                    out,
                    "{table:<18}{:>10}{:>10}{:>11}{:>12}",
                    p.rows, p.seen, p.rewrapped, p.failed
                )?,
            }
        }
    }
    writeln!(out)?;
    for line in advice(status, places) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn turn(key: &KeyState) -> String {
    match key.turn {
        Turn::Unused => "not used yet".to_owned(),
        Turn::Current => "current".to_owned(),
        Turn::BeingReplaced => "being replaced".to_owned(),
        Turn::Retired(at) => format!("retired {}", shown(at)),
    }
}

fn shown(at: Time) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How far a rotation is, in one line.
pub fn progress(status: &KeyStatus) -> String {
    if !status.is_rotating() {
        return "All that is stored is sealed with the current master key.".to_owned();
    }
    let begun = status.tables.iter().filter_map(|table| table.progress);
    let (seen, rows) = begun.fold((0, 0), |(seen, rows), p| (seen + p.seen, rows + p.rows));
    let finished = |p: &crate::vault::Progress| p.finished_at.is_some();
    let tables = status.tables.iter().filter_map(|table| table.progress);
    let done = tables.filter(finished).count();
    format!(
        "{seen} of {rows} rows are through, {done} of {} tables.",
        status.tables.len()
    )
}

/// What may be removed, and what stands in the way.
pub fn advice(status: &KeyStatus, places: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let missing = status.keys.iter().filter(|key| !key.is_here);
    for key in missing {
        match key.turn {
            Turn::Current => lines.push(format!(
                "{} is missing here: processes without it store no secrets. Add it to {places}.",
                key.id
            )),
            Turn::BeingReplaced => lines.push(format!(
                "{} is missing here: what is sealed with it can't be opened. Add it to {places}.",
                key.id
            )),
            Turn::Unused | Turn::Retired(_) => {}
        }
    }
    let replaced = ids(status, |turn| turn == Turn::BeingReplaced).join(", ");
    if status.is_rotating() && status.is_through() && status.failed() > 0 {
        lines.push(format!(
            "{} rows hold a value that no master key opens; the log names them. They were changed, \
             or restored from elsewhere: put them back from a backup, or remove them. They are \
             looked at again every hour; {replaced} stays until then.",
            status.failed()
        ));
    } else if status.is_rotating() {
        lines.push(format!(
            "{replaced} is being replaced: {} No key may be removed yet; a running server goes on.",
            progress(status)
        ));
    }
    for (id, at) in removable(status) {
        lines.push(format!(
            "{id} may be removed from {places}: nothing is sealed with it since {}. Backups that \
             were made before then need it: keep a copy as long as them.",
            shown(at)
        ));
    }
    if lines.is_empty() {
        lines.push("There is nothing to do.".to_owned());
    }
    lines
}

fn removable(status: &KeyStatus) -> Vec<(&str, Time)> {
    let keys = status.keys.iter().filter(|key| key.is_here);
    keys.filter_map(|key| match key.turn {
        Turn::Retired(at) => Some((key.id.as_str(), at)),
        Turn::Unused | Turn::Current | Turn::BeingReplaced => None,
    })
    .collect()
}

fn ids(status: &KeyStatus, such: impl Fn(Turn) -> bool) -> Vec<&str> {
    let keys = status.keys.iter().filter(|key| such(key.turn));
    keys.map(|key| key.id.as_str()).collect()
}

/// The same for machines. The names are fixed.
pub fn json(status: &KeyStatus, places: &str) -> Value {
    let key = |key: &KeyState| {
        let (state, retired_at) = match key.turn {
            Turn::Unused => ("unused", None),
            Turn::Current => ("current", None),
            Turn::BeingReplaced => ("being_replaced", None),
            Turn::Retired(at) => ("retired", Some(at)),
        };
        json!({ "id": key.id, "state": state, "retiredAt": retired_at, "isHere": key.is_here })
    };
    let tables = status.tables.iter().map(|state| {
        let p = state.progress;
        json!({
            "table": state.table,
            "rows": p.map(|p| p.rows),
            "seen": p.map(|p| p.seen),
            "rewrapped": p.map(|p| p.rewrapped),
            "failed": p.map(|p| p.failed),
            "finishedAt": p.and_then(|p| p.finished_at),
        })
    });
    let removable = removable(status);
    json!({
        "current": status.current(),
        "isRotating": status.is_rotating(),
        "keys": status.keys.iter().map(key).collect::<Vec<_>>(),
        "tables": tables.collect::<Vec<_>>(),
        "removable": removable.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        "advice": advice(status, places),
    })
}
