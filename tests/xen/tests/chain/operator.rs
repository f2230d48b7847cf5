// SPDX-License-Identifier: GPL-2.0

//! What the operator sees: a host that is set up, starts that are stopped, and one
//! that goes on without a device.

use anyhow::{Context, Result, ensure};
use harness::Output;
use xen_tests::{Host, Vm};

use crate::facts::argv;
use crate::site::{KEY, Site};
use crate::values::DEVICE;

pub(crate) fn vgpu_host_finds_nothing_wrong_with_what_it_installed(site: &Site) -> Result<()> {
    let status = site.host()?.run("/opt/vgpu-host/vgpu-host status")?;
    ensure!(status.success(), "{}\n{}", status.text(), status.errors());
    Ok(())
}

/// A start must have been stopped for what the log has about it, and leave nothing.
fn is_stopped(host: &Host, name: &str, output: &Output, what: &str) -> Result<()> {
    ensure!(!output.success(), "it was started: {}", output.text());

    let log = host.log("vgpu-dm-hook.* not started: ")?;
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
    let domain = host.run(&format!("timeout 60 xl domid {name}"))?;
    ensure!(!domain.success(), "domain {} is left", domain.text());
    Ok(())
}

pub(crate) fn a_malformed_key_stops_the_start_and_the_log_says_why(site: &Site) -> Result<()> {
    let host = site.host()?;
    let output = host.create("malformed", &[(KEY, "pool_id=C,priority=high,vm_id=200")])?;
    let what = "platform/vgpu-stub: 'pool_id=C': pool_id is A or B";
    is_stopped(host, "malformed", &output, what)
}

pub(crate) fn a_xenstored_without_a_socket_stops_the_start_and_the_log_says_why(
    site: &Site,
) -> Result<()> {
    let host = site.host()?;
    let away = "mv /run/xenstored/socket /run/xenstored/away";
    let output = host.create_meanwhile("unconnected", &[(KEY, DEVICE)], away);
    host.check("mv /run/xenstored/away /run/xenstored/socket")?;
    let what = "platform/vgpu-stub: xenstored at /run/xenstored/socket: cannot connect: No such";
    is_stopped(host, "unconnected", &output?, what)
}

pub(crate) fn a_socket_that_is_not_xenstoreds_stops_the_start_and_the_log_says_why(
    site: &Site,
) -> Result<()> {
    let host = site.host()?;
    // Something that talks, but another protocol. It removes its socket by the name
    // that it gave it when it ends.
    let replace = "mv /run/xenstored/socket /run/xenstored/away
                   qemu-system-x86_64 -nodefaults -machine none -display none -daemonize \
                       -pidfile /run/vgpu-xen/other.pid \
                       -qmp unix:/run/vgpu-xen/other,server=on,wait=off
                   mv /run/vgpu-xen/other /run/xenstored/socket";
    let output = host.create_meanwhile("misled", &[(KEY, DEVICE)], replace);
    host.check(
        "mv /run/xenstored/away /run/xenstored/socket; kill $(cat /run/vgpu-xen/other.pid)",
    )?;
    let what = "platform/vgpu-stub: xenstored at /run/xenstored/socket: the answer makes no sense";
    is_stopped(host, "misled", &output?, what)
}

pub(crate) fn a_connection_that_breaks_stops_the_start_and_the_log_says_why(
    site: &Site,
) -> Result<()> {
    let host = site.host()?;
    // Something that takes the connection, says nothing, and is killed as soon as there is
    // one: such a socket is in state 3.
    let replace = "mv /run/xenstored/socket /run/xenstored/away
                   qemu-system-x86_64 -nodefaults -machine none -display none -daemonize \
                       -pidfile /run/vgpu-xen/breaks.pid \
                       -chardev socket,id=breaks,path=/run/vgpu-xen/breaks,server=on,wait=off
                   mv /run/vgpu-xen/breaks /run/xenstored/socket
                   (for i in $(seq 600); do
                       grep -q ' 03 .*/run/vgpu-xen/breaks' /proc/net/unix && break
                       sleep 0.1
                   done
                   kill -9 $(cat /run/vgpu-xen/breaks.pid)) >/dev/null 2>&1 &";
    let output = host.create_meanwhile("broken", &[(KEY, DEVICE)], replace);
    host.check("mv /run/xenstored/away /run/xenstored/socket")?;
    let what = "platform/vgpu-stub: xenstored at /run/xenstored/socket: the connection broke: ";
    is_stopped(host, "broken", &output?, what)
}

pub(crate) fn a_xenstored_that_is_stopped_stops_the_start_and_the_log_says_why(
    site: &Site,
) -> Result<()> {
    let host = site.host()?;
    host.check("mkdir -p /etc/vgpu-stub && echo timeout = 2 >/etc/vgpu-stub/hook.conf")?;
    // xl needs it again to clear up.
    let stop = "xenstored=$(cat /run/xenstored.pid)
                kill -STOP $xenstored
                (sleep 8; kill -CONT $xenstored) >/dev/null 2>&1 &";
    let output = host.create_meanwhile("unanswered", &[(KEY, DEVICE)], stop);
    host.check("rm /etc/vgpu-stub/hook.conf && xenstore-read /local/domain/0/name")?;
    let what = "platform/vgpu-stub: xenstored at /run/xenstored/socket: no answer within 2 s";
    is_stopped(host, "unanswered", &output?, what)
}

pub(crate) fn a_vm_without_a_key_starts_without_a_device(site: &Site) -> Result<()> {
    let vm = Vm::start(site.host()?, "plain", &[])?;
    let qtree = vm.monitor("info qtree")?;
    ensure!(qtree.contains("dev: xen-platform"), "{qtree}");
    ensure!(!qtree.contains("vgpu-stub"), "{qtree}");
    Ok(())
}
