// SPDX-License-Identifier: GPL-2.0

//! The command line.

use super::*;
use crate::Guest;

fn artifacts() -> Artifacts {
    Artifacts {
        qemu: "/q/qemu".into(),
        plugins: vec!["/p/vgpu-stub.so".into()],
        kernel: "/k/vmlinuz".into(),
        release: "1.2.3".to_owned(),
        initramfs: "/i/initramfs".into(),
    }
}

fn line(command: &Command) -> String {
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    words.join(" ")
}

#[test]
fn devices_are_on_the_command_line_in_their_order() {
    let builder = Guest::builder("x").device("pool_id=B").devices(["vm_id=7"]);
    let line = line(&builder.command(&artifacts()).unwrap());
    assert!(line.ends_with(
        "-device vgpu-stub,id=vgpu0,bus=pci.0,addr=0x06,pool_id=B \
         -device vgpu-stub,id=vgpu1,bus=pci.0,addr=0x07,vm_id=7"
    ));
}

#[test]
fn plugins_come_before_devices() {
    let builder = Guest::builder("x").device("pool_id=B");
    let line = line(&builder.command(&artifacts()).unwrap());
    let plugin = line.find("-plugin /p/vgpu-stub.so ").unwrap();
    assert!(plugin < line.find("-device vgpu-stub").unwrap());
}

#[test]
fn the_express_machine_has_its_bridge_before_its_devices() {
    let builder = Guest::builder("x")
        .machine(Machine::Q35)
        .device("bus=hotplug");
    let line = line(&builder.command(&artifacts()).unwrap());
    let bridge = line.find("id=hotplug,").unwrap();
    assert!(bridge < line.find("bus=hotplug ").unwrap_or(line.len()));
    assert!(line.contains("-machine q35"));
}

#[test]
fn kernel_arguments_are_appended() {
    let builder = Guest::builder("x")
        .kernel_arguments("a=1")
        .kernel_arguments("b");
    let [.., arguments] = builder.kernel(&artifacts(), "");
    assert!(arguments.to_string_lossy().ends_with(" a=1 b"));
}

#[test]
fn a_hypervisor_has_the_kernel_as_its_first_module() {
    let builder = Guest::builder("x")
        .hypervisor(Path::new("/x/xen"), "com1=115200,8n1")
        .kernel_arguments("a=1,2");
    let words = builder.kernel(&artifacts(), "");
    let [_, image, _, modules, _, arguments] = words.map(|word| word.into_string().unwrap());
    assert_eq!(image, "/x/xen");
    assert!(modules.starts_with("/k/vmlinuz console=hvc0 "), "{modules}");
    assert!(modules.ends_with(" a=1,,2,/i/initramfs"), "{modules}");
    assert_eq!(arguments, "com1=115200,8n1");
}

#[test]
fn features_are_added_to_the_processor() {
    let builder = Guest::builder("x").features("+svm").features("+npt");
    let line = line(&builder.command(&artifacts()).unwrap());
    assert!(line.contains(",+x2apic,+svm,+npt "), "{line}");
}

#[test]
fn a_comma_in_a_path_is_doubled() {
    assert_eq!(quoted(Path::new("/a,b/c")), "/a,,b/c");
}
