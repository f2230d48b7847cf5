// SPDX-License-Identifier: GPL-2.0

//! The hook and the real xenstored: what the stock wrapper is called with, word by
//! word, for values of somebody who wants more than a device.
//!
//! The domain has no guest, only keys: what counts is decided before there is one.

use anyhow::{Result, bail, ensure};
use xen_tests::Host;

use crate::site::{DEVICE, GUIDES_KEY, KEY, Site};

/// A domain that Xen will not reach.
const DOMAIN: &str = "4242";
/// The keys of its platform map.
const PLATFORM: &str = "/local/domain/4242/platform";
/// What xenopsd's arguments may look like, and worse.
const WORDS: &[&str] = &[
    DOMAIN,
    "--syslog",
    "-machine",
    "xenfv,x=1",
    "-name",
    "it's a \"name\"",
    "",
    "a\nb",
    "*",
    "é",
];

/// What no value may end with, if it is to be valid. Escaped as xenstore-write
/// takes it.
const ENDINGS: &[&str] = &[
    " -S",
    " -chardev file,id=x,path=/etc/shadow",
    " -runas 0:0",
    " -device virtio-net-pci",
    ",",
    ",,",
    ",,-runas",
    ",romfile=/etc/shadow",
    ";",
    "'",
    "\"",
    "' '",
    r"\n",
    r"\n-chardev null,id=x",
    r"\t-runas 0:0",
    r"\r",
    r"\x00",
    r"\x00-S",
    r"\xff\xfe",
    r"\xc3\x28",
    r"\\x20",
    "$(reboot)",
    "`reboot`",
    "\u{a0}-S",
];

/// The status of a start whose key xenstored did not take.
const NOT_STORED: i32 = 99;

/// What became of a start.
struct Start {
    status: Option<i32>,
    /// What the stock wrapper was called with, if it was.
    words: Option<Vec<String>>,
    said: String,
}

/// Leaves the domain without a key.
fn clear(host: &Host) -> Result<()> {
    host.run(&format!("xenstore-rm {PLATFORM}"))?;
    Ok(())
}

/// Sets the key to a value, escaped as xenstore-write takes it, and starts the hook.
fn start(host: &Host, key: &str, value: &str) -> Result<Start> {
    let record = format!("/run/vgpu-xen/{DOMAIN}.argv");
    let output = host.run(&format!(
        ": >{record}
         xenstore-write -- {PLATFORM}/{key} {} || exit {NOT_STORED}
         export VGPU_XEN_ONLY_RECORD=1
         /usr/libexec/vgpu-stub/vgpu-dm-hook {}
         status=$?
         cat {record}
         exit $status",
        shell_words::quote(value),
        shell_words::join(WORDS),
    ))?;
    let said = output.errors();
    if output.status() == Some(NOT_STORED) {
        bail!("xenstored does not take the value: {said}");
    }
    let words = match output.stdout.strip_suffix(b"\0") {
        None if output.stdout.is_empty() => None,
        None => bail!("an unfinished record: {:?}", output.text()),
        Some(record) => Some(
            String::from_utf8_lossy(record)
                .split('\0')
                .map(str::to_owned)
                .collect(),
        ),
    };
    Ok(Start {
        status: output.status(),
        words,
        said,
    })
}

/// A value that must stop the start.
fn refused(host: &Host, key: &str, value: &str) -> Result<()> {
    let start = start(host, key, value)?;
    let (status, said) = (start.status, start.said);
    ensure!(start.words.is_none(), "{value:?} adds to {:?}", start.words);
    ensure!(status == Some(1), "{value:?}: {status:?} {said}");
    let line = format!("not started: {PLATFORM}/{key}: ");
    ensure!(said.contains(&line), "{value:?}: {said}");
    Ok(())
}

pub(crate) fn what_is_valid_adds_exactly_its_devices(site: &Site) -> Result<()> {
    let host = site.host()?;
    let one = format!("vgpu-stub,{DEVICE},id=vgpu-stub0,addr=0x1e");
    let other = "vgpu-stub,pool_id=A,priority=medium,vm_id=7,id=vgpu-stub1,addr=0x1d";
    for (key, value, added) in [
        (KEY, DEVICE.to_owned(), vec!["-device", &one]),
        (
            KEY,
            format!("{DEVICE};vm_id=7"),
            vec!["-device", &one, "-device", other],
        ),
        (
            GUIDES_KEY,
            format!("-device vgpu-stub,{DEVICE}"),
            vec!["-device", &one],
        ),
        (
            GUIDES_KEY,
            format!(" -device vgpu-stub,id=gpu0,{DEVICE}  -device vgpu-stub,vm_id=7,id=gpu1 "),
            vec!["-device", &one, "-device", other],
        ),
        (GUIDES_KEY, String::new(), vec![]),
        ("another-key", "-runas 0:0".to_owned(), vec![]),
    ] {
        clear(host)?;
        let start = start(host, key, &value)?;
        let expected: Vec<&str> = WORDS.iter().copied().chain(added).collect();
        ensure!(start.status == Some(0), "{value:?}: {}", start.said);
        let words = start.words.unwrap_or_default();
        ensure!(words == expected, "{value:?}: {words:?}");
    }
    Ok(())
}

pub(crate) fn nothing_hostile_in_the_typed_key_adds_an_argument(site: &Site) -> Result<()> {
    let host = site.host()?;
    clear(host)?;
    for ending in ENDINGS.iter().chain(&[" ", ";pool_id=C", ",pool_id=A"]) {
        refused(host, KEY, &format!("{DEVICE}{ending}"))?;
    }
    for value in [
        "",
        " ",
        "-device vgpu-stub",
        "pool_id",
        "vgpu-stub",
        "-runas",
    ] {
        refused(host, KEY, value)?;
    }
    Ok(())
}

pub(crate) fn nothing_hostile_in_the_guides_key_adds_an_argument(site: &Site) -> Result<()> {
    let host = site.host()?;
    clear(host)?;
    for ending in ENDINGS {
        refused(
            host,
            GUIDES_KEY,
            &format!("-device vgpu-stub,{DEVICE}{ending}"),
        )?;
    }
    for value in [
        DEVICE,
        "-device",
        "-device edu",
        "-runas 0:0",
        "-S -device vgpu-stub",
    ] {
        refused(host, GUIDES_KEY, value)?;
    }
    Ok(())
}

pub(crate) fn xenstored_takes_no_value_of_64_kib(site: &Site) -> Result<()> {
    let path = format!("{PLATFORM}/{KEY}");
    let output = site.host()?.run(&format!(
        "xenstore-write {path} $(printf '%065536d' 0) && xenstore-read {path}"
    ))?;
    ensure!(!output.success(), "it takes {} bytes", output.stdout.len());
    Ok(())
}

pub(crate) fn the_longest_value_that_xenstored_takes_adds_nothing(site: &Site) -> Result<()> {
    let host = site.host()?;
    // xenstored has a limit of its own, below that of a message of xenstore.
    let longest = host.check(&format!(
        "for length in $(seq 4096 -8 8); do
             xenstore-write {PLATFORM}/long $(printf %0${{length}}d 0) 2>/dev/null || continue
             echo $length
             exit
         done
         exit 1"
    ))?;
    let longest: usize = longest.parse()?;
    ensure!(longest > 1024, "xenstored takes only {longest} bytes");
    for (key, first) in [(KEY, ""), (GUIDES_KEY, "-device vgpu-stub,")] {
        let more = (longest - first.len() - DEVICE.len()) / 8;
        let value = format!("{first}{DEVICE}{}", ",vm_id=1".repeat(more));
        clear(host)?;
        refused(host, key, &value)?;
    }
    Ok(())
}
