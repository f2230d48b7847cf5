// SPDX-License-Identifier: GPL-2.0

//! Scenarios that need a guest and the world outside it.

mod containers;
mod costs;
mod doctor;
mod host;
mod hostile;
mod hotplug;
mod identity;
mod loading;
mod messages;
mod moved;
mod pool;
mod power;
mod recovery;
mod replaced;
mod revision_2;
mod scarce;
mod scripted;
mod selftests;
mod storms;
mod suspended;
mod tools;
mod waiting;
mod watching;
mod without_driver;
