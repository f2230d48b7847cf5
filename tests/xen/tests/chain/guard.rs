// SPDX-License-Identifier: GPL-2.0

//! The guard of migrations, called as xenopsd calls it.
//!
//! There is no xapi. The stand-in for xe in dom0 knows of a pool of both hosts, with the
//! VMs of the first one and their real uuids and platform maps. It has the first host's
//! plugin called, and says for the second what that one's plugin said there: the tests
//! carry it over.

use anyhow::{Result, ensure};
use harness::Output;
use xen_tests::{Host, Vm};

use crate::site::Site;

/// What the stand-in for xe knows.
const POOL: &str = "/run/vgpu-xen/pool";
const HERE: &str = "11111111-0000-4000-8000-000000000000";
const THERE: &str = "22222222-0000-4000-8000-000000000000";
/// What the guard and all that it runs find in their environment.
const ENVIRONMENT: &str = "env -i PATH=/sbin:/usr/sbin:/bin:/usr/bin";

/// Tells the stand-in for xe of both hosts.
fn make_pool(site: &Site) -> Result<()> {
    site.host()?.check(&format!(
        "rm -rf {POOL}; mkdir -p {POOL}/hosts {POOL}/roots {POOL}/disabled {POOL}/answers
         printf first >{POOL}/hosts/{HERE}
         printf second >{POOL}/hosts/{THERE}
         echo 'exec /usr/libexec/vgpu-xen/call-plugin status' >{POOL}/answers/{HERE}"
    ))?;
    ask_the_other(site)
}

/// Has the plugin of the second host say how that host is now, and has the stand-in for
/// xe say the same.
fn ask_the_other(site: &Site) -> Result<()> {
    let said = site
        .other_host()?
        .run("/usr/libexec/vgpu-xen/call-plugin status")?;
    let text = shell_words::quote(&said.text()).into_owned();
    let errors = shell_words::quote(&said.errors()).into_owned();
    let status = said.status().unwrap_or(1);
    let script = format!("printf '%s\\n' {text}; printf '%s\\n' {errors} >&2; exit {status}");
    let script = shell_words::quote(&script).into_owned();
    let answer = format!("{POOL}/answers/{THERE}");
    site.host()?
        .check(&format!("printf '%s\\n' {script} >{answer}"))?;
    Ok(())
}

/// Calls the guard for a VM that is to leave the first host.
fn migrate(host: &Host, vm: &Vm, name: &str) -> Result<Output> {
    let domain = vm.domid()?;
    let path = host.check(&format!("xenstore-read /local/domain/{domain}/vm"))?;
    let uuid = path.trim_start_matches("/vm/");
    host.check(&format!(
        "mkdir -p {POOL}/vms/{uuid}
         ln -sfn /etc/xen/platform/{name} {POOL}/vms/{uuid}/platform"
    ))?;
    // What it writes goes to files.
    let call = format!(
        "cd / && {ENVIRONMENT} /etc/xapi.d/vm-pre-migrate/vgpu-stub \
             -vmuuid {uuid} -reason source -vmdomid {domain} \
             </dev/null >/run/vgpu-xen/guard.out 2>/run/vgpu-xen/guard.err
         status=$?
         cat /run/vgpu-xen/guard.out
         cat /run/vgpu-xen/guard.err >&2
         exit $status"
    );
    // Where the machine outside is very busy, a plugin can take longer than the guard
    // waits, which is not what these tests are about.
    let mut output = host.run(&call)?;
    for _ in 0..4 {
        if !output.text().contains("no answer within") {
            break;
        }
        output = host.run(&call)?;
    }
    Ok(output)
}

fn is_let_through(output: &Output) -> Result<()> {
    let said = (output.status(), output.text(), output.errors());
    ensure!(said == (Some(0), String::new(), String::new()), "{said:?}");
    Ok(())
}

/// xenopsd gives up a migration for 2, and says what was written to stdout.
fn is_refused(output: &Output, what: &[&str]) -> Result<()> {
    let (status, text) = (output.status(), output.text());
    ensure!(status == Some(2), "{status:?}: {text}{}", output.errors());
    ensure!(text.lines().count() == 1, "{text}");
    for what in what {
        ensure!(text.contains(what), "it does not say '{what}': {text}");
    }
    Ok(())
}

pub(crate) fn a_vm_with_devices_migrates_while_all_hosts_are_prepared(site: &Site) -> Result<()> {
    make_pool(site)?;
    is_let_through(&migrate(site.host()?, &site.one()?.vm, "one")?)
}

pub(crate) fn a_host_that_is_not_prepared_keeps_it_where_it_is(site: &Site) -> Result<()> {
    const PLUGIN: &str = "/etc/xapi.d/plugins/vgpu-stub";
    const HOOK: &str = "/usr/libexec/vgpu-stub/vgpu-dm-hook";
    const QEMU: &str = "/usr/lib64/xen/bin/qemu-system-i386";
    make_pool(site)?;
    let other = site.other_host()?;
    let vm = &site.one()?.vm;
    // VMs go on starting there meanwhile.
    for (file, replace, what) in [
        (PLUGIN, "rm $file", "no plugin of vgpu-host"),
        (HOOK, "(cat $kept; echo) >$new", "its hook is "),
        (
            QEMU,
            "printf '#!/bin/sh\\n' >$new",
            "QEMU has no device vgpu-stub",
        ),
    ] {
        other.check(&format!(
            "file={file} kept=$file.kept new=$file.new
             cp -d $file $kept && {replace} || exit 1
             [ ! -e $new ] || {{ chmod 755 $new && mv $new $file; }}"
        ))?;
        ask_the_other(site)?;
        let refused = migrate(site.host()?, vm, "one");
        other.check(&format!("mv {file}.kept {file}"))?;
        let output = refused?;
        is_refused(&output, &["'second': ", what])?;
        ensure!(!output.text().contains("'first'"), "{}", output.text());
    }
    ask_the_other(site)?;
    is_let_through(&migrate(site.host()?, vm, "one")?)
}

pub(crate) fn a_vm_without_devices_migrates_all_the_same(site: &Site) -> Result<()> {
    make_pool(site)?;
    let host = site.host()?;
    host.check(&format!("rm {POOL}/answers/{THERE}"))?;
    is_refused(&migrate(host, &site.one()?.vm, "one")?, &["'second': "])?;
    let vm = Vm::start(host, "without", &[])?;
    is_let_through(&migrate(host, &vm, "without")?)
}
