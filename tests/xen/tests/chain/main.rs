// SPDX-License-Identifier: GPL-2.0

//! The way from a key in xenstore to what a guest's software reads.
//!
//! The tests share two hosts. They are booted by who asks first and gone with the last
//! test, hence the `main`: the usual one has no place for an end.

mod devices;
mod end;
mod facts;
mod guard;
mod hook;
mod hostile;
mod links;
mod operator;
mod site;
// What the hook has to take in the tests with stand-ins, it has to take here.
#[path = "../../../../userspace/vgpu-host/tests/hook/values.rs"]
mod values;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::site::Site;

/// A test, and its name.
type Test = (&'static str, fn(&Site) -> Result<()>);

/// Makes tests of functions that take the site.
macro_rules! tests {
    ($($module:ident: $($name:ident),+;)+) => {
        &[$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),+),+]
    };
}

const TESTS: &[Test] = tests![
    links:
        link_1_xenstore_stores_the_key,
        link_2_the_hook_reads_it_and_adds_the_device,
        link_3_qemu_gets_the_argument_and_makes_the_device,
        link_4_the_device_is_on_the_guests_pci_bus_with_its_class,
        link_5_4_kib_of_registers_are_mapped_in_the_guest,
        link_6_the_registers_hold_the_values,
        link_7_the_guests_software_reads_the_values,
        a_reboot_of_the_guest_keeps_the_values;
    hostile:
        what_is_valid_adds_exactly_its_devices,
        nothing_hostile_in_the_typed_key_adds_an_argument,
        nothing_hostile_in_the_guides_key_adds_an_argument,
        a_wrong_typed_key_stops_the_start_beside_a_right_one_of_the_guide,
        random_values_add_whole_devices_or_stop_the_start,
        xenstored_takes_no_value_of_64_kib,
        the_longest_value_that_xenstored_takes_adds_nothing;
    devices:
        two_devices_are_two_devices,
        a_guest_asks_and_the_daemon_of_its_host_answers,
        a_device_goes_while_its_driver_is_bound_and_leaves_the_other,
        the_guides_key_makes_the_same_device;
    operator:
        vgpu_host_finds_nothing_wrong_with_what_it_installed,
        a_malformed_key_stops_the_start_and_the_log_says_why,
        a_xenstored_without_a_socket_stops_the_start_and_the_log_says_why,
        a_socket_that_is_not_xenstoreds_stops_the_start_and_the_log_says_why,
        a_connection_that_breaks_stops_the_start_and_the_log_says_why,
        a_xenstored_that_is_stopped_stops_the_start_and_the_log_says_why,
        a_vm_without_a_key_starts_without_a_device;
    guard:
        a_vm_with_devices_migrates_while_all_hosts_are_prepared,
        a_host_that_is_not_prepared_keeps_it_where_it_is,
        a_vm_without_devices_migrates_all_the_same;
    end:
        neither_xen_nor_the_kernel_of_dom0_has_complained;
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let site = Arc::new(Site::default());
    // Somebody who asks for a single test waits for what that one needs only.
    let all = arguments.filter.is_none() && !arguments.list;
    let prepared = all.then(|| {
        let site = Arc::clone(&site);
        thread::spawn(move || site.prepare_other_host())
    });
    let trials = TESTS.iter().map(|(name, test)| {
        let site = Arc::clone(&site);
        Trial::test(*name, move || {
            test(&site).map_err(|error| Failed::from(format!("{error:?}")))
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // It holds the site, which must not end before the hosts have.
    if let Some(prepared) = prepared {
        let _ = prepared.join();
    }
    conclusion.exit_code()
}
