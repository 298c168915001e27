//! The files of `static/`, inside the binary, under one path that changes with their content: `/static/{hash}/{file}`. One
//! hash stands for all of them, so that the relative `fonts/…` of a style sheet stay true, and a browser may keep each for ever.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::routes::{Access, Routes};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let mut hash = DefaultHasher::new();
    for name in names {
        let content = Files::get(&name).map(|file| file.metadata.sha256_hash());
        (name, content).hash(&mut hash);
    }
    format!("{:016x}", hash.finish())
});

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The address of a file of `static/`: `url("app.css")`. Templates call it as `crate::web::assets::url`.
pub fn url(file: &str) -> String {
    format!("/static/{}/{file}", *HASH)
}

/// The one route. It is public: the sign-in page uses the same files.
pub fn routes() -> Routes {
    Routes::new().get("/static/{hash}/{*path}", Access::Public, serve)
}

/// Answers a file. Under the current hash it may be kept for ever; under another (a page of a process of another version) it
/// is answered all the same, but not kept.
async fn serve(Path((hash, path)): Path<(String, String)>, request: HeaderMap) -> Response {
    let Some(file) = Files::get(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let caching = if hash == *HASH { "public, max-age=31536000, immutable" } else { "no-cache" };
    // Weak, because compression further out changes the bytes.
    let tag = format!("W/\"{}\"", hex(&file.metadata.sha256_hash()));
    let headers = [
        (header::CACHE_CONTROL, caching.to_owned()),
        (header::ETAG, tag.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    if knows(&request, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [content_type(&file)], file.data).into_response()
}

fn knows(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH);
    values.iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.trim_start_matches("W/") == tag.trim_start_matches("W/")
    })
}

fn content_type(file: &EmbeddedFile) -> (HeaderName, HeaderValue) {
    let kind = match file.metadata.mimetype() {
        "text/css" => "text/css; charset=utf-8",
        "text/javascript" | "application/javascript" => "text/javascript; charset=utf-8",
        "image/svg+xml" => "image/svg+xml",
        "font/woff2" => "font/woff2",
        "text/plain" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    (header::CONTENT_TYPE, HeaderValue::from_static(kind))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn ask(path: &str, known: Option<&str>) -> Response {
        let mut request = Request::get(path);
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let router: Router = Router::new().route("/static/{hash}/{*path}", get(serve));
        router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    fn named<'a>(answer: &'a Response, name: &HeaderName) -> &'a str {
        answer.headers().get(name).unwrap().to_str().unwrap()
    }

    #[tokio::test]
    async fn every_file_is_served_for_ever_with_its_type() {
        let types = [
            ("css", "text/css"),
            ("js", "text/javascript"),
            ("svg", "image/svg+xml"),
            ("woff2", "font/woff2"),
            ("txt", "text/plain"),
        ];
        for name in Files::iter() {
            let answer = ask(&url(&name), None).await;
            assert_eq!(answer.status(), StatusCode::OK, "{name}");
            assert_eq!(named(&answer, &header::CACHE_CONTROL), "public, max-age=31536000, immutable");
            assert_eq!(named(&answer, &header::X_CONTENT_TYPE_OPTIONS), "nosniff");
            let (_, kind) = types.iter().find(|(ending, _)| name.ends_with(ending)).unwrap();
            assert!(named(&answer, &header::CONTENT_TYPE).starts_with(kind), "{name}");
            let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert_eq!(body, Files::get(&name).unwrap().data.as_ref(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_known_file_is_not_sent_again() {
        let answer = ask(&url("app.css"), None).await;
        let tag = named(&answer, &header::ETAG).to_owned();
        for known in
            [tag.clone(), tag.trim_start_matches("W/").to_owned(), format!("\"x\", {tag}"), "*".to_owned()]
        {
            let again = ask(&url("app.css"), Some(&known)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(to_bytes(again.into_body(), usize::MAX).await.unwrap().is_empty());
        }
        assert_eq!(ask(&url("app.css"), Some("\"x\"")).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_page_of_another_version_gets_its_look_but_nothing_is_kept() {
        let answer = ask("/static/0000000000000000/app.css", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(named(&answer, &header::CACHE_CONTROL), "no-cache");
    }

    #[tokio::test]
    async fn what_is_not_a_file_of_ours_is_not_found() {
        for name in ["missing.css", "../Cargo.toml", "..%2FCargo.toml", "fonts", "fonts/", "%00", "app.css/"]
        {
            assert_eq!(ask(&url(name), None).await.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
