// SPDX-License-Identifier: GPL-2.0

//! The hook by itself, for domains that have no guest, only keys in the real
//! xenstored: what counts is decided before there is one.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use xen_tests::Host;

/// What xenopsd's arguments behind the domain may look like, and worse.
const WORDS: [&str; 9] = [
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
/// How many starts one command makes: its text has to fit into an argument.
const BATCH: usize = 20;
/// Domains from here on are none that Xen will reach.
static NEXT_DOMAIN: AtomicU32 = AtomicU32::new(10_000);
/// Stands for the end of a record, in which no word is like it.
const END: &str = "\u{1}";

/// The keys of a domain's platform map, and their values.
pub(crate) type Keys<'a> = Vec<(&'a str, &'a [u8])>;

/// What became of a start.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) domain: u32,
    /// The exit status: 0 is that of the stock wrapper.
    pub(crate) status: String,
    /// What the hook wrote to stderr.
    pub(crate) said: String,
    /// What the stock wrapper was called with, if it was.
    words: Option<Vec<String>>,
}

impl Start {
    /// What the stock wrapper was given behind what the hook was given, which has to
    /// be there word by word.
    pub(crate) fn added(&self) -> Result<&[String]> {
        let words = self.words.as_ref().with_context(|| format!("{self:?}"))?;
        ensure!(self.status == "0", "{self:?}");
        let domain = self.domain.to_string();
        let given = [domain.as_str()].into_iter().chain(WORDS);
        ensure!(
            words
                .iter()
                .map(String::as_str)
                .zip(given)
                .all(|(a, b)| a == b),
            "{self:?}"
        );
        words
            .get(1 + WORDS.len()..)
            .with_context(|| format!("{self:?}"))
    }

    /// Whether nothing was started, and the reason names the key.
    pub(crate) fn is_refused_for(&self, key: &str) -> bool {
        let reason = format!(
            "not started: /local/domain/{}/platform/{key}: ",
            self.domain
        );
        self.words.is_none() && self.status == "1" && self.said.contains(&reason)
    }
}

/// Starts the hook for a domain with these keys, for each of them.
pub(crate) fn starts(host: &Host, domains: &[Keys]) -> Result<Vec<Start>> {
    let mut all = Vec::new();
    for batch in domains.chunks(BATCH) {
        all.extend(start_batch(host, batch)?);
    }
    Ok(all)
}

fn start_batch(host: &Host, batch: &[Keys]) -> Result<Vec<Start>> {
    let mut pairs = Vec::new();
    let mut domains = Vec::new();
    for keys in batch {
        let domain = NEXT_DOMAIN.fetch_add(1, Ordering::Relaxed);
        domains.push(domain.to_string());
        for (key, value) in keys {
            pairs.push(format!("/local/domain/{domain}/platform/{key}"));
            pairs.push(escaped(value));
        }
    }
    let mut script = String::new();
    if !pairs.is_empty() {
        let pairs = shell_words::join(&pairs);
        script += &format!("xenstore-write -- {pairs} || exit\n");
    }
    script += &format!(
        r#"export VGPU_XEN_ONLY_RECORD=1
        for domain in {}; do
            record=/run/vgpu-xen/$domain.argv
            status=0
            said=$(/usr/libexec/vgpu-stub/vgpu-dm-hook $domain {} 2>&1) || status=$?
            printf '%s\0' $domain $status "$said"
            [ ! -e $record ] || cat $record
            printf '\1\0'
        done"#,
        domains.join(" "),
        shell_words::join(WORDS),
    );
    let output = host.run(&script)?;
    ensure!(
        output.success(),
        "xenstored does not take the values: {}",
        output.errors()
    );
    parse(&output.text(), &domains)
}

/// Takes what the script printed apart.
fn parse(text: &str, domains: &[String]) -> Result<Vec<Start>> {
    let mut words = text.split_terminator('\0').map(str::to_owned);
    let mut starts = Vec::new();
    for domain in domains {
        let (Some(printed), Some(status), Some(said)) = (words.next(), words.next(), words.next())
        else {
            bail!("the output ends before domain {domain}: {text:?}");
        };
        ensure!(printed == *domain, "not domain {domain}: {text:?}");
        let record: Vec<String> = words.by_ref().take_while(|word| word != END).collect();
        starts.push(Start {
            domain: domain.parse()?,
            status,
            said,
            words: (!record.is_empty()).then_some(record),
        });
    }
    Ok(starts)
}

/// A value as xenstore-write takes it.
fn escaped(value: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'\\' => r"\\".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => format!(r"\x{byte:02x}"),
    };
    value.iter().map(escape).collect()
}
