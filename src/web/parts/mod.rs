//! The values behind `templates/parts/`: one file there per component of the design, one struct here where a component
//! needs more than text. Geometry and words are made here from dates and `now`; a template only places them.
//!
//! A page imports what it uses and calls it as an expression; a part with a body is called with a block:
//!
//! ```text
//! {% extends "base.html" %}
//! {% import "parts/status.html" as status %}
//! {% import "parts/empty.html" as empty %}
//! {{ status::badge(row.badge) }}
//! {% call empty::empty("No certificates yet", true) %}<p>Import the first one.</p>{% endcall %}
//! ```
//!
//! | file | macros |
//! |---|---|
//! | `icon.html` | `icon(name, class = "", label = "")`, `mark()`, `avatar(initials, class = "")` |
//! | `status.html` | `badge(`[`Badge`]`)`, `status(tone, icon, text)` |
//! | `tile.html` | `tile(`[`Tile`]`)` |
//! | `life.html` | `life(`[`Life`]`)`, `expires(`[`Life`]`)` |
//! | `track.html` | `track(`[`Track`]`)` |
//! | `timeline.html` | `timeline(`[`Timeline`]`)` |
//! | `table.html` | `head(`[`Column`]`)` |
//! | `facet.html` | `facet(`[`Facet`]`)`, `facets([Facet], chosen)` |
//! | `query.html` | `chip(`[`Chip`]`)`, `query([Chip], q, label, placeholder)`, `keep([(name, value)])` |
//! | `notice.html` | `notice(`[`Notice`]`)` |
//! | `field.html` | `field(`[`Field`]`)`, `control(f)`, `remarks(f)` |
//! | `errsum.html` | `errsum([`[`FieldError`]`])` |
//! | `empty.html` | `call empty(title, motif)` |
//! | `dialog.html` | `button(id, text, icon = "", class = "")`, `call dialog(id, title, action, verb, danger, keep = "Cancel")` |
//! | `pager.html` | `pager(`[`Pager`]`)` |
//! | `definitions.html` | `definitions([`[`Definition`]`])` |
//! | `copyline.html` | `copyline(value, shown, label)`, `copy(value, label)` |
//! | `tabs.html` | `tabs(label, [`[`Tab`]`])` |
//! | `crumbs.html` | `link(href, text)`, `here(text)` |
//! | `drop.html` | `drop(name, label, hint, accept, multiple)` |
//! | `palette.html`, `head.html` | included by `base.html` and `bare.html` |

mod field;
mod listing;
mod timeline;
mod validity;

use std::fmt;

pub use field::{Choice, Field};
pub use listing::{Chip, Column, Facet, FacetValue, Order, Pager};
pub use timeline::{Bar, Grid, Timeline, Week, Zone};
pub use validity::{Life, Stop, Track};

pub use crate::services::FieldError;

use crate::web::phrases;

/// What a colour means; the only way a part is coloured (`data-tone`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to do.
    Ok,
    /// 30 days or less.
    Warn,
    /// 7 days or less, or needs an act soon.
    High,
    /// Expired, failing, revoked for compromise.
    Crit,
    /// In progress, or a remark.
    Info,
    /// Neither good nor bad.
    Mute,
}

impl Tone {
    /// The symbol that says the same without colour.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Ok => "circle-check",
            Self::Warn => "clock",
            Self::High => "triangle-alert",
            Self::Crit => "circle-x",
            Self::Info => "info",
            Self::Mute => "circle-dashed",
        }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::High => "high",
            Self::Crit => "crit",
            Self::Info => "info",
            Self::Mute => "mute",
        })
    }
}

/// A link that reads as what it does.
#[derive(Debug, Clone)]
pub struct Action {
    /// Where it leads.
    pub href: String,
    /// The verb, as on a button.
    pub text: String,
}

impl Action {
    /// A link to `href` that reads `text`.
    pub fn new(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self { href: href.into(), text: text.into() }
    }
}

/// A sentence that stands above what it is about: what happened in bold, then what follows from it. Both go through
/// [`phrases::visible`].
#[derive(Debug, Clone)]
pub struct Notice {
    /// How serious it is.
    pub tone: Tone,
    /// The first sentence.
    pub strong: String,
    /// The rest; may be empty.
    pub text: String,
    /// What to do about it.
    pub action: Option<Action>,
}

impl Notice {
    /// A notice without an action.
    pub fn new(tone: Tone, strong: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            tone,
            strong: phrases::visible(&strong.into()),
            text: phrases::visible(&text.into()),
            action: None,
        }
    }

    /// The same with a link to what to do.
    pub fn with_action(mut self, href: impl Into<String>, text: impl Into<String>) -> Self {
        self.action = Some(Action::new(href, text));
        self
    }
}

/// A state in a word, with its symbol.
#[derive(Debug, Clone)]
pub struct Badge {
    /// What the state means.
    pub tone: Tone,
    /// A symbol of `static/icons.svg`.
    pub icon: &'static str,
    /// The word.
    pub text: String,
}

impl Badge {
    /// A badge with the symbol of its tone. The word goes through [`phrases::visible`].
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, icon: tone.icon(), text: phrases::visible(&text.into()) }
    }

    /// The same with another symbol.
    pub fn with_icon(mut self, icon: &'static str) -> Self {
        self.icon = icon;
        self
    }

    /// The state of an inventory entry, by its name in the API (`valid`, `expiring`, `expired`, `revoked`, `superseded`,
    /// `retired`, `unreadable`); `tone` is that of its end, as [`Life`] has it. A name not known here stands for itself.
    pub fn of_status(status: &str, tone: Tone) -> Self {
        match status {
            "valid" => Self::new(Tone::Ok, "Valid"),
            "expiring" if tone == Tone::High => Self::new(Tone::High, "7 days or less"),
            "expiring" => Self::new(Tone::Warn, "30 days or less"),
            "expired" => Self::new(Tone::Crit, "Expired"),
            "revoked" => Self::new(Tone::Mute, "Revoked").with_icon("ban"),
            "superseded" => Self::new(Tone::Mute, "Replaced").with_icon("archive"),
            "retired" => Self::new(Tone::Mute, "Retired").with_icon("archive"),
            "unreadable" => Self::new(Tone::High, "Unreadable").with_icon("file-question-mark"),
            other => Self::new(Tone::Mute, other),
        }
    }
}

/// A number that leads to the list it counts.
#[derive(Debug, Clone)]
pub struct Tile {
    /// The list.
    pub href: String,
    /// What the number means; a zero is shown without emphasis.
    pub tone: Tone,
    /// A symbol of `static/icons.svg`.
    pub icon: &'static str,
    /// What is counted.
    pub label: String,
    /// How many.
    pub number: i64,
    /// One remark below.
    pub note: String,
}

impl Tile {
    /// Whether there is nothing to see.
    pub fn is_zero(&self) -> bool {
        self.number == 0
    }

    /// The number as it is read: `1,263`.
    pub fn shown(&self) -> String {
        phrases::thousands(&self.number)
    }
}

/// One of a row of views of the same thing.
#[derive(Debug, Clone)]
pub struct Tab {
    /// The view.
    pub href: String,
    /// Its name.
    pub text: String,
    /// How many it holds, as it is read.
    pub count: Option<String>,
    /// Set when the count asks for attention.
    pub tone: Option<Tone>,
    /// Whether this view is shown.
    pub current: bool,
}

impl Tab {
    /// A view without a count.
    pub fn new(href: impl Into<String>, text: impl Into<String>, current: bool) -> Self {
        Self { href: href.into(), text: text.into(), count: None, tone: None, current }
    }

    /// The same with its count.
    pub fn with_count(mut self, count: i64) -> Self {
        self.count = Some(phrases::thousands(&count));
        self
    }

    /// The same with its count in a colour.
    pub fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }
}

/// A term and its value in a definition list. The value goes through [`phrases::visible`].
#[derive(Debug, Clone)]
pub struct Definition {
    /// What it is called.
    pub term: String,
    /// What it is, to the eye.
    pub value: String,
    /// What the copy button takes; such a value is set in mono.
    pub copied: Option<String>,
    /// Where the value leads.
    pub href: Option<String>,
}

impl Definition {
    /// A term with plain text.
    pub fn new(term: impl Into<String>, value: &str) -> Self {
        Self { term: term.into(), value: phrases::visible(value), copied: None, href: None }
    }

    /// A hash or serial number given as hex: shown as `shown`, copied as `hex`.
    pub fn hash(term: impl Into<String>, hex: &str, shown: &str) -> Self {
        Self { copied: Some(hex.to_owned()), ..Self::new(term, shown) }
    }

    /// A value that leads somewhere.
    pub fn link(term: impl Into<String>, value: &str, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..Self::new(term, value) }
    }
}
