/*
 * How fast the first disk takes writes, for `npm run bench:replication`. Two more commands of port 7000:
 *   fsync MS         4 KiB blocks, each in another 64 KiB of a file that is there already, each with its fsync:
 *                    `fsync WRITES NANOSECONDS`
 *   sequential MS    1 MiB blocks past the page cache, one after the other, fsync at the end:
 *                    `sequential BYTES NANOSECONDS`
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "labguest.h"

#define BLOCK (1 << 20)
#define BLOCKS 96
#define STRIDE (64 << 10)
static const char path[] = "/srv/a/throughput";

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Other bytes each time: nobody may take a block for zeroes, or for what is there already. */
static void fill(char *block, uint64_t round) {
  uint64_t noise = round * 0x9e3779b97f4a7c15u | 1;
  for (size_t i = 0; i < BLOCK / 8; i++) {
    noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
    memcpy(block + i * 8, &noise, 8);
  }
}

/* The whole file is written once, so that every block has its place on all disks before anything is measured. */
static int prepare(int file, char *block) {
  if (lseek(file, 0, SEEK_END) == (off_t)BLOCKS * BLOCK) return 0;
  for (off_t n = 0; n < BLOCKS; n++)
    if (pwrite(file, block, BLOCK, n * BLOCK) != BLOCK) return -1;
  return fsync(file);
}

static long long small_writes(int file, char *block, uint64_t until) {
  long long writes = 0;
  for (; now_ns() < until; writes++) {
    off_t place = writes * STRIDE % ((off_t)BLOCKS * BLOCK);
    memcpy(block, &writes, sizeof writes);
    if (pwrite(file, block, RECORD_SIZE, place) != RECORD_SIZE || fsync(file)) return -1;
  }
  return writes;
}

static long long large_writes(int file, char *block, uint64_t until) {
  long long bytes = 0;
  for (; now_ns() < until; bytes += BLOCK) {
    memcpy(block, &bytes, sizeof bytes);
    if (pwrite(file, block, BLOCK, bytes % ((off_t)BLOCKS * BLOCK)) != BLOCK) return -1;
  }
  return fsync(file) ? -1 : bytes;
}

void measure_throughput(FILE *client, int sequential, unsigned ms) {
  char *block = aligned_alloc(RECORD_SIZE, BLOCK);
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (sequential ? O_DIRECT : 0), 0644);
  long long done = -1;
  uint64_t from = 0;
  if (file >= 0 && block) {
    fill(block, now_ns());
    if (prepare(file, block) == 0) {
      from = now_ns();
      uint64_t until = from + ms * 1000000ull;
      done = sequential ? large_writes(file, block, until) : small_writes(file, block, until);
    }
  }
  uint64_t took = now_ns() - from;
  if (done < 0) fprintf(client, "error cannot write %s\n", path);
  else fprintf(client, "%s %lld %llu\n", sequential ? "sequential" : "fsync", done, (unsigned long long)took);
  if (file >= 0) close(file);
  free(block);
}
