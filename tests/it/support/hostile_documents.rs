//! Documents and variables that were made to hurt a GraphQL server, each with a name for the
//! failing test's message. Knows no schema: `a`, `b` and `c` stand for any field. What the server
//! answers is the test's business; it must answer, and stay up.

/// A name, and the text of a document.
pub fn documents() -> Vec<(&'static str, String)> {
    [
        nesting(),
        floods(),
        fragments(),
        strings_and_numbers(),
        unicode(),
        oddities(),
    ]
    .concat()
}

/// A name, and the JSON text of a request's `variables`.
pub fn variables() -> Vec<(&'static str, String)> {
    let arrays = |depth| format!(r#"{{"a":{}}}"#, nested("[", depth, "", "]"));
    let objects = |depth| format!(r#"{{"a":{}}}"#, nested(r#"{"a":"#, depth, "1", "}"));
    let value = |json: &str| format!(r#"{{"a":{json}}}"#);
    vec![
        ("arrays 60 deep", arrays(60)),
        ("arrays 65 deep", arrays(65)),
        ("arrays 127 deep", arrays(127)),
        ("arrays 200 deep", arrays(200)),
        ("arrays 100,000 deep", arrays(100_000)),
        ("objects 60 deep", objects(60)),
        ("objects 65 deep", objects(65)),
        ("objects 127 deep", objects(127)),
        ("objects 200 deep", objects(200)),
        ("objects 100,000 deep", objects(100_000)),
        (
            "arrays and objects 100,000 deep",
            value(&nested(r#"[{"a":"#, 50_000, "1", "}]")),
        ),
        (
            "arrays 100,000 deep without an end",
            format!(r#"{{"a":{}"#, "[".repeat(100_000)),
        ),
        (
            "10,001 values",
            format!(r#"{{"a":[0{}]}}"#, ",0".repeat(10_000)),
        ),
        (
            "10,001 variables",
            format!("{{{}}}", joined(10_001, |i| format!(r#""a{i}":0"#), ",")),
        ),
        ("a number beyond a double", value("1e999999999")),
        ("a number next to nothing", value("1e-999999999")),
        ("a number of 10,000 digits", value(&"9".repeat(10_000))),
        (
            "a fraction of 10,000 digits",
            value(&format!("0.{}", "9".repeat(10_000))),
        ),
        ("beyond 64 bits", value("18446744073709551616")),
        ("minus zero", value("-0")),
        ("not a number", value("NaN")),
        (
            "duplicate keys",
            r#"{"a":1,"a":[2],"a":{"a":3,"a":4}}"#.to_owned(),
        ),
        ("a lone high surrogate", value(r#""\ud83d""#)),
        ("a lone low surrogate", value(r#""\ude00""#)),
        ("surrogates the wrong way round", value(r#""\ude00\ud83d""#)),
        ("an escaped NUL", value(r#""a\u0000b""#)),
        ("a raw NUL", value("\"a\0b\"")),
        ("an escaped NUL in a key", r#"{"a\u0000":1}"#.to_owned()),
        ("an empty key", r#"{"":1}"#.to_owned()),
        (
            "a prototype's key",
            r#"{"__proto__":{"a":1},"constructor":1}"#.to_owned(),
        ),
        (
            "a string of 1,000,000 bytes",
            value(&format!("\"{}\"", "x".repeat(1_000_000))),
        ),
        (
            "a key of 100,000 bytes",
            format!(r#"{{"{}":1}}"#, "x".repeat(100_000)),
        ),
        ("right to left", value("\"\u{202e}\u{2066}a\u{200f}\"")),
        ("an array in place of the object", "[1]".to_owned()),
        ("a string in place of the object", r#""{}""#.to_owned()),
    ]
}

type Documents = Vec<(&'static str, String)>;

fn nesting() -> Documents {
    let argument = |value: String| format!("{{a(b:{value})}}");
    let default = |value: String| format!("query($a:T={value}){{a}}");
    let directive = |value: String| format!("{{a @b(c:{value})}}");
    let lists = |depth| nested("[", depth, "", "]");
    let objects = |depth| nested("{a:", depth, "1", "}");
    vec![
        ("lists 65 deep in an argument", argument(lists(65))),
        ("lists 2,000 deep in an argument", argument(lists(2_000))),
        ("lists 20,000 deep in an argument", argument(lists(20_000))),
        (
            "objects 2,000 deep in an argument",
            argument(objects(2_000)),
        ),
        (
            "objects 20,000 deep in an argument",
            argument(objects(20_000)),
        ),
        ("lists 2,000 deep in a default", default(lists(2_000))),
        ("lists 20,000 deep in a default", default(lists(20_000))),
        ("objects 2,000 deep in a default", default(objects(2_000))),
        ("objects 20,000 deep in a default", default(objects(20_000))),
        ("lists 2,000 deep in a directive", directive(lists(2_000))),
        ("lists 20,000 deep in a directive", directive(lists(20_000))),
        (
            "objects 2,000 deep in a directive",
            directive(objects(2_000)),
        ),
        (
            "objects 20,000 deep in a directive",
            directive(objects(20_000)),
        ),
        (
            "lists and objects by turns",
            argument(nested("[{a:", 2_000, "1", "}]")),
        ),
        (
            "lists without an end",
            format!("{{a(b:{}", "[".repeat(20_000)),
        ),
        (
            "types 65 deep",
            format!("query($a:{}){{a}}", nested("[", 65, "T", "]")),
        ),
        (
            "types 2,000 deep",
            format!("query($a:{}){{a}}", nested("[", 2_000, "T", "!]")),
        ),
        (
            "types 20,000 deep",
            format!("query($a:{}){{a}}", nested("[", 20_000, "T", "]")),
        ),
        ("selections 65 deep", nested("{a", 65, "", "}")),
        ("selections 2,000 deep", nested("{a", 2_000, "", "}")),
        ("selections 20,000 deep", nested("{a", 20_000, "", "}")),
        (
            "inline fragments 2,000 deep",
            nested("{...", 2_000, "{a}", "}"),
        ),
        (
            "inline fragments with a type, 2,000 deep",
            nested("{...on T", 2_000, "{a}", "}"),
        ),
        ("64 KiB of {", "{".repeat(64 * 1024)),
        ("64 KiB of (", "(".repeat(64 * 1024)),
        ("closers only", "}])".repeat(20_000)),
        ("brackets that cross", "{a(b:[{)]}".repeat(1_000)),
        (
            "brackets behind a string that is cut off",
            format!("{{a(b:\"x\n{}", "[".repeat(20_000)),
        ),
        (
            "brackets behind a comment that ends in a carriage return",
            format!("{{a(b:#\r{})}}", lists(2_000)),
        ),
        (
            "brackets behind a block string without an end",
            format!(r#"{{a(b:["""x" {}])}}"#, lists(2_000)),
        ),
    ]
}

fn floods() -> Documents {
    let introspection = format!(
        "{{__schema{{types{}}}}}",
        nested("{fields{type", 20, "{name}", "}}")
    );
    let of_type = format!(
        "{{__schema{{types{{fields{{type{}}}}}}}}}",
        nested("{ofType", 40, "{name}", "}")
    );
    vec![
        (
            "2,000 aliases",
            selection(&joined(2_000, |i| format!("a{i}:a"), " ")),
        ),
        (
            "100,000 times __typename",
            selection(&"__typename ".repeat(100_000)),
        ),
        (
            "5,000 times __typename",
            selection(&"__typename ".repeat(5_000)),
        ),
        (
            "5,000 aliases of __typename",
            selection(&joined(5_000, |i| format!("a{i}:__typename"), " ")),
        ),
        (
            "101 directives on a field",
            format!("{{a{}}}", "@skip(if:false)".repeat(101)),
        ),
        (
            "10,000 directives on a field",
            format!("{{a{}}}", "@b".repeat(10_000)),
        ),
        (
            "10,000 directives on a query",
            format!("query{}{{a}}", "@b".repeat(10_000)),
        ),
        ("one field 9,000 times", selection(&"a ".repeat(9_000))),
        (
            "one field with 1,600 different arguments",
            selection(&joined(1_600, |i| format!("a(b:{i})"), " ")),
        ),
        (
            "conflicting selections",
            selection(&joined(1_100, |i| format!("a{{b(c:{i})}}"), " ")),
        ),
        (
            "one argument 2,000 times",
            format!("{{a({})}}", "b:1 ".repeat(2_000)),
        ),
        (
            "2,000 variables that nobody uses",
            format!("query({}){{a}}", joined(2_000, |i| format!("$a{i}:T"), " ")),
        ),
        (
            "one variable 2,000 times",
            format!("query({}){{a}}", "$a:T ".repeat(2_000)),
        ),
        (
            "one unknown variable 4,000 times",
            format!("{{a(b:[{}])}}", "$a ".repeat(4_000)),
        ),
        (
            "2,000 operations",
            joined(2_000, |i| format!("query a{i}{{a}}"), " "),
        ),
        ("2,000 operations with one name", "query a{a}".repeat(2_000)),
        ("3,000 operations without a name", "{a}".repeat(3_000)),
        (
            "100 mutations in one operation",
            format!("mutation{{{}}}", joined(100, |i| format!("a{i}:a"), " ")),
        ),
        ("introspection of fields and types, 20 times", introspection),
        ("introspection of ofType, 40 deep", of_type),
        (
            "__schema 300 times",
            selection(&"__schema{types{name}}".repeat(300)),
        ),
        (
            "the SDL 90 times",
            selection(&joined(90, |i| format!("a{i}:_service{{sdl}}"), " ")),
        ),
    ]
}

fn fragments() -> Documents {
    let bomb = |levels: usize, spread: &str| {
        let fragment = |i| {
            format!(
                "fragment f{i} on Query{{{}}}",
                spread.replace('#', &format!("f{}", i + 1))
            )
        };
        format!(
            "{{...f0}}{}fragment f{levels} on Query{{__typename}}",
            joined(levels, fragment, "")
        )
    };
    let cycle = |i| format!("fragment f{i} on Query{{...f{}}}", (i + 1) % 500);
    vec![
        (
            "a fragment in itself",
            "{...a}fragment a on Query{...a}".to_owned(),
        ),
        (
            "two fragments in each other",
            "{...a}fragment a on Query{...b}fragment b on Query{...a}".to_owned(),
        ),
        (
            "a cycle of 500 fragments",
            "{...f0}".to_owned() + &joined(500, cycle, ""),
        ),
        (
            "a cycle that no operation reaches",
            "{__typename}fragment a on Query{...a}".to_owned(),
        ),
        (
            "a cycle through inline fragments",
            "{...a}fragment a on Query{...{...on Query{...a}}}".to_owned(),
        ),
        ("a chain of 1,000 fragments", bomb(1_000, "...#")),
        ("a bomb of 2^30 spreads", bomb(30, "...# ...#")),
        ("a bomb of 10^9 spreads", bomb(9, &"...# ".repeat(10))),
        (
            "a bomb with a level of depth each",
            bomb(18, "a{...# ...#}"),
        ),
        (
            "4,000 spreads of one fragment",
            format!(
                "{{{}}}fragment a on Query{{__typename}}",
                "...a ".repeat(4_000)
            ),
        ),
        (
            "4,000 spreads of no fragment",
            selection(&"...a ".repeat(4_000)),
        ),
        (
            "1,000 fragments that nobody uses",
            "{a}".to_owned() + &joined(1_000, |i| format!("fragment f{i} on T{{a}}"), ""),
        ),
        (
            "one fragment 1,000 times",
            "{a}".to_owned() + &"fragment f on T{a}".repeat(1_000),
        ),
        (
            "a fragment named on",
            "{...on}fragment on on Query{a}".to_owned(),
        ),
    ]
}

fn strings_and_numbers() -> Documents {
    let argument = |value: &str| format!("{{a(b:{value})}}");
    vec![
        ("a name of 60,000 bytes", selection(&"a".repeat(60_000))),
        ("a name of a megabyte", selection(&"a".repeat(1_000_000))),
        (
            "a string of 60,000 bytes",
            argument(&format!("\"{}\"", "x".repeat(60_000))),
        ),
        (
            "a string without an end",
            format!("{{a(b:\"{}", "x".repeat(60_000)),
        ),
        ("a string that a line ends", argument("\"x\n\"")),
        ("a string that ends in a backslash", r#"{a(b:"\"#.to_owned()),
        ("an unknown escape", argument(r#""\q""#)),
        (
            "10,000 backslashes",
            argument(&format!("\"{}\"", r"\\".repeat(10_000))),
        ),
        (
            "a block string of quotes",
            argument(&format!(r#""""{} """"#, r#"\""""#.repeat(10_000))),
        ),
        (
            "a block string of 60,000 lines",
            argument(&format!(r#""""{}""""#, "\n".repeat(60_000))),
        ),
        (
            "a block string without an end",
            format!(r#"{{a(b:"""{}"#, "x".repeat(60_000)),
        ),
        // Each `"""` is searched to the end of the document anew.
        (
            "3,300 block strings without an end",
            format!(
                r#"{{a(b:["""{}{}"#,
                r#"\"""""x"#.repeat(3_300),
                " ".repeat(40_000)
            ),
        ),
        ("a number beyond a double", argument("1e999999999")),
        ("a number next to nothing", argument("-1e-999999999")),
        ("a number of 10,000 digits", argument(&"9".repeat(10_000))),
        (
            "a fraction of 10,000 digits",
            argument(&format!("0.{}", "9".repeat(10_000))),
        ),
        (
            "an exponent of 10,000 digits",
            argument(&format!("1e{}", "9".repeat(10_000))),
        ),
        ("a number with leading zeros", argument("0001")),
        (
            "30,000 numbers without a gap",
            argument(&format!("[{}]", "0".repeat(30_000))),
        ),
        (
            "15,000 values without a gap",
            argument(&format!("[{}]", "true".repeat(15_000))),
        ),
        (
            "a block string as a description",
            "\"\"\"\"\"\"".repeat(5_000) + "{a}",
        ),
        (
            "a comment of 60,000 bytes",
            format!("{{a #{}\n}}", "x".repeat(60_000)),
        ),
        ("30,000 comments", format!("{{a {}}}", "#\n".repeat(30_000))),
    ]
}

fn unicode() -> Documents {
    let argument = |text: &str| format!("{{a(b:\"{text}\")}}");
    vec![
        ("a byte order mark", "\u{feff}{__typename}".to_owned()),
        (
            "10,000 byte order marks",
            "\u{feff}".repeat(10_000) + "{__typename}",
        ),
        ("a lone surrogate's escape", argument(r"\ud83d")),
        ("a pair of surrogates' escapes", argument(r"\ud83d\ude00")),
        ("an escape with braces", argument(r"\u{1f600}")),
        ("an escape beyond Unicode", argument(r"\u{ffffffffff}")),
        ("an escape that is cut off", argument(r"\u00")),
        ("an escaped NUL", argument(r"\u0000")),
        ("a raw NUL", argument("a\0b")),
        ("a NUL between tokens", "{a\0b}".to_owned()),
        ("right to left", argument("\u{202e}\u{2066}a\u{200f}")),
        ("right to left in a comment", "{a #\u{202e}}\n}".to_owned()),
        ("a name beyond ASCII", "{\u{430}}".to_owned()),
        (
            "a letter with 10,000 accents",
            argument(&format!("e{}", "\u{301}".repeat(10_000))),
        ),
        (
            "emoji between tokens",
            "{a\u{1f468}\u{200d}\u{1f469}}".to_owned(),
        ),
        (
            "line separators of Unicode",
            "{a#\u{2028}\u{2029}\u{85}}".to_owned(),
        ),
        ("a space that doesn't break", "{a\u{a0}b}".to_owned()),
    ]
}

fn oddities() -> Documents {
    let odd = [
        ("empty", ""),
        ("white space", " \t\r\n"),
        ("a comment", "# {a}"),
        ("a carriage return in a comment", "# {a}\r# {a}"),
        ("commas", ",,,,,,,,"),
        ("an empty selection", "{}"),
        ("a name", "a"),
        ("a fragment only", "fragment a on T{a}"),
        ("a subscription", "subscription{a}"),
        ("two subscriptions in one", "subscription{a b}"),
        ("a type", "type T{a:Int}"),
        ("an extension", "extend type Query{a:Int}"),
        ("a schema", "schema{query:Query}"),
        ("a type beside a query", "{a}type T{a:Int}"),
        ("an operation and one without a name", "query a{a}{a}"),
        ("words that run together", "queryquery{a}"),
        ("a string in place of a document", "\"{a}\""),
        ("an alias of an alias", "{a:b:c}"),
        ("empty arguments", "{a()}"),
        ("exclamation marks", "query($a:T!!!!){a}"),
        ("a variable as its own default", "query($a:T=$a){a}"),
        ("dots", "{....a}"),
        ("JSON in place of GraphQL", r#"{"query":"{a}"}"#),
        ("markup", "<script>alert(1)</script>"),
        ("SQL", "{a(b:\"'; DROP TABLE user; --\")}"),
    ];
    let mut documents: Documents = odd
        .into_iter()
        .map(|(name, document)| (name, document.to_owned()))
        .collect();
    documents.push(("60,000 commas", ",".repeat(60_000)));
    documents.push(("60,000 spaces", " ".repeat(60_000)));
    documents.push((
        "9,000 exclamation marks",
        format!("query($a:T{}){{a}}", "!".repeat(9_000)),
    ));
    documents.push((
        "2,000 descriptions in types",
        format!(
            "type T{{{}}}",
            "\"\"\"a\"\"\" a(\"b\" b:T):T ".repeat(2_000)
        ),
    ));
    documents
}

fn nested(open: &str, times: usize, inside: &str, close: &str) -> String {
    format!("{}{inside}{}", open.repeat(times), close.repeat(times))
}

fn selection(inside: &str) -> String {
    format!("{{{inside}}}")
}

fn joined(times: usize, each: impl Fn(usize) -> String, between: &str) -> String {
    (0..times).map(each).collect::<Vec<_>>().join(between)
}
