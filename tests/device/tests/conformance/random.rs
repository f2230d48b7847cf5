// SPDX-License-Identifier: GPL-2.0

//! Many random operations, each answer compared with the reference model's.
//!
//! What is done depends on the seed alone, and not on what the device answers.

mod operations;

use std::time::Duration;

use device_tests::pci::{self, Bar0, Slot};
use device_tests::{Chipset, Hotplug, Machine, Model, Request, number};
use fastrand::Rng;

use operations::{Accesses, Event, Properties};

const SLOT: Slot = Slot::root(4);

/// How many requests a failure shows, the last of them the one that failed.
const SHOWN: usize = 10;

/// A machine with one device, and what is to be expected of that.
struct Bench {
    machine: Machine,
    properties: Properties,
    model: Model,
    bar0: Bar0,
    rng: Rng,
    done: usize,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let properties = Properties::random(&mut rng);
        let mut machine = Machine::start(Chipset::Pc, &["-device", &properties.argument(SLOT)]);
        Self {
            bar0: SLOT.enable(&mut machine.cpu),
            machine,
            properties,
            model: properties.model(),
            rng,
            done: 0,
        }
    }

    /// Makes accesses and looks at their answers.
    fn access(&mut self, accesses: Accesses) {
        let requests = accesses.requests(&mut self.rng, self.bar0);
        let answers = self.machine.cpu.access_all(&requests);
        assert_eq!(answers.len(), requests.len());
        for (step, (request, answer)) in requests.iter().zip(answers).enumerate() {
            let base = self.bar0.address(0);
            let expected = match *request {
                Request::Read(width, at) => self.model.read(width, at - base),
                Request::Write(width, at, value) => {
                    self.model.write(width, at - base, value);
                    0
                }
                Request::Pass(time) => {
                    self.model.pass(Duration::from_nanos(time));
                    continue;
                }
                _ => unreachable!("no I/O ports here"),
            };
            assert_eq!(
                answer,
                expected,
                "operation {}: {:#?}",
                self.done + step,
                &requests[step.saturating_sub(SHOWN - 1)..=step]
            );
        }
        self.done += requests.len();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Reset => {
                self.machine.reset();
                self.model.reset();
                self.bar0 = SLOT.enable(&mut self.machine.cpu);
            }
            Event::Move(page) => self.bar0 = SLOT.enable_at(&mut self.machine.cpu, page),
            Event::Deaf(accesses) => {
                SLOT.write16(&mut self.machine.cpu, pci::COMMAND, 0);
                self.unheard(accesses);
                SLOT.write16(&mut self.machine.cpu, pci::COMMAND, pci::COMMAND_ENABLE);
            }
            Event::Replug(accesses, properties) => {
                Hotplug::PC.unplug(&mut self.machine, Properties::ID, SLOT.device);
                self.unheard(accesses);
                self.machine
                    .qmp
                    .execute("device_add", properties.object(SLOT));
                self.properties = properties;
                self.model = properties.model();
                self.bar0 = SLOT.enable(&mut self.machine.cpu);
            }
            Event::Change(place, other) => self.change(place, other),
            Event::Restore(place, other, accesses) => {
                self.machine.save();
                let kept = (self.model, self.properties, self.bar0);
                self.change(place, other);
                self.access(accesses);
                self.machine.load();
                (self.model, self.properties, self.bar0) = kept;
            }
            Event::Migrate(properties) => {
                let mut properties = properties.like(self.properties);
                let target = self
                    .machine
                    .migrate(&["-device", &properties.argument(SLOT)]);
                std::mem::replace(&mut self.machine, target).finish();
                match &mut self.model.revision_2 {
                    // What the guest was told goes with it.
                    Some(more) => {
                        more.latency = properties.latency();
                        properties = properties.named(self.properties);
                    }
                    None => self.model.identity = properties.identity(),
                }
                self.properties = properties;
            }
        }
        self.done += 1;
    }

    /// Makes accesses to where no device is listening, and only time passes for it.
    fn unheard(&mut self, accesses: Accesses) {
        let requests = accesses.requests(&mut self.rng, self.bar0);
        self.machine.cpu.access_all(&requests);
        for request in &requests {
            if let Request::Pass(time) = *request {
                self.model.pass(Duration::from_nanos(time));
            }
        }
        self.done += requests.len();
    }

    /// Sets a property, which must be refused unless it may change.
    fn change(&mut self, place: usize, other: Properties) {
        let changed = self.properties.changed(place, other);
        let (property, value) = changed.live()[place].clone();
        let answer = self.machine.qmp.set(Properties::ID, property, value);
        let changes = self.model.revision_2.is_some();
        assert_eq!(
            answer.is_ok(),
            changes,
            "operation {}: {answer:?}",
            self.done
        );
        if changes {
            self.properties = changed;
            self.model.configure(changed.identity());
        }
    }

    /// Looks at the properties, as the host sees them, and at the interrupt line.
    fn check_rest(&mut self) {
        for (property, expected) in self.properties.live() {
            let value = self.machine.qmp.get(Properties::ID, property);
            assert_eq!(value, expected, "operation {}: {property}", self.done);
        }
        assert_eq!(
            SLOT.interrupts(&mut self.machine.cpu),
            self.model.interrupts(),
            "operation {}: the interrupt line, {:#?}",
            self.done,
            self.model
        );
    }
}

#[test]
fn random_operations_answer_as_the_reference_model() {
    let seed = number("VGPU_SEED", 0x7667_7075);
    let operations = number("VGPU_OPERATIONS", 100_000);
    // What a failure is repeated with: it is shown with what failed.
    println!("VGPU_SEED={seed} VGPU_OPERATIONS={operations}");
    let mut bench = Bench::new(seed);
    while bench.done < operations {
        let accesses = Accesses::random(&mut bench.rng);
        bench.access(accesses);
        let event = Event::random(&mut bench.rng);
        bench.happen(event);
        bench.check_rest();
    }
    bench.machine.finish();
    println!("{} operations", bench.done);
}
