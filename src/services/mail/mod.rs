//! The words of our mails: a model, rendered into subject, text and HTML by the templates under `templates/email/`.
//!
//! Everything that comes from a certificate or a person passes [`visible`](crate::x509::visible) before it reaches a template, so no control
//! or direction character survives; the HTML templates escape, and the sender refuses a header with a line break (S9, S35).

pub mod expiry;
pub mod parked;
pub mod test;

use crate::services::{Error, Result};

/// The longest subject, in characters.
pub const LONGEST_SUBJECT: usize = 70;

/// A mail without its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line of at most [`LONGEST_SUBJECT`] characters.
    pub subject: String,
    /// Complete in itself.
    pub text: String,
    /// The same for people who read HTML: inline style, nothing remote.
    pub html: String,
}

/// Cuts the middle out of a long name: its beginning and its end tell it apart from others.
fn cut_middle(name: &str, longest: usize) -> String {
    let length = name.chars().count();
    if length <= longest {
        return name.to_owned();
    }
    let kept = longest.saturating_sub(1);
    let head: String = name.chars().take(kept.div_ceil(2)).collect();
    let tail: String = name.chars().skip(length - kept / 2).collect();
    format!("{head}…{tail}")
}

/// Renders a template; that it fails is a defect of ours.
fn render(template: &impl askama::Template) -> Result<String> {
    template.render().map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_name_is_cut() {
        assert_eq!(cut_middle("shop.example", 12), "shop.example");
        assert_eq!(cut_middle("abcdefghij", 5), "ab…ij");
        assert_eq!(cut_middle("abcdefghij", 6), "abc…ij");
        assert_eq!(cut_middle("äöüäöüäöü", 4).chars().count(), 4);
        assert_eq!(cut_middle("abc", 0), "…");
    }
}
