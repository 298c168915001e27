//! CSV that no spreadsheet program runs (S12): UTF-8, RFC 4180, and a quote mark before whatever could be read as a formula.

use std::borrow::Cow;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Text from anywhere.
    Text(Cow<'a, str>),
    /// A number, which stays one.
    Number(i64),
    /// Nothing.
    Empty,
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Empty, Into::into)
    }
}

/// The mark before text that begins like a formula: `= + - @`, their full-width forms, or a character that hides one behind it.
pub fn harmless(text: &str) -> Cow<'_, str> {
    // The last one is a byte order mark: at the front of a file readers drop it, and with it what it hides.
    const RISKY: &[char] =
        &['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '\u{feff}'];
    match text.starts_with(RISKY) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// One row with its line end.
pub fn row<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Vec<u8> {
    let mut line = Vec::new();
    append(&mut line, cells);
    line
}

/// Adds one row to `lines`.
pub fn append<'a>(lines: &mut Vec<u8>, cells: impl IntoIterator<Item = Cell<'a>>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            lines.push(b',');
        }
        match cell {
            Cell::Text(text) => quoted(lines, &harmless(&text)),
            Cell::Number(number) => lines.extend_from_slice(number.to_string().as_bytes()),
            Cell::Empty => {}
        }
    }
    lines.extend_from_slice(b"\r\n");
}

/// RFC 4180 §2, rules 5 to 7.
fn quoted(lines: &mut Vec<u8>, text: &str) {
    if !text.contains(['"', ',', '\r', '\n']) && !text.starts_with(' ') && !text.ends_with(' ') {
        lines.extend_from_slice(text.as_bytes());
        return;
    }
    lines.push(b'"');
    lines.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    lines.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_text_with_its_mark(texts in proptest::collection::vec(".*", 1..5)) {
            let line = row(texts.iter().map(|text| Cell::from(text.as_str())));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_slice());
            let read = reader.records().next();
            let read: Vec<String> = match read {
                Some(record) => record.unwrap().iter().map(str::to_owned).collect(),
                None => vec![String::new()],
            };
            let wanted: Vec<String> = texts.iter().map(|text| harmless(text).into_owned()).collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn no_cell_begins_a_formula(start in "[=+@\t\r\n＝＋－＠-]", rest in ".*") {
            let text = format!("{start}{rest}");
            prop_assert!(harmless(&text).starts_with('\''));
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        assert_eq!(row([Cell::from(-7), Cell::from("a,b"), Cell::from(None::<i64>)]), b"-7,\"a,b\",\r\n");
    }
}
