// SPDX-License-Identifier: GPL-2.0

//! What the man pages have that the command line does not say.

use vgpu_cli::Manual;

use crate::cli::SOCKETS;

/// The pages' own parts.
pub(crate) const MANUAL: Manual = Manual {
    section: "8",
    examples: &[
        (
            "vgpu-pool serve --pool A=4 --pool B=2 --exec /usr/local/libexec/answer",
            "Run a program for each request, at most four of pool A and two of pool B at once.",
        ),
        (
            "vgpu-pool serve /run/test --answer echo",
            "Give each request back, at the sockets in /run/test.",
        ),
        (
            "vgpu-pool serve --answer queue --rate 10 --metrics 127.0.0.1:9480",
            "Tell guests how long the queue of their pool is, ten times a second each at most, and \
             let Prometheus count.",
        ),
    ],
    environment: &[
        (
            "VGPU_VM_ID",
            "For the program: the number of the VM, decimal.",
        ),
        ("VGPU_POOL_ID", "For the program: its pool, A."),
        (
            "VGPU_PRIORITY",
            "For the program: its priority in the pool: low, medium, high.",
        ),
    ],
    files: &[(
        SOCKETS,
        "Where the sockets of the devices are, if no directory is named.",
    )],
};
