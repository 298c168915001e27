//! Text from inside certificates: how it is decoded, and how it is made safe to look at.

use std::borrow::Cow;
use std::fmt::Write;

/// Makes the characters of hostile text visible that steer a terminal, a mail client or a reader's eye.
///
/// Control, bidirectional, zero-width and other invisible characters become `‹U+202E›`. HTML is not escaped
/// here: that is the templates' part.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "‹U+{:04X}›", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// True for characters that change what is seen without being seen (Unicode TR 36 §2.5, TR 39 §3).
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{ffa0}' | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Decodes an ASN.1 character string as OpenSSL does; `None` for a type that holds no characters, or bytes
/// that are not of that type.
pub(crate) fn decode(tag: u8, value: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        // UTF8String
        0x0c => std::str::from_utf8(value).ok().map(Cow::Borrowed),
        // NumericString, PrintableString, TeletexString, IA5String, UTCTime, GeneralizedTime, VisibleString
        0x12..=0x14 | 0x16..=0x18 | 0x1a => Some(latin1(value)),
        // UniversalString
        0x1c => {
            let (characters, rest) = value.as_chunks::<4>();
            let all = characters.iter().map(|bytes| char::from_u32(u32::from_be_bytes(*bytes)));
            rest.is_empty().then(|| all.collect::<Option<String>>()).flatten().map(Cow::Owned)
        }
        // BMPString; surrogate pairs are not allowed but occur
        0x1e => {
            let (units, rest) = value.as_chunks::<2>();
            let all = char::decode_utf16(units.iter().map(|bytes| u16::from_be_bytes(*bytes)));
            rest.is_empty().then(|| all.collect::<Result<String, _>>().ok()).flatten().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Decodes text that should be ASCII but often is UTF-8 and sometimes Latin-1.
pub(crate) fn lenient(value: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(value).map_or_else(|_| latin1(value), Cow::Borrowed)
}

/// Replaces NUL, which no database text can hold, by the picture of it.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

fn latin1(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) if value.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(value.iter().map(|byte| char::from(*byte)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_shown_by_number() {
        assert_eq!(visible("shop\u{202e}moc.live"), "shop‹U+202E›moc.live");
        assert_eq!(visible("a\u{200b}b\nc\u{feff}\u{2066}"), "a‹U+200B›b‹U+000A›c‹U+FEFF›‹U+2066›");
        assert_eq!(visible("\u{e0041}\u{7f}\u{85}"), "‹U+E0041›‹U+007F›‹U+0085›");
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        for text in ["", "müller & söhne", "日本語", "<script>", "עברית", "a b"] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn strings_are_decoded_by_their_type() {
        assert_eq!(decode(0x1e, &[0x00, 0x41, 0x20, 0xac]).unwrap(), "A€");
        assert_eq!(decode(0x1c, &[0, 0, 0, 0x41, 0, 1, 0xf6, 0]).unwrap(), "A😀");
        assert_eq!(decode(0x14, &[0x41, 0xe9]).unwrap(), "Aé");
        assert_eq!(decode(0x0c, &[0xff]), None);
        assert_eq!(decode(0x1e, &[0x00]), None);
        assert_eq!(decode(0x1e, &[0xd8, 0x00]), None);
        assert_eq!(decode(0x02, &[1]), None);
    }

    #[test]
    fn nul_is_kept_visible() {
        assert_eq!(without_nul("good.example\0.evil.example"), "good.example␀.evil.example");
    }
}
