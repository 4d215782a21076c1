//! How a person becomes the one who calls. Knows no HTTP: cookies and pages are others' business.

pub mod session;
