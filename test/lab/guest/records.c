/*
 * Numbered records on TCP port 7000, one command a line:
 *   append NONCE   writes the next record to a growing file on both disks, fsyncs both, then `ack NUMBER NONCE`
 *   rewrite NUMBER NONCE   the same in place: reads what is there, writes it anew, then
 *                  `ack NUMBER NONCE BEFORE-ON-A BEFORE-ON-B`
 *   status         one JSON line: per disk the highest record, holes below it and damaged ones
 *   list FROM TO   `NUMBER NONCE-ON-A NONCE-ON-B` per line (`-` missing, `!` damaged), then `.`
 *   unhang         wakes the HTTP service
 *   fsync, sequential   how fast the first disk is: throughput.c
 * A record is acknowledged only when it is durable on both disks, so an acknowledged record which is missing later
 * was lost by whatever stores the disks. The nonce is the client's: a number given anew to another record shows.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "labguest.h"

struct record {
  char magic[8];
  uint64_t number;
  uint64_t time_ns;
  char nonce[NONCE_MAX];
  unsigned char fill[RECORD_SIZE - 8 - 8 - 8 - NONCE_MAX - 4];
  uint32_t sum;
};
_Static_assert(sizeof(struct record) == RECORD_SIZE, "a record is one 4 KiB block");

static const char *const paths[DISKS] = {"/srv/a/records", "/srv/b/records"};
static int files[DISKS];
static uint64_t last;
static int (*http_process)(void);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a: enough to tell a whole record from a torn or stale one. */
static uint32_t sum_of(const struct record *record) {
  const unsigned char *bytes = (const unsigned char *)record;
  uint32_t sum = 2166136261u;
  for (size_t i = 0; i < RECORD_SIZE - sizeof record->sum; i++) sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

static void make(struct record *record, uint64_t number, const char *nonce) {
  struct timespec now;
  uint64_t noise = number * 0x9e3779b97f4a7c15u | 1;
  memset(record, 0, sizeof *record);
  memcpy(record->magic, "USRECRD1", 8);
  clock_gettime(CLOCK_REALTIME, &now);
  record->number = number;
  record->time_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
  snprintf(record->nonce, NONCE_MAX, "%s", nonce);
  for (size_t i = 0; i < sizeof record->fill; i++) {
    noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
    record->fill[i] = noise;
  }
  record->sum = sum_of(record);
}

enum found { GOOD, MISSING, DAMAGED };

static enum found look(int file, uint64_t number, struct record *record) {
  static const struct record empty;
  if (pread(file, record, RECORD_SIZE, (number - 1) * RECORD_SIZE) != RECORD_SIZE) return MISSING;
  if (memcmp(record, &empty, RECORD_SIZE) == 0) return MISSING;
  return record->number == number && record->sum == sum_of(record) ? GOOD : DAMAGED;
}

/* Records before the first one that is not whole. */
static uint64_t contiguous(int file) {
  struct record record;
  uint64_t number = 1;
  while (look(file, number, &record) == GOOD) number++;
  return number - 1;
}

static uint64_t places_in(int file) {
  struct stat info;
  return fstat(file, &info) ? 0 : info.st_size / RECORD_SIZE;
}

/* Durable on both disks, or not 0. Under the lock. */
static int store(const struct record *record) {
  int failed = 0;
  for (int i = 0; i < DISKS; i++)
    if (pwrite(files[i], record, RECORD_SIZE, (record->number - 1) * RECORD_SIZE) != RECORD_SIZE) failed = 1;
  for (int i = 0; i < DISKS; i++)
    if (fsync(files[i])) failed = 1;
  return failed;
}

static void append(FILE *client, const char *nonce) {
  struct record record;
  pthread_mutex_lock(&lock);
  uint64_t number = last + 1;
  make(&record, number, nonce);
  int failed = store(&record);
  if (!failed) last = number;
  pthread_mutex_unlock(&lock);
  if (failed) fprintf(client, "error cannot write record %llu\n", (unsigned long long)number);
  else fprintf(client, "ack %llu %s\n", (unsigned long long)number, nonce);
}

static void status(FILE *client) {
  struct record record;
  fprintf(client, "{\"disks\":[");
  for (int i = 0; i < DISKS; i++) {
    uint64_t highest = 0, good = 0, damaged = 0, end = places_in(files[i]);
    for (uint64_t number = 1; number <= end; number++) {
      enum found found = look(files[i], number, &record);
      if (found == GOOD) highest = number, good++;
      if (found == DAMAGED) damaged++;
    }
    fprintf(client, "%s{\"highest\":%llu,\"holes\":%llu,\"damaged\":%llu}", i ? "," : "",
            (unsigned long long)highest, (unsigned long long)(highest - good), (unsigned long long)damaged);
  }
  fprintf(client, "]}\n");
}

static const char *nonce_on(int file, uint64_t number, struct record *record) {
  enum found found = look(file, number, record);
  return found == GOOD ? record->nonce : found == MISSING ? "-" : "!";
}

static void rewrite(FILE *client, uint64_t number, const char *nonce) {
  struct record record, before[DISKS];
  const char *found[DISKS];
  int failed = 1;
  pthread_mutex_lock(&lock);
  if (number <= last) {
    for (int i = 0; i < DISKS; i++) found[i] = nonce_on(files[i], number, &before[i]);
    make(&record, number, nonce);
    failed = store(&record);
  }
  pthread_mutex_unlock(&lock);
  if (failed) fprintf(client, "error cannot rewrite record %llu\n", (unsigned long long)number);
  else fprintf(client, "ack %llu %s %s %s\n", (unsigned long long)number, nonce, found[0], found[1]);
}

static void list(FILE *client, uint64_t from, uint64_t to) {
  static __thread struct record records[DISKS];
  for (uint64_t number = from; number <= to; number++) {
    const char *a = nonce_on(files[0], number, &records[0]), *b = nonce_on(files[1], number, &records[1]);
    fprintf(client, "%llu %s %s\n", (unsigned long long)number, a, b);
  }
  fprintf(client, ".\n");
}

static void obey(FILE *client, const char *line) {
  char nonce[NONCE_MAX] = "";
  unsigned long long from, to;
  unsigned ms;
  if (sscanf(line, "append %47s", nonce) == 1) append(client, nonce);
  else if (sscanf(line, "rewrite %llu %47s", &from, nonce) == 2 && from > 0) rewrite(client, from, nonce);
  else if (sscanf(line, "fsync %u", &ms) == 1) measure_throughput(client, 0, ms);
  else if (sscanf(line, "sequential %u", &ms) == 1) measure_throughput(client, 1, ms);
  else if (strcmp(line, "status\n") == 0) status(client);
  else if (sscanf(line, "list %llu %llu", &from, &to) == 2 && from > 0) list(client, from, to);
  else if (strcmp(line, "unhang\n") == 0) {
    int pid = http_process();
    fprintf(client, pid > 1 && kill(pid, SIGCONT) == 0 ? "ok\n" : "error no HTTP service\n");
  } else fprintf(client, "error unknown command\n");
}

static void *converse(void *argument) {
  int fd = (int)(intptr_t)argument;
  FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
  char line[200];
  while (in && out && fgets(line, sizeof line, in)) {
    obey(out, line);
    if (fflush(out)) break;
  }
  if (in) fclose(in);
  if (out) fclose(out);
  return NULL;
}

/* Not merely a folder of the initial RAM disk: what is written there is durable nowhere. */
static int is_mounted(const char *folder) {
  struct stat here, root;
  return stat(folder, &here) == 0 && stat("/", &root) == 0 && here.st_dev != root.st_dev;
}

void serve_records(int (*http_pid)(void)) {
  http_process = http_pid;
  /* A disk that gives errors while the guest boots: it acknowledges nothing. */
  if (!is_mounted("/srv/a") || !is_mounted("/srv/b")) {
    fprintf(stderr, "labguest: no records without both disks\n");
    return;
  }
  for (int i = 0; i < DISKS; i++) {
    files[i] = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (files[i] < 0) perror(paths[i]), exit(1);
  }
  uint64_t a = contiguous(files[0]), b = contiguous(files[1]);
  /* A record on one disk only was never acknowledged: its number is free again. */
  last = a < b ? a : b;
  int listener = listen_on(7000);
  for (;;) {
    pthread_t thread;
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    if (pthread_create(&thread, NULL, converse, (void *)(intptr_t)client)) close(client);
    else pthread_detach(thread);
  }
}
