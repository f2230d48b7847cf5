# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A directory for the files of a test, $work, which goes when it ends. It is in the
# checkout, which the sysroot sees. To be sourced from there.

mkdir -p build
work=$(mktemp -d -p "$PWD/build")
trap 'rm -rf "$work"' EXIT
