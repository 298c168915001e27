//! Envelope encryption of secrets in rows: master key → a data key of its own per value → AES-256-GCM.
//!
//! The associated data names table, column, row and version of the master key, so a value opens only where it was
//! sealed. Turning to a new master key ([`rewrap`]) seals only the data key again; both versions open meanwhile.
//!
//! ```text
//! 1 byte format = 1 | 4 bytes version of the master key | 12 nonce | 32 + 16 data key, sealed | 12 nonce | value + 16, sealed
//! ```

use std::fmt::{self, Display};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::master_key::MasterKey;
use super::random;

const FORMAT: u8 = 1;
const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
const WRAPPED_LEN: usize = NONCE_LEN + KEY_LEN + TAG_LEN;

/// Where a sealed value is at home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    row: String,
}

impl Place {
    /// Names one field of one row; `row` is what identifies it for ever, known before the value is sealed.
    pub fn new(table: &'static str, column: &'static str, row: impl Display) -> Place {
        Place { table, column, row: row.to_string() }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} of row {}", self.table, self.column, self.row)
    }
}

/// Why a sealed value does not open. None of the texts tells which part of it failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are no sealed value.
    #[error("{place} is not a sealed value of a known format")]
    Malformed {
        /// Where it was read.
        place: Place,
    },
    /// The version of the master key is not at hand.
    #[error("{place} is sealed under version {version} of the master key, which is not loaded")]
    MissingKey {
        /// Where it was read.
        place: Place,
        /// The version it names.
        version: u32,
    },
    /// It was changed, moved, or sealed under another key.
    #[error(
        "{place} does not open: it was changed, moved from another row, or sealed under another master key"
    )]
    Broken {
        /// Where it was read.
        place: Place,
    },
}

/// The master keys at hand: the current one seals, older ones only open, until no row needs them.
pub struct KeyRing {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl KeyRing {
    /// A ring of one key and those it replaced.
    pub fn new(current: MasterKey, older: Vec<MasterKey>) -> KeyRing {
        KeyRing { current, older }
    }

    /// The key that seals.
    pub fn current(&self) -> &MasterKey {
        &self.current
    }

    fn version(&self, version: u32) -> Option<&MasterKey> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.version() == version)
    }
}

/// Seals a value for one place, under the current master key.
pub fn seal(keys: &KeyRing, place: &Place, value: &[u8]) -> Vec<u8> {
    let data_key = Zeroizing::new(random::bytes::<KEY_LEN>());
    let mut sealed = wrap(&keys.current, place, data_key.as_slice());
    sealed.extend(encrypt(data_key.as_slice(), &associated("value", place, None), value));
    sealed
}

/// Opens a value that was sealed for this place.
pub fn open(keys: &KeyRing, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let parts = Parts::of(sealed).ok_or_else(|| OpenError::Malformed { place: place.clone() })?;
    let data_key = unwrap(keys, place, &parts)?;
    let opened = decrypt(&data_key, &associated("value", place, None), parts.value);
    opened.ok_or_else(|| OpenError::Broken { place: place.clone() })
}

/// Seals the data key of a value under the current master key; the value itself stays as it is.
///
/// Opens it first, so a broken value is found and not carried on.
pub fn rewrap(keys: &KeyRing, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    open(keys, place, sealed)?;
    let parts = Parts::of(sealed).ok_or_else(|| OpenError::Malformed { place: place.clone() })?;
    let data_key = unwrap(keys, place, &parts)?;
    let mut rewrapped = wrap(&keys.current, place, &data_key);
    rewrapped.extend_from_slice(parts.value);
    Ok(rewrapped)
}

/// The version of the master key that a value names, or `None` for bytes that are no sealed value.
pub fn key_version(sealed: &[u8]) -> Option<u32> {
    Parts::of(sealed).map(|parts| parts.version)
}

/// A sealed value, taken apart.
struct Parts<'a> {
    version: u32,
    wrapped: &'a [u8],
    value: &'a [u8],
}

impl Parts<'_> {
    fn of(sealed: &[u8]) -> Option<Parts<'_>> {
        let (format, rest) = sealed.split_first()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (wrapped, value) = rest.split_at_checked(WRAPPED_LEN)?;
        let is_whole = *format == FORMAT && value.len() >= NONCE_LEN + TAG_LEN;
        is_whole.then_some(Parts { version: u32::from_be_bytes(*version), wrapped, value })
    }
}

fn wrap(key: &MasterKey, place: &Place, data_key: &[u8]) -> Vec<u8> {
    let version = key.version();
    let mut sealed = vec![FORMAT];
    sealed.extend(version.to_be_bytes());
    let aad = associated("data key", place, Some(version));
    sealed.extend(encrypt(key.derive("seal", b"").as_slice(), &aad, data_key));
    sealed
}

fn unwrap(keys: &KeyRing, place: &Place, parts: &Parts<'_>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let version = parts.version;
    let key = keys.version(version).ok_or_else(|| OpenError::MissingKey { place: place.clone(), version })?;
    let aad = associated("data key", place, Some(version));
    let data_key = decrypt(key.derive("seal", b"").as_slice(), &aad, parts.wrapped);
    data_key.ok_or_else(|| OpenError::Broken { place: place.clone() })
}

/// What a part is bound to; each field goes with its length, so that no two places read alike.
fn associated(part: &str, place: &Place, version: Option<u32>) -> Vec<u8> {
    let version = version.map(u32::to_be_bytes);
    let version = version.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
    let fields: [&[u8]; 5] =
        [part.as_bytes(), place.table.as_bytes(), place.column.as_bytes(), place.row.as_bytes(), version];
    let mut bytes = vec![FORMAT];
    for field in fields {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// Nonce, then ciphertext and tag.
fn encrypt(key: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).expect("the key has 32 bytes");
    // Room for the tag now: growing would leave a copy of the plain text behind.
    let mut bytes = Vec::with_capacity(plain.len() + TAG_LEN);
    bytes.extend_from_slice(plain);
    let nonce = key
        .seal_in_place_append_tag(Aad::from(aad), &mut bytes)
        .expect("AES-GCM seals anything below 64 GiB");
    let mut sealed = Vec::with_capacity(NONCE_LEN + bytes.len());
    sealed.extend_from_slice(nonce.as_ref());
    sealed.append(&mut bytes);
    sealed
}

fn decrypt(key: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let length = key.open_in_place(Nonce::from(nonce), Aad::from(aad), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(MasterKey::generate(1), Vec::new())
    }

    fn place(row: i64) -> Place {
        Place::new("keys", "pkcs8", row)
    }

    fn again(key: &MasterKey, version: u32) -> MasterKey {
        MasterKey::from_base64(version, &key.to_base64()).unwrap()
    }

    #[test]
    fn a_value_opens_where_it_was_sealed_and_is_not_readable_there() {
        let keys = ring();
        let sealed = seal(&keys, &place(7), b"the private scalar");
        assert_eq!(open(&keys, &place(7), &sealed).unwrap().as_slice(), b"the private scalar");
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        assert_ne!(sealed, seal(&keys, &place(7), b"the private scalar"));
        assert_eq!(key_version(&sealed), Some(1));
    }

    #[test]
    fn a_value_of_another_row_column_or_table_does_not_open() {
        let keys = ring();
        let sealed = seal(&keys, &place(7), b"secret");
        for other in [place(8), Place::new("keys", "note", 7), Place::new("tokens", "pkcs8", 7)] {
            let refused = open(&keys, &other, &sealed).unwrap_err();
            assert_eq!(refused, OpenError::Broken { place: other });
        }
        let refused = open(&keys, &place(8), &sealed).unwrap_err().to_string();
        assert!(refused.starts_with("keys.pkcs8 of row 8 does not open"), "{refused}");
    }

    #[test]
    fn fields_that_only_join_alike_are_different_places() {
        let keys = ring();
        let sealed = seal(&keys, &Place::new("keys", "a", "bc"), b"secret");
        assert!(open(&keys, &Place::new("keys", "ab", "c"), &sealed).is_err());
        assert!(open(&keys, &Place::new("key", "sa", "bc"), &sealed).is_err());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let keys = ring();
        let sealed = seal(&keys, &place(7), b"secret");
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut bent = sealed.clone();
                bent[at] ^= 1 << bit;
                assert!(open(&keys, &place(7), &bent).is_err(), "bit {bit} of byte {at}");
            }
            assert!(open(&keys, &place(7), &sealed[..at]).is_err(), "cut at {at}");
        }
        assert!(open(&keys, &place(7), &[sealed, vec![0]].concat()).is_err());
    }

    #[test]
    fn another_master_key_and_a_missing_version_are_refused() {
        let keys = ring();
        let sealed = seal(&keys, &place(7), b"secret");
        assert!(matches!(open(&ring(), &place(7), &sealed), Err(OpenError::Broken { .. })));
        let newer = KeyRing::new(MasterKey::generate(2), Vec::new());
        let refused = open(&newer, &place(7), &sealed).unwrap_err();
        assert_eq!(refused, OpenError::MissingKey { place: place(7), version: 1 });
        let renamed = KeyRing::new(MasterKey::generate(2), vec![again(keys.current(), 3)]);
        let mut posing = sealed;
        posing[4] = 3;
        assert!(open(&renamed, &place(7), &posing).is_err(), "the same key under another version");
    }

    #[test]
    fn halves_of_two_values_of_one_row_do_not_open_together() {
        let keys = ring();
        let (one, two) = (seal(&keys, &place(7), b"first"), seal(&keys, &place(7), b"other"));
        let border = 5 + WRAPPED_LEN;
        assert!(open(&keys, &place(7), &[&one[..border], &two[border..]].concat()).is_err());
    }

    #[test]
    fn a_rewrapped_value_opens_without_the_old_key() {
        let old = MasterKey::generate(1);
        let sealed = seal(&KeyRing::new(again(&old, 1), Vec::new()), &place(7), b"secret");
        let both = KeyRing::new(MasterKey::generate(2), vec![old]);
        let rewrapped = rewrap(&both, &place(7), &sealed).unwrap();
        assert_eq!(key_version(&rewrapped), Some(2));
        assert_eq!(open(&both, &place(7), &sealed).unwrap().as_slice(), b"secret");
        let only_new = KeyRing::new(again(both.current(), 2), Vec::new());
        assert_eq!(open(&only_new, &place(7), &rewrapped).unwrap().as_slice(), b"secret");
        assert!(open(&only_new, &place(7), &sealed).is_err());
        assert!(rewrap(&both, &place(8), &sealed).is_err(), "a moved value is found, not carried on");
    }

    proptest! {
        #[test]
        fn any_value_opens_at_its_own_place_and_at_no_other(
            value in prop::collection::vec(any::<u8>(), 0..300),
            row in any::<i64>(),
            other in any::<i64>(),
            at in any::<prop::sample::Index>(),
            mask in 1u8..,
        ) {
            let keys = ring();
            let sealed = seal(&keys, &place(row), &value);
            let opened = open(&keys, &place(row), &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), value.as_slice());
            if row != other {
                prop_assert!(open(&keys, &place(other), &sealed).is_err());
            }
            let mut bent = sealed;
            let at = at.index(bent.len());
            bent[at] ^= mask;
            prop_assert!(open(&keys, &place(row), &bent).is_err());
        }

        #[test]
        fn bytes_that_are_no_sealed_value_are_refused_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert!(open(&ring(), &place(1), &bytes).is_err());
        }
    }
}
