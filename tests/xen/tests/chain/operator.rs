// SPDX-License-Identifier: GPL-2.0

//! What the operator sees: a host that is set up, starts that are stopped, and one
//! that goes on without a device.

use anyhow::{Context, Result, ensure};
use xen_tests::Vm;

use crate::facts::argv;
use crate::site::{KEY, Site};

pub(crate) fn vgpu_host_finds_nothing_wrong_with_what_it_installed(site: &Site) -> Result<()> {
    let status = site.host()?.run("/opt/vgpu-host/vgpu-host status")?;
    ensure!(status.success(), "{}\n{}", status.text(), status.errors());
    Ok(())
}

pub(crate) fn a_malformed_key_stops_the_start_and_the_log_says_why(site: &Site) -> Result<()> {
    let host = site.host()?;
    let output = host.create("malformed", &[(KEY, "pool_id=C,priority=high,vm_id=200")])?;
    ensure!(!output.success(), "it was started: {}", output.text());

    let log = host.log("vgpu-dm-hook.* not started: ")?;
    let what = "platform/vgpu-stub: 'pool_id=C': pool_id is A or B";
    let line = log.lines().rev().find(|line| line.contains(what));
    let line = line.with_context(|| format!("the log does not say why: {log}"))?;

    // Neither a device model nor a domain is left.
    let domid = line
        .split_once("domain ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .and_then(|domid| domid.parse().ok())
        .with_context(|| format!("the log does not say which domain: {line}"))?;
    let wrapper = host.run(&argv(domid))?;
    ensure!(!wrapper.success(), "{}", wrapper.text());
    let domain = host.run("timeout 60 xl domid malformed")?;
    ensure!(!domain.success(), "domain {} is left", domain.text());
    Ok(())
}

pub(crate) fn a_vm_without_a_key_starts_without_a_device(site: &Site) -> Result<()> {
    let vm = Vm::start(site.host()?, "plain", &[])?;
    let qtree = vm.monitor("info qtree")?;
    ensure!(qtree.contains("dev: xen-platform"), "{qtree}");
    ensure!(!qtree.contains("vgpu-stub"), "{qtree}");
    Ok(())
}
