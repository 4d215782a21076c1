# Everything that must pass.
check *flags:
    scripts/test {{ flags }}

# The Rust tests alone, e.g. `just test linking`.
test *arguments:
    cargo test --release --workspace {{ arguments }}

# Lanyard on 127.0.0.1:8080, with its data in ./lanyard-data.
run *flags:
    cargo run --release -- serve {{ flags }}

# Writes schema.graphql anew.
schema:
    cargo run --release --quiet -- schema > schema.graphql.new
    mv schema.graphql.new schema.graphql
