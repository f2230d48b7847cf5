// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a maintainer asks for when something does not work, beyond the checks: facts about the
//! machine, the module and the devices. None of them names the machine or its users.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use super::{header, image::Image, kernel, module};
use crate::driver::CLASS;
use crate::{DRIVER, Roots, Vgpu};

/// One part of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Heading for people.
    pub title: String,
    /// Lines, or the reason why there are none.
    pub text: std::result::Result<String, String>,
}

/// Surveys the machine and `devices`, and changes nothing. What cannot be read says so in its
/// place.
pub fn survey(roots: &Roots, devices: &[Vgpu]) -> Vec<Part> {
    let part = |title: &str, text| Part {
        title: title.into(),
        text,
    };
    let mut parts = vec![
        part("System", Ok(system(roots))),
        part("Restrictions", Ok(restrictions(roots))),
        part("Loaded module", loaded(roots)),
        part("Installed module", installed(roots)),
    ];
    parts.extend(devices.iter().map(|device| Part {
        title: format!("PCI function {}", device.pci()),
        text: header::describe(device),
    }));
    parts.push(part("Interrupts", interrupts(roots, devices)));
    parts.push(part("Kernel log", log(roots, devices)));
    parts
}

/// Replaces the machine's host name in `text`: what has made a key may have put it into the
/// key's name.
pub fn without_host_name(roots: &Roots, text: &str) -> String {
    // A copied tree may have the second one only.
    let files = ["proc/sys/kernel/hostname", "etc/hostname"];
    files.iter().fold(text.to_owned(), |text, file| {
        let name = fs::read_to_string(roots.path(file)).unwrap_or_default();
        let name = name.trim();
        // The domain may be left out.
        let short = name.split('.').next().unwrap_or_default();
        [name, short]
            .iter()
            .filter(|name| !name.is_empty())
            .fold(text, |text, name| without_word(&text, name))
    })
}

/// Replaces a word in `text`, where it is no part of another one.
fn without_word(text: &str, word: &str) -> String {
    let is_part = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    let mut result = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(word) {
        let (before, found) = rest.split_at(place);
        let after = &found[word.len()..];
        let alone = !is_part(before.chars().next_back()) && !is_part(after.chars().next());
        result += before;
        result += if alone { "HOST" } else { word };
        rest = after;
    }
    result + rest
}

/// Reads a small file, named without its first slash.
fn read(roots: &Roots, path: &str) -> Result<String, String> {
    match fs::read_to_string(roots.path(path)) {
        Ok(text) => Ok(text.trim_end().to_owned()),
        Err(error) => Err(refusal(path, &error)),
    }
}

/// Says why a file, named without its first slash, cannot be read.
fn refusal(path: &str, error: &io::Error) -> String {
    format!("/{path} cannot be read: {error}")
}

/// Makes a line of a name and what is known of it.
fn line(name: &str, value: Result<String, String>) -> String {
    let value = match value {
        Ok(value) => value,
        Err(reason) => format!("not known ({reason})"),
    };
    let value: String = value.chars().filter(|it| !it.is_control()).collect();
    format!("{name}: {}\n", value.trim_end())
}

fn system(roots: &Roots) -> String {
    [
        line("kernel", read(roots, "proc/sys/kernel/osrelease")),
        line("distribution", distribution(roots)),
    ]
    .concat()
}

/// Returns the name of the distribution, as it shows itself.
fn distribution(roots: &Roots) -> Result<String, String> {
    const NAME: &str = "PRETTY_NAME=";
    let text = read(roots, "etc/os-release").or_else(|_| read(roots, "usr/lib/os-release"))?;
    let name = text.lines().find_map(|line| line.strip_prefix(NAME));
    let name = name.ok_or_else(|| format!("os-release has no {NAME}"))?;
    Ok(name.trim_matches(['"', '\'']).to_owned())
}

fn restrictions(roots: &Roots) -> String {
    let signatures = read(roots, "sys/module/module/parameters/sig_enforce");
    [
        line("taint", read(roots, "proc/sys/kernel/tainted").map(taint)),
        line("lockdown", read(roots, "sys/kernel/security/lockdown")),
        line("signatures enforced", signatures),
        line("secure boot", secure_boot(roots)),
    ]
    .concat()
}

/// Adds to the number of the kernel's taints the letters that it prints for them.
fn taint(number: String) -> String {
    const LETTERS: &[u8] = b"PFSRMBUDAWCIOELKXTNJ";
    let bits: u64 = number.parse().unwrap_or(0);
    let letters = LETTERS.iter().enumerate();
    let letters = letters.filter(|(bit, _)| bits & (1 << bit) != 0);
    let letters: String = letters.map(|(_, letter)| char::from(*letter)).collect();
    match letters.as_str() {
        "" => number,
        letters => format!("{number} ({letters})"),
    }
}

/// Tells whether the firmware has checked what was booted.
fn secure_boot(roots: &Roots) -> Result<String, String> {
    const VARIABLE: &str =
        "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    if !roots.path("sys/firmware/efi").exists() {
        return Ok("off (not booted by UEFI)".into());
    }
    // Four bytes of attributes come before the value.
    match fs::read(roots.path(VARIABLE)) {
        Ok(content) if content.get(4) == Some(&1) => Ok("on".into()),
        Ok(_) => Ok("off".into()),
        Err(error) => Err(refusal(VARIABLE, &error)),
    }
}

fn loaded(roots: &Roots) -> Result<String, String> {
    let directory = format!("sys/module/{DRIVER}");
    if !module::is_loaded(roots) {
        return Err(format!("{DRIVER} is not loaded"));
    }
    let mut text = String::new();
    for name in ["version", "srcversion", "taint", "initstate", "refcnt"] {
        text += &line(name, read(roots, &format!("{directory}/{name}")));
    }
    for (name, value) in parameters(roots, &directory) {
        text += &line(&format!("parameter {name}"), value);
    }
    Ok(text)
}

/// Reads the parameters of the loaded module, of which there may be none.
fn parameters(roots: &Roots, directory: &str) -> Vec<(String, Result<String, String>)> {
    let directory = format!("{directory}/parameters");
    let entries = fs::read_dir(roots.path(&directory)).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| {
            let value = read(roots, &format!("{directory}/{name}"));
            (name, value)
        })
        .collect()
}

fn installed(roots: &Roots) -> Result<String, String> {
    let release = read(roots, "proc/sys/kernel/osrelease")?;
    let path = module::file(roots, &release)
        .ok_or_else(|| format!("there is no {DRIVER}.ko for the kernel {release}"))?;
    let shown = path.strip_prefix(roots.path("")).unwrap_or(&path);
    let mut text = line("file", Ok(Path::new("/").join(shown).display().to_string()));
    let Some(image) = Image::read(&path) else {
        text += &line(
            "content",
            Err("it is no module, or closed to this user".into()),
        );
        return Ok(text);
    };
    for key in ["version", "srcversion", "vermagic"] {
        let value = image.information(key).map(str::to_owned);
        text += &line(key, value.ok_or_else(|| "the module does not say".into()));
    }
    let signer = match (image.is_signed(), image.signer()) {
        (false, _) => "none: it is not signed".into(),
        (true, Some(name)) => without_host_name(roots, &name),
        (true, None) => "a key without a name".into(),
    };
    Ok(text + &line("signer", Ok(signer)))
}

/// Returns the lines of the devices' interrupts, below the one that names the processors.
fn interrupts(roots: &Roots, devices: &[Vgpu]) -> Result<String, String> {
    let text = read(roots, "proc/interrupts")?;
    let addresses: Vec<String> = devices.iter().map(|it| it.pci().to_string()).collect();
    let is_ours = |line: &&str| {
        line.split([' ', ',']).any(|word| {
            word.starts_with(CLASS) || addresses.iter().any(|address| word.ends_with(address))
        })
    };
    let mut lines = text.lines();
    let heading = lines.next().unwrap_or_default();
    let lines: Vec<&str> = lines.filter(is_ours).collect();
    if lines.is_empty() {
        return Err("no interrupt is a device's".into());
    }
    Ok([&[heading], lines.as_slice()].concat().join("\n") + "\n")
}

/// Returns the records of the kernel's log about the driver and the devices, as dmesg prints
/// them.
fn log(roots: &Roots, devices: &[Vgpu]) -> Result<String, String> {
    let log = match kernel::log(roots) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(format!("{}: it takes root", refusal("dev/kmsg", &error)));
        }
        Err(error) => return Err(refusal("dev/kmsg", &error)),
    };
    let mut names: Vec<String> = devices.iter().map(|it| it.pci().to_string()).collect();
    names.push(DRIVER.into());
    let mut text = String::new();
    for record in log.lines() {
        // What belongs to a record, as the device that it is about, stands on lines of its own.
        let Some((prefix, said)) = record.split_once(';') else {
            continue;
        };
        if record.starts_with(' ') || !names.iter().any(|name| said.contains(name)) {
            continue;
        }
        let time: u64 = prefix
            .split(',')
            .nth(2)
            .and_then(|time| time.parse().ok())
            .unwrap_or(0);
        let (seconds, micros) = (time / 1_000_000, time % 1_000_000);
        // Writing to a String does not fail.
        let _ = writeln!(text, "[{seconds:5}.{micros:06}] {said}");
    }
    match text.as_str() {
        "" => Err(format!("no record is about {DRIVER} or a device")),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn the_host_name_is_replaced_where_it_is_a_word() {
        let fixture = Fixture::new();
        let roots = Roots::under(fixture.root());
        let text = "web-1 and web-1.example.com, not myweb-1 or web-10, but (web-1)";
        assert_eq!(without_host_name(&roots, text), text);
        for file in ["etc/hostname", "proc/sys/kernel/hostname"] {
            let path = fixture.root().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "web-1.example.com\n").unwrap();
            assert_eq!(
                without_host_name(&roots, text),
                "HOST and HOST, not myweb-1 or web-10, but (HOST)"
            );
            fs::write(&path, "\n").unwrap();
            assert_eq!(without_host_name(&roots, text), text);
        }
    }

    #[test]
    fn taints_have_the_letters_that_the_kernel_prints() {
        for (number, text) in [
            ("0", "0"),
            ("12288", "12288 (OE)"),
            ("524801", "524801 (PWJ)"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(taint(number.into()), text);
        }
    }
}
