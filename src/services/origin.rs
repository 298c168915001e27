//! Where a request comes from, before it is known who sent it.

use std::net::IpAddr;

use crate::store::audit::{Event, Who};

/// The sender of a request, as far as the network tells.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address; nothing on a unix socket.
    pub address: Option<IpAddr>,
    /// The browser, as it calls itself.
    pub agent: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
}

impl Origin {
    /// The part of the address that one subscriber holds: a whole IPv4 address, the /64 of an IPv6 one.
    pub fn prefix(&self) -> String {
        match self.address {
            None => "local".into(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }

    /// Begins the record of an act by somebody who is not signed in.
    pub(super) fn event(
        &self,
        kind: &'static str,
        user: Option<i64>,
        name: &str,
        act: &'static str,
        object: impl Into<String>,
    ) -> Event {
        let who = Who {
            kind,
            id: user,
            name: name.to_owned(),
            address: self.address,
            request_id: self.request_id.clone(),
        };
        Event::new(who, act, object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
        let prefix =
            |text: &str| Origin { address: Some(text.parse().unwrap()), ..Default::default() }.prefix();
        assert_eq!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:2:ffff::9"));
        assert_ne!(prefix("2001:db8:1:2::1"), prefix("2001:db8:1:3::1"));
        assert_ne!(prefix("198.51.100.1"), prefix("198.51.100.2"));
    }
}
