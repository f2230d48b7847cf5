// SPDX-License-Identifier: GPL-2.0

//! Where things are in dom0.

/// The directory of what `vgpu-host install` puts there.
pub const LIBEXEC: &str = "/usr/libexec/vgpu-stub";
/// The hook, in that directory.
pub const HOOK: &str = "/usr/libexec/vgpu-stub/vgpu-dm-hook";
/// The command, as the toolstack calls it, in that directory.
pub const PROGRAM: &str = "/usr/libexec/vgpu-stub/vgpu-host";
/// The plugin, which xapi calls by the name of its file.
pub const PLUGIN: &str = "/etc/xapi.d/plugins/vgpu-stub";
/// The guard, which xenopsd runs before it migrates a VM.
pub const GUARD: &str = "/etc/xapi.d/vm-pre-migrate/vgpu-stub";
/// The hook's configuration.
pub const HOOK_CONFIGURATION: &str = "/etc/vgpu-stub/hook.conf";
/// The stock wrapper, which belongs to the toolstack.
pub const WRAPPER: &str = "/usr/lib64/xen/bin/qemu-wrapper";
/// What belongs to `vgpu-host install` itself: its record, and the files as
/// they were before.
pub const STATE: &str = "/var/lib/vgpu-stub";
/// The configuration of xenopsd, unless it is started with another one.
pub const XENOPSD: &str = "/etc/xenopsd.conf";
/// A directory of more of it, where there is one and unless xenopsd is started with
/// another one: all files in it are read, whatever their names are.
pub const XENOPSD_DIRECTORY: &str = "/etc/xenopsd.conf.d";
/// Our file in that directory.
pub const XENOPSD_FILE: &str = "vgpu-stub.conf";
/// The setting of xenopsd that names the wrapper of device models.
pub const XENOPSD_SETTING: &str = "upstream-compat-qemu-dm-wrapper";
/// Where xenstored listens, the more usual place first.
pub const XENSTORED: [&str; 2] = ["/run/xenstored/socket", "/var/run/xenstored/socket"];
/// Where the system's log listens.
pub const LOG: &str = "/dev/log";
/// What the older way of setting devices leaves in the wrapper.
pub const GUIDE_MARK: &[u8] = b"device-model-args from xenstore";
/// What a host knows of itself, in lines of the shell.
pub const INVENTORY: &str = "/etc/xensource-inventory";
/// QEMU, by whose name the wrapper starts device models.
pub const QEMU: &str = "/usr/lib64/xen/bin/qemu-system-i386";

/// Where the device models of VMs with messages make a socket each, for `vgpu-pool`.
pub const SOCKETS: &str = "/run/vgpu-pool";

/// The socket of a device with messages in that directory, by the id of the device.
pub fn message_socket(domain: u32, device: &str) -> String {
    format!("{SOCKETS}/dom{domain}-{device}.sock")
}

/// The socket on which the device model of a domain listens for the toolstack.
pub fn qmp_socket(domain: u32) -> String {
    format!("/var/run/xen/qmp-libxl-{domain}")
}
