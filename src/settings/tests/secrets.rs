//! Secrets: from files of their own, and never shown.

use secrecy::ExposeSecret as _;

use super::{Folder, KEY, read, set_mode, told};

const CANARY: &str = "canary";

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let folder = Folder::new()
        .with("key", &format!("{KEY}\r\n"))
        .with("url", "postgres://u:p@h/d\n")
        .with(
            "lanyard.toml",
            "database_url_file = \"url\"\nmaster_key = \"wrong\"\n",
        );
    let settings = folder.read(&[("LANYARD_MASTER_KEY_FILE", "key")]).unwrap();
    let keys = settings.vault.master_keys.read().unwrap();
    assert_eq!((keys.len(), keys[0].expose_secret()[31]), (1, 31));
    assert_eq!(settings.database.url.to_string(), "postgres://u:***@h/d");
    assert!(settings.warnings.is_empty());
}

#[test]
fn a_secret_is_given_once_and_its_file_holds_it() {
    let folder = Folder::new().with("empty", "\n").with("short", "AAAA");
    std::fs::write(folder.path().join("binary"), [0xff]).unwrap();
    let cases = [
        (
            "none",
            "\"none\" can't be read: No such file or directory (os error 2)",
        ),
        (".", "\".\" can't be read: Is a directory (os error 21)"),
        ("empty", "\"empty\" is empty"),
        ("binary", "\"binary\" is not UTF-8 text"),
        (
            "short",
            "what \"short\" holds is 3 bytes long, not 32; make one with: openssl rand -base64 32",
        ),
        ("", "is empty; give it a value or leave it out"),
        (
            "/dev/zero",
            "\"/dev/zero\" can't be read: it is larger than 1 MiB",
        ),
    ];
    for (path, message) in cases {
        let told = told(folder.read(&[("LANYARD_MASTER_KEY_FILE", path)]));
        assert_eq!(told, format!("LANYARD_MASTER_KEY_FILE: {message}"));
    }
    let both = [
        ("LANYARD_MASTER_KEY", KEY),
        ("LANYARD_MASTER_KEY_FILE", "short"),
    ];
    assert_eq!(
        told(folder.read(&both)),
        "LANYARD_MASTER_KEY: LANYARD_MASTER_KEY_FILE is given too; give one of the two"
    );
}

#[test]
fn a_secret_in_a_file_that_others_may_read_is_warned_of() {
    let secret = format!("# Ours\nmaster_key = \"{KEY}\"\n");
    let warnings = |text: &str, mode| {
        let folder = Folder::new().with("lanyard.toml", text);
        set_mode(&folder.path().join("lanyard.toml"), mode);
        folder.read(&[]).unwrap().warnings
    };
    assert!(warnings(&secret, 0o600).is_empty());
    for mode in [0o640, 0o604] {
        let warning = format!(
            "lanyard.toml: master_key (line 2): is secret, and others may read the file \
             (mode {mode:04o}): chmod 600 lanyard.toml"
        );
        assert_eq!(warnings(&secret, mode), [warning]);
    }
    assert!(warnings("database_url = \"sqlite:a.db\"", 0o644).is_empty());
    let postgres = |rest| format!("{secret}database_url = \"postgres://{rest}\"");
    assert_eq!(warnings(&postgres("u@h/d"), 0o644).len(), 1);
    assert_eq!(warnings(&postgres("u:p@h/d"), 0o644).len(), 2);
    assert_eq!(warnings(&postgres("h/d?password=p"), 0o644).len(), 2);
}

#[test]
fn good_secrets_do_not_print() {
    let key = format!("lyd_{CANARY}-{}", "x".repeat(40));
    for query in ["", "?password=canary", "?sslmode=require&password=canary"] {
        let url = format!("postgres://u:{CANARY}@h/d{query}");
        let settings = read(&[
            ("LANYARD_DATABASE_URL", &url),
            ("LANYARD_MASTER_KEY", KEY),
            ("LANYARD_BOOTSTRAP_API_KEY", &key),
        ])
        .unwrap();
        let debug = format!("{settings:?}");
        assert!(
            !debug.contains(CANARY) && !debug.contains("30, 31"),
            "{debug}"
        );
        let shown = settings.database.url.to_string();
        assert!(
            shown.starts_with("postgres://u:***@h/d") && !shown.contains(CANARY),
            "{shown}"
        );
    }
}

#[test]
fn wrong_secrets_do_not_print() {
    let of_urls = [
        "canary",
        "postgres//u:canary@h/d",
        "mysql://u:canary@h/d",
        "postgres://u:canary@",
        "postgres://u:canary@h",
        "postgres://u:can/canary@h/d",
        "postgres://u:can?canary@h/d",
        "postgres://u:can#canary@h/d",
        "postgres://h/d?canary=1",
        "postgres://h/d?sslpassword=canary",
        "sqlite:?canary",
    ];
    let others = ["", "canary", "lyd_canary", "lyd_canary canary", "canary=="];
    let settings = [
        ("DATABASE_URL", &of_urls[..]),
        ("MASTER_KEY", &others),
        ("BOOTSTRAP_API_KEY", &others),
    ];
    for (name, values) in settings {
        for value in values {
            let in_file = format!("{} = {value:?}\n", name.to_lowercase());
            let unfinished = format!("{} = \"{value}", name.to_lowercase());
            let unquoted = format!("{} = {value}", name.to_lowercase());
            let results = [
                read(&[(&format!("LANYARD_{name}"), value)]),
                Folder::new()
                    .with("secret", value)
                    .read(&[(&format!("LANYARD_{name}_FILE"), "secret")]),
                Folder::new().with("lanyard.toml", &in_file).read(&[]),
                Folder::new().with("lanyard.toml", &unfinished).read(&[]),
                Folder::new().with("lanyard.toml", &unquoted).read(&[]),
            ];
            for problems in results.map(|result| result.expect_err(value)) {
                let shown = format!("{problems} {problems:?}");
                assert!(!shown.contains(CANARY), "{shown}");
            }
        }
    }
}

#[test]
fn a_password_in_the_wrong_place_does_not_print() {
    for name in [
        "PUBLIC_URL",
        "ALLOWED_ORIGINS",
        "EGRESS_ALLOW",
        "LISTEN",
        "TRUSTED_PROXIES",
    ] {
        for value in [
            "https://u:canary@h",
            "u:canary@h:80",
            "https://u:can/canary@h",
        ] {
            let told = told(read(&[(&format!("LANYARD_{name}"), value)]));
            assert!(!told.contains(CANARY), "{told}");
        }
    }
}

#[test]
fn a_secret_in_place_of_its_path_does_not_print() {
    let url = "postgres://h/d?password=canary";
    let hexadecimal = "00".repeat(32);
    for value in [
        KEY,
        KEY.trim_end_matches('='),
        &hexadecimal,
        "lyd_canary",
        url,
    ] {
        assert_eq!(
            told(read(&[("LANYARD_MASTER_KEY_FILE", value)])),
            "LANYARD_MASTER_KEY_FILE: must be the path of a file that holds the secret, not the secret"
        );
    }
}

#[test]
fn what_is_wrong_with_one_of_several_keys_is_told_without_it() {
    let folder = Folder::new().with("file", "x");
    let said = |environment: &[(&str, &str)]| told(folder.read(environment));
    let how = "make one with: openssl rand -base64 32";
    for (text, message) in [
        (
            format!("{KEY},canary"),
            format!("key 2 of 2 is not base64; {how}"),
        ),
        (
            format!("AAAA {KEY}\n{KEY}"),
            format!("key 1 of 3 is 3 bytes long, not 32; {how}"),
        ),
    ] {
        assert_eq!(
            said(&[("LANYARD_MASTER_KEY", &text)]),
            format!("LANYARD_MASTER_KEY: the value has a mistake: {message}")
        );
    }
    assert_eq!(
        said(&[("LANYARD_MASTER_KEY", " ,\n")]),
        format!("LANYARD_MASTER_KEY: the value holds no key; {how}")
    );
    let path = folder.path().join("keys");
    let at = |name: &str| path.join(name).display().to_string();
    let wrong = || said(&[("LANYARD_MASTER_KEY_DIR", "keys")]);
    let begin = "LANYARD_MASTER_KEY_DIR: \"keys\" ";
    assert_eq!(
        wrong(),
        format!("{begin}can't be read: No such file or directory (os error 2)")
    );
    std::fs::create_dir(&path).unwrap();
    assert_eq!(wrong(), format!("{begin}holds no key; {how}"));
    std::fs::write(path.join("a"), KEY).unwrap();
    std::fs::write(path.join("b"), format!("{KEY}\n{KEY}\n")).unwrap();
    assert_eq!(
        wrong(),
        format!(
            "{begin}holds {}, which holds 2 keys; give each its own file",
            at("b")
        )
    );
    std::fs::write(path.join("b"), CANARY).unwrap();
    assert_eq!(
        wrong(),
        format!("{begin}holds {}, which is not base64; {how}", at("b"))
    );
    std::fs::remove_file(path.join("b")).unwrap();
    std::fs::create_dir(path.join("c")).unwrap();
    assert_eq!(
        wrong(),
        format!("{begin}holds {}, which is no file", at("c"))
    );
    // A key in place of the folder is not shown.
    let mistaken = said(&[("LANYARD_MASTER_KEY_DIR", KEY)]);
    assert!(!mistaken.contains(KEY), "{mistaken}");
    assert!(mistaken.starts_with("LANYARD_MASTER_KEY_DIR: the value can't be read"));
}
