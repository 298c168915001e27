//! A forgiving reader of tag, length and value (X.690 §8.1), for the places where odd bytes must be
//! shown instead of refused: names and the contents of extensions. It never fails on nonsense inside a
//! value, it only stops.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element: its identifier octet, its content, and both with the length between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub tag: u8,
    pub value: &'a [u8],
    pub raw: &'a [u8],
}

/// The elements of `input`, one after the other, until the end or the first malformed one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

/// Reads the elements that stand side by side in `input`.
pub(crate) fn elements(input: &[u8]) -> Elements<'_> {
    Elements { rest: input }
}

/// The content of the single element of `input`, if it has this tag and nothing follows it.
pub(crate) fn only(input: &[u8], tag: u8) -> Option<&[u8]> {
    let mut all = elements(input);
    let element = all.next()?;
    (element.tag == tag && all.rest.is_empty()).then_some(element.value)
}

/// The elements of a `SEQUENCE` that is all of `input`.
pub(crate) fn sequence(input: &[u8]) -> Option<Elements<'_>> {
    only(input, SEQUENCE).map(elements)
}

/// An unsigned `INTEGER` content that fits 32 bits.
pub(crate) fn small_integer(value: &[u8]) -> Option<u32> {
    let (first, _) = value.split_first()?;
    if first & 0x80 != 0 || value.len() > 5 {
        return None;
    }
    u32::try_from(value.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))).ok()
}

/// The indexes of the set bits of a `BIT STRING` content, most significant first, as in named bit lists.
pub(crate) fn named_bits(value: &[u8]) -> Option<Vec<usize>> {
    let (unused, bytes) = value.split_first()?;
    let len = (bytes.len() * 8).checked_sub(usize::from(*unused))?;
    let is_set = |bit: &usize| bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    Some((0..len.min(64)).filter(is_set).collect())
}

impl<'a> Elements<'a> {
    /// The next element if it has this tag; otherwise nothing is consumed.
    pub(crate) fn next_if(&mut self, tag: u8) -> Option<Tlv<'a>> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// What has not been read; after the last `next`, what could not be read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (&tag, after_tag) = self.rest.split_first()?;
        let (&first, after_length) = after_tag.split_first()?;
        // Tag numbers above 30 occur in no structure that is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, content) = match first {
            0..=0x7f => (usize::from(first), after_length),
            0x81..=0x84 => {
                let (bytes, content) = after_length.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)), content)
            }
            _ => return None,
        };
        let (value, rest) = content.split_at_checked(length)?;
        let raw = self.rest.get(..self.rest.len() - rest.len())?;
        self.rest = rest;
        Some(Tlv { tag, value, raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_in_order_and_stop_at_nonsense() {
        let mut all = elements(&[0x02, 0x01, 0x05, 0x04, 0x81, 0x01, 0xaa, 0x30, 0x05, 0x00]);
        let first = all.next().unwrap();
        assert_eq!((first.tag, first.value, first.raw), (INTEGER, &[5][..], &[2, 1, 5][..]));
        assert_eq!(all.next().unwrap().value, [0xaa]);
        assert!(all.next().is_none());
        assert_eq!(all.rest(), [0x30, 0x05, 0x00]);
    }

    #[test]
    fn a_length_beyond_the_input_or_of_unknown_form_is_refused() {
        for input in [
            &[0x30][..],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x85, 0, 0, 0, 0, 0],
        ] {
            assert!(elements(input).next().is_none(), "{input:?}");
        }
    }

    #[test]
    fn named_bits_count_from_the_most_significant() {
        assert_eq!(named_bits(&[5, 0b1010_0000]).unwrap(), [0, 2]);
        assert_eq!(named_bits(&[7, 0, 0x80]).unwrap(), [8]);
        assert!(named_bits(&[9, 0]).is_none());
    }

    #[test]
    fn small_integers_are_unsigned_and_bounded() {
        assert_eq!(small_integer(&[0]), Some(0));
        assert_eq!(small_integer(&[0, 0xff, 0xff, 0xff, 0xff]), Some(u32::MAX));
        assert_eq!(small_integer(&[0xff]), None);
        assert_eq!(small_integer(&[1, 0, 0, 0, 0]), None);
    }
}
