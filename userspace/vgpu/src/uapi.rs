// SPDX-License-Identifier: MIT OR Apache-2.0

//! The contract, include/uapi/linux/vgpu_stub.h, as bindgen reads it: PCI ids,
//! register offsets and values, ioctl numbers and their structures. The header
//! says what each of them means.

#![expect(missing_docs, reason = "the header's comments are the documentation")]
#![expect(non_camel_case_types, reason = "the names are the header's")]

include!(concat!(env!("OUT_DIR"), "/uapi.rs"));

const _: () = {
    assert!(size_of::<vgpu_info>() == 64);
    assert!(size_of::<vgpu_submit>() == 32);
    assert!(size_of::<vgpu_call>() == 48);
    // CAST: the numbers are 32 bits wide whatever type a libc gives them.
    assert!(
        VGPU_IOC_GET_INFO == libc::_IOR::<vgpu_info>(VGPU_IOC_MAGIC, VGPU_IOC_NR_GET_INFO) as u32
    );
    // CAST: as above.
    assert!(
        VGPU_IOC_SUBMIT == libc::_IOWR::<vgpu_submit>(VGPU_IOC_MAGIC, VGPU_IOC_NR_SUBMIT) as u32
    );
    // CAST: as above.
    assert!(VGPU_IOC_CALL == libc::_IOWR::<vgpu_call>(VGPU_IOC_MAGIC, VGPU_IOC_NR_CALL) as u32);
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's formula: direction in bits 31-30 (1 write, 2 read), size of
    /// the argument in 29-16, type in 15-8, number in 7-0.
    fn formula(direction: u32, number: u32, size: u32) -> u32 {
        (direction << 30) | (size << 16) | (VGPU_IOC_MAGIC << 8) | number
    }

    #[test]
    fn ioctl_numbers_follow_the_kernels_formula() {
        assert_eq!(VGPU_IOC_GET_INFO, formula(2, 0, 64));
        assert_eq!(VGPU_IOC_SUBMIT, formula(3, 1, 32));
        assert_eq!(VGPU_IOC_GET_INFO, 0x8040_e100);
        assert_eq!(VGPU_IOC_SUBMIT, 0xc020_e101);
        assert_eq!(VGPU_IOC_CALL, 0xc030_e102);
    }
}
