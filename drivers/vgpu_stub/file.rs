// SPDX-License-Identifier: GPL-2.0

//! The operations of an open `/dev/vgpuN`.

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
        Bytes,
        File,
        Limits,
        Plain,
        WaitError, //
    },
    command,
    event::{
        self,
        Position, //
    },
    hw::Hw,
    live_config,
    message,
    state::State,
    uapi::{
        self,
        vgpu_call,
        vgpu_event,
        vgpu_info,
        vgpu_submit, //
    },
    vgpu::{
        Reason,
        Vgpu, //
    },
    window, //
};

const GET_INFO: u32 = _IOR::<vgpu_info>(uapi::VGPU_IOC_MAGIC, uapi::VGPU_IOC_NR_GET_INFO);
const CALL: u32 = _IOWR::<vgpu_call>(uapi::VGPU_IOC_MAGIC, uapi::VGPU_IOC_NR_CALL);
const SUBMIT: u32 = _IOWR::<vgpu_submit>(uapi::VGPU_IOC_MAGIC, uapi::VGPU_IOC_NR_SUBMIT);

/// Handles an ioctl. May sleep.
pub(crate) fn ioctl(file: &File<'_, Vgpu>, command: u32, arg: usize) -> Result {
    // A device that is gone says so, whatever is asked.
    if file.device().is_gone() {
        return Err(ENODEV);
    }
    match command {
        GET_INFO => get_info(file, arg),
        SUBMIT => submit(file, arg),
        CALL => call(file, arg),
        _ => Err(ENOTTY),
    }
}

fn get_info(file: &File<'_, Vgpu>, arg: usize) -> Result {
    let device = file.device();
    let data = device.data();
    let ((identity, config_generation), (command, status)) =
        device.enter()?.with(|hw: &Hw<'_>| {
            Ok::<_, Error>((live_config::identity(device, hw)?, hw.command_and_status()?))
        })?;

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
        .write(&Plain(info))
}

fn submit(file: &File<'_, Vgpu>, arg: usize) -> Result {
    if !file.is_writable() {
        return Err(EBADF);
    }

    let (mut reader, mut writer) =
        UserSlice::new(UserPtr::from_addr(arg), size_of::<vgpu_submit>()).reader_writer();
    let Plain(mut request) = reader.read::<Plain<vgpu_submit>>()?;
    if request.flags != 0 || request.reserved != [0; 2] {
        return Err(EINVAL);
    }

    let timeout_ms = or_default(request.timeout_ms);
    let completion = command::submit(file.device(), request.command, timeout_ms, true)?;
    request.status = completion.status;
    request.result = completion.result;
    request.sequence = completion.sequence;
    writer.write(&Plain(request))
}

fn call(file: &File<'_, Vgpu>, arg: usize) -> Result {
    if !file.is_writable() {
        return Err(EBADF);
    }
    message::check(file.device())?;

    let (mut reader, mut writer) =
        UserSlice::new(UserPtr::from_addr(arg), size_of::<vgpu_call>()).reader_writer();
    let Plain(mut request) = reader.read::<Plain<vgpu_call>>()?;
    if request.flags != 0 || request.reserved != [0; 3] {
        return Err(EINVAL);
    }
    // CAST: Wider, here and below.
    let in_len = request.in_len as usize;
    if in_len > window::IN_MAX {
        return Err(EMSGSIZE);
    }
    let space = (request.out_len as usize).min(window::OUT_MAX);
    let timeout_ms = or_default(request.timeout_ms);

    let message = Bytes::from_user(user_slice(request.in_addr, in_len)?, in_len)?;
    let mut answer = Bytes::with_capacity(space)?;
    let whole = message::call(file.device(), message.as_slice(), &mut answer, timeout_ms)?;
    // CAST: At most `OUT_MAX`.
    let fits = space.min(whole.len as usize);
    if let Some(answer) = answer.as_slice().get(..fits) {
        user_slice(request.out_addr, fits)?
            .writer()
            .write_slice(answer)?;
    }
    request.out_len = whole.len;
    request.status = whole.status;
    writer.write(&Plain(request))
}

/// Returns a timeout that came from user space, where 0 stands for the default.
fn or_default(timeout_ms: u32) -> u32 {
    match timeout_ms {
        0 => uapi::VGPU_TIMEOUT_DEFAULT_MS,
        timeout_ms => timeout_ms,
    }
}

/// Returns memory of user space at an address that came from there.
fn user_slice(address: u64, len: usize) -> Result<UserSlice> {
    let address = usize::try_from(address).map_err(|_| EFAULT)?;
    Ok(UserSlice::new(UserPtr::from_addr(address), len))
}

/// Reads the events since the last read; on revision 1 there are none until the device goes away.
/// May sleep.
pub(crate) fn read(file: &File<'_, Vgpu>, mut buffer: UserSliceWriter) -> Result<usize> {
    const SIZE: usize = size_of::<vgpu_event>();

    let space = buffer.len();
    // Revision 1 has no records: who reads there waits for the end, with a buffer of any size.
    if file.device().data().has_features() && space < SIZE {
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
        if let Err(error) = buffer.write(&Plain(event)) {
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

/// Returns the next record for a file, the position that it follows and the one after it. Waits for
/// one if there is none and `wait` is set.
fn next(file: &File<'_, Vgpu>, wait: bool) -> Result<Option<(Position, vgpu_event, Position)>> {
    loop {
        if is_readable(file) {
            let device = file.device();
            let state = device.lock();
            let old = file.data().position();
            // On revision 1, the state has changes that nobody is told.
            let new = device.data().position();
            // Somebody else may have read the same file since.
            if let Some((event, new)) = event::next(old, new, state.generation) {
                return Ok(Some((old, event, new)));
            }
        }
        if !wait {
            return Ok(None);
        }
        if file.is_nonblocking() {
            return Err(EAGAIN);
        }
        wait_for_event(file)?;
    }
}

#[cold]
fn wait_for_event(file: &File<'_, Vgpu>) -> Result {
    let limits = Limits {
        deadline: None,
        freezable: true,
    };
    let is_readable = |_: &mut State, _| is_readable(file).then_some(());
    match file.device().wait(Reason::Event, limits, is_readable) {
        Ok(()) => Ok(()),
        Err(WaitError::Signal) => Err(ERESTARTSYS),
        Err(WaitError::Gone | WaitError::Timeout) => Err(ENODEV),
    }
}

/// Checks whether a read would return a record at once.
pub(crate) fn is_readable(file: &File<'_, Vgpu>) -> bool {
    file.device().data().position() != file.data().position()
}
