//! How a tag of an OPC UA server is addressed: `nsu=urn:line:demo;s=v1`.
//!
//! The index of a namespace may be another one after each start of the server, its URI may not: so addresses hold
//! the URI, and every session looks the index up. Identifiers: `i=` number, `s=` text, `g=` GUID, `b=` base64.
//!
//! Here: reading an address, and what it is called in one session. Not here: whether the server has the node.
//! Invariant: an address never means the node of another namespace; one whose namespace the server does not have
//! has no node.

use std::str::FromStr as _;

use opcua::types::{ByteString, Guid, Identifier, NodeId};

/// Where the namespace of a node is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespace {
    /// By its URI.
    Uri(String),
    /// By its index in the server, which a restart may change.
    Index(u16),
}

/// A node of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    namespace: Namespace,
    identifier: Identifier,
}

/// A mistake in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Neither `nsu=` nor `ns=` nor an identifier stands in front.
    #[error("`nsu=URI;` with an identifier behind it")]
    Namespace,
    /// `ns=` is not followed by a number.
    #[error("a number from 0 to 65535 behind `ns=`")]
    Index,
    /// The identifier is none.
    #[error("an identifier: `i=` number, `s=` text, `g=` GUID or `b=` base64")]
    Identifier,
}

impl NodeAddress {
    /// Reads an address. Without a namespace it is that of OPC UA itself: `i=2258`.
    ///
    /// # Errors
    /// When it is none; the error says what is expected.
    pub fn parse(text: &str) -> Result<Self, NodeError> {
        let (namespace, rest) = if let Some(behind) = text.strip_prefix("nsu=") {
            // A URI may hold a `;`, an identifier begins behind the one that is followed by its kind.
            let end =
                ["i=", "s=", "g=", "b="].iter().filter_map(|kind| behind.find(&format!(";{kind}"))).min();
            let (uri, rest) =
                behind.split_at_checked(end.ok_or(NodeError::Identifier)?).ok_or(NodeError::Namespace)?;
            if uri.is_empty() {
                return Err(NodeError::Namespace);
            }
            (Namespace::Uri(uri.to_owned()), rest.trim_start_matches(';'))
        } else if let Some(behind) = text.strip_prefix("ns=") {
            let (index, rest) = behind.split_once(';').ok_or(NodeError::Identifier)?;
            (Namespace::Index(index.parse().map_err(|_| NodeError::Index)?), rest)
        } else {
            (Namespace::Index(0), text)
        };
        Ok(Self { namespace, identifier: identifier(rest)? })
    }

    /// Where its namespace is named.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What the node is called in a session with these namespaces, or, in words, why it is not there.
    pub(super) fn resolve(&self, namespaces: &[String]) -> Result<NodeId, String> {
        let index = match &self.namespace {
            Namespace::Index(index) => *index,
            Namespace::Uri(uri) => {
                let place = namespaces.iter().position(|known| known == uri);
                let place = place.and_then(|place| u16::try_from(place).ok());
                place.ok_or_else(|| format!("the server has no namespace `{uri}`"))?
            }
        };
        Ok(NodeId { namespace: index, identifier: self.identifier.clone() })
    }
}

fn identifier(text: &str) -> Result<Identifier, NodeError> {
    let (kind, value) = text.split_once('=').ok_or(NodeError::Namespace)?;
    let identifier = match kind {
        "i" => value.parse().map(Identifier::Numeric).ok(),
        "s" if !value.is_empty() => Some(Identifier::String(value.into())),
        "g" => Guid::from_str(value).map(Identifier::Guid).ok(),
        "b" => ByteString::from_base64(value).map(Identifier::ByteString),
        _ => None,
    };
    identifier.ok_or(NodeError::Identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(address: &str, namespaces: &[&str]) -> Result<String, String> {
        let known: Vec<String> = namespaces.iter().map(ToString::to_string).collect();
        NodeAddress::parse(address).unwrap().resolve(&known).map(|node| node.to_string())
    }

    #[test]
    fn a_namespace_is_looked_up_by_its_uri_in_each_session() {
        assert_eq!(resolved("nsu=urn:b;s=v1", &["ua", "urn:a", "urn:b"]).unwrap(), "ns=2;s=v1");
        assert_eq!(resolved("nsu=urn:b;s=v1", &["ua", "urn:b", "urn:a"]).unwrap(), "ns=1;s=v1");
        assert_eq!(resolved("nsu=urn:b;s=v1", &["ua"]), Err("the server has no namespace `urn:b`".into()));
    }

    #[test]
    fn all_kinds_of_identifiers_are_read() {
        assert_eq!(resolved("i=2258", &[]).unwrap(), "i=2258");
        assert_eq!(resolved("ns=3;s=a;b=c", &[]).unwrap(), "ns=3;s=a;b=c");
        assert_eq!(
            resolved("nsu=http://x/y;z;s=\"DB\".\"v=1\"", &["http://x/y;z"]).unwrap(),
            "s=\"DB\".\"v=1\""
        );
        let guid = "84068f2f-3f39-4b9c-a995-d2a84d878689";
        assert_eq!(resolved(&format!("ns=1;g={guid}"), &[]).unwrap(), format!("ns=1;g={guid}"));
        assert_eq!(resolved("ns=1;b=AAH/", &[]).unwrap(), "ns=1;b=AAH/");
    }

    #[test]
    fn a_mistake_says_what_is_expected() {
        for (text, expected) in [
            ("", NodeError::Namespace),
            ("DB1.DBX0.0", NodeError::Namespace),
            ("nsu=;s=v", NodeError::Namespace),
            ("nsu=urn:a", NodeError::Identifier),
            ("ns=x;i=1", NodeError::Index),
            ("ns=65536;i=1", NodeError::Index),
            ("ns=1", NodeError::Identifier),
            ("i=-1", NodeError::Identifier),
            ("ns=1;é=1", NodeError::Identifier),
            ("nsu=urn:ä;g=4", NodeError::Identifier),
            ("s=", NodeError::Identifier),
        ] {
            assert_eq!(NodeAddress::parse(text), Err(expected), "{text}");
        }
    }
}
