//! Lanyard's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    lanyard::cli::run()
}
