// SPDX-License-Identifier: GPL-2.0

//! What the keys may hold: values of somebody who wants more than a device, and any
//! others. The tests of the hook with stand-ins and those on a Xen host share them.

use proptest::prelude::*;

/// The device of the guide's example.
pub(crate) const DEVICE: &str = "pool_id=B,priority=high,vm_id=200";

/// Behind something valid, each of these is one thing too many.
pub(crate) const ENDINGS: [&[u8]; 26] = [
    b" -S",
    b" -chardev file,id=x,path=/etc/shadow",
    b" -runas 0:0",
    b" -device virtio-net-pci",
    b",",
    b",,",
    b",,-runas",
    b",pool_id=A",
    b",romfile=/etc/shadow",
    b";",
    b"'",
    b"\"",
    b"' '",
    b"\n",
    b"\n-chardev null,id=x",
    b"\t-runas 0:0",
    b"\r",
    b"\0",
    b"\0-S",
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xc2\xa0-S",
    b"\\x00",
    b"\\x20",
    b"$(reboot)",
    b"`reboot`",
];

/// Behind a device of the typed key, these are, too. To the older key a space at the
/// end is nothing.
pub(crate) const ENDINGS_OF_TYPED: [&[u8]; 2] = [b" ", b";pool_id=C"];

/// No values of the typed key at all.
pub(crate) const NOT_TYPED: [&[u8]; 7] = [
    b"",
    b" ",
    b"-device vgpu-stub",
    b"pool_id",
    b"vgpu-stub",
    b"-runas",
    b"pool_id=\x1b[2J\x07\xff<30>",
];

/// No values of the older key at all.
pub(crate) const NOT_ARGUMENTS: [&[u8]; 5] = [
    DEVICE.as_bytes(),
    b"-device",
    b"-device edu",
    b"-runas 0:0",
    b"-S -device vgpu-stub",
];

/// Parts that values are made of, so that many of them are nearly valid.
const PARTS: [&str; 29] = [
    "-device",
    "vgpu-stub",
    "pool_id=",
    "priority=",
    "vm_id=",
    "id=",
    "revision=",
    "msix=",
    "on",
    "command-latency-us=",
    "messages=",
    "A",
    "B",
    "C",
    "low",
    "medium",
    "high",
    "0",
    "200",
    "4294967295",
    "4294967296",
    ",",
    ";",
    " ",
    "=",
    "\n",
    "-S",
    "-chardev",
    "\\",
];

/// Any value, valid and nearly valid ones more often than others.
pub(crate) fn value() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => prop::sample::select(&PARTS[..]).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    let device = prop::sample::subsequence(
        vec![
            "pool_id=A",
            "pool_id=B",
            "priority=low",
            "priority=high",
            "vm_id=7",
            "vm_id=0xff",
            "revision=2",
            "revision=3",
            "msix=on",
            "msix=off",
            "command-latency-us=100",
            "messages=on",
            "messages=off",
        ],
        1..6,
    )
    .prop_map(|properties| properties.join(","));
    let devices = prop::collection::vec(device, 1..10);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat()),
        devices
            .clone()
            .prop_map(|devices| devices.join(";").into_bytes()),
        devices.prop_map(|devices| {
            let words = devices.iter().map(|it| format!("-device vgpu-stub,{it}"));
            words.collect::<Vec<_>>().join(" ").into_bytes()
        }),
    ]
}

/// Whether a word is a whole device, the first one having number 0. Written by hand,
/// and so strictly that nothing else passes.
pub(crate) fn is_device(word: &str, number: usize, has_messages: bool) -> bool {
    let Some(properties) = word.strip_prefix("vgpu-stub,") else {
        return false;
    };
    let words = properties.split(',').collect::<Vec<_>>();
    let [pool, priority, vm_id, ref more @ .., id, slot] = words[..] else {
        return false;
    };
    let mut more = more.iter().peekable();
    // Each of these once at most, in this order, and the others only with the first.
    let is_3 = more.next_if(|it| **it == "revision=3").is_some();
    let is_2 = is_3 || more.next_if(|it| **it == "revision=2").is_some();
    more.next_if(|it| **it == "msix=off" || is_2 && **it == "msix=on");
    more.next_if(|it| is_2 && is_number(it, "command-latency-us="));
    let chardev = format!("chardev=vgpu-stub{number}-messages");
    let named = more.next_if(|it| is_3 && **it == chardev).is_some();
    if more.next().is_some() || named != has_messages {
        return false;
    }
    ["pool_id=A", "pool_id=B"].contains(&pool)
        && ["priority=low", "priority=medium", "priority=high"].contains(&priority)
        && is_number(vm_id, "vm_id=")
        && id == format!("id=vgpu-stub{number}")
        && slot == format!("addr=0x{:x}", 30 - number)
}

/// Whether a word is a number of 32 bits behind that name, written as it is printed.
fn is_number(word: &str, name: &str) -> bool {
    word.strip_prefix(name)
        .is_some_and(|text| text.parse::<u32>().is_ok_and(|it| it.to_string() == text))
}

/// Whether a word is the socket of a device with messages.
fn is_socket(word: &str, domain: u32, number: usize) -> bool {
    word == format!(
        "socket,id=vgpu-stub{number}-messages,\
         path=/run/vgpu-pool/dom{domain}-vgpu-stub{number}.sock,server=on,wait=off"
    )
}

/// Whether words are pairs of `-device` and a device, with `-chardev` and its socket before
/// one that has messages, and nothing else.
pub(crate) fn are_devices<S: AsRef<str>>(added: &[S], domain: u32) -> bool {
    let mut number = 0;
    let mut has_messages = false;
    let pairs = added.chunks(2).all(|pair| match pair {
        [option, word] => match option.as_ref() {
            "-chardev" if !has_messages => {
                has_messages = true;
                is_socket(word.as_ref(), domain, number)
            }
            "-device" => {
                let is_device = is_device(word.as_ref(), number, has_messages);
                number += 1;
                has_messages = false;
                is_device
            }
            _ => false,
        },
        _ => false,
    });
    pairs && !has_messages
}
