// SPDX-License-Identifier: GPL-2.0

//! What the tests share: the host, and VMs of which more than one test asks
//! something.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use xen_tests::{Host, Vm};

use crate::devices::values;
use crate::facts::Facts;
use crate::values::DEVICE;

/// The name of the key in a VM's platform map.
pub(crate) const KEY: &str = "vgpu-stub";
/// The guide's key.
pub(crate) const GUIDES_KEY: &str = "device-model-args";

/// Made when somebody asks for it first. What failed once is not tried again.
struct Shared<T>(OnceLock<Result<T, String>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Shared<T> {
    fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<&T> {
        self.0
            .get_or_init(|| make().map_err(|error| format!("{error:?}")))
            .as_ref()
            .map_err(|error| anyhow!("{error}"))
    }
}

/// A VM, and what was seen of it after its first boot.
pub(crate) struct Seen {
    pub(crate) vm: Vm,
    pub(crate) facts: Facts,
}

/// A VM with two devices, and the values that they had.
pub(crate) struct Two {
    pub(crate) vm: Vm,
    pub(crate) values: Vec<String>,
}

/// What the tests share.
#[derive(Default)]
pub(crate) struct Site {
    // Before the host, so that they end first.
    one: Shared<Seen>,
    two: Shared<Two>,
    host: Shared<Arc<Host>>,
}

impl Site {
    /// The host.
    pub(crate) fn host(&self) -> Result<&Arc<Host>> {
        self.host.get(|| Ok(Arc::new(Host::boot()?)))
    }

    /// The VM with the device of the guide's example.
    pub(crate) fn one(&self) -> Result<&Seen> {
        self.one.get(|| {
            let host = self.host()?;
            let vm = Vm::start(host, "one", &[(KEY, DEVICE)])?;
            let facts = Facts::collect(host, &vm);
            Ok(Seen { vm, facts })
        })
    }

    /// The VM with two devices, and with the driver loaded.
    pub(crate) fn two(&self) -> Result<&Two> {
        self.two.get(|| {
            let devices = format!("{DEVICE};pool_id=A,priority=low,vm_id=42");
            let vm = Vm::start(self.host()?, "two", &[(KEY, &devices)])?;
            vm.wait_up()?;
            vm.check("modprobe vgpu_stub")?;
            let values = values(&vm)?;
            Ok(Two { vm, values })
        })
    }
}
