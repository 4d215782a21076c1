//! What the first minute needs beside the server: a make-believe OpenID provider, and a small
//! organization to try things out with. Tests use the same provider. Starts no server and knows
//! no route of Lanyard's.

pub mod provider;
pub mod sample;
