//! Mistakes in addresses, and what is told about them, to the letter.

use super::{read, refuses, told};

#[test]
fn addresses() {
    let message = "is not an address and port; give one like 127.0.0.1:8080";
    refuses(
        "LANYARD_LISTEN",
        &["foo", "localhost:8080", ":8080", "127.0.0.1:65536", "a\nb"],
        message,
    );
    refuses("LANYARD_PRIVATE_LISTEN", &["9090", "127.0.0.1"], message);
    refuses(
        "LANYARD_PRIVATE_LISTEN",
        &["127.0.0.1:8080", "0.0.0.0:8080"],
        "takes the port of LANYARD_LISTEN; give another",
    );
    assert_eq!(
        told(read(&[("LANYARD_LISTEN", "")])),
        "LANYARD_LISTEN: is empty; give it a value or leave it out"
    );
}

#[test]
fn public_urls() {
    let name = "LANYARD_PUBLIC_URL";
    let wrong = [
        "id.example",
        "https:id.example",
        "ftp://id.example",
        "https://id.example:0",
        "https://",
    ];
    refuses(name, &wrong, "is not a URL like https://id.example.com");
    let plain = [
        "http://id.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.evil",
    ];
    refuses(
        name,
        &plain,
        "must be https: http is for loopback hosts only (127.0.0.0/8, ::1, localhost)",
    );
    let longer = [
        "https://id.example/a",
        "https://id.example/?",
        "https://id.example?a",
        "https://id.example#",
    ];
    refuses(
        name,
        &longer,
        "must end after the host and port: no path, no query, no fragment",
    );
    assert_eq!(
        told(read(&[(name, "https://u:p@id.example")])),
        "LANYARD_PUBLIC_URL: \"https://***@id.example\" must have no user name and no password"
    );
}

#[test]
fn origins() {
    let name = "LANYARD_ALLOWED_ORIGINS";
    let wildcards = ["*", "https://*.example", "https://a:*"];
    refuses(
        name,
        &wildcards,
        "has a wildcard; name each origin, like https://app.example.com",
    );
    refuses(
        name,
        &["null"],
        "is what any sandboxed page sends; give an origin like https://app.example.com",
    );
    refuses(
        name,
        &["app.example", "https:a", "file:///a"],
        "is not a URL like https://app.example.com",
    );
    refuses(
        name,
        &["https://a/b", "https://a?b"],
        "must end after the host and port: no path, no query, no fragment",
    );
    refuses(
        name,
        &["https://a/"],
        "must end after the host and port, without the /",
    );
    assert_eq!(
        told(read(&[(name, "*, https://ok.example, null")]))
            .lines()
            .count(),
        2,
        "each wrong element is told"
    );
}

#[test]
fn networks() {
    let bits = "has bits set after its prefix; did you mean 10.0.0.0/8?";
    refuses(
        "LANYARD_TRUSTED_PROXIES",
        &["proxy", "10.0.0.0/33", "10.0.0.1:80"],
        "is not an address or CIDR; give one like 10.0.0.0/8",
    );
    refuses("LANYARD_TRUSTED_PROXIES", &["10.1.2.3/8"], bits);
    let wrong = [
        "http://git.corp",
        "*.corp",
        "git.corp:0",
        "git.corp:http",
        "git corp",
        "[::1",
        "10.0.0.0/33",
        ":80",
    ];
    refuses(
        "LANYARD_EGRESS_ALLOW",
        &wrong,
        "is not a host, host:port or CIDR; give one like git.corp.example",
    );
    refuses("LANYARD_EGRESS_ALLOW", &["10.1.0.0/8"], bits);
}
