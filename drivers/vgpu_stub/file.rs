// SPDX-License-Identifier: GPL-2.0

//! What can be done with an open `/dev/vgpuN`.

use kernel::{
    ioctl::{
        _IOR,
        _IOWR, //
    },
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::{
    class::{
        File,
        Interrupted, //
    },
    command,
    driver::Vgpu,
    hw::Hw,
    uapi::{
        self,
        vgpu_info,
        vgpu_submit, //
    }, //
};

const GET_INFO: u32 = _IOR::<vgpu_info>(uapi::VGPU_IOC_MAGIC, uapi::VGPU_IOC_NR_GET_INFO);
const SUBMIT: u32 = _IOWR::<vgpu_submit>(uapi::VGPU_IOC_MAGIC, uapi::VGPU_IOC_NR_SUBMIT);

/// Handles an ioctl.
pub(crate) fn ioctl(file: &File<'_, Vgpu>, command: u32, arg: usize) -> Result {
    // A device that is gone says so, whatever is asked.
    drop(file.device().enter()?);
    match command {
        GET_INFO => get_info(file, arg),
        SUBMIT => submit(file, arg),
        _ => Err(ENOTTY),
    }
}

fn get_info(file: &File<'_, Vgpu>, arg: usize) -> Result {
    let device = file.device();
    let data = device.data();
    let (command, status) = device
        .enter()?
        .with(|hw: &Hw<'_>| Ok::<_, Error>((hw.command()?, hw.status()?)))?;

    let info = vgpu_info {
        revision: data.revision.into(),
        features: 0,
        pool_id: data.identity.pool_id,
        priority: data.identity.priority,
        vm_id: data.identity.vm_id,
        command,
        status: status.into_raw(),
        config_generation: 0,
        reserved: [0; 8],
    };
    UserSlice::new(UserPtr::from_addr(arg), size_of::<vgpu_info>())
        .writer()
        .write_slice(info.as_bytes())
}

fn submit(file: &File<'_, Vgpu>, arg: usize) -> Result {
    if !file.is_writable() {
        return Err(EBADF);
    }

    let (mut reader, mut writer) =
        UserSlice::new(UserPtr::from_addr(arg), size_of::<vgpu_submit>()).reader_writer();
    let mut request = vgpu_submit::default();
    reader.read_slice(request.as_mut_bytes())?;
    if request.flags != 0 || request.reserved != [0; 2] {
        return Err(EINVAL);
    }

    let timeout_ms = match request.timeout_ms {
        0 => uapi::VGPU_TIMEOUT_DEFAULT_MS,
        timeout_ms => timeout_ms,
    };
    let completion = command::submit(file.device(), request.command, timeout_ms)?;
    request.status = completion.status;
    request.result = completion.result;
    request.sequence = completion.sequence;
    writer.write_slice(request.as_bytes())
}

/// Waits for the device to go away: revision 1 has nothing else to tell.
pub(crate) fn read(file: &File<'_, Vgpu>) -> Result<usize> {
    if file.is_nonblocking() {
        return Err(EAGAIN);
    }
    match file.device().wait(None, |_| None::<usize>) {
        Ok(count) => Ok(count),
        Err(Interrupted::Signal) => Err(ERESTARTSYS),
        Err(Interrupted::Gone | Interrupted::Timeout) => Err(ENODEV),
    }
}
