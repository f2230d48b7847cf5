// SPDX-License-Identifier: GPL-2.0

//! What the man pages have that the command line does not say.

use vgpu_cli::Manual;

/// The pages' own parts.
pub(crate) const MANUAL: Manual = Manual {
    section: "1",
    examples: &[
        ("vgpuinfo", "List the devices."),
        (
            "pool=$(vgpuinfo get pool_id)",
            "Have the pool of the one device in a variable.",
        ),
        (
            "vgpuinfo query -o pci,vm_id --format csv",
            "Show two fields of all devices, for a spreadsheet.",
        ),
        (
            "vgpuinfo wait --for bound --timeout 30 && start-the-work",
            "Start something once the driver is bound.",
        ),
        (
            "vgpuinfo check --pool B --priority high",
            "Succeed only if this VM is where it should be.",
        ),
        (
            "vgpuinfo doctor --bundle >bundle.txt",
            "Have all that support needs in one text, to be read before it is sent.",
        ),
        (
            "vgpuinfo query --format prometheus --output-file DIR/vgpu.prom",
            "Have node_exporter's textfile collector export it.",
        ),
    ],
    environment: &[(
        "NO_COLOR",
        "If it is set and not empty, there is no colour on a terminal either.",
    )],
    files: &[(
        "/run/vgpu/ADDRESS/",
        "What publish has written: pool_id, priority, vm_id, command, status, features, \
         config_generation, time (seconds since 1970), inode (of the device in sysfs).",
    )],
};
