//! One process alone.

use super::link::Link;

/// The backend of [`Comm::serial`](super::Comm::serial): nobody to talk to, so it carries only
/// what every backend carries.
#[derive(Clone, Debug)]
pub struct SerialComm {
    pub(super) link: Link,
}
