//! Files that pages load, from the binary: each under a name that changes with its content, so
//! that browsers keep it for ever. Knows nothing of the pages.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use poem::http::{StatusCode, header};
use poem::{Request, Response};
use sha2::{Digest, Sha256};

/// Where they are.
pub const FOLDER: &str = "/assets/";

/// A file that pages load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    Style,
    Logo,
    GraphiqlScript,
    GraphiqlStyle,
    VendoredGraphiql,
    VendoredGraphiqlStyle,
    VendoredReact,
    VendoredReactDom,
}

/// What a file is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Css,
    JavaScript,
    Svg,
}

/// A row of the table.
struct File {
    asset: Asset,
    /// Its name in front of the hash.
    name: &'static str,
    kind: Kind,
    content: &'static [u8],
}

const FILES: [File; 8] = [
    File {
        asset: Asset::Style,
        name: "style",
        kind: Kind::Css,
        content: include_bytes!("pages/style.css"),
    },
    File {
        asset: Asset::Logo,
        name: "logo",
        kind: Kind::Svg,
        content: include_bytes!("pages/logo.svg"),
    },
    File {
        asset: Asset::GraphiqlScript,
        name: "graphiql",
        kind: Kind::JavaScript,
        content: include_bytes!("graphiql/graphiql.js"),
    },
    File {
        asset: Asset::GraphiqlStyle,
        name: "graphiql",
        kind: Kind::Css,
        content: include_bytes!("graphiql/graphiql.css"),
    },
    File {
        asset: Asset::VendoredGraphiql,
        name: "vendored-graphiql",
        kind: Kind::JavaScript,
        content: include_bytes!("graphiql/vendor/graphiql.min.js"),
    },
    File {
        asset: Asset::VendoredGraphiqlStyle,
        name: "vendored-graphiql",
        kind: Kind::Css,
        content: include_bytes!("graphiql/vendor/graphiql.min.css"),
    },
    File {
        asset: Asset::VendoredReact,
        name: "vendored-react",
        kind: Kind::JavaScript,
        content: include_bytes!("graphiql/vendor/react.production.min.js"),
    },
    File {
        asset: Asset::VendoredReactDom,
        name: "vendored-react-dom",
        kind: Kind::JavaScript,
        content: include_bytes!("graphiql/vendor/react-dom.production.min.js"),
    },
];

/// A constant but for its making: the compiler takes seconds over the hash of a large file.
static PATHS: LazyLock<[String; FILES.len()]> = LazyLock::new(|| FILES.each_ref().map(File::path));

impl Asset {
    /// Where a page finds it.
    pub fn path(self) -> &'static str {
        FILES
            .iter()
            .zip(PATHS.iter())
            .find(|(file, _)| file.asset == self)
            .map_or("", |(_, path)| path)
    }
}

impl File {
    fn path(&self) -> String {
        let hash = Sha256::digest(self.content);
        let hash = hash.get(..8).unwrap_or_default();
        let Self { name, kind, .. } = self;
        format!(
            "{FOLDER}{name}-{}.{}",
            HEXLOWER.encode(hash),
            kind.extension()
        )
    }
}

impl Kind {
    const fn extension(self) -> &'static str {
        match self {
            Self::Css => "css",
            Self::JavaScript => "js",
            Self::Svg => "svg",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Css => "text/css; charset=utf-8",
            Self::JavaScript => "text/javascript; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }
}

/// `GET /assets/…`.
pub fn serve(request: &Request) -> Response {
    let path = request.uri().path();
    let found = FILES
        .iter()
        .zip(PATHS.iter())
        .find(|(_, known)| *known == path);
    match found {
        Some((file, _)) => Response::builder()
            .content_type(file.kind.content_type())
            .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
            .body(file.content),
        None => super::text(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_served_where_its_path_says() {
        for (file, path) in FILES.iter().zip(PATHS.iter()) {
            assert_eq!(file.asset.path(), path);
            let request = Request::builder().uri_str(path).finish();
            let response = serve(&request);
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.content_type(), Some(file.kind.content_type()));
            let caching = response.header("cache-control").unwrap();
            assert!(caching.contains("immutable"), "{caching}");
        }
    }

    #[test]
    fn another_hash_is_another_file() {
        let path = Asset::Style.path().replace(".css", "0.css");
        let response = serve(&Request::builder().uri_str(&path).finish());
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.header("cache-control"), None);
    }
}
