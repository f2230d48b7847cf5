// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps an interrupt line from everybody else, as a legacy device has it.
 *
 *	irqhog PORT IRQ
 *
 * tells the driver of a serial port that this is the port's line, opens the port and
 * keeps it open. The driver shares the line if its module parameter share_irqs says so;
 * a port that firmware has announced is shared anyway.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/serial.h>

int main(int argc, char **argv)
{
	struct serial_struct serial;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: irqhog PORT IRQ\n");
		return 2;
	}
	/* Without a line that works, that is not waited for. */
	fd = open(argv[1], O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || ioctl(fd, TIOCGSERIAL, &serial)) {
		perror(argv[1]);
		return 1;
	}
	serial.irq = atoi(argv[2]);
	if (ioctl(fd, TIOCSSERIAL, &serial)) {
		perror(argv[2]);
		return 1;
	}
	pause();
	return 0;
}
