//! What the middleware refuses before a door is reached, told in that door's own form: a problem to a program, a page to a browser, a line
//! of text to everything else.

use axum::{
    extract::Request,
    http::{
        HeaderValue, StatusCode,
        header::{ACCEPT, RETRY_AFTER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{api::error::Problem, routes::RequestId, web::error_page::ErrorPage};

/// A refusal on its way to [`draw`]; as an answer of its own it is a line of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    status: StatusCode,
    /// Anchor of the problem in `/api/docs`.
    slug: &'static str,
    title: &'static str,
    happened: &'static str,
    advice: &'static str,
    /// Seconds.
    retry_after: Option<u64>,
}

impl Refusal {
    pub(super) const HOST: Refusal = Refusal {
        status: StatusCode::BAD_REQUEST,
        slug: "malformed",
        title: "Which host?",
        happened: "A request names its host once, in a Host header, and this one does not.",
        advice: "A proxy in between may have changed it.",
        retry_after: None,
    };
    pub(super) const LONG_ADDRESS: Refusal = Refusal {
        status: StatusCode::URI_TOO_LONG,
        slug: "address",
        title: "The address is too long",
        happened: "The address is longer than 16 KiB.",
        advice: "Use fewer filters.",
        retry_after: None,
    };
    pub(super) const TOO_LARGE: Refusal = Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        slug: "too-large",
        title: "Too large",
        happened: "The body is larger than 10 MiB, so nothing was changed.",
        advice: "Send it in parts. The command line takes any number: notafter certificates import FILE.",
        retry_after: None,
    };
    pub(super) const LARGE_FORM: Refusal = Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        slug: "too-large",
        title: "Too large",
        happened: "The body is larger than the 128 KiB that this address takes, so nothing was changed.",
        advice: "Send less at once.",
        retry_after: None,
    };
    pub(super) const SLOW_FORM: Refusal = Refusal {
        status: StatusCode::REQUEST_TIMEOUT,
        slug: "slow",
        title: "This arrived too slowly",
        happened: "The body did not arrive within 10 seconds, so nothing was changed.",
        advice: "Try again, on a better connection.",
        retry_after: None,
    };
    pub(super) const BROKEN_OFF: Refusal = Refusal {
        status: StatusCode::BAD_REQUEST,
        slug: "malformed",
        title: "The request broke off",
        happened: "The body did not arrive whole, so nothing was changed.",
        advice: "Send it once more.",
        retry_after: None,
    };
    pub(super) const BUSY: Refusal = Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        slug: "unavailable",
        title: "Busy just now",
        happened: "The console works on as much as it can take, so it left this alone.",
        advice: "Try again in a second.",
        retry_after: Some(1),
    };
    pub(super) const SLOW: Refusal = Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        slug: "unavailable",
        title: "This took too long",
        happened: "This took longer than 30 seconds and was given up.",
        advice: "Look whether it was done before you try again.",
        retry_after: Some(5),
    };
    pub(super) const FAULT: Refusal = Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        slug: "fault",
        title: "The console made a mistake",
        happened: "An unexpected fault stopped this request. Nothing else is affected.",
        advice: "Try again. If it stays, give the administrator the x-request-id of this answer: the log says more under it.",
        retry_after: None,
    };

    fn text(&self) -> String {
        format!("{} {}", self.happened, self.advice)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, format!("{}\n", self.text())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Draws what was refused for whoever asked.
pub(super) async fn draw(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let wants_page = request
        .headers()
        .get(ACCEPT)
        .and_then(|kinds| kinds.to_str().ok())
        .is_some_and(|kinds| kinds.contains("text/html"));
    let reference = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let response = next.run(request).await;
    let Some(refusal) = response.extensions().get::<Refusal>().copied() else { return response };
    let mut drawn = match (is_api, wants_page) {
        (true, _) => {
            Problem::new(refusal.status, refusal.slug, refusal.title, refusal.text()).into_response()
        }
        (false, true) => {
            let page = ErrorPage::new(refusal.status, refusal.title, refusal.happened);
            (refusal.status, page.with_advice(refusal.advice).with_reference(reference)).into_response()
        }
        (false, false) => return response,
    };
    if let Some(seconds) = refusal.retry_after {
        drawn.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::any};
    use tower::ServiceExt;

    use super::*;

    async fn asked(path: &str, accept: &str, refusal: Refusal) -> (StatusCode, String, String, String) {
        let refuse = any(move || async move { refusal });
        let router = Router::new().fallback(refuse).layer(middleware::from_fn(draw));
        let request = Request::get(path).header(ACCEPT, accept).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let header = |name| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (status, kind, wait) = (answer.status(), header("content-type"), header("retry-after"));
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, kind, wait, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_program_gets_a_problem_a_browser_a_page_and_a_probe_a_line() {
        let (status, kind, wait, body) = asked("/api/v1/jobs", "text/html", Refusal::BUSY).await;
        assert_eq!((status.as_u16(), kind.as_str(), wait.as_str()), (503, "application/problem+json", "1"));
        assert!(body.contains("/api/docs#problem-unavailable"), "{body}");
        let (status, kind, wait, body) = asked("/jobs", "text/html,*/*", Refusal::SLOW).await;
        assert_eq!((status.as_u16(), wait.as_str()), (503, "5"));
        assert!(kind.starts_with("text/html") && body.contains("longer than 30 seconds"), "{body}");
        let (status, kind, _, body) = asked("/metrics", "*/*", Refusal::FAULT).await;
        assert!(
            kind.starts_with("text/plain") && status.as_u16() == 500 && body.lines().count() == 1,
            "{body}"
        );
    }
}
