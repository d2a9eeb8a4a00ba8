/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helper inside the carrier Linux of rig NV:
 *   carrier stop                the point of a snapshot: an instruction at which Bochs's debugger stops
 *   carrier type DISK OFFSET    what the test types, to stdout. The host appends to the disk: at OFFSET a sector that
 *                               begins with the count of bytes (32 bits), behind it the bytes. Ends with its reader.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512u

static char sector[SECTOR] __attribute__((aligned(SECTOR)));

/* O_DIRECT: each time from the disk. */
static int read_sector(int fd, uint64_t at)
{
    return pread(fd, sector, SECTOR, (off_t)at) == SECTOR;
}

static int type(const char *disk, uint64_t at)
{
    int fd = open(disk, O_RDONLY | O_DIRECT);
    uint32_t done = 0, count;
    for (; fd >= 0 && read_sector(fd, at); usleep(20000)) {
        memcpy(&count, sector, sizeof count);
        while (done < count) {
            uint32_t from = done % SECTOR, n = SECTOR - from < count - done ? SECTOR - from : count - done;
            if (!read_sector(fd, at + SECTOR + done - from) || write(1, sector + from, n) != (ssize_t)n)
                return 1;
            done += n;
        }
    }
    perror(disk);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "stop") == 0) {
        __asm__ volatile("xchg %%bx, %%bx" ::: "memory");
        return 0;
    }
    return argc == 4 ? type(argv[2], strtoull(argv[3], NULL, 0)) : 2;
}
