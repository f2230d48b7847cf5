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

/// What the tests share: two hosts, so that one of them has VMs boot while tests look
/// at the other.
#[derive(Default)]
pub(crate) struct Site {
    // Before their hosts, so that they end first.
    one: Shared<Seen>,
    two: Shared<Two>,
    guides: Shared<Vm>,
    host: Shared<Arc<Host>>,
    other: Shared<Arc<Host>>,
}

impl Site {
    /// The host of the VM with one device, and of all tests that need no VM.
    pub(crate) fn host(&self) -> Result<&Arc<Host>> {
        self.host.get(|| Ok(Arc::new(Host::boot("xen-host")?)))
    }

    /// The host of the other VMs.
    pub(crate) fn other_host(&self) -> Result<&Arc<Host>> {
        self.other
            .get(|| Ok(Arc::new(Host::boot("xen-other-host")?)))
    }

    /// Makes all that is on the other host. What goes wrong is told to who asks for it.
    pub(crate) fn prepare_other_host(&self) {
        let _ = self.two();
        let _ = self.guides();
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

    /// The VM with two devices, of which the second has messages, and with the driver loaded.
    pub(crate) fn two(&self) -> Result<&Two> {
        self.two.get(|| {
            let other = "pool_id=A,priority=low,vm_id=42,revision=3,messages=on";
            let devices = format!("{DEVICE};{other}");
            let vm = self.start_other("two", KEY, &devices)?;
            let values = values(&vm)?;
            Ok(Two { vm, values })
        })
    }

    /// The VM with the guide's key, and with the driver loaded.
    pub(crate) fn guides(&self) -> Result<&Vm> {
        self.guides.get(|| {
            let argument = format!("-device vgpu-stub,{DEVICE}");
            self.start_other("guides", GUIDES_KEY, &argument)
        })
    }

    fn start_other(&self, name: &str, key: &str, value: &str) -> Result<Vm> {
        let vm = Vm::start(self.other_host()?, name, &[(key, value)])?;
        vm.wait_up()?;
        vm.check("modprobe vgpu_stub")?;
        Ok(vm)
    }
}
