//! A form's field with everything it may need: the page's view struct builds it, `parts/field.html` draws it. Its name is
//! also its id, so that the summary on top of a failed form can lead to it.

use crate::services::FieldError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input(&'static str),
    Textarea,
    Select,
    Check,
    Switch,
}

/// One value of a choice.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What is read.
    pub label: String,
    /// Whether it is the one.
    pub selected: bool,
}

/// A labelled control with its hint and its error.
#[derive(Debug, Clone)]
pub struct Field {
    kind: Kind,
    /// What the form sends it as; also its id.
    pub name: String,
    /// What it is called on the page.
    pub label: String,
    /// What is in it.
    pub value: String,
    /// A remark below.
    pub hint: String,
    /// Why it was not accepted; empty when it was.
    pub error: String,
    /// The `autocomplete` attribute.
    pub autocomplete: &'static str,
    /// An example of a value.
    pub placeholder: String,
    /// Whether it must be filled.
    pub required: bool,
    /// Whether the page starts in it.
    pub autofocus: bool,
    /// Whether a box is ticked.
    pub checked: bool,
    /// Whether a text is set in mono, without spelling marks.
    pub code: bool,
    /// The height of a text area.
    pub rows: u8,
    /// The fewest characters accepted.
    pub min_length: Option<usize>,
    /// The most characters accepted.
    pub max_length: Option<usize>,
    /// The least number or earliest date accepted.
    pub min: Option<String>,
    /// The greatest number or latest date accepted.
    pub max: Option<String>,
    /// The values of a select.
    pub options: Vec<Choice>,
}

impl Field {
    fn of(kind: Kind, name: &str, label: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            label: label.to_owned(),
            value: String::new(),
            hint: String::new(),
            error: String::new(),
            autocomplete: "",
            placeholder: String::new(),
            required: false,
            autofocus: false,
            checked: false,
            code: false,
            rows: 4,
            min_length: None,
            max_length: None,
            min: None,
            max: None,
            options: Vec::new(),
        }
    }

    /// One line of text.
    pub fn text(name: &str, label: &str) -> Self {
        Self::of(Kind::Input("text"), name, label)
    }

    /// An `<input>` of another type: `number`, `date`, `url`, `search`.
    pub fn input(kind: &'static str, name: &str, label: &str) -> Self {
        Self::of(Kind::Input(kind), name, label)
    }

    /// A mail address.
    pub fn email(name: &str, label: &str) -> Self {
        Self::of(Kind::Input("email"), name, label)
    }

    /// A password: `autocomplete` is `current-password` or `new-password`. It is never drawn with a value.
    pub fn password(name: &str, label: &str, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..Self::of(Kind::Input("password"), name, label) }
    }

    /// Several lines of text.
    pub fn textarea(name: &str, label: &str, rows: u8) -> Self {
        Self { rows, ..Self::of(Kind::Textarea, name, label) }
    }

    /// A choice of one. Give it values with [`Field::option`].
    pub fn select(name: &str, label: &str) -> Self {
        Self::of(Kind::Select, name, label)
    }

    /// A box to tick; sends `on`.
    pub fn check(name: &str, label: &str, checked: bool) -> Self {
        Self { checked, ..Self::of(Kind::Check, name, label) }
    }

    /// A switch; sends `on`.
    pub fn switch(name: &str, label: &str, checked: bool) -> Self {
        Self { checked, ..Self::of(Kind::Switch, name, label) }
    }

    /// The same with what is in it. A password stays empty.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        if self.kind != Kind::Input("password") {
            self.value = value.into();
        }
        self
    }

    /// The same with a remark below.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with its error, if `errors` has one for it.
    pub fn errors(mut self, errors: &[FieldError]) -> Self {
        if let Some(error) = errors.iter().find(|error| error.field == self.name) {
            self.error.clone_from(&error.message);
        }
        self
    }

    /// The same, to be filled by the browser as `autocomplete` says.
    pub fn autocomplete(mut self, autocomplete: &'static str) -> Self {
        self.autocomplete = autocomplete;
        self
    }

    /// The same with an example.
    pub fn placeholder(mut self, placeholder: impl Into<String>) -> Self {
        self.placeholder = placeholder.into();
        self
    }

    /// The same, to be filled.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, where the page starts.
    pub fn autofocus(mut self) -> Self {
        self.autofocus = true;
        self
    }

    /// The same in mono, without spelling marks.
    pub fn code(mut self) -> Self {
        self.code = true;
        self
    }

    /// The same with the fewest and the most characters accepted.
    pub fn length(mut self, min: usize, max: usize) -> Self {
        self.min_length = (min > 0).then_some(min);
        self.max_length = Some(max);
        self
    }

    /// The same with the least and the greatest value accepted.
    pub fn between(mut self, min: impl ToString, max: impl ToString) -> Self {
        self.min = Some(min.to_string());
        self.max = Some(max.to_string());
        self
    }

    /// The same with one value more to choose; the field's own value decides which is selected.
    pub fn option(mut self, value: impl Into<String>, label: impl Into<String>) -> Self {
        let value = value.into();
        let selected = value == self.value;
        self.options.push(Choice { value, label: label.into(), selected });
        self
    }

    /// The `type` of the `<input>`.
    pub fn input_type(&self) -> &'static str {
        match self.kind {
            Kind::Input(kind) => kind,
            Kind::Check | Kind::Switch => "checkbox",
            Kind::Textarea | Kind::Select => "text",
        }
    }

    /// Whether it is a choice of one.
    pub fn is_select(&self) -> bool {
        self.kind == Kind::Select
    }

    /// Whether it holds several lines.
    pub fn is_textarea(&self) -> bool {
        self.kind == Kind::Textarea
    }

    /// Whether it is a box or a switch.
    pub fn is_tick(&self) -> bool {
        matches!(self.kind, Kind::Check | Kind::Switch)
    }

    /// Whether it is a switch.
    pub fn is_switch(&self) -> bool {
        self.kind == Kind::Switch
    }

    /// Whether it was not accepted.
    pub fn is_invalid(&self) -> bool {
        !self.error.is_empty()
    }

    /// Whether something below belongs to it.
    pub fn has_remarks(&self) -> bool {
        self.is_invalid() || !self.hint.is_empty()
    }
}
