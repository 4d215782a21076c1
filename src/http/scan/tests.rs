use std::fmt::Write;
use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;

use super::{Excess, LIMITS, Limits, scan};

mod generator;
mod oracle;

const NO_LIMITS: Limits = Limits {
    bytes: usize::MAX,
    nesting: usize::MAX,
    tokens: usize::MAX,
    aliases: usize::MAX,
    directives: usize::MAX,
};

/// What the scan counts: for each limit the least that lets the document pass.
fn counted(document: &str) -> oracle::Counts {
    oracle::Counts {
        nesting: least(document, |nesting| Limits {
            nesting,
            ..NO_LIMITS
        }),
        aliases: least(document, |aliases| Limits {
            aliases,
            ..NO_LIMITS
        }),
        directives: least(document, |directives| Limits {
            directives,
            ..NO_LIMITS
        }),
    }
}

fn least(document: &str, limits: impl Fn(usize) -> Limits) -> usize {
    let passes = |limit: &usize| scan(document, &limits(*limit)).is_ok();
    (0..=document.len())
        .find(passes)
        .expect("nothing is more than the bytes")
}

fn nested(open: &str, times: usize, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(times), close.repeat(times))
}

/// Parses, and fails if pest's guard had to save the stack: it doesn't see all of the recursion.
fn parse(document: &str) {
    let refused =
        parse_query(document).is_err_and(|error| error.to_string().contains("stack limit"));
    assert!(!refused, "{document:?}");
}

/// The stack of a tokio worker, and the debug build's frames in it, are the worst we run on.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(work);
    thread.expect("a thread").join().expect("no panic")
}

#[test]
fn a_limit_holds_exactly() {
    /// Makes a document that counts so much.
    type Document<'a> = &'a dyn Fn(usize) -> String;

    let aliases = |count| format!("{{{}}}", "b:a ".repeat(count));
    let names = |count| format!("{{{}}}", "a ".repeat(count - 2));
    let directives = |count| format!("{{a{}}}", "@d".repeat(count));
    let lists = |count| format!("{{a(b:{})}}", nested("[", count - 2, "", "]"));
    let cases: [(Document, usize, Excess); 8] = [
        (
            &|count| " ".repeat(count),
            64 * 1024,
            Excess::Bytes(64 * 1024),
        ),
        (
            &|count| nested("{a", count, "", "}"),
            64,
            Excess::Nesting(64),
        ),
        (&lists, 64, Excess::Nesting(64)),
        (
            &|count| "[{(".repeat(count).split_off(2 * count),
            64,
            Excess::Nesting(64),
        ),
        (&names, 10_000, Excess::Tokens(10_000)),
        (&aliases, 100, Excess::Aliases(100)),
        (
            &|count| format!("{{{}}}", "__typename ".repeat(count)),
            100,
            Excess::Aliases(100),
        ),
        (&directives, 100, Excess::Directives(100)),
    ];
    for (document, limit, excess) in cases {
        assert_eq!(
            scan(&document(limit), &LIMITS),
            Ok(()),
            "{excess}: at the limit"
        );
        assert_eq!(
            scan(&document(limit + 1), &LIMITS),
            Err(excess),
            "{excess}: one over"
        );
    }
}

#[test]
fn a_refusal_names_the_limit() {
    let refusal = scan(&"{".repeat(65), &LIMITS).expect_err("too deep");
    assert_eq!(
        refusal.to_string(),
        "the document nests brackets more than 64 deep"
    );
}

#[test]
fn brackets_count_where_the_parser_sees_them() {
    let cases = [
        ("", 0),
        ("{a(b:[{c:1}])}", 4),
        ("query($a:[[T!]!]){b}", 3),
        ("{a}{a}", 1),
        ("}]){", 1),
        ("{a # {{{{ \" \"\"\"\n}", 1),
        ("{a # {{{{\r{b}}", 2),
        ("{a # ends with the document {{{", 1),
        (r#"{a(b:"[[[[ # \" [[")}"#, 2),
        (r#"{a(b:"\\",c:[[1]])}"#, 4),
        (r#"{a(b:"",c:[[1]])}"#, 4),
        (r#"{a(b:"\u0022[[\u{22}[[")}"#, 2),
        (r#"{a(b:"""[[" ""[[ \""" [[ \\""" [["""" c:[)}"#, 2),
        (r#"{a(b:"""""",c:[[1]])}"#, 4),
        (r#"{a(b:"""\"""""",c:[[1]])}"#, 4),
        ("{a(b:\"\"\"\n#\n[[[[\r\"\"\")}", 2),
        // Here the parser has stopped, at the quote or the character it doesn't know.
        ("{a(b:\"cut off\n{{{", 5),
        ("{a(b:\"cut off\r{{{", 5),
        ("{a(b:\"cut off\\\n{{{", 5),
        ("{a(b:\"cut off {{{", 2),
        ("{a(b:\"\\q\",c:[[", 4),
        ("{\u{feff}a}\u{0}\u{202e}\u{1f600}e\u{301}{{", 2),
    ];
    for (document, nesting) in cases {
        assert_eq!(counted(document).nesting, nesting, "{document:?}");
    }
}

#[test]
fn an_endless_block_string_is_refused() {
    for document in [
        r#"{a(b:""""#,
        r#"{a(b:["""x" [[[["#,
        r#"{a(b:"""\""""#,
        r#"{a(b:""""""""")}"#,
    ] {
        assert_eq!(
            scan(document, &NO_LIMITS),
            Err(Excess::EndlessBlockString),
            "{document}"
        );
    }
}

#[test]
fn aliases_and_typenames_count() {
    let cases = [
        ("{a b c}", 0),
        ("{b:a}", 1),
        ("{b #:\n : , a}", 1),
        ("{__typename}", 1),
        ("{b:__typename}", 2),
        ("{__typename:a}", 2),
        ("{__typename_ a__typename}", 0),
        ("{a(b:c,d:{e:f,__typename:1}) g:h}", 1),
        (
            "query($a:T={b:1}@c(d:1),$e:[T]) @f(g:{h:1}) {i:j ...@k(l:1){m:n}}",
            2,
        ),
        (r#"{a(b:"c:d)") # e:f"#, 0),
        ("fragment A on B{c:d}", 1),
    ];
    for (document, aliases) in cases {
        assert_eq!(counted(document).aliases, aliases, "{document}");
    }
}

#[test]
fn tokens_are_those_of_the_grammar() {
    let cases = [
        (" \t\r\n,\u{feff}# comment", 0),
        ("query Name_1($a:[T!]=[1]){...b@c}", 21),
        ("... . ..", 4),
        ("0 -1 0.5 -12.5e+10 1E9 2e-7", 6),
        ("00 -00 1-1 1..5 1.a", 13),
        (r#""" "a\"b" """a\"""b""""#, 3),
    ];
    for (document, count) in cases {
        let counted = least(document, |tokens| Limits {
            tokens,
            ..NO_LIMITS
        });
        assert_eq!(counted, count, "{document}");
    }
}

#[test]
fn the_scan_counts_what_the_parser_finds() {
    let parsed = on_a_small_stack(|| {
        let mut chance = generator::Chance::new();
        let mut parsed = 0;
        for _ in 0..1_500 {
            let document = generator::document(&mut chance);
            let counts = oracle::counts(&parse_query(&document).expect(&document));
            assert_eq!(counted(&document), counts, "{document:?}");
            for _ in 0..3 {
                let document = generator::mutated(&document, &mut chance);
                let Ok(syntax) = parse_query(&document) else {
                    continue;
                };
                let (counted, found) = (counted(&document), oracle::counts(&syntax));
                assert!(counted.nesting >= found.nesting, "{document:?}");
                assert!(counted.aliases >= found.aliases, "{document:?}");
                assert!(counted.directives >= found.directives, "{document:?}");
                parsed += 1;
            }
        }
        parsed
    });
    assert!(parsed > 500, "only {parsed} mutated documents were parsed");
}

#[test]
fn the_parser_survives_any_soup_that_passes() {
    let (passed, refused) = on_a_small_stack(|| {
        let mut chance = generator::Chance::new();
        let (mut passed, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let document = generator::soup(&mut chance);
            if scan(&document, &LIMITS).is_err() {
                refused += 1;
                continue;
            }
            passed += 1;
            parse(&document);
        }
        (passed, refused)
    });
    assert!(
        passed > 2_000 && refused > 2_000,
        "{passed} passed, {refused} refused"
    );
}

/// The shapes that cost the parser most stack for each bracket, and most time in all.
#[test]
fn the_parser_bears_the_worst_that_passes() {
    let object = nested("{a:", 62, "1", "}");
    let mut operations = String::new();
    for number in 0..1_990 {
        write!(operations, "query a{number}{{a}}").expect("memory");
    }
    let documents = [
        nested("{a", 64, "", "}"),
        nested("{a(b:1)@d(c:1)", 50, "{a}", "}"),
        nested("{...on A@d", 63, "{a}", "}"),
        format!("{{a(b:{})}}", nested("[", 62, "", "]")),
        format!("{{a(b:{object})}}"),
        format!("{{a@d(b:{object})}}"),
        format!("query($a:T@d(b:{object})){{a}}"),
        format!("query($a:T={{a:{object}}}){{a}}"),
        format!("query($a:{}){{a}}", nested("[", 63, "T", "]!")),
        nested(
            "{a",
            32,
            &format!("(b:{})", nested("[{a:", 15, "1", "}]")),
            "}",
        ),
        "{a".repeat(64),
        format!("{{{}}}", "a#\n   ".repeat(9_990)),
        format!("{{a {}}}", "#\n".repeat(32_000)),
        format!("{{a #{}\n}}", "x".repeat(65_000)),
        format!("{{{}}}", "...{a}".repeat(2_499)),
        format!("{{a(b:[{}])}}", "true".repeat(16_000)),
        format!("{{a(b:\"{}\n", "x".repeat(65_000)),
        format!("{{a(b:\"\"\"{}\"\"\")}}", "\n".repeat(65_000)),
        operations,
    ];
    for document in documents {
        let start = document.get(..40).unwrap_or(&document).to_owned();
        assert_eq!(scan(&document, &LIMITS), Ok(()), "{start}");
        let took = on_a_small_stack(move || {
            let begun = Instant::now();
            parse(&document);
            begun.elapsed()
        });
        // At most 30 ms optimised and 250 ms not; what backtracks takes minutes.
        assert!(took < Duration::from_secs(5), "{start}: {took:?}");
    }
}
