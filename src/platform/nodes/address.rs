//! `NodeAddress`: how the other nodes reach one.

use std::fmt;
use std::sync::Arc;

use axum::http::Uri;
use axum::http::uri::{Authority, PathAndQuery, Scheme};

/// The scheme, the host and the port of a node's API: `http://10.0.0.5:8080`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress(Arc<(Scheme, Authority)>);

/// A text is not the address of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of a node is like http://10.0.0.5:8080 or https://node-1.example:8443, without user and path"
)]
pub struct NodeAddressError;

impl NodeAddress {
    pub fn parse(text: &str) -> Result<Self, NodeAddressError> {
        let uri: Uri = text.parse().map_err(|_| NodeAddressError)?;
        let parts = uri.into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority))
                if bare
                    && (scheme == Scheme::HTTP || scheme == Scheme::HTTPS)
                    && !authority.host().is_empty()
                    && !authority.as_str().contains('@') =>
            {
                Ok(Self(Arc::new((scheme, authority))))
            }
            _ => Err(NodeAddressError),
        }
    }

    /// Something on the node.
    pub(super) fn at(&self, path: PathAndQuery) -> Result<Uri, axum::http::Error> {
        let (scheme, authority) = &*self.0;
        Uri::builder().scheme(scheme.clone()).authority(authority.clone()).path_and_query(path).build()
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.0, self.0.1)
    }
}
