// SPDX-License-Identifier: GPL-2.0

//! Many random accesses, each answer compared with the reference model's.

use std::env;

use device_tests::pci::{Bar0, Slot};
use device_tests::{Chipset, Identity, Machine, Model, Request, Width};
use fastrand::Rng;
use vgpu::uapi::*;

/// Accesses between two resets, and number of such runs.
const ACCESSES: usize = 500;
const RUNS: usize = 200;

/// `VGPU_SEED` repeats a run that failed elsewhere, or tries another one.
fn seed() -> u64 {
    env::var("VGPU_SEED").map_or(0x7667_7075, |text| {
        text.parse().expect("VGPU_SEED is not a number")
    })
}

fn random_request(rng: &mut Rng, bar0: Bar0) -> Request {
    let width = Width::ALL[rng.usize(..Width::ALL.len())];
    // Mostly where the registers are, where the interesting boundaries are too.
    let end = if rng.u8(..4) == 0 {
        u64::from(VGPU_BAR0_SIZE)
    } else {
        u64::from(VGPU_REG_RESERVED) + 8
    };
    let offset = match rng.u8(..8) {
        0 => VGPU_REG_COMMAND.into(),
        _ => rng.u64(..=end - width.bytes()),
    };
    let address = bar0.address(offset);
    if rng.bool() {
        Request::Read(width, address)
    } else {
        Request::Write(width, address, rng.u64(..))
    }
}

#[test]
fn a_hundred_thousand_random_accesses_answer_as_the_reference_model() {
    let seed = seed();
    println!("VGPU_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let mut model = Model::new(Identity {
        pool_id: VGPU_POOL_ID_B,
        priority: VGPU_PRIORITY_LOW,
        vm_id: 0x89ab_cdef,
    });
    let mut machine = Machine::start(
        Chipset::Pc,
        &[
            "-device",
            "vgpu-stub,addr=4,pool_id=B,priority=low,vm_id=0x89abcdef",
        ],
    );
    for run in 0..RUNS {
        let bar0 = Slot::root(4).enable(&mut machine.cpu);
        let requests: Vec<_> = (0..ACCESSES)
            .map(|_| random_request(&mut rng, bar0))
            .collect();
        let answers = machine.cpu.access_all(&requests);
        for (step, (request, answer)) in requests.iter().zip(answers).enumerate() {
            let expected = match *request {
                Request::Read(width, at) => model.read(width, at - bar0.address(0)),
                Request::Write(width, at, value) => {
                    model.write(width, at - bar0.address(0), value);
                    0
                }
                _ => unreachable!("no I/O ports here"),
            };
            assert_eq!(
                answer, expected,
                "VGPU_SEED={seed}, run {run}, step {step}: {request}"
            );
        }
        machine.reset();
        model.reset();
    }
    machine.finish();
}
