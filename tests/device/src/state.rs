// SPDX-License-Identifier: GPL-2.0

//! The state of a machine: sent to another QEMU, or kept in an image and brought back.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::Program;
use crate::{Chipset, Machine};

/// Node of the image that snapshots are kept in, and name of the one snapshot.
const IMAGE: &str = "snapshots";
const SNAPSHOT: &str = "kept";

/// Large enough for the little that a machine without a guest has to say of itself.
const IMAGE_SIZE: u64 = 64 << 20;

impl Machine {
    /// Sends the state to a new QEMU on a pc, started with these arguments, or to one of
    /// the program that `VGPU_TARGET_QEMU` names.
    pub fn migrate<S: AsRef<str>>(&mut self, arguments: &[S]) -> Self {
        self.migrate_to(arguments, "running")
    }

    /// Does so, and waits until the new QEMU has this status.
    pub fn migrate_to<S: AsRef<str>>(&mut self, arguments: &[S], status: &str) -> Self {
        let file = self.scratch("state").display().to_string();
        let uri = format!("exec:cat > {file}");
        self.qmp.execute("migrate", json!({ "uri": uri }));
        self.wait_for("query-migrate", "completed");

        let incoming = format!("exec:cat {file}");
        let mut all: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        all.extend(["-incoming", &incoming]);
        let mut target = Self::start_in(&Program::target(), Chipset::Pc, &all);
        target.wait_for("query-status", status);
        target
    }

    /// Keeps the state, in place of what was kept before.
    pub fn save(&mut self) {
        self.make_image();
        self.monitor("savevm");
    }

    /// Brings back the state that was kept, whatever has become of the machine.
    pub fn load(&mut self) {
        self.monitor("loadvm");
    }

    /// Waits until the `status` that a query returns is this one.
    fn wait_for(&mut self, query: &str, status: &str) {
        for _ in 0..6000 {
            let answer = self.qmp.execute(query, json!({}));
            if answer["status"] == status {
                return;
            }
            assert_ne!(answer["status"], "failed", "{answer}");
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{query} does not come to {status}");
    }

    /// Makes the image that snapshots are kept in, unless it is there.
    fn make_image(&mut self) {
        let path = self.scratch(IMAGE);
        if path.exists() {
            return;
        }
        let file = json!({
            "driver": "file", "node-name": "image-file", "filename": path.display().to_string(),
        });
        self.create(json!({
            "driver": "file", "filename": path.display().to_string(), "size": 0,
        }));
        self.qmp.execute("blockdev-add", file);
        self.create(json!({ "driver": "qcow2", "file": "image-file", "size": IMAGE_SIZE }));
        self.qmp.execute(
            "blockdev-add",
            json!({ "driver": "qcow2", "node-name": IMAGE, "file": "image-file" }),
        );
    }

    fn create(&mut self, options: Value) {
        self.qmp.execute(
            "blockdev-create",
            json!({ "job-id": "create", "options": options }),
        );
        loop {
            let jobs = self.qmp.execute("query-jobs", json!({}));
            let job = &jobs[0];
            if job["status"] == "concluded" {
                assert_eq!(job["error"], Value::Null, "{options}");
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.qmp.execute("job-dismiss", json!({ "id": "create" }));
    }

    /// Snapshots have QMP commands since 6.0 only; the monitor for people has them in
    /// every version, and says nothing unless it fails.
    fn monitor(&mut self, command: &str) {
        let line = format!("{command} {SNAPSHOT}");
        let said = self
            .qmp
            .execute("human-monitor-command", json!({ "command-line": line }));
        assert_eq!(said, "", "{line}");
    }
}
