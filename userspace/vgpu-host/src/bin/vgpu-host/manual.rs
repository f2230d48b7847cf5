// SPDX-License-Identifier: GPL-2.0

//! What the man pages have that the command line does not say.

use vgpu_cli::Manual;
use vgpu_host::layout::{GUARD, HOOK, HOOK_CONFIGURATION, PLUGIN, STATE};

/// The pages' own parts.
pub(crate) const MANUAL: Manual = Manual {
    section: "8",
    examples: &[
        (
            "vgpu-host install --dry-run",
            "Show what install would change on this host.",
        ),
        (
            "vgpu-host attach web-1 --pool B --priority high --vm-id 200",
            "Have the VM web-1 started with this one device.",
        ),
        ("vgpu-host attach web-1 --add --pool A", "Give it one more."),
        (
            "vgpu-host verify web-1",
            "Check everything from the host's package to the registers of the VM's devices.",
        ),
        (
            "vgpu-host status --pool",
            "See whether every member of the pool is prepared for VMs with devices.",
        ),
        (
            "vgpu-host -J list | jq -r '.vms[].name'",
            "Have the names of the VMs that have devices.",
        ),
        (
            "vgpu-host spec apply SPECS/qemu.spec",
            "Put the device into the source package of QEMU.",
        ),
    ],
    environment: &[
        (
            "RPM_PACKAGER",
            "Who the entry in the changelog is by, for spec apply without --packager.",
        ),
        (
            "SOURCE_DATE_EPOCH",
            "The date of that entry, in seconds since 1970; today if it is not set.",
        ),
    ],
    files: &[
        (HOOK, "What xenopsd starts for each device model."),
        (
            PLUGIN,
            "The plugin by which other members of the pool have things done here.",
        ),
        (
            GUARD,
            "What keeps VMs with devices from being migrated while a member of the pool is not \
             prepared.",
        ),
        (
            HOOK_CONFIGURATION,
            "The hook's configuration, if there is one.",
        ),
        (
            STATE,
            "What install changed, and the files as they were before.",
        ),
    ],
};
