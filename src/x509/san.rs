//! Alternative names (RFC 5280 §4.2.1.6), shown as `DNS:a.example` or `IP:192.0.2.1`.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{name, oid, text, tlv};

/// One general name. Text is what the certificate says, not checked for syntax.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum San {
    /// A DNS name, possibly a wildcard, as written.
    Dns(String),
    /// An IP address of 4 or 16 bytes.
    Ip(IpAddr),
    /// An IP address of any other length, as it is.
    BrokenIp(Vec<u8>),
    /// A mail address.
    Email(String),
    /// A URI.
    Uri(String),
    /// A distinguished name as an RFC 4514 string.
    DirName(String),
    /// A registered object identifier, dotted.
    RegisteredId(String),
    /// A name of a kind of its own.
    Other {
        /// The kind, dotted.
        oid: String,
        /// The name itself if it is a character string.
        value: Option<String>,
    },
    /// An X.400 address, an EDI party name or an unknown kind: its tag number and bytes.
    Unknown(u8, Vec<u8>),
}

impl fmt::Display for San {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            San::Dns(name) => write!(out, "DNS:{name}"),
            San::Ip(address) => write!(out, "IP:{address}"),
            San::BrokenIp(bytes) => write!(out, "IP:{}", hex::encode(bytes)),
            San::Email(address) => write!(out, "email:{address}"),
            San::Uri(uri) => write!(out, "URI:{uri}"),
            San::DirName(name) => write!(out, "dirName:{name}"),
            San::RegisteredId(oid) => write!(out, "RID:{oid}"),
            San::Other { oid, value: None } => write!(out, "other:{oid}"),
            San::Other { oid, value: Some(value) } => write!(out, "other:{oid}:{value}"),
            San::Unknown(tag, bytes) => write!(out, "{}:{}", unknown_kind(*tag), hex::encode(bytes)),
        }
    }
}

impl San {
    /// The name without the word for its kind.
    pub fn value(&self) -> String {
        let shown = self.to_string();
        shown.split_once(':').map_or(shown.clone(), |(_, value)| value.to_owned())
    }
}

/// Reads the elements of a `GeneralNames`; nothing is dropped but what has no length.
pub(crate) fn read_all(names: tlv::Elements<'_>) -> Vec<San> {
    names.map(read).collect()
}

/// Reads one `GeneralName`.
pub(crate) fn read(name: tlv::Tlv<'_>) -> San {
    let text = || text::without_nul(&text::lenient(name.value));
    match name.tag {
        0xa0 => other_name(name.value),
        0x81 => San::Email(text()),
        0x82 => San::Dns(text()),
        0xa4 => San::DirName(name::rfc4514(name.value)),
        0x86 => San::Uri(text()),
        0x87 => ip_address(name.value).map_or_else(|| San::BrokenIp(name.value.to_vec()), San::Ip),
        0x88 => San::RegisteredId(oid::dotted(name.value)),
        _ => San::Unknown(name.tag & 0x1f, name.value.to_vec()),
    }
}

/// An address of 4 or 16 bytes.
pub(crate) fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(|four| IpAddr::V4(Ipv4Addr::from(four)))
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(|sixteen| IpAddr::V6(Ipv6Addr::from(sixteen))))
        .ok()
}

/// All DNS and IP names, lower-cased, each once, in order; the common name where there is none.
pub(crate) fn names(sans: &[San], common_name: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |name: String| {
        if seen.insert(name.clone()) {
            names.push(name);
        }
    };
    for san in sans {
        match san {
            San::Dns(name) => add(normal(name)),
            San::Ip(address) => add(address.to_string()),
            _ => {}
        }
    }
    if let Some(common_name) = common_name.filter(|name| seen.is_empty() && could_be_served(name)) {
        names.push(normal(common_name));
    }
    names
}

/// The common name, else the first alternative name, else the subject if it is not empty.
pub(crate) fn primary(common_name: Option<&str>, sans: &[San], subject: &str) -> Option<String> {
    let common_name = common_name.filter(|name| !name.is_empty()).map(str::to_owned);
    common_name
        .or_else(|| sans.first().map(San::value).filter(|value| !value.is_empty()))
        .or_else(|| Some(subject.to_owned()).filter(|subject| !subject.is_empty()))
}

fn normal(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<IpAddr>().map_or_else(|_| name.to_lowercase(), |address| address.to_string())
}

/// True for an address and for a host name, the first label perhaps `*`.
fn could_be_served(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let host = name.strip_prefix("*.").unwrap_or(name);
    let is_dns = name.len() <= 253 && host.split('.').all(label);
    is_dns || name.parse::<IpAddr>().is_ok()
}

fn other_name(content: &[u8]) -> San {
    let mut parts = tlv::elements(content);
    let Some(kind) = parts.next_if(tlv::OID) else {
        return San::Unknown(0, content.to_vec());
    };
    let value = parts
        .next_if(0xa0)
        .and_then(|explicit| tlv::elements(explicit.value).next())
        .and_then(|value| text::decode(value.tag, value.value))
        .map(|decoded| text::without_nul(&decoded));
    San::Other { oid: oid::dotted(kind.value), value }
}

fn unknown_kind(tag: u8) -> &'static str {
    match tag {
        3 => "x400",
        5 => "ediParty",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(der: &[u8]) -> String {
        read(tlv::elements(der).next().unwrap()).to_string()
    }

    #[test]
    fn every_kind_has_its_form() {
        assert_eq!(shown(b"\x82\x09*.example"), "DNS:*.example");
        assert_eq!(shown(&[0x87, 4, 192, 0, 2, 1]), "IP:192.0.2.1");
        assert_eq!(
            shown(&[0x87, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            "IP:2001:db8::1"
        );
        assert_eq!(shown(b"\x81\x09a@example"), "email:a@example");
        assert_eq!(shown(b"\x86\x09urn:a:b:c"), "URI:urn:a:b:c");
        assert_eq!(shown(&[0x88, 2, 0x2a, 3]), "RID:1.2.3");
        assert_eq!(
            shown(&[0xa4, 0x0e, 0x30, 0x0c, 0x31, 0x0a, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, b'x']),
            "dirName:CN=x"
        );
        assert_eq!(shown(&[0xa0, 9, 6, 2, 0x2a, 3, 0xa0, 3, 0x0c, 1, b'u']), "other:1.2.3:u");
        assert_eq!(shown(&[0xa0, 9, 6, 2, 0x2a, 3, 0xa0, 3, 0x02, 1, 1]), "other:1.2.3");
        assert_eq!(shown(&[0xa5, 2, 1, 2]), "ediParty:0102");
    }

    #[test]
    fn broken_names_are_kept() {
        assert_eq!(shown(&[0x87, 3, 1, 2, 3]), "IP:010203");
        assert_eq!(shown(&[0x87, 0]), "IP:");
        assert_eq!(shown(&[0x82, 2, b'a', 0xff]), "DNS:aÿ");
        assert_eq!(shown(b"\x82\x03a\0b"), "DNS:a␀b");
        assert_eq!(shown(&[0xa0, 1, 6]), "unknown:06");
        assert_eq!(shown(&[0x9e, 1, 7]), "unknown:07");
    }

    #[test]
    fn names_are_those_that_can_be_served() {
        let sans = [
            San::Dns("A.example.".into()),
            San::Email("x@a".into()),
            San::Ip("192.0.2.1".parse().unwrap()),
            San::Dns("a.EXAMPLE".into()),
        ];
        assert_eq!(names(&sans, Some("b.example")), ["a.example", "192.0.2.1"]);
        assert_eq!(names(&[], Some("*.B.example")), ["*.b.example"]);
        assert_eq!(names(&[], Some("PRINTER-7")), ["printer-7"]);
        assert_eq!(names(&[San::Email("x@a".into())], Some("2001:DB8::1")), ["2001:db8::1"]);
        for no_name in ["Halden Root CA", "<script>.x", "a..b", "", "*", "müller"] {
            assert_eq!(names(&[], Some(no_name)), Vec::<String>::new(), "{no_name}");
        }
    }

    #[test]
    fn the_primary_name_is_the_most_telling() {
        let sans = [San::Dns("a.example".into())];
        assert_eq!(primary(Some("cn"), &sans, "CN=cn").unwrap(), "cn");
        assert_eq!(primary(None, &sans, "O=x").unwrap(), "a.example");
        assert_eq!(primary(None, &[], "O=x").unwrap(), "O=x");
        assert_eq!(primary(Some(""), &[], ""), None);
    }

    #[test]
    fn the_value_is_without_its_kind() {
        assert_eq!(San::Uri("urn:a".into()).value(), "urn:a");
        assert_eq!(San::Ip("2001:db8::1".parse().unwrap()).value(), "2001:db8::1");
    }
}
