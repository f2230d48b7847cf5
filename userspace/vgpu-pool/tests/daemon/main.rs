// SPDX-License-Identifier: GPL-2.0

//! The program as a host runs it; the tests are the devices.

mod answers;
mod daemon;
mod device;
mod hostile;
mod order;
mod sockets;
mod stop;
