//! Every path as a function, so that a page that moves moves everywhere; and the check of a path that came from outside.

use url::form_urlencoded::Serializer;

/// The longest path that is followed back after a sign-in.
const LONGEST_NEXT: usize = 2000;

/// The overview.
pub const OVERVIEW: &str = "/";
/// Sign-in.
pub const LOGIN: &str = "/login";
/// Sign-out.
pub const LOGOUT: &str = "/logout";
/// The first administrator.
pub const SETUP: &str = "/setup";
/// My account.
pub const ACCOUNT: &str = "/account";
/// The password once more.
pub const CONFIRM: &str = "/account/confirm";
/// A new API token.
pub const NEW_TOKEN: &str = "/account/tokens/new";
/// People.
pub const USERS: &str = "/settings/users";
/// Somebody new.
pub const NEW_USER: &str = "/settings/users/new";
/// Teams.
pub const TEAMS: &str = "/settings/teams";
/// A new team.
pub const NEW_TEAM: &str = "/settings/teams/new";
/// The alert rule and what was sent.
pub const ALERTS: &str = "/alerts";
/// The rule, to change it.
pub const ALERT_RULE: &str = "/alerts/rule";
/// A test mail to myself.
pub const TEST_MAIL: &str = "/alerts/test";
/// Everybody's API tokens.
pub const TOKENS: &str = "/settings/tokens";

/// What programs may call.
pub const API_DOCS: &str = "/api/docs";
/// The audit log.
pub const AUDIT: &str = "/audit";

/// A view of the queue: `failing`, `running`, `waiting` or `finished`.
pub fn jobs(state: &str) -> String {
    format!("/jobs?state={state}")
}

/// A job.
pub fn job(id: i64) -> String {
    format!("/jobs/{id}")
}

/// An act on a job: `retry` or `cancel`.
pub fn job_act(id: i64, act: &str) -> String {
    format!("/jobs/{id}/{act}")
}

/// The inventory.
pub const CERTIFICATES: &str = "/certificates";
/// New certificates.
pub const IMPORT: &str = "/certificates/import";

/// One certificate.
pub fn certificate(id: i64) -> String {
    format!("{CERTIFICATES}/{id}")
}

/// A page or an act of one certificate: `chain`, `history`, `raw`, `edit`, `retire`, `restore`.
pub fn certificate_part(id: i64, part: &str) -> String {
    format!("{CERTIFICATES}/{id}/{part}")
}

/// One certificate as a file.
pub fn download(id: i64, format: &str) -> String {
    format!("{CERTIFICATES}/{id}/download?format={format}")
}

/// Sign-in, and then on to `next`.
pub fn login(next: &str) -> String {
    with_next(LOGIN, next)
}

/// The password once more, and then on to `next`.
pub fn confirm(next: &str) -> String {
    with_next(CONFIRM, next)
}

/// The set-up link with its token.
pub fn setup(token: &str) -> String {
    format!("{SETUP}?{}", Serializer::new(String::new()).append_pair("token", token).finish())
}

/// A link that sets a password.
pub fn password(token: &str) -> String {
    format!("/password/{token}")
}

/// One of my tokens, to revoke it.
pub fn revoke_own_token(id: i64) -> String {
    format!("/account/tokens/{id}/revoke")
}

/// A token of anybody, to revoke it.
pub fn revoke_token(id: i64) -> String {
    format!("{TOKENS}/{id}/revoke")
}

/// A person.
pub fn user(id: i64) -> String {
    format!("{USERS}/{id}")
}

/// An act on a person: `disable`, `enable` or `link`.
pub fn user_act(id: i64, act: &str) -> String {
    format!("{USERS}/{id}/{act}")
}

/// A team.
pub fn team(id: i64) -> String {
    format!("{TEAMS}/{id}")
}

/// An act on a team: `members` or `delete`.
pub fn team_act(id: i64, act: &str) -> String {
    format!("{TEAMS}/{id}/{act}")
}

/// A delivery that was refused, to send it again.
pub fn send_again(id: i64) -> String {
    format!("{ALERTS}/deliveries/{id}/send")
}

/// The mail about an entry, alone: what the preview frames.
pub fn mail_preview(certificate: i64) -> String {
    format!("{ALERTS}/preview/mail?certificate={certificate}")
}

/// `next` if it is a path of this console, else the overview: nobody is sent elsewhere after giving a password.
pub fn safe_next(next: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let stays = path.starts_with('/') && !path.contains("//") && !path.contains("/.");
    let stays = stays && next.len() <= LONGEST_NEXT;
    let leads_on = !next.starts_with(LOGIN) && !next.starts_with(LOGOUT);
    if stays && leads_on && next.chars().all(is_plain) { next } else { OVERVIEW }
}

fn with_next(path: &str, next: &str) -> String {
    match safe_next(next) {
        OVERVIEW => path.to_owned(),
        next => format!("{path}?{}", Serializer::new(String::new()).append_pair("next", next).finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_ours_is_followed() {
        for good in ["/certificates?q=a%20b&status=expired", "/jobs/7", "/"] {
            assert_eq!(safe_next(good), good);
        }
        for bad in [
            "",
            "https://evil.example/",
            "//evil.example",
            "/..//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/login?next=/",
            "/logout",
        ] {
            assert_eq!(safe_next(bad), "/", "{bad}");
        }
        assert_eq!(safe_next(&format!("/{}", "a".repeat(3000))), "/");
    }

    #[test]
    fn the_way_back_is_part_of_the_address() {
        assert_eq!(login("/jobs?state=failed"), "/login?next=%2Fjobs%3Fstate%3Dfailed");
        assert_eq!(login("//evil.example"), "/login");
    }
}
