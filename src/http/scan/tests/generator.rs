//! Makes documents, the same ones on each run. Knows the grammar, nothing of the scan.

/// Xorshift: good enough to choose by, and it needs no crate.
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).expect("below the length")
    }
}

const GAPS: &[&str] = &[
    " ",
    ",",
    "\t",
    "\n",
    "\r",
    "\u{feff}",
    "#{[(\"@\n",
    "#\"\"\"\r",
    "#a:b\r\n",
    "# \u{1f600}\n",
];

const NAMES: &[&str] = &[
    "a",
    "b1",
    "_",
    "on",
    "true_",
    "query",
    "__typename",
    "fragment",
];

const SCALARS: &[&str] = &[
    "1",
    "-0.5e+1",
    "true",
    "null",
    "RED",
    "$a",
    "\"\"",
    "\"{[(@a:b#\"",
    "\"\\\"{\\\\\"",
    "\"\\u007b#é\"",
    "\"\"\"\"\"\"",
    "\"\"\"{[\" \"\" \\\"\"\" {\"\"\"",
    "\"\"\"\\\\\"\"\"\n#{\r\"\"\"",
];

/// Pieces that could make two lexers disagree.
const SOUP: &[&str] = &[
    "{", "{", "[", "[", "(", "}", "]", ")", "\"", "\"", "\"\"\"", "\"\"\"", "\\", "\\\"\"\"",
    "\\\"", "#", "\n", "\r", " ", "a", "a:", "...", "on ", "@d", "$a", "!", "=", "0", "-1", "1.",
    "e9", "\\u0022", "\\u{22}", "\u{feff}", "é", "\u{0}", "query", "fragment", ":",
];

/// A valid document with a single operation.
pub fn document(chance: &mut Chance) -> String {
    let mut out = String::from("query");
    gap(chance, &mut out);
    if chance.one_in(2) {
        out += "($a:";
        let lists = chance.below(4);
        out += &"[".repeat(lists);
        out += "T!";
        out += &"]".repeat(lists);
        if chance.one_in(2) {
            directives(chance, &mut out);
            let mut default = String::from("=");
            value(chance, 3, &mut default);
            out += &default.replace("$a", "1");
        }
        out += ")";
    }
    directives(chance, &mut out);
    selections(chance, 4, &mut out);
    gap(chance, &mut out);
    out
}

/// The document with up to three characters lost or pieces added.
pub fn mutated(document: &str, chance: &mut Chance) -> String {
    let mut pieces: Vec<String> = document.chars().map(String::from).collect();
    for _ in 0..=chance.below(3) {
        let at = chance.below(pieces.len());
        match chance.below(3) {
            0 => drop(pieces.remove(at)),
            1 => pieces.insert(at, chance.pick(SOUP).to_owned()),
            _ => pieces.insert(at, chance.pick(GAPS).to_owned()),
        }
    }
    pieces.concat()
}

/// Up to 400 pieces behind a beginning that lets the parser get at them.
pub fn soup(chance: &mut Chance) -> String {
    let beginning = chance.pick(&[
        "",
        "{",
        "{a(b:[",
        "query($a:[",
        "{a(b:\"\"\"",
        "{a @d(b:{a:\"",
    ]);
    // Mostly openers in a third of them: chance alone never gets deep.
    let pieces = if chance.one_in(3) {
        SOUP.get(..6).unwrap_or(SOUP)
    } else {
        SOUP
    };
    let length = chance.below(400);
    (0..length).fold(beginning.to_owned(), |soup, _| soup + chance.pick(pieces))
}

fn gap(chance: &mut Chance, out: &mut String) {
    for _ in 0..=chance.below(2) {
        *out += chance.pick(GAPS);
    }
}

fn selections(chance: &mut Chance, depth: usize, out: &mut String) {
    *out += "{";
    for _ in 0..=chance.below(3) {
        gap(chance, out);
        match chance.below(6) {
            0 => *out += "...a",
            1 if depth > 0 => {
                *out += chance.pick(&["...", "...on T ", "... on\u{feff}T "]);
                directives(chance, out);
                selections(chance, depth - 1, out);
            }
            _ => field(chance, depth, out),
        }
    }
    *out += "}";
}

fn field(chance: &mut Chance, depth: usize, out: &mut String) {
    if chance.one_in(4) {
        *out += chance.pick(NAMES);
        gap(chance, out);
        *out += ":";
        gap(chance, out);
    }
    *out += chance.pick(NAMES);
    arguments(chance, out);
    gap(chance, out);
    directives(chance, out);
    if depth > 0 && chance.one_in(2) {
        selections(chance, depth - 1, out);
    }
}

fn directives(chance: &mut Chance, out: &mut String) {
    while chance.one_in(4) {
        *out += "@";
        gap(chance, out);
        *out += "d";
        arguments(chance, out);
    }
}

fn arguments(chance: &mut Chance, out: &mut String) {
    if chance.one_in(3) {
        *out += "(";
        *out += chance.pick(NAMES);
        *out += ":";
        value(chance, 3, out);
        gap(chance, out);
        *out += ")";
    }
}

fn value(chance: &mut Chance, depth: usize, out: &mut String) {
    gap(chance, out);
    // The parser keeps the last of two fields with one name, so the oracle can't see the first.
    let (open, names, close) = match chance.below(4) {
        0 if depth > 0 => ("[", ["", ""], "]"),
        1 if depth > 0 => ("{", ["a:", "b:"], "}"),
        _ => return *out += chance.pick(SCALARS),
    };
    *out += open;
    for name in names.into_iter().take(chance.below(3)) {
        gap(chance, out);
        *out += name;
        value(chance, depth - 1, out);
    }
    gap(chance, out);
    *out += close;
}
