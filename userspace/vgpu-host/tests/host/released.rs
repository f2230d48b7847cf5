// SPDX-License-Identifier: GPL-2.0

//! The keys that a released version gave to VMs.

use serde_json::{Map, Value};

use crate::host::Host;
use crate::releases::Released;

/// Where what a version left is kept.
const FILE: &str = "attach.json";
const ATTACHED: [&str; 4] = [
    "attach Test-2",
    "attach Test-2 --pool B --priority high --vm-id 200",
    "attach Test-2 --pool A --priority low --vm-id 4294967295 --revision 1",
    "attach Test-2 --pool B --revision 2",
];

#[test]
fn what_a_released_version_attached_is_what_this_one_attaches() {
    for released in Released::all() {
        let host = Host::new();
        let mut left = Map::new();
        if let Some(command) = released.command() {
            let program = command.get_program().to_owned();
            for arguments in ATTACHED {
                if host.value("vgpu-stub").is_some() {
                    host.remove_value("vgpu-stub");
                }
                let run = host.run_program(&program, arguments);
                assert_eq!(run.exit, 0, "{run:?}");
                left.insert(arguments.into(), host.value("vgpu-stub").into());
            }
            let left = format!("{:#}\n", Value::from(left));
            released.compare(FILE, &left);
        }
        let left: Map<String, Value> = serde_json::from_str(&released.left(FILE)).unwrap();
        assert_eq!(left.len(), ATTACHED.len());
        for (arguments, value) in &left {
            host.set_value("vgpu-stub", value.as_str().unwrap());
            let run = host.run("list -J");
            assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{run:?}");
            let listed = run.json()["vms"][0]["devices"].clone();
            host.remove_value("vgpu-stub");

            let run = host.run(arguments);
            assert_eq!(run.exit, 0, "{run:?}");
            assert_eq!(host.value("vgpu-stub").as_deref(), value.as_str());
            assert_eq!(host.run("list -J").json()["vms"][0]["devices"], listed);
        }
    }
}
