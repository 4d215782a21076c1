//! Who may ask for what: every cell of the matrix, and that nothing gets around it.

mod arguments;
mod bound;
mod cell;
mod cells;
mod document;
mod edges;
mod evasion;
mod paths;
