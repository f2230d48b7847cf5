// SPDX-License-Identifier: GPL-2.0

//! Many random operations of guest, host and backend, each followed by a comparison with
//! a reference model: of the registers, of what came back to memory, and of what the
//! backend was told.

use std::collections::VecDeque;

use device_tests::{Backend, number};
use fastrand::Rng;
use vgpu::uapi::*;
use vgpu_protocol::{Event, Hello, Id, Response};

use super::{ALL, Answer, Bench, SLOT, WINDOW};

const SLOTS: usize = VGPU_MSG_SLOTS as usize;

/// What the device must have of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// Not read yet, as the machine is stopped.
    Rung(Id, Message),
    Sent(Id),
    /// To be told when the machine runs, unless an answer has come before.
    Lost(Id),
}

/// What the guest has put into a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Valid(Vec<u8>),
    Invalid,
}

/// A device, its window, and what its backend is to hear.
struct Model {
    enabled: bool,
    running: bool,
    connected: bool,
    vm_id: u32,
    slots: [Slot; SLOTS],
    done: u32,
    next_sequence: u32,
    /// What the backend must hear next, in this order.
    told: VecDeque<Event>,
    /// Answers that have come while the machine is stopped.
    held: Vec<Response>,
    /// What must be in memory of the slots that came back.
    answers: [Option<Answer>; SLOTS],
}

impl Model {
    fn new(vm_id: u32) -> Self {
        Self {
            enabled: true,
            running: true,
            connected: false,
            vm_id,
            slots: [const { Slot::Free }; SLOTS],
            done: 0,
            next_sequence: 0,
            told: VecDeque::new(),
            held: Vec::new(),
            answers: [const { None }; SLOTS],
        }
    }

    fn active(&self) -> u32 {
        (0..SLOTS)
            .filter(|&slot| self.slots[slot] != Slot::Free)
            .fold(0, |active, slot| active | (1 << slot))
    }

    fn greet(&mut self) {
        if self.connected {
            self.told.push_back(Event::Hello(Hello {
                version: vgpu_protocol::VERSION,
                vm_id: self.vm_id,
                pool_id: VGPU_POOL_ID_A,
                priority: VGPU_PRIORITY_MEDIUM,
                slots: VGPU_MSG_SLOTS,
                request_max: VGPU_MSG_IN_MAX,
                response_max: VGPU_MSG_OUT_MAX,
            }));
        }
    }

    fn come_back(&mut self, slot: usize, answer: Answer) {
        self.slots[slot] = Slot::Free;
        self.done |= 1 << slot;
        self.answers[slot] = Some(answer);
    }

    fn ring(&mut self, slot: usize, message: Message) {
        if !self.enabled || self.slots[slot] != Slot::Free {
            return;
        }
        let id = Id {
            slot: u16::try_from(slot).expect("a small number"),
            sequence: self.next_sequence,
        };
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.done &= !(1 << slot);
        self.answers[slot] = None;
        self.slots[slot] = Slot::Rung(id, message);
        self.work();
    }

    /// Does what can only be done while the machine runs.
    fn work(&mut self) {
        if !self.running {
            return;
        }
        for response in std::mem::take(&mut self.held) {
            let slot = usize::from(response.id.slot);
            if self.slots[slot] == Slot::Sent(response.id)
                || self.slots[slot] == Slot::Lost(response.id)
            {
                self.come_back(slot, Answer::of(response.status, &response.payload));
            }
        }
        let mut rung: Vec<(Id, Message)> = self
            .slots
            .iter()
            .filter_map(|slot| match slot {
                Slot::Rung(id, message) => Some((*id, message.clone())),
                _ => None,
            })
            .collect();
        rung.sort_by_key(|(id, _)| id.sequence);
        for (id, message) in rung {
            let slot = usize::from(id.slot);
            match message {
                _ if !self.connected => {
                    self.come_back(slot, Answer::none(VGPU_MSG_STATE_NOT_CONNECTED));
                }
                Message::Invalid => self.come_back(slot, Answer::none(VGPU_MSG_STATE_INVALID)),
                Message::Valid(payload) => {
                    self.slots[slot] = Slot::Sent(id);
                    self.told.push_back(Event::Request { id, payload });
                }
            }
        }
        for slot in 0..SLOTS {
            if let Slot::Lost(_) = self.slots[slot] {
                self.come_back(slot, Answer::none(VGPU_MSG_STATE_LOST));
            }
        }
    }

    fn cancel(&mut self, slots: u32) {
        for slot in 0..SLOTS {
            if slots & (1 << slot) == 0 {
                continue;
            }
            if let Slot::Sent(id) = self.slots[slot] {
                self.told.push_back(Event::Cancel(id));
            }
            self.slots[slot] = Slot::Free;
        }
    }

    fn disable(&mut self) {
        self.cancel(ALL);
        self.enabled = false;
        self.done = 0;
        self.answers = [const { None }; SLOTS];
    }

    fn respond(&mut self, response: Response) {
        self.held.push(response);
        self.work();
    }

    fn disconnect(&mut self) {
        self.connected = false;
        self.told.clear();
        for slot in &mut self.slots {
            if let Slot::Sent(id) = *slot {
                *slot = Slot::Lost(id);
            }
        }
        self.work();
    }

    /// What a state has of the device.
    fn saved(&self) -> Self {
        Self {
            told: VecDeque::new(),
            held: Vec::new(),
            slots: self.slots.clone(),
            answers: self.answers.clone(),
            ..*self
        }
    }

    /// Becomes what the device is after this state was loaded into it.
    fn load(&mut self, saved: &Self) {
        self.cancel(ALL);
        self.enabled = saved.enabled;
        self.done = saved.done;
        self.answers = saved.answers.clone();
        self.held.clear();
        for slot in 0..SLOTS {
            let mut id = Id {
                slot: u16::try_from(slot).expect("a small number"),
                sequence: self.next_sequence,
            };
            self.slots[slot] = match &saved.slots[slot] {
                Slot::Free => continue,
                Slot::Rung(_, message) => Slot::Rung(id, message.clone()),
                Slot::Sent(_) | Slot::Lost(_) => Slot::Lost(id),
            };
            id.sequence = id.sequence.wrapping_add(1);
            self.next_sequence = id.sequence;
        }
        // Who the device is comes with the state.
        self.vm_id = saved.vm_id;
        self.greet();
        self.work();
    }
}

/// The bytes that a device takes while the machine is stopped.
const HELD: usize = 4000;

struct Random {
    bench: Bench,
    model: Model,
    backend: Option<Backend>,
    rng: Rng,
    done: usize,
    recent: VecDeque<String>,
}

impl Random {
    fn new(seed: u64) -> Self {
        let mut random = Self {
            bench: Bench::with("vm_id=1", &[]),
            model: Model::new(1),
            backend: None,
            rng: Rng::with_seed(seed),
            done: 0,
            recent: VecDeque::new(),
        };
        random.connect();
        random
    }

    fn note(&mut self, what: String) {
        self.recent.push_back(format!("{}: {what}", self.done));
        if self.recent.len() > 12 {
            self.recent.pop_front();
        }
    }

    fn connect(&mut self) {
        if self.backend.is_none() {
            self.note("connect".into());
            self.backend = Some(self.bench.connect_only());
            self.model.connected = true;
            self.model.greet();
            self.check();
            // Connecting is done when the device has greeted: what waits goes then.
            self.model.work();
        }
    }

    fn ring(&mut self) {
        let slot = self.rng.u32(..VGPU_MSG_SLOTS);
        let index = usize::try_from(slot).expect("a small number");
        if self.model.slots[index] != Slot::Free {
            // What is the device's is left alone, but for the bell.
            self.note(format!("ring {slot} again"));
            self.bench.ring(slot);
            return;
        }
        let message = if self.rng.u8(..8) == 0 {
            self.bench
                .put_header(slot, self.rng.u32(VGPU_MSG_IN_MAX + 1..), 0);
            Message::Invalid
        } else {
            let longest = if self.rng.u8(..8) == 0 {
                VGPU_MSG_IN_MAX as usize
            } else {
                64
            };
            let payload = vec![self.rng.u8(..); self.rng.usize(..=longest)];
            self.bench.put(slot, &payload);
            Message::Valid(payload)
        };
        self.note(format!("ring {slot}"));
        self.bench.ring(slot);
        self.model.ring(index, message);
    }

    fn respond(&mut self) {
        let sent: Vec<Id> = self
            .model
            .slots
            .iter()
            .filter_map(|slot| match slot {
                Slot::Sent(id) => Some(*id),
                _ => None,
            })
            .collect();
        let id = match self.rng.choice(&sent) {
            Some(id) if self.rng.u8(..6) > 0 => *id,
            _ => Id {
                slot: self.rng.u16(..8),
                sequence: self.rng.u32(..self.model.next_sequence.max(1)),
            },
        };
        let longest = if self.rng.u8(..8) == 0 && self.model.running {
            4096
        } else {
            64
        };
        let response = Response {
            id,
            status: self.rng.u32(..),
            payload: vec![self.rng.u8(..); self.rng.usize(..=longest)],
        };
        let held: usize = self.model.held.iter().map(|r| r.encode().len()).sum();
        let Some(backend) = &mut self.backend else {
            return;
        };
        if held + response.encode().len() > HELD && !self.model.running {
            return;
        }
        backend.send(&response.encode());
        self.note(format!("respond {id:?}"));
        self.model.respond(response);
    }

    fn disconnect(&mut self) {
        if self.backend.take().is_some() {
            self.note("disconnect".into());
            self.model.disconnect();
        }
    }

    fn send_garbage(&mut self) {
        if !self.model.running {
            return;
        }
        if let Some(mut backend) = self.backend.take() {
            self.note("garbage".into());
            backend.send(&[0xff; 16]);
            while let Some(event) = backend.try_event() {
                assert_eq!(Some(event), self.model.told.pop_front());
            }
            self.model.disconnect();
        }
    }

    fn save_and_load(&mut self) {
        self.note("save".into());
        self.bench.machine.save();
        let saved = self.model.saved();
        for _ in 0..self.rng.usize(..4) {
            self.ring();
            self.check();
        }
        self.note("load".into());
        self.bench.machine.load();
        self.model.load(&saved);
    }

    fn migrate(&mut self) {
        self.note("migrate".into());
        let saved = self.model.saved();
        self.bench = self.bench.migrate();
        self.backend = None;
        self.model = Model::new(saved.vm_id);
        self.model.load(&saved);
    }

    fn step(&mut self) {
        match self.rng.u8(..100) {
            0..34 => self.ring(),
            34..62 => self.respond(),
            62..70 => {
                let slots = self.rng.u32(..);
                self.note(format!("cancel {slots:#x}"));
                self.bench.set(VGPU_REG_MSG_CANCEL, slots);
                self.model.cancel(slots);
            }
            70..80 => {
                let slots = self.rng.u32(..);
                self.note(format!("clear {slots:#x}"));
                self.bench.set(VGPU_REG_MSG_DONE, slots);
                self.model.done &= !slots;
            }
            80..83 => {
                self.note("disable".into());
                self.bench.set(VGPU_REG_MSG_CONTROL, 0);
                self.model.disable();
            }
            83..88 => {
                self.note("enable".into());
                self.bench
                    .set(VGPU_REG_MSG_CONTROL, VGPU_MSG_CONTROL_ENABLE);
                self.model.enabled = true;
            }
            88..90 => {
                self.note("stop".into());
                self.bench.stop();
                self.model.running = false;
            }
            90..94 => {
                self.note("cont".into());
                self.bench.resume();
                self.model.running = true;
                self.model.work();
            }
            94 => self.disconnect(),
            95..97 => self.connect(),
            97 => {
                let vm_id = self.rng.u32(..);
                self.note("change".into());
                self.bench.change("vm_id", vm_id).expect("it may change");
                if vm_id != self.model.vm_id {
                    self.model.vm_id = vm_id;
                    self.model.greet();
                }
            }
            98 => self.send_garbage(),
            _ => self.seldom(),
        }
        self.check();
        self.done += 1;
    }

    fn seldom(&mut self) {
        match self.rng.u8(..4) {
            0 if self.model.running => self.migrate(),
            1 => self.save_and_load(),
            _ if self.model.running => {
                self.note("reset".into());
                self.bench.machine.reset();
                self.model.disable();
                self.bench.bar0 = SLOT.enable(&mut self.bench.machine.cpu);
                self.bench.enable(WINDOW);
                self.model.enabled = true;
            }
            _ => {}
        }
    }

    /// Compares everything.
    fn check(&mut self) {
        if let Some(backend) = &mut self.backend {
            for expected in self.model.told.drain(..) {
                let event = backend.event();
                assert_eq!(event, expected, "{:#?}", self.recent);
            }
        }
        let link = u32::from(self.model.connected) * VGPU_MSG_STATUS_LINK;
        self.bench.wait(VGPU_REG_MSG_STATUS, link);
        self.bench.wait(VGPU_REG_MSG_ACTIVE, self.model.active());
        self.bench.wait(VGPU_REG_MSG_DONE, self.model.done);
        let control = u32::from(self.model.enabled);
        assert_eq!(self.bench.get(VGPU_REG_MSG_CONTROL), control);
        for slot in 0..VGPU_MSG_SLOTS {
            let index = usize::try_from(slot).expect("a small number");
            if self.model.slots[index] != Slot::Free {
                let state = self.bench.state(slot);
                assert_eq!(state, VGPU_MSG_STATE_PENDING, "{:#?}", self.recent);
            } else if let Some(answer) = self.model.answers[index].take() {
                assert_eq!(self.bench.answer(slot), answer, "{:#?}", self.recent);
            }
        }
    }
}

#[test]
fn random_messages_come_to_what_the_reference_model_says() {
    let seed = number("VGPU_SEED", 0x7667_7075);
    let operations = number("VGPU_MESSAGES", 10_000);
    // What a failure is repeated with: it is shown with what failed.
    println!("VGPU_SEED={seed} VGPU_MESSAGES={operations}");
    let mut random = Random::new(seed);
    while random.done < operations {
        random.step();
    }
    random.bench.machine.finish();
    println!("{operations} operations");
}
