//! A table for a terminal: aligned columns, hostile text made visible, long cells cut.

use std::fmt::Write;

use crate::x509::visible;

/// The widest cell; what is longer ends in `…`.
const MAX_CELL: usize = 56;

/// Columns whose width only grows, so that the pages of a long list stay aligned.
pub struct Table<const N: usize> {
    widths: [usize; N],
    right: [bool; N],
}

impl<const N: usize> Table<N> {
    /// A table with these columns set to the right.
    pub fn new(right: [bool; N]) -> Self {
        Self { widths: [0; N], right }
    }

    /// The rows as lines.
    pub fn lines(&mut self, rows: &[[String; N]]) -> String {
        let rows: Vec<[String; N]> =
            rows.iter().map(|row| row.each_ref().map(|cell| cut(&visible(cell)))).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(columns(cell));
            }
        }
        let mut lines = String::new();
        for row in &rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(self.widths).zip(self.right) {
                let padding = " ".repeat(width - columns(cell));
                let (before, after) = if right { (padding.as_str(), "") } else { ("", padding.as_str()) };
                // Writing to a String cannot fail.
                let _ = write!(line, "{before}{cell}{after}  ");
            }
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        lines
    }
}

fn cut(text: &str) -> String {
    if columns(text) <= MAX_CELL {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += width(character);
        if used >= MAX_CELL {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// How many columns of a terminal a character takes: none for a combining mark, two for a wide one (UAX 11).
fn width(character: char) -> usize {
    match character {
        '\u{0300}'..='\u{036f}' | '\u{20d0}'..='\u{20ff}' => 0,
        '\u{1100}'..='\u{115e}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_the_text() {
        let mut table = Table::new([false, true]);
        let rows =
            [["証明", "1"], ["e\u{301}a", "-20"], ["a\u{1b}[2J", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table.lines(&rows), "証明            1\ne\u{301}a            -20\na‹U+001B›[2J\n");
        let long = table.lines(&[["x".repeat(300), String::new()]]);
        assert_eq!(long, format!("{}…\n", "x".repeat(55)));
    }
}
