//! Mistakes in files, and what is told about them, to the letter.

use super::{Folder, PEM, told};

#[test]
fn every_mistake_in_the_file() {
    let cases = [
        (
            "listen = \"foo\"",
            "listen (line 2): \"foo\" is not an address and port; give one like 127.0.0.1:8080",
        ),
        (
            "listen = 8080",
            "listen (line 2): \"8080\" is not an address and port; give one like 127.0.0.1:8080",
        ),
        (
            "listen = true",
            "listen (line 2): must be a string; this is of type boolean",
        ),
        (
            "listen = [\"a\"]",
            "listen (line 2): must be a string; this is of type array",
        ),
        (
            "[listen]",
            "listen (line 2): must be a string; this is of type table",
        ),
        (
            "egress_allow = \"a\"",
            "egress_allow (line 2): must be an array of strings; this is of type string",
        ),
        (
            "egress_allow = 1.5",
            "egress_allow (line 2): must be an array of strings; this is of type float",
        ),
        (
            "egress_allow = [\"a\",\n 7,\n false]",
            "egress_allow (line 4): must be a string; this is of type boolean",
        ),
        (
            "allowed_origins = [\n\"*\"]",
            "allowed_origins (line 3): \"*\" has a wildcard; name each origin, like https://app.example.com",
        ),
        (
            "data-dir = \"x\"",
            "data-dir (line 2): there is no such setting; did you mean data_dir?",
        ),
        (
            "LANYARD_LISTEN = \"x\"",
            "LANYARD_LISTEN (line 2): there is no such setting; did you mean listen?",
        ),
        (
            "config = \"x\"",
            "config (line 2): there is no such setting",
        ),
        (
            "[server]\nlisten = \"x\"",
            "server (line 2): there is no such setting",
        ),
        (
            "master_key = \"AAAA\"",
            "master_key (line 2): the value is 3 bytes long, not 32; make one with: openssl rand -base64 32",
        ),
        (
            "master_key = \"AAAA\"\nmaster_key_file = \"x\"",
            "master_key (line 2): master_key_file is given too; give one of the two",
        ),
        (
            "master_key_file = \"none\"",
            "master_key_file (line 2): \"none\" can't be read: No such file or directory (os error 2)",
        ),
    ];
    for (text, message) in cases {
        let folder = Folder::new().with("lanyard.toml", &format!("# Ours\n{text}\n"));
        assert_eq!(
            told(folder.read(&[])),
            format!("lanyard.toml: {message}"),
            "{text}"
        );
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let folder = Folder::new().with("own.toml", "listen = \"x\"\nlisten = \"y\"");
    assert_eq!(
        told(folder.read_with(&[], Some("own.toml"))),
        "own.toml (line 2): duplicate key"
    );
    // What the file might hold isn't called missing.
    assert_eq!(
        told(folder.read_with(&[("LANYARD_LISTEN", "0.0.0.0:80")], Some("none.toml"))),
        "--config: \"none.toml\" can't be read: No such file or directory (os error 2)"
    );
}

#[test]
fn authorities_must_be_whole() {
    for damaged in [
        "",
        "text",
        &PEM.replace("END", "ENDE"),
        &PEM.replace("MAMC", "!"),
        &PEM.replace("MAMC", "AAMC"),
    ] {
        let folder = Folder::new().with("ca.pem", damaged);
        assert_eq!(
            told(folder.read(&[("LANYARD_EGRESS_CA_FILE", "ca.pem")])),
            "LANYARD_EGRESS_CA_FILE: \"ca.pem\" holds no certificates in PEM \
             (-----BEGIN CERTIFICATE-----), or one that is damaged"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let folder = Folder::new()
        .with("lanyard.toml", "log_format = \"xml\"\nlisten = \"x\"\n")
        .with("lanyard-data", "a file in the way");
    let environment = [("LANYARD_POOL", "1"), ("LANYARD_DATABASE_POOL", "x")];
    assert_eq!(
        told(folder.read(&environment)).lines().collect::<Vec<_>>(),
        [
            "LANYARD_POOL: there is no such setting",
            "LANYARD_DATA_DIR: \"./lanyard-data\" is not a folder; give another",
            "lanyard.toml: listen (line 2): \"x\" is not an address and port; give one like 127.0.0.1:8080",
            "LANYARD_DATABASE_POOL: \"x\" is not a number from 1 to 1000",
            "lanyard.toml: log_format (line 1): \"xml\" is neither text nor json",
        ]
    );
    assert_eq!(folder.read(&environment).unwrap_err().iter().count(), 5);
}
