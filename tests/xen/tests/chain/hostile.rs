// SPDX-License-Identifier: GPL-2.0

//! The hook's tests of values of somebody who wants more than a device, against the
//! real xenstored.

use std::borrow::Cow;

use anyhow::{Context, Result, anyhow, ensure};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use xen_tests::Host;

use crate::hook::{Keys, starts};
use crate::site::{GUIDES_KEY, KEY, Site};
use crate::values::{
    DEVICE, ENDINGS, ENDINGS_OF_TYPED, NOT_ARGUMENTS, NOT_TYPED, are_devices, value,
};

/// How many domains with random values are tried.
const RANDOM: usize = 60;

pub(crate) fn what_is_valid_adds_exactly_its_devices(site: &Site) -> Result<()> {
    let one = format!("vgpu-stub,{DEVICE},id=vgpu-stub0,addr=0x1e");
    let one = ["-device", &one];
    let two = "vgpu-stub,pool_id=A,priority=medium,vm_id=7,id=vgpu-stub1,addr=0x1d";
    let two = [&one[..], &["-device", two]].concat();
    let typed_two = format!("{DEVICE};vm_id=7");
    let guides = format!("-device vgpu-stub,{DEVICE}");
    let guides_two =
        format!(" -device vgpu-stub,id=gpu0,{DEVICE}  -device vgpu-stub,vm_id=7,id=gpu1 ");
    let cases: [(Keys, &[&str]); 9] = [
        (vec![], &[]),
        (vec![(KEY, DEVICE.as_bytes())], &one),
        (vec![(KEY, typed_two.as_bytes())], &two),
        (vec![(GUIDES_KEY, guides.as_bytes())], &one),
        (vec![(GUIDES_KEY, guides_two.as_bytes())], &two),
        (vec![(GUIDES_KEY, b"")], &[]),
        (vec![("another-key", b"-runas 0:0")], &[]),
        // With both, the typed one counts.
        (
            vec![
                (KEY, DEVICE.as_bytes()),
                (GUIDES_KEY, guides_two.as_bytes()),
            ],
            &one,
        ),
        (vec![(KEY, DEVICE.as_bytes()), (GUIDES_KEY, b"-S")], &one),
    ];
    let (domains, expected): (Vec<Keys>, Vec<_>) = cases.into_iter().unzip();
    let starts = starts(site.host()?, &domains)?;
    for (start, expected) in starts.iter().zip(expected) {
        ensure!(start.added()? == expected, "not {expected:?}: {start:?}");
    }
    Ok(())
}

/// Each of these values of a key must stop the start.
fn refused(host: &Host, key: &str, values: &[Cow<[u8]>]) -> Result<()> {
    let domains: Vec<Keys> = values.iter().map(|value| vec![(key, &value[..])]).collect();
    for (start, value) in starts(host, &domains)?.iter().zip(values) {
        let value = value.escape_ascii();
        ensure!(
            start.is_refused_for(key),
            "'{value}' is not refused: {start:?}"
        );
    }
    Ok(())
}

pub(crate) fn nothing_hostile_in_the_typed_key_adds_an_argument(site: &Site) -> Result<()> {
    let endings = ENDINGS.iter().chain(&ENDINGS_OF_TYPED);
    let more = endings.map(|ending| Cow::Owned([DEVICE.as_bytes(), ending].concat()));
    let values: Vec<_> = more.chain(NOT_TYPED.map(Cow::Borrowed)).collect();
    refused(site.host()?, KEY, &values)
}

pub(crate) fn nothing_hostile_in_the_guides_key_adds_an_argument(site: &Site) -> Result<()> {
    let device = format!("-device vgpu-stub,{DEVICE}");
    let more = ENDINGS.map(|ending| Cow::Owned([device.as_bytes(), ending].concat()));
    let values: Vec<_> = more
        .into_iter()
        .chain(NOT_ARGUMENTS.map(Cow::Borrowed))
        .collect();
    refused(site.host()?, GUIDES_KEY, &values)
}

pub(crate) fn a_wrong_typed_key_stops_the_start_beside_a_right_one_of_the_guide(
    site: &Site,
) -> Result<()> {
    let host = site.host()?;
    let keys: Keys = vec![(KEY, b""), (GUIDES_KEY, b"-device vgpu-stub")];
    for start in starts(host, &[keys])? {
        ensure!(start.is_refused_for(KEY), "{start:?}");
    }
    Ok(())
}

pub(crate) fn random_values_add_whole_devices_or_stop_the_start(site: &Site) -> Result<()> {
    let host = site.host()?;
    let pair = (prop::option::of(value()), prop::option::of(value()));
    let mut runner = TestRunner::default();
    let mut values = Vec::new();
    for _ in 0..RANDOM {
        let tree = pair.new_tree(&mut runner);
        values.push(tree.map_err(|why| anyhow!("{why}"))?.current());
    }
    let domains: Vec<Keys> = values
        .iter()
        .map(|(typed, guides)| {
            let typed = typed.iter().map(|value| (KEY, &value[..]));
            typed
                .chain(guides.iter().map(|value| (GUIDES_KEY, &value[..])))
                .collect()
        })
        .collect();
    for (start, values) in starts(host, &domains)?.iter().zip(&values) {
        let sound = start.is_refused_for(KEY)
            || start.is_refused_for(GUIDES_KEY)
            || are_devices(start.added()?, start.domain);
        ensure!(sound, "{values:?}: {start:?}");
    }
    Ok(())
}

pub(crate) fn xenstored_takes_no_value_of_64_kib(site: &Site) -> Result<()> {
    let output = site
        .host()?
        .run("xenstore-write /long $(printf '%065536d' 0) && xenstore-read /long")?;
    ensure!(!output.success(), "it takes {} bytes", output.stdout.len());
    Ok(())
}

pub(crate) fn the_longest_value_that_xenstored_takes_adds_nothing(site: &Site) -> Result<()> {
    let host = site.host()?;
    // xenstored has a limit of its own, below that of a message of xenstore.
    let longest = host.check(
        "takes=1024 refuses=65536
         xenstore-write /long $(printf %0${takes}d 0) || exit
         while [ $((refuses - takes)) -gt 1 ]; do
             length=$(((takes + refuses) / 2))
             if xenstore-write /long $(printf %0${length}d 0) 2>/dev/null; then
                 takes=$length
             else
                 refuses=$length
             fi
         done
         echo $takes",
    )?;
    let longest: usize = longest.parse().context(longest)?;
    for (key, first) in [(KEY, ""), (GUIDES_KEY, "-device vgpu-stub,")] {
        let property = ",vm_id=1";
        let more = (longest - first.len() - DEVICE.len()) / property.len();
        let value = format!("{first}{DEVICE}{}", property.repeat(more));
        refused(host, key, &[Cow::Borrowed(value.as_bytes())])?;
    }
    Ok(())
}
