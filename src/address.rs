//! Where a request comes from, as all doors see it.
//!
//! One helper decides the client's address for sign-in limits, sessions, tokens and the audit log: the right-most entry of `X-Forwarded-For` that
//! is not a proxy of ours, and only when the connection itself comes from one (S2). A client can forge every entry left of that.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, header::USER_AGENT};
use ipnet::IpNet;

use crate::{routes::RequestId, services::Origin};

/// The longest `User-Agent` that is kept.
const AGENT_LENGTH: usize = 200;

/// Where a request comes from, with `trusted` as the proxies whose word counts.
pub fn origin(headers: &HeaderMap, extensions: &Extensions, trusted: &[IpNet]) -> Origin {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let agent = headers.get(USER_AGENT).map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.chars().filter(|c| !c.is_control()).take(AGENT_LENGTH).collect()
    });
    Origin {
        address: peer.map(|peer| client_address(headers, peer, trusted)),
        agent,
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// The client's address behind a connection from `peer`.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let is_ours = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    let mut client = peer.to_canonical();
    for hop in hops {
        if !is_ours(&client) {
            break;
        }
        // What cannot be read was not written by a proxy of ours; the last one that can be named stands for it.
        let Some(address) = parse(hop.trim()) else { break };
        client = address.to_canonical();
    }
    client
}

/// An address, with a port or without, bracketed or not.
fn parse(text: &str) -> Option<IpAddr> {
    text.trim_matches(['[', ']'])
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        client_address(&headers, peer.parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_entry_that_is_no_proxy_of_ours_counts() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1, 203.0.113.9, 10.0.0.7"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["198.51.100.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("::1", &["[2001:db8::7]:443"]), "2001:db8::7");
    }

    #[test]
    fn a_mapped_address_is_the_address_it_maps() {
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn garbage_stops_at_the_last_proxy() {
        assert_eq!(client("10.0.0.1", &["203.0.113.9, nonsense, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
