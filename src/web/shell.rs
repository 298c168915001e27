//! The frame around every signed-in page, as `templates/base.html` draws it: sidebar, top bar, palette. A view struct of
//! such a page holds a `shell: Shell`. The parts that pages use inside it are listed in [`super::parts`].

use super::parts::Notice;

/// Which entry of the sidebar the page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nav {
    /// `/`
    Overview,
    /// `/certificates` and below.
    Certificates,
    /// `/jobs` and below.
    Jobs,
    /// `/alerts` and below.
    Alerts,
    /// `/audit`
    Audit,
    /// `/settings` and below.
    Settings,
    /// `/account` and below.
    Account,
}

/// The person's choice of colours; `System` leaves it to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device says.
    #[default]
    System,
    /// Light on every device.
    Light,
    /// Dark on every device.
    Dark,
}

impl Theme {
    /// The theme of that name, as forms and rows spell it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "system" => Some(Self::System),
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// Its name in forms and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// All of them, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::System];

    /// Its symbol in the menu.
    pub fn icon(self) -> &'static str {
        match self {
            Self::System => "monitor",
            Self::Light => "sun",
            Self::Dark => "moon",
        }
    }

    /// What the menu calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::System => "Match system",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The value of `data-theme`, or `None` when the device decides.
    pub fn attribute(self) -> Option<&'static str> {
        (self != Self::System).then_some(self.name())
    }
}

/// Which entries this person may open; the others are not drawn.
#[derive(Debug, Clone, Default)]
pub struct Entries {
    /// The list of jobs.
    pub jobs: bool,
    /// Rules and deliveries.
    pub alerts: bool,
    /// The audit log.
    pub audit: bool,
    /// The first page of the settings that may be opened.
    pub settings: Option<String>,
}

/// Everything the frame shows.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The person's name, or address where there is none.
    pub user_name: String,
    /// The person's mail address.
    pub user_email: String,
    /// The two letters of the avatar.
    pub initials: String,
    /// The person's colours.
    pub theme: Theme,
    /// Where this page stands in the sidebar.
    pub nav: Nav,
    /// What else may be opened.
    pub can: Entries,
    /// How many certificates this person sees, as it is read (`1,263`).
    pub certificates_count: Option<String>,
    /// Path and query of this page, where the theme form leads back to.
    pub path: String,
    /// A state of the console itself that everybody should know, such as a missed sweep.
    pub banner: Option<Notice>,
    /// The outcome of what was just done.
    pub flash: Option<Notice>,
}

/// A group of the sidebar.
#[derive(Debug)]
pub struct Group {
    /// Its heading; may be empty.
    pub title: &'static str,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// An entry of the sidebar or the palette.
#[derive(Debug)]
pub struct Entry {
    /// Where it leads.
    pub href: String,
    /// A symbol of `static/icons.svg`.
    pub icon: &'static str,
    /// Its name.
    pub text: &'static str,
    /// How many there are, as it is read.
    pub count: Option<String>,
    /// Whether the page belongs to it.
    pub current: bool,
}

impl Shell {
    /// The frame for a person on a page, with every list open to them and nothing to announce.
    pub fn new(name: &str, email: &str, theme: Theme, nav: Nav, path: impl Into<String>) -> Self {
        let shown = if name.trim().is_empty() { email } else { name };
        Self {
            user_name: shown.to_owned(),
            user_email: email.to_owned(),
            initials: initials(shown),
            theme,
            nav,
            can: Entries::default(),
            certificates_count: None,
            path: path.into(),
            banner: None,
            flash: None,
        }
    }

    /// The sidebar.
    pub fn groups(&self) -> Vec<Group> {
        let mut work = vec![
            self.entry("/", "layout-dashboard", "Overview", Nav::Overview),
            Entry {
                count: self.certificates_count.clone(),
                ..self.entry("/certificates", "file-badge", "Certificates", Nav::Certificates)
            },
        ];
        if self.can.jobs {
            work.push(self.entry("/jobs", "refresh-cw", "Jobs", Nav::Jobs));
        }
        let mut oversight = Vec::new();
        if self.can.alerts {
            oversight.push(self.entry("/alerts", "bell", "Alerts", Nav::Alerts));
        }
        if self.can.audit {
            oversight.push(self.entry("/audit", "scroll-text", "Audit", Nav::Audit));
        }
        let settings =
            self.can.settings.as_deref().map(|href| self.entry(href, "settings", "Settings", Nav::Settings));
        let groups = [("", work), ("Oversight", oversight), ("", settings.into_iter().collect())];
        let filled = groups.into_iter().filter(|(_, entries)| !entries.is_empty());
        filled.map(|(title, entries)| Group { title, entries }).collect()
    }

    /// What the palette offers besides the search: the sidebar and the account.
    pub fn pages(&self) -> Vec<Entry> {
        let account = self.entry("/account", "user", "My account", Nav::Account);
        self.groups().into_iter().flat_map(|group| group.entries).chain([account]).collect()
    }

    /// Whether this is a page of the person's own account.
    pub fn on_account(&self) -> bool {
        self.nav == Nav::Account
    }

    fn entry(&self, href: &str, icon: &'static str, text: &'static str, nav: Nav) -> Entry {
        Entry { href: href.to_owned(), icon, text, count: None, current: self.nav == nav }
    }
}

/// The first letters of the first and the last word, or the first letter of an address.
fn initials(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let (first, last) = (words.first(), words.get(1..).and_then(<[_]>::last));
    let letters = first.into_iter().chain(last).filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    letters.flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_two_letters_at_most() {
        assert_eq!(initials("Ines Moreau"), "IM");
        assert_eq!(initials("ana maria de souza"), "AS");
        assert_eq!(initials("ines@halden.example"), "I");
        assert_eq!(initials("<script>"), "S");
        assert_eq!(initials(" "), "");
    }

    #[test]
    fn an_entry_that_may_not_be_opened_is_not_drawn() {
        let mut shell = Shell::new("Ines Moreau", "ines@halden.example", Theme::System, Nav::Jobs, "/jobs");
        let names = |shell: &Shell| shell.pages().iter().map(|entry| entry.text).collect::<Vec<_>>();
        assert_eq!(names(&shell), ["Overview", "Certificates", "My account"]);
        shell.can =
            Entries { jobs: true, alerts: true, audit: true, settings: Some("/settings/tokens".to_owned()) };
        assert_eq!(
            names(&shell),
            ["Overview", "Certificates", "Jobs", "Alerts", "Audit", "Settings", "My account"]
        );
        assert_eq!(shell.pages().iter().filter(|entry| entry.current).count(), 1);
    }
}
