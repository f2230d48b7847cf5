// SPDX-License-Identifier: GPL-2.0

//! Members of a pool of hosts.

use vgpu_host::Shown;

/// A member of the pool.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) uuid: String,
    pub(crate) name: String,
}

impl Member {
    /// A member whose name is not known.
    pub(crate) fn without_name(uuid: &str) -> Self {
        Member {
            uuid: uuid.into(),
            name: uuid.into(),
        }
    }

    /// Its name, for a message.
    pub(crate) fn shown(&self) -> Shown {
        Shown::new(&self.name)
    }
}
