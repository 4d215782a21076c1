//! docs/sign-in.md has every code that a page shows, and no other.

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/sign-in.md");

/// The rows of the table: the codes of each, and what they mean.
fn rows() -> Vec<(Vec<&'static str>, &'static str)> {
    let (_, section) = DOCUMENT
        .split_once("\n## Why somebody doesn't get in\n")
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.map(|row| {
        let (codes, meaning) = row.split_once(" | ").unwrap();
        (codes.trim_end_matches('`').split("`, `").collect(), meaning)
    });
    rows.collect()
}

#[test]
fn every_code_of_a_page_is_documented_once() {
    let shown: BTreeSet<&str> = Refusal::ALL
        .iter()
        .map(|refusal| refusal.words().code)
        .collect();
    let mut documented: Vec<&str> = rows().into_iter().flat_map(|(codes, _)| codes).collect();
    documented.sort_unstable();
    assert_eq!(documented, shown.into_iter().collect::<Vec<_>>());
}

#[test]
fn every_check_of_an_answer_is_documented() {
    let rows = rows();
    let (_, meaning) = rows
        .iter()
        .find(|(codes, _)| codes.contains(&"ANSWER_INVALID"))
        .unwrap();
    for refusal in Refusal::ALL {
        if let Refusal::AnswerInvalid(step) = refusal {
            let name = format!("`{}`", step.name());
            assert!(meaning.contains(&name), "{name} in {meaning}");
        }
    }
}
