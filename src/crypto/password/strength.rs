//! Which new passwords are refused: too short, too long, or guessed early.
//!
//! Guessing programs try common words with years, runs of keys and repetitions around them. So the password is read
//! from left to right and every such part counts as one or a few characters, whatever its length; what then counts
//! less than [`EFFORT`] is refused. No rule asks for digits or signs: they add nothing that a guesser does not try.

use std::collections::HashSet;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{LEAST, MOST, normalise};

/// Words and phrases that passwords are commonly built from, one a line, lower case, letters and digits only.
const COMMON: &str = include_str!("common.txt");

/// Rows of keys, and the two orders everybody knows; each is also read backwards.
const ROWS: [&str; 6] =
    ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop"];

/// Fewest characters that must remain once every guessable part counts for little.
const EFFORT: usize = 10;

/// Shortest run of a row, and shortest repetition of one character, that counts as one part.
const RUN: usize = 3;

/// Why a new password is refused; the text is for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer than [`LEAST`] characters.
    #[error("a password needs at least 15 characters; a few unrelated words are easiest to remember")]
    TooShort,
    /// More than [`MOST`] characters.
    #[error("a password has at most 128 characters")]
    TooLong,
    /// Mostly the account's own name or address.
    #[error("this password is mostly your name, your address or the name of this console")]
    Own,
    /// The same few characters again and again.
    #[error("this password repeats the same few characters")]
    Repetitive,
    /// Common words, runs of keys, years.
    #[error("this password is among the first that are guessed: common words, years, or keys in a row")]
    Common,
}

/// Whether a new password may be used. `own` holds what anybody knows of the account: address, name.
pub fn check(password: &SecretString, own: &[&str]) -> Result<(), Weakness> {
    let normal = normalise(password);
    let length = normal.chars().count();
    if length < LEAST {
        return Err(Weakness::TooShort);
    }
    if length > MOST {
        return Err(Weakness::TooLong);
    }
    let letters = Letters::of(&normal);
    if letters.is_repetitive() {
        return Err(Weakness::Repetitive);
    }
    if letters.effort(&[]) < EFFORT {
        return Err(Weakness::Common);
    }
    let own = own_words(own);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    match letters.effort(&own) < EFFORT {
        true => Err(Weakness::Own),
        false => Ok(()),
    }
}

/// `alice.smith@corp.example`, `Alice Smith` → alice, smith, corp, example, and the whole without signs.
fn own_words(own: &[&str]) -> Vec<String> {
    let mut words = vec!["notafter".to_owned()];
    for text in own {
        let text = text.to_lowercase();
        words.push(text.chars().filter(|c| c.is_alphanumeric()).collect());
        words.extend(text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
    }
    words.retain(|word| word.chars().count() >= 3);
    words
}

/// A password as a guesser sees it: as typed in lower case, and with look-alike signs read as letters.
struct Letters {
    typed: Zeroizing<Vec<char>>,
    read: Zeroizing<Vec<char>>,
}

impl Letters {
    fn of(password: &str) -> Letters {
        let mut typed = Zeroizing::new(Vec::with_capacity(password.len() * 3));
        typed.extend(password.chars().flat_map(char::to_lowercase));
        let mut read = Zeroizing::new(Vec::with_capacity(typed.len()));
        read.extend(typed.iter().map(|c| look_alike(*c)));
        Letters { typed, read }
    }

    /// Few different characters, or one piece over and over.
    fn is_repetitive(&self) -> bool {
        let different: HashSet<char> = self.typed.iter().copied().collect();
        let length = self.typed.len();
        let has_period = |period: usize| {
            let later = self.typed.iter().skip(period);
            later.zip(self.typed.iter()).all(|(one, other)| one == other)
        };
        different.len() < 5 || (1..=length / 2).any(has_period)
    }

    /// How many characters a guesser still has to find.
    fn effort(&self, own: &[&str]) -> usize {
        let mut seen: HashSet<&str> = HashSet::new();
        let mut effort = 0;
        let mut at = 0;
        while at < self.typed.len() {
            let (length, cost) = self.part_at(at, own, &mut seen);
            effort += cost;
            at += length;
        }
        effort
    }

    /// The longest guessable part that begins here and what it counts, else one character that counts one.
    fn part_at<'a>(&self, at: usize, own: &[&'a str], seen: &mut HashSet<&'a str>) -> (usize, usize) {
        let mut best = (1, 1);
        let mut word = None;
        let candidates = COMMON.lines().map(|line| (line, 3)).chain(own.iter().map(|own| (*own, 1)));
        for (candidate, cost) in candidates {
            let length = candidate.chars().count();
            if length > best.0 && self.reads(at, candidate) {
                best = (length, cost);
                word = Some(candidate);
            }
        }
        for (length, cost) in [(self.run_at(at), 2), (self.year_at(at), 1)] {
            if length > best.0 {
                best = (length, cost);
                word = None;
            }
        }
        match word {
            // The second time the same word comes for nothing.
            Some(word) if !seen.insert(word) => (best.0, 0),
            _ => best,
        }
    }

    fn reads(&self, at: usize, word: &str) -> bool {
        let begins = |letters: &[char]| {
            let mut letters = letters.iter().skip(at);
            word.chars().all(|wanted| letters.next() == Some(&wanted))
        };
        begins(&self.typed) || begins(&self.read)
    }

    /// Length of a repetition or of a row of keys that begins here, or 0.
    fn run_at(&self, at: usize) -> usize {
        let rest = || self.typed.iter().skip(at).copied();
        let Some(first) = rest().next() else {
            return 0;
        };
        let repeated = rest().take_while(|c| *c == first).count();
        let along = |row: &mut dyn Iterator<Item = char>| {
            let mut row = row.skip_while(|c| *c != first);
            rest().take_while(|c| row.next() == Some(*c)).count()
        };
        let rows = ROWS.iter().flat_map(|row| [along(&mut row.chars()), along(&mut row.chars().rev())]);
        let longest = rows.max().unwrap_or_default().max(repeated);
        if longest >= RUN { longest } else { 0 }
    }

    /// 4 where a year of the last or this century stands, else 0.
    fn year_at(&self, at: usize) -> usize {
        let four: String = self.typed.iter().skip(at).take(4).collect();
        let is_year =
            four.chars().all(|c| c.is_ascii_digit()) && (four.starts_with("19") || four.starts_with("20"));
        if is_year && four.len() == 4 { 4 } else { 0 }
    }
}

/// The letter that a digit or sign is commonly written for.
fn look_alike(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 2] = ["alice.smith@corp.example", "Alice Smith"];

    fn judge(password: &str) -> Result<(), Weakness> {
        check(&SecretString::from(password.to_owned()), &OWN)
    }

    #[test]
    fn length_is_counted_in_characters_at_both_ends() {
        assert_eq!(judge("blöd wie Stroh"), Err(Weakness::TooShort));
        assert_eq!(judge("blöd wie Strohx"), Ok(()));
        let long: String = "kqzvwxj7mfp2hgd9btyr".chars().cycle().take(127).collect();
        assert_eq!(judge(&format!("{long}ö")), Ok(()));
        assert_eq!(judge(&format!("{long}öö")), Err(Weakness::TooLong));
    }

    #[test]
    fn repetitions_are_refused() {
        for weak in [
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "hjk1hjk1hjk1hjk1",
            "Xk9?Xk9?Xk9?Xk9?Xk",
            "121212211122121",
        ] {
            assert_eq!(judge(weak), Err(Weakness::Repetitive), "{weak}");
        }
    }

    #[test]
    fn common_words_with_years_signs_and_runs_are_refused() {
        for weak in [
            "password12345678",
            "P@ssw0rd12345678!",
            "Passwort2024!!!",
            "1234567890qwertz",
            "qwertyuiopasdfgh",
            "0987654321abcdefg",
            "iloveyou20242025",
            "correcthorsebatterystaple",
            "correct horse battery staple",
            "Administrator123",
            "Welcome-Welcome-2026",
            "letmein letmein please",
        ] {
            assert_eq!(judge(weak), Err(Weakness::Common), "{weak}");
        }
    }

    #[test]
    fn the_own_name_and_address_are_refused() {
        for weak in
            ["alice.smith@corp.example", "Smith-Alice-Smith-1", "notafter-corp-alice", "Al1ceSm1th!Corp2026"]
        {
            assert_eq!(judge(weak), Err(Weakness::Own), "{weak}");
        }
        assert_eq!(judge("alice plants nine crooked elms"), Ok(()));
    }

    #[test]
    fn unrelated_words_and_random_letters_are_accepted() {
        for fine in [
            "violet harbour 92 tin",
            "pflaume gondel stempel",
            "x9Kq2mVt7Lw4RbZ",
            "прилив сахар медь лето",
            "竹林の風は静かに夜を渡って月を待つ",
        ] {
            assert_eq!(judge(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn the_list_holds_plain_lower_case_words_once() {
        let words: Vec<&str> = COMMON.lines().collect();
        let different: HashSet<&str> = words.iter().copied().collect();
        assert_eq!(words.len(), different.len());
        for word in words {
            assert!(word.len() >= 3 && word.chars().all(|c| c.is_ascii_lowercase() || c == ' '), "{word}");
        }
    }
}
