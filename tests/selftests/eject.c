// SPDX-License-Identifier: GPL-2.0
/*
 * Ejects a device from the machine while it is being accessed, without asking the
 * kernel or whoever owns the machine.
 *
 *	eject ACCESSES ADDRESS acpi BASE BUS SLOT
 *	eject ACCESSES ADDRESS port PORT
 *
 * One CPU accesses the device without pause, as ACCESSES says:
 *
 *	registers	commands are submitted, interrupts acknowledged
 *	vectors		the same, and MSI-X vectors are set, masked and unmasked
 *	config		the same, and decoding, bus mastering, INTx and MSI-X are turned
 *			off and on, BAR0 is moved there and back
 *	reset		the same, and the bus is reset by the bridge that it is behind
 *
 * Another one ejects the slot: by the registers of ACPI's PCI hot-plug at I/O port BASE,
 * or by the slot control register of the PCI Express port PORT. The kernel goes on
 * believing in the device until it is removed by /sys.
 */

#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vgpu_stub.h>

/* Of the registers of ACPI's PCI hot-plug. */
#define ACPI_EJECT 0x08
#define ACPI_BUS 0x10

#define UNPOWERED (PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF)

/* How long the device is accessed before it is ejected at most, and after that. */
#define LEAD_US 5000
#define TRAIL_US 10000

/* Where the bits of the vectors that are pending are in BAR1. */
#define PENDING (VGPU_BAR0_SIZE / 2)

/* How far BAR0 is moved. */
#define AWAY 0x01000000

static const char *address;
static int config, bridge = -1;
static uint8_t msix;
static uint32_t bar[2];
static uint32_t *registers, *vectors;
static unsigned long accesses;
static int stop;

__attribute__((noreturn))
static void die(const char *what)
{
	fprintf(stderr, "eject: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static int open_config(const char *device)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	return fd;
}

/* What is written to a device that is gone is lost, and is no error. */
static void write16(int fd, int offset, uint16_t value)
{
	value = htole16(value);
	if (pwrite(fd, &value, sizeof(value), offset) != sizeof(value))
		die("writing to configuration space");
}

static void write32(int fd, int offset, uint32_t value)
{
	value = htole32(value);
	if (pwrite(fd, &value, sizeof(value), offset) != sizeof(value))
		die("writing to configuration space");
}

static uint32_t read32(int fd, int offset)
{
	uint32_t value;

	if (pread(fd, &value, sizeof(value), offset) != sizeof(value))
		die("reading configuration space");
	return le32toh(value);
}

static uint8_t find_capability(int fd, uint8_t id)
{
	uint8_t at = read32(fd, PCI_CAPABILITY_LIST) & 0xfc;

	while (at && (read32(fd, at) & 0xff) != id)
		at = read32(fd, at) >> 8 & 0xfc;
	return at;
}

static uint32_t *map(int number, size_t size)
{
	char path[256];
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", address, number);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		die(path);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		die(path);
	close(fd);
	return memory;
}

static void store(uint32_t *memory, int offset, uint32_t value)
{
	__atomic_store_n(&memory[offset / 4], value, __ATOMIC_RELAXED);
}

static void load(uint32_t *memory, int offset)
{
	__atomic_load_n(&memory[offset / 4], __ATOMIC_RELAXED);
}

static void use_registers(uint32_t round)
{
	store(registers, VGPU_REG_COMMAND, round);
	store(registers, VGPU_REG_IRQ_STATUS, ~0u);
	store(registers, VGPU_REG_IRQ_ENABLE, VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED);
	if (!(round % 8))
		load(registers, VGPU_REG_STATUS);
}

/* The messages go to the device's own registers, where they do the guest no harm. */
static void use_vectors(uint32_t round)
{
	int vector = round % VGPU_MSIX_VECTORS * PCI_MSIX_ENTRY_SIZE;
	uint32_t target = round & 4 ? VGPU_REG_COMMAND : VGPU_REG_IRQ_STATUS;

	store(vectors, vector + PCI_MSIX_ENTRY_LOWER_ADDR, bar[0] + target);
	store(vectors, vector + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	store(vectors, vector + PCI_MSIX_ENTRY_DATA, round);
	store(vectors, vector + PCI_MSIX_ENTRY_VECTOR_CTRL,
	      round >> 1 & PCI_MSIX_ENTRY_CTRL_MASKBIT);
	load(vectors, PENDING);
}

static void restore(void)
{
	write32(config, PCI_BASE_ADDRESS_0, bar[0]);
	write32(config, PCI_BASE_ADDRESS_1, bar[1]);
	write16(config, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void use_config(uint32_t round)
{
	switch (round / 8 % 6) {
	case 0:
		write16(config, PCI_COMMAND, PCI_COMMAND_MASTER);
		break;
	case 1:
		write16(config, PCI_COMMAND, PCI_COMMAND_MEMORY);
		break;
	case 2:
		write16(config, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			PCI_COMMAND_INTX_DISABLE);
		break;
	case 3:
		write32(config, PCI_BASE_ADDRESS_0, bar[0] ^ AWAY);
		break;
	case 4:
		if (msix)
			write16(config, msix + PCI_MSIX_FLAGS, round & 8 ? 0 :
				PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
		break;
	case 5:
		if (msix)
			write16(config, msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
		break;
	}
	restore();
}

static void reset(void)
{
	write16(bridge, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
	write16(bridge, PCI_BRIDGE_CONTROL, 0);
	restore();
}

static void *access_device(void *kind)
{
	uint32_t round;

	run_on(0);
	for (round = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); round++) {
		use_registers(round);
		if (!strcmp(kind, "vectors") && vectors)
			use_vectors(round);
		else if (!strcmp(kind, "config") && !(round % 8))
			use_config(round);
		else if (!strcmp(kind, "reset") && !(round % 32))
			reset();
		__atomic_store_n(&accesses, round + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* The bridge that the device is behind is the directory that its own is in. */
static int open_bridge(void)
{
	char path[512], target[512];
	char *slash;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (!realpath(path, target))
		die(path);
	slash = strrchr(target, '/');
	*slash = '\0';
	return open_config(strrchr(target, '/') + 1);
}

static void sleep_us(long us)
{
	struct timespec time = { .tv_nsec = us * 1000 };

	nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
	int by_acpi = argc == 7 && !strcmp(argv[3], "acpi");
	int by_port = argc == 5 && !strcmp(argv[3], "port");
	unsigned long before, after;
	int port = -1, slot_control = 0;
	uint16_t base = 0;
	pthread_t thread;
	struct timespec now;

	if (!by_acpi && !by_port) {
		fprintf(stderr, "usage: eject ACCESSES ADDRESS acpi BASE BUS SLOT\n"
			"       eject ACCESSES ADDRESS port PORT\n");
		return 2;
	}
	address = argv[2];
	config = open_config(address);
	msix = find_capability(config, PCI_CAP_ID_MSIX);
	bar[0] = read32(config, PCI_BASE_ADDRESS_0);
	bar[1] = read32(config, PCI_BASE_ADDRESS_1);
	registers = map(0, VGPU_BAR0_SIZE);
	if (msix)
		vectors = map(1, VGPU_BAR0_SIZE);
	if (!strcmp(argv[1], "reset"))
		bridge = open_bridge();
	if (by_acpi) {
		base = strtoul(argv[4], NULL, 0);
		if (iopl(3))
			die("iopl");
		outl(strtoul(argv[5], NULL, 0), base + ACPI_BUS);
	} else {
		port = open_config(argv[4]);
		slot_control = find_capability(port, PCI_CAP_ID_EXP) + PCI_EXP_SLTCTL;
	}

	run_on(1);
	if (pthread_create(&thread, NULL, access_device, argv[1]))
		die("pthread_create");
	while (!__atomic_load_n(&accesses, __ATOMIC_ACQUIRE))
		;
	/* At another point of what the other CPU does each time. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	sleep_us(now.tv_nsec / 1000 % LEAD_US);

	before = __atomic_load_n(&accesses, __ATOMIC_ACQUIRE);
	if (by_acpi)
		outl(1u << strtoul(argv[6], NULL, 0), base + ACPI_EJECT);
	else
		write16(port, slot_control, UNPOWERED);
	sleep_us(TRAIL_US);
	after = __atomic_load_n(&accesses, __ATOMIC_ACQUIRE);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);

	printf("%lu rounds before, %lu after\n", before, after - before);
	if ((read32(config, PCI_VENDOR_ID) & 0xffff) != 0xffff) {
		fprintf(stderr, "eject: %s is still there\n", address);
		return 1;
	}
	return 0;
}
