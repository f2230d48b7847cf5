// SPDX-License-Identifier: GPL-2.0

//! What only a kernel with KASAN, lockdep, kmemleak and fault injection can judge.
//! Every guest fails when its kernel complains or has lost memory.

mod cycles;
mod faults;
mod fuzz;
mod storms;
