//! Foreign text, made fit for a line of a log.

/// Characters of foreign text that a log is to hold.
const MOST: usize = 200;

/// The text without what would break or reorder the line, cut to 200 characters.
pub fn printable(text: &str) -> String {
    let mut characters = text.chars().map(|character| {
        let odd = character.is_control() || matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if odd { ' ' } else { character }
    });
    let mut printable: String = characters.by_ref().take(MOST).collect();
    if characters.next().is_some() {
        printable.push('…');
    }
    printable
}

/// The text without these secrets: some providers repeat what they were sent.
pub(super) fn without(text: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| {
        text.replace(secret, "[secret]")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_are_repeated_are_left_out() {
        let told = without("code abc, secret def, abc", &["abc", "", "def"]);
        assert_eq!(told, "code [secret], secret [secret], [secret]");
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        assert_eq!(printable("a\r\nb\u{1b}[31m\u{202e}c"), "a  b [31m c");
        assert_eq!(printable(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(printable(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
    }
}
