//! PEM of any length, read block by block in flat memory.

use std::collections::VecDeque;
use std::io::BufRead;

use super::reading::Reading;
use super::{Error, Found, Limits, Thing, Work};
use crate::x509::pem::Blocks;

/// Everything in a PEM text, in order and with duplicates; only one block is held at a time.
///
/// A block larger than its limit is [`Thing::Unreadable`], and the reading goes on. An error is the last thing: the
/// reader failed.
pub struct Stream<'a, R> {
    blocks: Blocks<R>,
    reading: Reading<'a>,
    waiting: VecDeque<Found>,
}

impl<'a, R: BufRead> Stream<'a, R> {
    /// Reads `reader`; the limits are those of one block, the whole may have any length.
    pub fn new(reader: R, password: Option<&'a str>, limits: Limits) -> Self {
        let blocks = Blocks::new(reader, limits.block);
        Self { blocks, reading: Reading::new(password, limits, Work::new()), waiting: VecDeque::new() }
    }
}

impl<R: BufRead> Iterator for Stream<'_, R> {
    type Item = Result<Found, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.waiting.pop_front() {
                return Some(Ok(found));
            }
            let block = match self.blocks.next()? {
                Ok(block) => block,
                Err(error) => return Some(Err(Error::Unreadable(error.to_string()))),
            };
            let (place, label) = (block.place(), block.label.clone());
            let refused = self.reading.pem_block(block).err();
            self.waiting.extend(self.reading.take());
            if let Some(error) = refused {
                let thing = Thing::Unreadable { label, reason: error.to_string(), bytes: Vec::new() };
                self.waiting.push_back(Found { place, thing });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::pem;

    #[test]
    fn one_block_too_large_does_not_lose_the_others() {
        let text = [pem::write("X", &[7; 90]), pem::write("CERTIFICATE", &[0x30, 3, 2, 1, 5])].concat();
        let limits = Limits { block: 60, ..Limits::default() };
        let found: Vec<Found> = Stream::new(text.as_bytes(), None, limits).map(Result::unwrap).collect();
        let places: Vec<&str> = found.iter().map(|found| found.place.as_str()).collect();
        assert_eq!(places, ["PEM block 1, line 1", "PEM block 2, line 5"]);
        assert!(found.iter().all(|found| matches!(found.thing, Thing::Unreadable { .. })));
    }
}
