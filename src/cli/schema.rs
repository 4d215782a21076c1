//! `lanyard schema`.

use std::io::Write;

use super::Failure;

pub fn run() -> Result<(), Failure> {
    std::io::stdout().write_all(crate::graphql::sdl().as_bytes())?;
    Ok(())
}
