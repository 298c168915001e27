//! A caller: anonymous, a person with a session, or a program with a token. It talks to the router as a browser would.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Body};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// A header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// Fails with the body unless the status is `wanted`.
    #[track_caller]
    pub fn expect(self, wanted: u16) -> Answer {
        assert_eq!(self.status.as_u16(), wanted, "{}", self.text());
        self
    }

    /// Fails unless the body says `wanted`.
    #[track_caller]
    pub fn says(self, wanted: &str) -> Answer {
        assert!(self.text().contains(wanted), "`{wanted}` is missing in:\n{}", self.text());
        self
    }

    /// Fails if the body says `unwanted`.
    #[track_caller]
    pub fn says_not(self, unwanted: &str) -> Answer {
        assert!(!self.text().contains(unwanted), "`{unwanted}` must not be in:\n{}", self.text());
        self
    }
}

/// Where callers are unless they say otherwise.
const LOOPBACK: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Clones share the cookie jar.
#[derive(Clone)]
pub struct Client {
    router: Router,
    cookies: Arc<Mutex<Vec<(String, String)>>>,
    bearer: Option<String>,
    headers: Vec<(HeaderName, String)>,
    address: std::net::IpAddr,
}

impl Client {
    pub fn anonymous(router: Router) -> Client {
        Client { router, cookies: Arc::default(), bearer: None, headers: Vec::new(), address: LOOPBACK }
    }

    /// The same caller with a token instead of a session.
    pub fn with_token(&self, token: &str) -> Client {
        Client {
            router: self.router.clone(),
            cookies: Arc::default(),
            bearer: Some(token.to_owned()),
            headers: Vec::new(),
            address: self.address,
        }
    }

    /// The same caller, sending this header each time.
    pub fn with_header(&self, name: &'static str, value: &str) -> Client {
        let mut client = self.clone();
        client.headers.push((HeaderName::from_static(name), value.to_owned()));
        client
    }

    /// The same caller at this address.
    pub fn at(&self, address: std::net::IpAddr) -> Client {
        Client { address, ..self.clone() }
    }

    /// The cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    /// Plants a cookie, as an attacker or an old browser would.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.retain(|(other, _)| other != name);
        cookies.push((name.to_owned(), value.to_owned()));
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Body::empty()).await
    }

    /// Posts a form as this origin's own page would.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), Body::from(body)).await
    }

    pub async fn json(&self, method: Method, path: &str, value: &serde_json::Value) -> Answer {
        self.send(method, path, Some("application/json"), Body::from(value.to_string())).await
    }

    /// Uploads files and fields as `multipart/form-data`. A file is (field, file name, bytes).
    pub async fn upload(&self, path: &str, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Answer {
        let boundary = "notafter-test-boundary-7f3a";
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .bytes(),
            );
        }
        for (field, name, bytes) in files {
            body.extend(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                     Content-Type: application/octet-stream\r\n\r\n"
                )
                .bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        self.send(
            Method::POST,
            path,
            Some(&format!("multipart/form-data; boundary={boundary}")),
            Body::from(body),
        )
        .await
    }

    pub async fn send(&self, method: Method, path: &str, content_type: Option<&str>, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(body).unwrap();
        let peer = axum::extract::ConnectInfo(std::net::SocketAddr::from((self.address, 40_000)));
        request.extensions_mut().insert(peer);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        self.keep_cookies(&parts.headers);
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let gone = value.is_empty() || line.to_ascii_lowercase().contains("max-age=0");
            self.cookies.lock().unwrap().retain(|(other, _)| other != name);
            if !gone {
                self.cookies.lock().unwrap().push((name.to_owned(), value.to_owned()));
            }
        }
    }
}
