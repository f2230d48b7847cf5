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
        UserSlice,
        UserSliceWriter, //
    }, //
};

use crate::{
    class::{
        File,
        Interrupted, //
    },
    command,
    driver::Vgpu,
    event::{
        self,
        Seen, //
    },
    hw::Hw,
    irq,
    state::State,
    uapi::{
        self,
        vgpu_event,
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
    let (command, status) = device.enter()?.with(|hw: &Hw<'_>| {
        irq::catch_up(device, hw);
        Ok::<_, Error>((hw.command()?, hw.status()?))
    })?;

    let (identity, config_generation) =
        device.with_state(|state| (state.identity, state.generation));
    let info = vgpu_info {
        revision: data.revision.into(),
        features: data.features,
        pool_id: identity.pool_id,
        priority: identity.priority,
        vm_id: identity.vm_id,
        command,
        status: status.into_raw(),
        config_generation,
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

/// Reads what has happened since the last read: nothing ever, on revision 1, but that the device
/// goes away.
pub(crate) fn read(file: &File<'_, Vgpu>, mut buffer: UserSliceWriter) -> Result<usize> {
    const SIZE: usize = size_of::<vgpu_event>();

    let space = buffer.len();
    // Revision 1 has no records: who reads there waits for the end, with a buffer of any size.
    if file.device().data().features != 0 && space < SIZE {
        return Err(EINVAL);
    }
    let mut written = 0usize;
    while space.saturating_sub(written) >= SIZE || written == 0 {
        let Some((old, event, new)) = next(file, written == 0)? else {
            break;
        };
        // Somebody else may read the same file: who is first has the record.
        if !file.data().advance(old, new) {
            continue;
        }
        if let Err(error) = buffer.write_slice(event.as_bytes()) {
            // It was told to nobody, unless something else has been since.
            file.data().advance(new, old);
            return if written == 0 {
                Err(error)
            } else {
                Ok(written)
            };
        }
        written = written.saturating_add(SIZE);
    }
    Ok(written)
}

/// The next record for a file, what it follows on, and what comes after it. Waits for one if there
/// is none and that is wanted.
fn next(file: &File<'_, Vgpu>, wait: bool) -> Result<Option<(Seen, vgpu_event, Seen)>> {
    let look = |state: &mut State| {
        let old = file.data().seen();
        event::next(old, Seen::of(state)).map(|(event, new)| (old, event, new))
    };
    let found = file.device().with_state(look);
    if found.is_some() || !wait {
        return Ok(found);
    }
    if file.is_nonblocking() {
        return Err(EAGAIN);
    }
    match file.device().wait(None, look) {
        Ok(found) => Ok(Some(found)),
        Err(Interrupted::Signal) => Err(ERESTARTSYS),
        Err(Interrupted::Gone | Interrupted::Timeout) => Err(ENODEV),
    }
}

/// Whether a read would give something at once.
pub(crate) fn is_readable(file: &File<'_, Vgpu>) -> bool {
    let seen = file.data().seen();
    file.device().with_state(|state| Seen::of(state)) != seen
}
