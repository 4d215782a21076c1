//! Mistakes in other variables, and what is told about them, to the letter.

use super::{read, refuses, refuses_secret, told};

const MAKE_KEY: &str = "make one with: openssl rand -base64 32";

#[test]
fn databases() {
    let name = "LANYARD_DATABASE_URL";
    refuses(
        "LANYARD_DATABASE_POOL",
        &["0", "1001", "-1", "many"],
        "is not a number from 1 to 1000",
    );
    refuses_secret(
        name,
        &["mysql://h/d", "lanyard.db", "POSTGRES"],
        "must begin with sqlite: or postgres://",
    );
    refuses_secret(
        name,
        &["sqlite:", "sqlite://", "sqlite:folder/", "sqlite:."],
        "does not name a file; give one like sqlite:lanyard.db",
    );
    refuses_secret(
        name,
        &["sqlite::memory:", "sqlite://:memory:"],
        "is a database in memory; it must be a file, which the write-ahead log and readers beside \
         the writer need",
    );
    refuses_secret(
        name,
        &["sqlite:a.db?mode=ro"],
        "has options after a ?; give the path alone",
    );
    let example = "give one like postgres://user:password@host/name";
    refuses_secret(
        name,
        &["postgres:///name", "postgres:name"],
        &format!("has no host and no socket; {example}"),
    );
    refuses_secret(
        name,
        &["postgres://h", "postgres://h/", "postgres://h?dbname="],
        &format!("has no database's name; {example}"),
    );
    refuses_secret(
        name,
        &[
            "postgres://u:p#w@h/d",
            "postgres://u:p/w@h/d",
            "postgres://h:x/d",
        ],
        "is not a URL like postgres://user:password@host/name; in a password, \
         write / ? # @ : % as %2F %3F %23 %40 %3A %25",
    );
    refuses_secret(
        name,
        &["postgres://h/d#w"],
        "has a #; in a password, write it as %23",
    );
    refuses_secret(
        name,
        &["postgres://h/d?sslpassword=x"],
        "has a parameter after the ? that is none of host, hostaddr, port, dbname, user, password, \
         sslmode, ssl-mode, sslrootcert, ssl-root-cert, ssl-ca, sslcert, ssl-cert, sslkey, ssl-key, \
         statement-cache-capacity, application_name, options",
    );
}

#[test]
fn keys() {
    let name = "LANYARD_BOOTSTRAP_API_KEY";
    refuses_secret(
        "LANYARD_MASTER_KEY",
        &["not-base64!", "AAA=A"],
        &format!("is not base64; {MAKE_KEY}"),
    );
    refuses_secret(
        "LANYARD_MASTER_KEY",
        &["AAAA"],
        &format!("is 3 bytes long, not 32; {MAKE_KEY}"),
    );
    let hexadecimal = "0".repeat(64);
    refuses_secret(
        "LANYARD_MASTER_KEY",
        &[&hexadecimal],
        &format!("is 48 bytes long, not 32; {MAKE_KEY}"),
    );
    refuses_secret(name, &["secret"], "does not begin with lyd_");
    refuses_secret(
        name,
        &["lyd_a b", "lyd_é"],
        "has characters other than A-Z, a-z, 0-9, _ and -",
    );
    let short = format!("lyd_{}", "x".repeat(27));
    refuses_secret(
        name,
        &[&short],
        "is 31 characters long; it must have 32 or more, lyd_ included",
    );
}

#[test]
fn logs_and_files() {
    let missing = "can't be read: No such file or directory (os error 2)";
    refuses(
        "LANYARD_LOG",
        &["lanyard=loud"],
        "is no list of log directives; give one like info,lanyard=debug",
    );
    refuses(
        "LANYARD_LOG",
        &["debg"],
        "has \"debg\", which is no level; did you mean debug?",
    );
    refuses(
        "LANYARD_LOG",
        &["warning,sqlx=off"],
        "has \"warning\", which is no level; did you mean warn?",
    );
    refuses(
        "LANYARD_LOG_FORMAT",
        &["xml", "JSON"],
        "is neither text nor json",
    );
    refuses("LANYARD_CONFIG", &["none.toml"], missing);
    refuses("LANYARD_EGRESS_CA_FILE", &["none.pem"], missing);
    refuses("LANYARD_DATA_DIR", &["/dev/null"], "is not a folder");
}

#[test]
fn unknown_variables() {
    let no = "there is no such setting";
    for (name, message) in [
        (
            "LANYARD_LISTN",
            format!("{no}; did you mean LANYARD_LISTEN?"),
        ),
        (
            "LANYARD_LISTEN_FILE",
            format!("{no}; did you mean LANYARD_LISTEN?"),
        ),
        (
            "LANYARD_MASTERKEY_FILE",
            format!("{no}; did you mean LANYARD_MASTER_KEY_FILE?"),
        ),
        (
            "LANYARD_DATABASE_POOL_SIZE",
            format!("{no}; did you mean LANYARD_DATABASE_POOL?"),
        ),
        ("LANYARD_PORT", no.to_owned()),
        ("LANYARD_", no.to_owned()),
    ] {
        assert_eq!(told(read(&[(name, "8080")])), format!("{name}: {message}"));
    }
}

#[test]
fn what_is_missing_is_told() {
    assert_eq!(
        told(read(&[("LANYARD_LISTEN", "0.0.0.0:80")])),
        "LANYARD_PUBLIC_URL: is required where LANYARD_LISTEN (0.0.0.0:80) is not loopback; \
         give what browsers use, like https://id.example.com"
    );
    assert_eq!(
        told(read(&[("LANYARD_DATABASE_URL", "postgres://h/d")])),
        format!("LANYARD_MASTER_KEY: is required with PostgreSQL; {MAKE_KEY}")
    );
}
