// SPDX-License-Identifier: GPL-2.0

//! What revision 3 does beyond revision 2: messages, which the test answers itself.

mod backends;
mod calls;
mod interrupts;
mod properties;
mod random;
mod registers;
mod stop;
mod windows;

use std::time::{Duration, Instant};

use device_tests::pci::{Bar0, Slot};
use device_tests::{Backend, Chipset, Machine, QmpError};
use serde_json::{Value, json};
use tempfile::TempDir;
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

/// Where the window is, unless a test says otherwise: in RAM.
const WINDOW: u64 = 0x20_0000;
const SLOT_SIZE: u64 = 1 << VGPU_MSG_SLOT_SHIFT;
const WINDOW_SIZE: u64 = VGPU_MSG_SLOTS as u64 * SLOT_SIZE;

/// Every slot's bit.
const ALL: u32 = (1 << VGPU_MSG_SLOTS) - 1;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a slot's header says of a message that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    state: u32,
    status: u32,
    payload: Vec<u8>,
}

impl Answer {
    /// What a message has that was not answered.
    fn none(state: u32) -> Self {
        Self {
            state,
            status: 0,
            payload: Vec::new(),
        }
    }

    fn of(status: u32, payload: &[u8]) -> Self {
        Self {
            state: VGPU_MSG_STATE_ANSWERED,
            status,
            payload: payload.to_vec(),
        }
    }
}

/// A machine with one device of revision 3, whose messages are enabled.
struct Bench {
    machine: Machine,
    bar0: Bar0,
    /// Where the device's socket is.
    directory: TempDir,
}

impl Bench {
    fn start() -> Self {
        Self::with("", &[])
    }

    /// With these properties beyond the revision and the chardev, and these arguments.
    fn with(properties: &str, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("making a directory");
        let mut all = device_arguments(&directory, properties).to_vec();
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let mut machine = Machine::start(Chipset::Pc, &all);
        let bar0 = SLOT.enable(&mut machine.cpu);
        let mut bench = Self {
            machine,
            bar0,
            directory,
        };
        bench.enable(WINDOW);
        bench
    }

    fn get(&mut self, register: u32) -> u32 {
        self.bar0.register(&mut self.machine, register)
    }

    fn set(&mut self, register: u32, value: u32) {
        self.bar0.set_register(&mut self.machine, register, value);
    }

    fn change(&mut self, property: &str, value: impl Into<Value>) -> Result<Value, QmpError> {
        self.machine.qmp.set("gpu", property, value)
    }

    /// Enables messages, with the window here.
    fn enable(&mut self, window: u64) {
        self.set(VGPU_REG_MSG_CONTROL, 0);
        let [low, high] = [window & 0xffff_ffff, window >> 32];
        self.set(VGPU_REG_MSG_BASE_LOW, low.try_into().expect("32 bits"));
        self.set(VGPU_REG_MSG_BASE_HIGH, high.try_into().expect("32 bits"));
        self.set(VGPU_REG_MSG_CONTROL, VGPU_MSG_CONTROL_ENABLE);
    }

    /// Connects to the device, and waits until it has said who it is.
    fn connect(&mut self) -> Backend {
        let mut backend = self.connect_only();
        backend.hello();
        backend
    }

    fn connect_only(&self) -> Backend {
        Backend::connect(&self.directory.path().join("backend"))
    }

    /// Waits until a register has this value.
    fn wait(&mut self, register: u32, value: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(register);
            if found == value {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "register {register:#x} is {found:#x} and not {value:#x}"
            );
        }
    }

    /// Puts a message into a slot, without ringing.
    fn put(&mut self, slot: u32, message: &[u8]) {
        let length = u32::try_from(message.len()).expect("a length of 32 bits");
        self.put_header(slot, length, 0);
        let at = WINDOW + u64::from(slot) * SLOT_SIZE + u64::from(VGPU_MSG_IN_OFFSET);
        self.machine.cpu.write_memory(at, message);
    }

    fn put_header(&mut self, slot: u32, length: u32, flags: u32) {
        let words = [length, flags, u32::MAX, u32::MAX, VGPU_MSG_STATE_PENDING];
        let at = WINDOW + u64::from(slot) * SLOT_SIZE;
        self.machine
            .cpu
            .write_memory(at, &words.map(u32::to_le_bytes).concat());
    }

    fn ring(&mut self, slot: u32) {
        self.set(VGPU_REG_MSG_DOORBELL, slot);
    }

    /// Puts a message into a slot and rings.
    fn send(&mut self, slot: u32, message: &[u8]) {
        self.put(slot, message);
        self.ring(slot);
    }

    /// What is in a slot by now.
    fn answer(&mut self, slot: u32) -> Answer {
        let at = WINDOW + u64::from(slot) * SLOT_SIZE;
        let header = self.machine.cpu.read_memory(at, 20);
        let words: Vec<u32> = header
            .chunks_exact(4)
            .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
            .collect();
        let length = usize::try_from(words[2]).expect("a length");
        let payload = if length == 0 {
            Vec::new()
        } else {
            self.machine
                .cpu
                .read_memory(at + u64::from(VGPU_MSG_OUT_OFFSET), length)
        };
        Answer {
            state: words[4],
            status: words[3],
            payload,
        }
    }

    /// What a slot's header says of its state, even if it did not come back.
    fn state(&mut self, slot: u32) -> u32 {
        let at = WINDOW + u64::from(slot) * SLOT_SIZE + 16;
        let word = self.machine.cpu.read_memory(at, 4);
        u32::from_le_bytes(word.try_into().expect("four bytes"))
    }

    /// Waits until these slots, and no others, have come back, and takes them.
    fn take(&mut self, slots: u32) {
        self.wait(VGPU_REG_MSG_DONE, slots);
        self.set(VGPU_REG_MSG_DONE, slots);
    }

    /// Waits for what becomes of a slot.
    fn outcome(&mut self, slot: u32) -> Answer {
        self.take(1 << slot);
        self.answer(slot)
    }

    /// Sends a message and answers it: all before it has been seen by both sides then.
    fn settle(&mut self, backend: &mut Backend, slot: u32) {
        self.send(slot, b"settle");
        let (id, payload) = backend.request();
        assert_eq!(payload, b"settle");
        backend.respond(id, 0, b"settled");
        assert_eq!(self.outcome(slot), Answer::of(0, b"settled"));
    }

    fn stop(&mut self) {
        self.machine.qmp.execute("stop", json!({}));
    }

    fn resume(&mut self) {
        self.machine.qmp.execute("cont", json!({}));
    }
}

/// The arguments for a device whose socket is in this directory.
fn device_arguments(directory: &TempDir, properties: &str) -> [String; 4] {
    let comma = if properties.is_empty() { "" } else { "," };
    let path = directory.path().join("backend");
    [
        "-chardev".into(),
        format!(
            "socket,id=backend,path={},server=on,wait=off",
            path.display()
        ),
        "-device".into(),
        format!("vgpu-stub,id=gpu,addr=4,revision=3,chardev=backend{comma}{properties}"),
    ]
}
