//! What surrounds a list: its columns, filters and pages. All of it is links, so that the state is in the URL.

use crate::web::phrases;

/// The direction of a sorted column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest, soonest or first first.
    Ascending,
    /// The other way round.
    Descending,
}

impl Order {
    /// The value of `aria-sort`.
    pub fn aria(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }

    /// The arrow beside the name.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Ascending => "arrow-up",
            Self::Descending => "arrow-down",
        }
    }
}

/// The head of a table's column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub label: String,
    /// Its priority and alignment: `p1` hides on phones, `p2` below 48rem, `p3` below 62rem, `num` aligns to the end.
    pub class: &'static str,
    /// The same list sorted by it, or by it the other way round.
    pub href: Option<String>,
    /// Set when the list is sorted by it.
    pub sorted: Option<Order>,
    /// Whether the name is for screen readers only (a column of buttons).
    pub hidden: bool,
}

impl Column {
    /// A column that does not sort.
    pub fn new(label: impl Into<String>, class: &'static str) -> Self {
        Self { label: label.into(), class, href: None, sorted: None, hidden: false }
    }

    /// The same with the link that sorts by it.
    pub fn sorting(mut self, href: impl Into<String>, sorted: Option<Order>) -> Self {
        self.href = Some(href.into());
        self.sorted = sorted;
        self
    }

    /// The same with its name for screen readers only.
    pub fn unnamed(mut self) -> Self {
        self.hidden = true;
        self
    }
}

/// One filter with its values, each with the number of entries it would leave.
#[derive(Debug, Clone)]
pub struct Facet {
    /// Its heading.
    pub title: String,
    /// The query parameter.
    pub name: String,
    /// Its values.
    pub values: Vec<FacetValue>,
}

impl Facet {
    /// A filter without values yet.
    pub fn new(title: impl Into<String>, name: impl Into<String>) -> Self {
        Self { title: title.into(), name: name.into(), values: Vec::new() }
    }

    /// The same with one value more. The label goes through [`phrases::visible`], the value does not.
    pub fn with(mut self, value: impl Into<String>, label: &str, count: i64, checked: bool) -> Self {
        let (label, count) = (phrases::visible(label), phrases::thousands(&count));
        self.values.push(FacetValue { value: value.into(), label, count, checked });
        self
    }

    /// How many of its values are chosen.
    pub fn chosen(&self) -> usize {
        self.values.iter().filter(|value| value.checked).count()
    }
}

/// One value of a [`Facet`].
#[derive(Debug, Clone)]
pub struct FacetValue {
    /// What the query carries.
    pub value: String,
    /// What is read.
    pub label: String,
    /// How many entries have it, as it is read.
    pub count: String,
    /// Whether it is in force.
    pub checked: bool,
}

/// A filter in force and the link that takes it away.
#[derive(Debug, Clone)]
pub struct Chip {
    /// The filter: `expires`.
    pub name: String,
    /// Its value in words: `within 30 days`.
    pub value: String,
    /// The same list without it.
    pub remove: String,
}

impl Chip {
    /// A filter in force. The value goes through [`phrases::visible`].
    pub fn new(name: impl Into<String>, value: &str, remove: impl Into<String>) -> Self {
        Self { name: name.into(), value: phrases::visible(value), remove: remove.into() }
    }
}

/// The foot of a list read by keyset pages.
#[derive(Debug, Clone)]
pub struct Pager {
    /// What is on this page: `50 of 1,263`.
    pub shown: String,
    /// The first page, when this is another.
    pub first: Option<String>,
    /// The page before, when there is one.
    pub previous: Option<String>,
    /// The page after, when there is one.
    pub next: Option<String>,
}
