//! Values that are right: what they become, and which one goes before another.

use std::{collections::HashSet, path::PathBuf};

use secrecy::ExposeSecret as _;
use url::Host;

use super::{Folder, KEY, PEM, read};
use crate::settings::{DatabaseUrl, Default, EgressRule, LogFormat, Settings};

#[test]
fn nothing_given_is_enough() {
    let folder = Folder::new();
    let settings = folder.read(&[("PATH", "/bin")]).unwrap();
    let http = &settings.http;
    assert_eq!(http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        http.public_url(http.listen).as_str(),
        "http://127.0.0.1:8080/"
    );
    assert_eq!((http.private_listen, &http.public_url), (None, &None));
    assert!(http.allowed_origins.is_empty() && http.trusted_proxies.is_empty());
    let data_dir = folder.path().join("./lanyard-data");
    let DatabaseUrl::Sqlite(path) = settings.database.url else {
        panic!("the default is SQLite")
    };
    assert_eq!(
        (path, settings.database.pool),
        (data_dir.join("lanyard.db"), 8)
    );
    assert_eq!(settings.data_dir, data_dir);
    assert!(!settings.vault.master_keys.is_given() && settings.bootstrap_api_key.is_none());
    assert!(settings.egress.allow.is_empty() && settings.egress.ca_file.is_none());
    assert_eq!(settings.log.directives, "info");
    assert_eq!(settings.log.format(true), LogFormat::Text);
    assert_eq!(settings.log.format(false), LogFormat::Json);
    assert!(settings.warnings.is_empty());
}

#[test]
fn the_environment_goes_before_the_file() {
    let folder = Folder::new()
        .with(
            "lanyard.toml",
            "listen = '127.0.0.1:1'\nlog = 'warn'\ndatabase_pool = 3\negress_allow = ['a', 'b']",
        )
        .with("other.toml", "listen = '127.0.0.1:2'\n")
        .with("third.toml", "listen = '127.0.0.1:3'\n");
    let port = |environment: &[_], config| {
        folder
            .read_with(environment, config)
            .unwrap()
            .http
            .listen
            .port()
    };
    let other = ("LANYARD_CONFIG", "other.toml");
    assert_eq!(port(&[], None), 1);
    assert_eq!(port(&[other], None), 2);
    assert_eq!(port(&[other], Some("third.toml")), 3);
    assert_eq!(
        port(
            &[other, ("LANYARD_LISTEN", "127.0.0.1:4")],
            Some("third.toml")
        ),
        4
    );

    let settings = folder
        .read(&[("LANYARD_LOG", "off"), ("LANYARD_EGRESS_ALLOW", "")])
        .unwrap();
    assert_eq!(
        (settings.log.directives.as_str(), settings.database.pool),
        ("off", 3)
    );
    assert!(settings.egress.allow.is_empty());
    assert_eq!(folder.read(&[]).unwrap().egress.allow.len(), 2);
}

#[test]
fn the_public_url_follows_the_bound_port() {
    let cases = [
        ("127.0.0.1:0", "127.0.0.1:4711", "http://127.0.0.1:4711/"),
        ("[::1]:0", "[::1]:4711", "http://[::1]:4711/"),
        (
            "[::ffff:127.0.0.1]:0",
            "[::ffff:127.0.0.1]:80",
            "http://127.0.0.1/",
        ),
    ];
    for (listen, bound, url) in cases {
        let http = read(&[("LANYARD_LISTEN", listen)]).unwrap().http;
        assert_eq!(http.public_url(bound.parse().unwrap()).as_str(), url);
    }
}

#[test]
fn a_public_url_is_https_or_loopback() {
    let good = [
        "https://id.example",
        "https://id.example:8443/",
        "http://localhost:80",
        "http://127.9.9.9",
        "http://[::1]:1",
        "HTTPS://ID.example",
    ];
    for url in good {
        let environment = [("LANYARD_LISTEN", "[::]:0"), ("LANYARD_PUBLIC_URL", url)];
        let http = read(&environment).unwrap().http;
        assert_eq!(http.public_url(http.listen).path(), "/", "{url}");
    }
}

#[test]
fn origins_are_written_as_browsers_do() {
    let list = "https://App.example:443, http://localhost:3000,";
    let http = read(&[("LANYARD_ALLOWED_ORIGINS", list)]).unwrap().http;
    let origins: Vec<_> = http
        .allowed_origins
        .iter()
        .map(super::super::Origin::as_str)
        .collect();
    assert_eq!(origins, ["https://app.example", "http://localhost:3000"]);
}

#[test]
fn proxies_are_trusted_in_either_form() {
    let list = "10.0.0.0/8,192.0.2.1,::ffff:198.51.100.0/120,2001:db8::/32";
    let http = read(&[("LANYARD_TRUSTED_PROXIES", list)]).unwrap().http;
    for peer in [
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "192.0.2.1",
        "198.51.100.7",
        "2001:db8::1",
    ] {
        assert!(http.trusts(peer.parse().unwrap()), "{peer}");
    }
    for peer in ["11.0.0.1", "192.0.2.2", "198.51.101.1", "::1"] {
        assert!(!http.trusts(peer.parse().unwrap()), "{peer}");
    }
    let all = read(&[("LANYARD_TRUSTED_PROXIES", "0.0.0.0/0")])
        .unwrap()
        .warnings;
    assert_eq!(
        all,
        [
            "LANYARD_TRUSTED_PROXIES: trusts every address, so anyone can choose the address that we see"
        ]
    );
}

#[test]
fn egress_rules_are_hosts_or_networks() {
    let domain = |name: &str, port| EgressRule::Host(Host::Domain(name.into()), port);
    let cases = [
        ("Git.Corp.example", domain("git.corp.example", None)),
        ("git:8443", domain("git", Some(8443))),
        // An exact address is not a network: only it reaches a metadata service.
        (
            "169.254.169.254",
            EgressRule::Host(Host::Ipv4([169, 254, 169, 254].into()), None),
        ),
        (
            "::ffff:10.0.0.1",
            EgressRule::Host(Host::Ipv4([10, 0, 0, 1].into()), None),
        ),
        ("::1", EgressRule::Host(Host::Ipv6(1.into()), None)),
        ("[::1]", EgressRule::Host(Host::Ipv6(1.into()), None)),
        ("[::1]:80", EgressRule::Host(Host::Ipv6(1.into()), Some(80))),
        (
            "10.0.0.0/8",
            EgressRule::Network("10.0.0.0/8".parse().unwrap()),
        ),
    ];
    for (text, rule) in cases {
        assert_eq!(
            read(&[("LANYARD_EGRESS_ALLOW", text)])
                .unwrap()
                .egress
                .allow,
            [rule]
        );
    }
    let folder = Folder::new().with("ca.pem", &PEM.repeat(2));
    let ca_file = folder
        .read(&[("LANYARD_EGRESS_CA_FILE", "ca.pem")])
        .unwrap()
        .egress
        .ca_file;
    assert_eq!(ca_file.unwrap().pem, PEM.repeat(2));
}

#[test]
fn databases_of_both_kinds() {
    let folder = Folder::new();
    for (url, path) in [
        ("sqlite:a.db", folder.path().join("a.db")),
        ("sqlite://b/a.db", folder.path().join("b/a.db")),
        ("sqlite:///abs/a.db", PathBuf::from("/abs/a.db")),
        ("sqlite:/abs/a.db", PathBuf::from("/abs/a.db")),
    ] {
        let url = folder
            .read(&[("LANYARD_DATABASE_URL", url)])
            .unwrap()
            .database
            .url;
        assert_eq!(url.to_string(), format!("sqlite:{}", path.display()));
    }
    for (url, shown) in [
        ("postgres://h/d", "postgres://h/d"),
        (
            "postgresql://u:p%40@h:5433/d?sslmode=require",
            "postgresql://u:***@h:5433/d?sslmode=require",
        ),
        (
            "postgres:///d?host=/run/postgresql",
            "postgres:///d?host=%2Frun%2Fpostgresql",
        ),
        (
            "postgres://%2Frun%2Fpostgresql/d",
            "postgres://%2Frun%2Fpostgresql/d",
        ),
        (
            "postgres://h?dbname=d&password=p",
            "postgres://h?dbname=d&password=***",
        ),
    ] {
        let environment = [("LANYARD_DATABASE_URL", url), ("LANYARD_MASTER_KEY", KEY)];
        assert_eq!(read(&environment).unwrap().database.url.to_string(), shown);
    }
}

#[test]
fn a_master_key_is_base64_of_any_kind() {
    let standard = data_encoding::BASE64.encode(&[0xfb; 32]);
    let for_urls = standard.replace('+', "-").replace('/', "_");
    for text in [
        &standard,
        &for_urls,
        standard.trim_end_matches('='),
        for_urls.trim_end_matches('='),
    ] {
        let vault = read(&[("LANYARD_MASTER_KEY", text)]).unwrap().vault;
        let keys = vault.master_keys.read().unwrap();
        assert_eq!((keys.len(), keys[0].expose_secret()), (1, &[0xfb; 32]));
    }
}

#[test]
fn master_keys_may_be_several_in_one_text_or_file_and_in_a_folder() {
    let text = |byte: u8| data_encoding::BASE64.encode(&[byte; 32]);
    let keys = |folder: &Folder, environment: &[(&str, &str)]| {
        let settings = folder.read(environment).unwrap();
        let found = settings.vault.master_keys.read().unwrap();
        let first = |key: &crate::settings::KeyBytes| key.expose_secret()[0];
        (
            found.iter().map(first).collect::<Vec<_>>(),
            settings.vault.master_keys,
        )
    };
    let folder = Folder::new().with("both", &format!("{}\n\n{}\n", text(3), text(4)));
    let several = format!("{}, {}\n{}", text(1), text(2), text(5));
    assert_eq!(
        keys(&folder, &[("LANYARD_MASTER_KEY", &several)]).0,
        [1, 2, 5]
    );
    let (found, source) = keys(&folder, &[("LANYARD_MASTER_KEY_FILE", "both")]);
    assert_eq!(found, [3, 4]);
    std::fs::write(folder.path().join("both"), text(6)).unwrap();
    let again = source.read().unwrap();
    assert_eq!((again.len(), again[0].expose_secret()[0]), (1, 6));

    // As Kubernetes mounts them: links to files of a folder that is hidden.
    let mounted = folder.path().join("keys");
    std::fs::create_dir_all(mounted.join("..data")).unwrap();
    for (name, byte) in [("b", 8), ("a", 7)] {
        std::fs::write(mounted.join("..data").join(name), text(byte) + "\n").unwrap();
        std::os::unix::fs::symlink(format!("..data/{name}"), mounted.join(name)).unwrap();
    }
    std::fs::write(mounted.join(".hidden"), "nonsense").unwrap();
    let given = [
        ("LANYARD_MASTER_KEY", text(1)),
        ("LANYARD_MASTER_KEY_DIR", "keys".to_owned()),
        ("LANYARD_DATABASE_URL", "postgres://h/d".to_owned()),
    ];
    let given = given
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let (found, source) = keys(&folder, &given);
    assert_eq!(found, [1, 7, 8]);
    assert_eq!(keys(&folder, &given[1..]).0, [7, 8], "the folder is enough");
    std::fs::write(mounted.join("c"), text(9)).unwrap();
    assert_eq!(source.read().unwrap().len(), 4);
    std::fs::write(mounted.join("c"), "canary").unwrap();
    let problem = source.read().unwrap_err().to_string();
    assert!(
        problem.contains("keys/c, which is not base64") && !problem.contains("canary"),
        "{problem}"
    );
}

#[test]
fn a_service_beside_us_may_be_called_lanyard() {
    read(&[
        ("LANYARD_SERVICE_HOST", "10.0.0.1"),
        ("LANYARD_SERVICE_PORT_HTTP", "8080"),
        ("LANYARD_PORT", "tcp://10.0.0.1:8080"),
        ("LANYARD_PRIVATE_PORT_9090_TCP", "tcp://10.0.0.1:9090"),
        ("LANYARD_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ])
    .unwrap();
}

#[test]
fn the_table_of_settings_is_consistent() {
    let mut names = HashSet::new();
    for setting in Settings::describe() {
        let name = setting.environment;
        assert!(names.insert(name), "{name} is there twice");
        if let Some(key) = setting.key {
            assert_eq!(name, format!("LANYARD_{}", key.to_uppercase()));
        }
        assert!(setting.meaning.ends_with('.'), "{name}");
        if let Default::Value(value) = setting.default {
            read(&[(name, value)]).unwrap();
        }
    }
    assert_eq!(names.len(), 17);
}
