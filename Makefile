# SPDX-License-Identifier: GPL-2.0

# Everything is built and run inside a Debian 13 tree that the scripts make, so
# that only make and Debian's own apt are needed here. Inside of it, which is
# where VGPU_SYSROOT is set, these targets do their work directly.
ENTER := $(if $(VGPU_SYSROOT),,scripts/enter)

BUILD := $(CURDIR)/build
# What is made for one kernel: that of the tests, or another of scripts/guest-kernel.
GUEST := $(BUILD)$(if $(GUEST_KERNEL),/$(GUEST_KERNEL))
KERNEL := scripts/guest-kernel $(GUEST_KERNEL)
MODULE := $(GUEST)/module/drivers/vgpu_stub/vgpu_stub.ko
RELEASE := $(BUILD)/target/x86_64-unknown-linux-gnu/release
DEBUG := $(BUILD)/target/x86_64-unknown-linux-gnu/debug
PREFIX ?= /usr

.PHONY: help
help: ## print this
	@echo 'Targets:'
	@sed -n 's/^\([a-z_-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
		while IFS='|' read -r target text; do \
			printf '  %-16s %s\n' "$$target" "$$text"; \
		done
	@echo
	@echo 'What is fetched and built once is kept in $${VGPU_CACHE:-~/.cache/vgpu-stub}.'

ifdef KDIR
# config NAME: what the kernel was built with.
config = $(shell sed -n 's/^CONFIG_$(1)=//p' $(KDIR)/include/config/auto.conf)
# The compiler that it was built by, where it is there under that name. Those of
# LLVM have the version in their names, unless there is but one; the text that gcc
# gives begins with its name.
LLVM_SUFFIX = $(patsubst %,-%,$(filter-out 0,$(shell expr 0$(call config,CLANG_VERSION) / 10000)))
KERNEL_CC = $(if $(LLVM_SUFFIX),clang$(LLVM_SUFFIX),$(firstword $(subst ", ,$(call config,CC_VERSION_TEXT))))
KERNEL_TOOLS = $(if $(call config,LD_IS_LLD),\
	LLVM=$(if $(shell command -v ld.lld$(LLVM_SUFFIX)),$(LLVM_SUFFIX),1),\
	$(if $(shell command -v $(KERNEL_CC)),CC=$(KERNEL_CC),$(if $(LLVM_SUFFIX),CC=clang)))
KBUILD = scripts/preflight $(KDIR) && mkdir -p $(GUEST)/module && \
	$(MAKE) -C $(KDIR) M=$(CURDIR) MO=$(GUEST)/module CLIPPY=$(CLIPPY) $(KERNEL_TOOLS) \
	$(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=)
else
# What the sysroot sees of INSTALL_MOD_PATH is not what is seen here.
KBUILD = kernel=$$($(KERNEL)) && $(ENTER) $(MAKE) --no-print-directory -s \
	KDIR=$$kernel/build GUEST_KERNEL=$(GUEST_KERNEL) CLIPPY=$(CLIPPY) INSTALL_MOD_PATH=$(BUILD)/install
endif

.PHONY: modules
modules: ## build the kernel module; KDIR=TREE for another kernel than the guest's
	@+$(KBUILD) modules

.PHONY: modules_install
modules_install: modules ## install it under INSTALL_MOD_PATH, or for the kernel of KDIR
ifdef KDIR
	@+$(KBUILD) modules_install
else
	@[ -n '$(INSTALL_MOD_PATH)' ] || { \
		echo 'make: without KDIR the module is for the guest kernel: say where to with' \
			'INSTALL_MOD_PATH=DIR' >&2; exit 1; }
	@rm -rf $(BUILD)/install
	@+$(KBUILD) modules_install
	@mkdir -p $(INSTALL_MOD_PATH)
	@cp -r $(BUILD)/install/. $(INSTALL_MOD_PATH)/
endif

.PHONY: tools
tools: ## build vgpuinfo
	@[ -e $(RELEASE)/vgpuinfo ] || \
		echo '==> building vgpuinfo, once; about a minute and a half on two cores' >&2
	@$(ENTER) scripts/release vgpuinfo

.PHONY: host
host: ## build vgpu-host and vgpu-dm-hook, for dom0 of an XCP-ng host
	@[ -e $(RELEASE)/vgpu-host ] || \
		echo '==> building vgpu-host, once; about a minute on two cores' >&2
	@$(ENTER) scripts/release vgpu-host
	@printf '%s\n' $(RELEASE)/vgpu-host $(RELEASE)/vgpu-dm-hook

# documentation PROGRAM SECTION: what it says about itself, where man and the shells look.
define documentation
	umask 022 && $(RELEASE)/$(1) man --directory $(DESTDIR)$(PREFIX)/share/man/man$(2)
	$(RELEASE)/$(1) completions bash | install -D -m 644 /dev/stdin \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$(1)
	$(RELEASE)/$(1) completions zsh | install -D -m 644 /dev/stdin \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$(1)
	$(RELEASE)/$(1) completions fish | install -D -m 644 /dev/stdin \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$(1).fish
endef

# vgpu-host looks for the hook that it installs beside itself.
.PHONY: install-host
install-host: host ## install both, their manual and completions; DESTDIR, PREFIX
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/libexec/vgpu-host \
		$(RELEASE)/vgpu-host $(RELEASE)/vgpu-dm-hook
	install -d -m 755 $(DESTDIR)$(PREFIX)/sbin
	ln -sfn ../libexec/vgpu-host/vgpu-host $(DESTDIR)$(PREFIX)/sbin/vgpu-host
	$(call documentation,vgpu-host,8)
	install -D -m 644 COPYING $(DESTDIR)$(PREFIX)/share/licenses/vgpu-host/COPYING

.PHONY: pool
pool: ## build vgpu-pool, which answers messages of guests on a host
	@[ -e $(RELEASE)/vgpu-pool ] || \
		echo '==> building vgpu-pool, once; about a minute on two cores' >&2
	@$(ENTER) scripts/release vgpu-pool

.PHONY: install-pool
install-pool: pool ## install it, its manual, completions and unit; DESTDIR, PREFIX
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(RELEASE)/vgpu-pool
	$(call documentation,vgpu-pool,8)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system \
		userspace/vgpu-pool/systemd/vgpu-pool.service
	sed -i 's|/usr/bin/|$(PREFIX)/bin/|' $(DESTDIR)$(PREFIX)/lib/systemd/system/vgpu-pool.service
	install -D -m 644 userspace/vgpu-pool/systemd/vgpu-pool.tmpfiles \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/vgpu-pool.conf
	install -D -m 644 COPYING $(DESTDIR)$(PREFIX)/share/licenses/vgpu-pool/COPYING

.PHONY: rpm
rpm: ## make the package of all that for dom0, in build/packages
	@scripts/rpm vgpu-host

.PHONY: packages
packages: ## make the packages for guests and hosts, in build/packages; QEMU=FILE for the plugin of another one
	@QEMU='$(QEMU)' scripts/packages

.PHONY: module-packages
module-packages: ## make packages of the built module for Debian's kernels; KERNELS='RELEASE…' KEY=FILE CERT=FILE
	@KEY='$(KEY)' CERT='$(CERT)' scripts/module-packages $(KERNELS)

.PHONY: install-headers
install-headers: ## install the UAPI header, for programs that use the node; DESTDIR, PREFIX
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/linux include/uapi/linux/vgpu_stub.h

.PHONY: install
install: tools install-headers ## install vgpuinfo, its manual, the UAPI header, the udev rule and what integrates it; DESTDIR, PREFIX
	install -D -m 755 $(RELEASE)/vgpuinfo $(DESTDIR)$(PREFIX)/bin/vgpuinfo
	$(call documentation,vgpuinfo,1)
	install -D -m 644 userspace/udev/70-vgpu-stub.rules \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d/70-vgpu-stub.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d userspace/udev/71-vgpuinfo-publish.rules
	install -D -m 644 userspace/udev/vgpu-stub.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/vgpu-stub.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/vgpuinfo \
		userspace/vgpuinfo/schema/vgpuinfo-1.schema.json
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system \
		userspace/integrations/systemd/vgpuinfo-node-exporter.service \
		userspace/integrations/systemd/vgpuinfo-node-exporter.timer \
		userspace/integrations/systemd/vgpuinfo-publish.service \
		userspace/integrations/systemd/vgpuinfo-publish.timer
	sed -i 's|/usr/bin/|$(PREFIX)/bin/|' \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/vgpuinfo-node-exporter.service \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/vgpuinfo-publish.service \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d/71-vgpuinfo-publish.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/vgpuinfo/prometheus \
		userspace/integrations/prometheus/vgpu.rules.yml
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/vgpuinfo/grafana userspace/integrations/grafana/vgpu.json
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/share/vgpuinfo/ansible userspace/integrations/ansible/vgpu.fact
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/share/vgpuinfo/node-feature-discovery \
		userspace/integrations/node-feature-discovery/vgpu-features

.PHONY: device-plugin
device-plugin: ## compile the device model for this machine's QEMU, and say where it is; QEMU=FILE for another one
	@scripts/device-plugin $(QEMU)

# By the version of QEMU's package: several may be there.
.PHONY: install-plugin
install-plugin: ## install it, as lib/x86_64-linux-gnu/vgpu-stub/VERSION/vgpu-stub.so; DESTDIR, PREFIX, QEMU
	@plugin=$$(scripts/device-plugin $(QEMU)) && directory=$$(dirname $$plugin) && \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/x86_64-linux-gnu/vgpu-stub/$${directory##*/} $$plugin

.PHONY: device
device: ## build a QEMU with the device model in it, and say where it is
	@scripts/qemu

# What is in a guest, and what boots it, whatever its kernel is.
.PHONY: guest-programs
guest-programs: tools
	@[ -e $(DEBUG)/vgpu-guest ] || \
		echo '==> building what boots guests, once; about a minute and a half on two cores' >&2
	@$(ENTER) scripts/release vgpu-agent
	@$(ENTER) cargo build --quiet --locked -p harness --bins
	@$(ENTER) $(MAKE) --no-print-directory -s -C tests/selftests OUTPUT=$(BUILD)/selftests

.PHONY: initramfs
initramfs: modules guest-programs
	@kernel=$$($(KERNEL)) && $(ENTER) scripts/initramfs \
		--kernel "$$kernel" --module $(MODULE) --tool $(RELEASE)/vgpuinfo \
		--rules userspace/udev/70-vgpu-stub.rules --rules userspace/udev/71-vgpuinfo-publish.rules \
		--tool $(RELEASE)/vgpu-kexec --tool $(RELEASE)/vgpu-held --tool $(RELEASE)/vgpu-vfio \
		--agent $(RELEASE)/vgpu-agent --selftests $(BUILD)/selftests \
		$(GUEST)/initramfs.cpio

# What a guest is to be, as it was given, every dollar sign in it included.
$(foreach name,MACHINE DEVICES RUN QEMU_ARGS GUEST_KERNEL,\
	$(if $(filter undefined,$(origin $(name))),,\
		$(eval override export $(name) := $$(value $(name)))))

.PHONY: guest
guest: ## boot a guest; DEVICES='pool_id=B,vm_id=7;pool_id=A' MACHINE=pc|q35 RUN='command' QEMU_ARGS='…' GUEST_KERNEL=7.2-amd64|debug
	@scripts/guest

.PHONY: demo
demo: initramfs ## boot a guest with a device and show that all of it works
	@scripts/guest-env --without-tests $(DEBUG)/vgpu-demo

.PHONY: check
check: ## run all tests and lints
	@scripts/check

.PHONY: check-quick
check-quick: ## run what takes a minute or two of it: most lints, the tests of the crates, one guest
	@scripts/check quick

.PHONY: check-device
check-device: ## test the device model under sanitizers, at random too; OPERATIONS=N SEED=N
	@OPERATIONS='$(OPERATIONS)' SEED='$(SEED)' scripts/check sanitized

.PHONY: check-eject
check-eject: ## test that QEMU outlives a guest that ejects a device in use; EJECTS=N
	@EJECTS='$(EJECTS)' scripts/check eject

.PHONY: check-hostile
check-hostile: ## test the driver against a device that lies at random; SCRIPTS=N SEED=N
	@SCRIPTS='$(SCRIPTS)' SEED='$(SEED)' scripts/check hostile

.PHONY: check-messages
check-messages: ## test messages to the host by many calls, and by unplugs in the middle of them; CALLS=N UNPLUGS=N
	@CALLS='$(CALLS)' UNPLUGS='$(UNPLUGS)' scripts/check messages

.PHONY: check-debug
check-debug: ## test the driver on kernels that watch over it; CYCLES=1000, STORM=SECONDS, CALLS=N, UNPLUGS=N for longer campaigns
	@CYCLES='$(CYCLES)' STORM='$(STORM)' CALLS='$(CALLS)' UNPLUGS='$(UNPLUGS)' scripts/check debug

.PHONY: check-matrix
check-matrix: ## test the driver on every kernel that it supports, in each of its flavours
	@scripts/check-matrix

.PHONY: check-tomorrow
check-tomorrow: ## build the module for the kernels of Debian's next releases, by their compilers, and boot them
	@scripts/check-tomorrow

.PHONY: check-in-tree
check-in-tree: ## build Linux with the driver in its tree, built in and as a module, and boot it
	@scripts/check in-tree

.PHONY: in-tree
in-tree: ## put the driver into a source tree of Linux, as commits; KSRC=DIR
	@scripts/in-tree '$(KSRC)'

.PHONY: check-qemu
check-qemu: ## test the device model in other versions of QEMU; QEMU_TREES='DIR…' for sources of yours
	@scripts/check-qemu $(QEMU_TREES)

.PHONY: check-xen
check-xen: ## test the way from xenstore to a guest on a Xen host; RUNS=10 for ten times
	@RUNS='$(RUNS)' scripts/check xen

.PHONY: check-upgrade
check-upgrade: ## test upgrading from released versions of vgpu-host; REVISION=COMMIT, WRITE=1 to keep what it leaves
	@REVISION='$(REVISION)' WRITE='$(WRITE)' scripts/check upgrade

.PHONY: check-packages
check-packages: ## test the packages in a guest with systemd, and on older Debians
	@scripts/check packages

.PHONY: check-integrations
check-integrations: ## test what comes for Prometheus, Ansible and others with the real programs
	@scripts/check integrations

.PHONY: bench
bench: ## measure what the driver and vgpuinfo cost; BASE=REV to compare with another commit
	@scripts/bench $(BASE)

.PHONY: coverage
coverage: ## print how many lines the tests run, of userspace and of the driver
	@scripts/coverage

.PHONY: uapi
uapi: ## make the driver's view of the contract anew
	@mkdir -p $(BUILD)
	@$(ENTER) scripts/uapi-bindings >$(BUILD)/uapi.rs
	@mv $(BUILD)/uapi.rs drivers/vgpu_stub/uapi.rs

.PHONY: rust-analyzer
rust-analyzer: ## set up rust-analyzer for the module and userspace
	@scripts/rust-analyzer

.PHONY: update
update: ## look for a newer guest kernel than last time
	@scripts/kernel --update

.PHONY: clean
clean: ## remove what was built in the checkout
	rm -rf $(BUILD)
