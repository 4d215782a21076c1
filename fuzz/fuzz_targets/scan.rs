//! What the scan lets pass, the parser survives on a worker's stack, and soon.
//! `cargo +nightly fuzz run scan -- -max_len=65536`

#![no_main]

use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;
use lanyard::http::scan::{LIMITS, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|document: &str| {
    if scan(document, &LIMITS).is_err() {
        return;
    }
    let took = std::thread::scope(|scope| {
        // An overflow ends the process, which libFuzzer reports as a crash.
        let parsing = std::thread::Builder::new()
            .stack_size(2 * 1024 * 1024)
            .spawn_scoped(scope, || {
                let begun = Instant::now();
                let syntax = parse_query(document);
                let refused = syntax.is_err_and(|error| error.to_string().contains("stack limit"));
                assert!(!refused, "pest's stack guard spoke up");
                begun.elapsed()
            });
        parsing.expect("a thread").join().expect("no panic")
    });
    assert!(took < Duration::from_secs(1), "parsing took {took:?}");
});
