//! Turns a host name into addresses that may be connected to. The caller connects to exactly these and never resolves again, so an answer
//! that changes between check and use (rebinding) changes nothing.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;

use super::address::{link_local, special_range};

/// The longest a resolver may take, and the longest a connection to one address may take to open.
pub const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// More answers than this are not tried.
const MOST_ADDRESSES: usize = 8;

/// Whose word a host name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The environment the operator started the process with.
    Operator,
    /// A person, a certificate, or an answer from outside.
    Anyone,
}

/// Why there is nothing to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name has no address now; it may have one later.
    #[error("{0} does not resolve to an address")]
    NoAddress(String),
    /// The resolver did not answer in time.
    #[error("no answer within {} s when resolving {host}", OPEN_LIMIT.as_secs())]
    Slow {
        /// The name asked for.
        host: String,
    },
    /// The name leads where outgoing connections may not go. The address itself is not told: it may be the very thing asked for.
    #[error("{host} leads to a {kind} address, and NOTAFTER_OUTBOUND_ALLOW does not list it")]
    Refused {
        /// The name asked for.
        host: String,
        /// The kind of range.
        kind: &'static str,
    },
}

/// The guard, with the ranges that the operator opened.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    allow: Vec<IpNet>,
}

impl Outbound {
    /// A guard that lets public addresses and `allow` through.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Resolves `host` once; every address returned is checked, at most eight, in the resolver's order.
    ///
    /// # Errors
    /// [`Error::Refused`] when any of the addresses is special; of a host that the operator named, when any is link-local.
    pub async fn resolve(&self, host: &str, port: u16, named_by: NamedBy) -> Result<Vec<SocketAddr>, Error> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => lookup(host, port).await?,
        };
        if found.is_empty() {
            return Err(Error::NoAddress(host.to_owned()));
        }
        let refusal = match named_by {
            NamedBy::Operator => link_local,
            NamedBy::Anyone => special_range,
        };
        if let Some(kind) = found.iter().find_map(|address| refusal(address.ip(), &self.allow)) {
            return Err(Error::Refused { host: host.to_owned(), kind });
        }
        Ok(found.into_iter().take(MOST_ADDRESSES).collect())
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that resolves a name")]
async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    match tokio::time::timeout(OPEN_LIMIT, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(_)) => Err(Error::NoAddress(host.to_owned())),
        Err(_) => Err(Error::Slow { host: host.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_an_inner_address_is_refused_unless_the_operator_wrote_it() {
        let guard = Outbound::default();
        for host in ["localhost", "127.0.0.1", "::1", "2130706433", "0x7f.1"] {
            let refused = guard.resolve(host, 25, NamedBy::Anyone).await;
            assert!(
                matches!(refused, Err(Error::Refused { .. } | Error::NoAddress(_))),
                "{host}: {refused:?}"
            );
        }
        let own = guard.resolve("127.0.0.1", 25, NamedBy::Operator).await.unwrap();
        assert_eq!(own, ["127.0.0.1:25".parse().unwrap()]);
    }

    #[tokio::test]
    async fn even_the_operator_reaches_no_machine_of_the_cloud_itself() {
        let guard = Outbound::default();
        for host in [
            "169.254.169.254",
            "169.254.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
        ] {
            let refused = guard.resolve(host, 25, NamedBy::Operator).await;
            assert!(matches!(refused, Err(Error::Refused { .. })), "{host}: {refused:?}");
        }
        for host in ["10.1.2.3", "::1", "fd12::25", "64:ff9b::192.0.2.1", "100.100.100.1"] {
            assert!(guard.resolve(host, 25, NamedBy::Operator).await.is_ok(), "{host}");
        }
    }

    #[tokio::test]
    async fn an_allowed_range_is_reached_by_anyone() {
        let guard = Outbound::new(vec!["127.0.0.2/32".parse().unwrap()]);
        assert!(guard.resolve("127.0.0.2", 443, NamedBy::Anyone).await.is_ok());
        assert!(guard.resolve("127.0.0.1", 443, NamedBy::Anyone).await.is_err());
    }

    #[tokio::test]
    async fn a_refusal_names_the_host_and_never_the_address() {
        let refused = Outbound::default().resolve("localhost", 25, NamedBy::Anyone).await.unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("localhost") && text.contains("loopback") && !text.contains("127.0.0.1"),
            "{text}"
        );
    }
}
