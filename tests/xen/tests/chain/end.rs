// SPDX-License-Identifier: GPL-2.0

//! What is left to see after all the others.

use anyhow::Result;

use crate::site::Site;

pub(crate) fn neither_xen_nor_the_kernel_of_dom0_has_complained(site: &Site) -> Result<()> {
    site.host()?.check_kernel_log()?;
    site.other_host()?.check_kernel_log()
}
