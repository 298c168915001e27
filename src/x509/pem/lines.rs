//! Lines of a text that may be of any length, of which never more than asked for is held.

use std::io::{self, BufRead};

use zeroize::Zeroizing;

/// Longer labels exist in no standard and no program.
const MAX_LABEL: usize = 64;
/// Room for a line of base64 and then some, so that the buffer seldom grows.
const USUAL_LINE: usize = 256;

/// Reads one line after the other. The buffer is wiped in the end: it may have held a key.
pub(super) struct Lines<R> {
    reader: R,
    text: Zeroizing<Vec<u8>>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, text: Zeroizing::new(Vec::with_capacity(USUAL_LINE)), number: 0 }
    }

    /// The number of the current line, from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Moves to the next line and keeps its first `keep` bytes; says whether that is all of it. `None` at the end.
    ///
    /// NUL bytes are dropped: PEM is ASCII, and ASCII as UTF-16 is ASCII with a NUL beside each character.
    pub(super) fn next(&mut self, keep: usize) -> io::Result<Option<bool>> {
        self.text.clear();
        let (mut complete, mut started) = (true, false);
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            started = true;
            let end = available.iter().position(|byte| *byte == b'\n');
            let line = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            let room = keep - self.text.len();
            let before = self.text.len();
            self.text.extend(line.iter().filter(|byte| **byte != 0).take(room));
            // Only a line that fills its room can be longer than it.
            let kept = self.text.len() - before;
            complete &= kept < room || line.iter().filter(|byte| **byte != 0).count() == kept;
            let used = end.map_or(available.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.number = self.number.saturating_add(usize::from(started));
        Ok(started.then_some(complete))
    }

    /// The current line without what surrounds its text.
    pub(super) fn trimmed(&self) -> &[u8] {
        without_mark(&self.text).trim_ascii()
    }

    /// The label, if this line is `-----BEGIN label-----` (or END).
    pub(super) fn marker(&self, keyword: &str) -> Option<String> {
        let line = self.trimmed().strip_prefix(b"-----")?.strip_suffix(b"-----")?;
        let label = line.strip_prefix(keyword.as_bytes())?.strip_prefix(b" ")?;
        let printable = label.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'-');
        if label.is_empty() || label.len() > MAX_LABEL || !printable {
            return None;
        }
        Some(String::from_utf8_lossy(label).into_owned())
    }
}

/// `text` without the byte order mark of UTF-8 or UTF-16.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    let marks = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"];
    marks.iter().find_map(|mark| text.strip_prefix(*mark)).unwrap_or(text)
}
