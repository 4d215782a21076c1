//! How much a JSON text would become, told before it is parsed: a megabyte of small objects takes
//! eighty as a tree. Linear, and without memory of its own.

/// Members and elements in one answer. The longest that providers send are lists of groups.
const MOST_VALUES: usize = 20_000;
const DEEPEST: usize = 64;

/// Whether the text, if it is JSON at all, is neither too deep nor too full to be read.
pub(super) fn is_bounded(text: &[u8]) -> bool {
    let (mut values, mut depth) = (0, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                values += 1;
                depth += 1;
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, b',') => values += 1,
            (true | false, _) => {}
        }
        if values > MOST_VALUES || depth > DEEPEST {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_exactly() {
        let list = |elements: usize| format!("[{}0]", "0,".repeat(elements - 1));
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (text, bounded) in [
            (list(MOST_VALUES), true),
            (list(MOST_VALUES + 1), false),
            (deep(DEEPEST), true),
            (deep(DEEPEST + 1), false),
            (format!("[{}]", "{},".repeat(MOST_VALUES / 2)), false),
        ] {
            assert_eq!(is_bounded(text.as_bytes()), bounded, "{}", text.len());
        }
    }

    #[test]
    fn texts_are_passed_over() {
        let brackets = "[{,".repeat(MOST_VALUES);
        for text in [
            format!(r#"{{"a": "{brackets}"}}"#),
            format!(r#"{{"a": "\"{brackets}\\"}}"#),
            format!("\"{brackets}"),
            String::new(),
            "]]]]}}}}".to_owned(),
        ] {
            assert!(is_bounded(text.as_bytes()));
        }
        let after = format!(r#"{{"a": "\\", "b": {}"#, "[".repeat(DEEPEST + 1));
        assert!(!is_bounded(after.as_bytes()));
    }
}
