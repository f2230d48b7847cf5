#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PCI_RESOURCE "/sys/bus/pci/devices/0000:00:06.0/resource0"

int main() {
    int fd = open(PCI_RESOURCE, O_RDWR | O_SYNC);
    if (fd < 0) {
        perror("Failed to open (try as root)");
        return 1;
    }
    
    volatile uint32_t *mmio = mmap(NULL, 4096, PROT_READ | PROT_WRITE, 
                                    MAP_SHARED, fd, 0);
    if (mmio == MAP_FAILED) {
        perror("mmap failed");
        close(fd);
        return 1;
    }
    
    printf("=== vGPU Stub Properties ===\n");
    printf("Pool ID:  '%c' (expected: 'B')\n", (char)mmio[0x008/4]);
    printf("Priority: %u (expected: 2=high)\n", mmio[0x00C/4]);
    printf("VM ID:    %u (expected: 200)\n", mmio[0x010/4]);
    
    munmap((void*)mmio, 4096);
    close(fd);
    return 0;
}
