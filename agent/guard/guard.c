/*
 * The guard: stops (SIGSTOP) the QEMU of a protected machine when its permission has run out, kills it when a majority
 * has said so, and leaves everything else on the host alone. Contract: FORMAT.md beside this file.
 *
 * No threads, no allocation, nothing but tmpfs, /proc and signals: it must work when the disk, the network, the agent
 * and libvirt do not. It keeps no state of its own: what it needs after a restart is in its status file on tmpfs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/watchdog.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum {
  ROUND_MS = 80,         /* from one look at everything to the next; a deadline in between is met by the timer */
  SETTLED = 60,          /* rounds after which a process that is no QEMU is expected to stay what it is ... */
  LOOK_AGAIN = 5,        /* ... and is looked at only every so many rounds */
  STATUS_MS = 500,       /* the status file is never older than that */
  FEED_MS = 1000,        /* the hardware watchdog is fed that often */
  RECENT_MS = 60000,     /* window of the recent worst lateness */
  FARTHEST_MS = 3600000, /* a deadline beyond is a mistake (another clock, another unit), not a permission */
  PRIORITY = 50,         /* SCHED_FIFO: above everything ordinary, below the kernel's own (99) */
  MACHINES = 128,
  PROCESSES = 512,
  UUID = 36,
  LINE = 160, /* longest permission, FORMAT.md */
};

enum kind { NONE, DEADLINE, STANDING, ENDED };
static const char *const KIND[] = {"none", "deadline", "standing", "ended"};

struct permission {
  uint64_t n; /* the epoch's number ... */
  char by[65]; /* ... and the host that forced it, "-" when nobody did */
  enum kind kind;
  uint64_t deadline, resumed; /* ms of CLOCK_BOOTTIME; resumed 0: no order to continue */
};

struct machine {
  char uuid[UUID + 1];
  struct permission held, highest;
  unsigned missing; /* rounds in a row without a file */
  const char *told;
  bool killed;
};

enum state { RUNS, STOPPING, STOPPED, KILLING, OTHER };
static const char *const STATE[] = {"runs", "stopping", "stopped", "killing", "other"};

/* A QEMU. `dir` is its /proc/PID, which pidfd_send_signal(2) takes as a pidfd: neither it nor `stat` ever means another
 * process that was given the same pid later. */
struct process {
  int dir, stat;
  pid_t pid;
  uint64_t start, since;
  char uuid[UUID + 1];
  int machine; /* index, -1: nobody's business */
  enum state state;
};

static struct {
  char folder[256], alive[256], alive_new[256], list[280], ends[280], durable[256];
} path;
static struct machine machines[MACHINES];
static struct process processes[PROCESSES], known[PROCESSES]; /* known: to the guard before this one */
static unsigned machine_count, process_count, known_count;
static bool real_time, locked, on_tmpfs, unkillable, dirty, list_unreadable, too_many_machines, too_many_processes;
static bool host_ends; /* the host is being shut down: what stands still would be waited for */
static int watchdog = -1;
static bool starved;
static uint64_t worst, recent, recent_since;

static uint64_t boot_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- reading ---- */

enum { ABSENT = -1, UNREADABLE = -2 };

/* The whole file, ended by NUL; UNREADABLE when it does not fit. Never waits: a pipe put there is an empty file. */
static ssize_t read_whole(int at, const char *name, char *text, size_t room) {
  int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT ? ABSENT : UNREADABLE;
  size_t length = 0;
  ssize_t got;
  while ((got = read(fd, text + length, room - length)) > 0) length += (size_t)got;
  close(fd);
  if (got < 0 || length == room) return UNREADABLE;
  text[length] = '\0';
  return (ssize_t)length;
}

static bool word(const char **at, const char *expected) {
  size_t length = strlen(expected);
  if (strncmp(*at, expected, length) != 0) return false;
  *at += length;
  return true;
}

static bool number(const char **at, uint64_t *value) {
  const char *from = *at;
  for (*value = 0; **at >= '0' && **at <= '9' && *at - from < 16; ++*at) *value = *value * 10 + (uint64_t)(**at - '0');
  return *at > from && *at - from <= 15;
}

static bool forcing_host(const char **at, char *by) {
  size_t length = strspn(*at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
  if (length < 1 || length > 64 || ((*at)[0] == '-' && length > 1)) return false;
  memcpy(by, *at, length);
  by[length] = '\0';
  *at += length;
  return true;
}

static bool parse_permission(const char *text, size_t length, struct permission *p) {
  const char *at = text;
  memset(p, 0, sizeof *p);
  if (!word(&at, "understudy-permission 1 ") || !number(&at, &p->n) || !word(&at, " ")) return false;
  if (!forcing_host(&at, p->by) || !word(&at, " ")) return false;
  if (word(&at, "ended")) {
    p->kind = ENDED;
  } else {
    p->kind = word(&at, "standing") ? STANDING : DEADLINE;
    if (p->kind == DEADLINE && (!word(&at, "deadline ") || !number(&at, &p->deadline))) return false;
    if (word(&at, " resumed ") && !number(&at, &p->resumed)) return false;
  }
  return word(&at, "\n") && at == text + length;
}

static bool is_uuid(const char *text) {
  for (unsigned i = 0; i < UUID; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !(text[i] && strchr("0123456789abcdef", text[i]))) return false;
  }
  return true;
}

static int machine_of(const char *uuid) {
  for (unsigned i = 0; i < machine_count; i++)
    if (memcmp(machines[i].uuid, uuid, UUID) == 0) return (int)i;
  return -1;
}

/* Machines of the list; those that were on it before keep what is known of them. -1 when it is not a list. */
static int parse_list(const char *text, size_t length, struct machine *to) {
  const char *at = text;
  unsigned count = 0;
  if (!word(&at, "understudy-protected 1\n")) return -1;
  too_many_machines = false;
  for (; at < text + length; at += UUID + 1) {
    if ((size_t)(text + length - at) < UUID + 1 || !is_uuid(at) || at[UUID] != '\n') return -1;
    if (count == MACHINES) {
      too_many_machines = true;
      continue;
    }
    int old = machine_of(at);
    to[count] = old >= 0 ? machines[old] : (struct machine){.held.by = "-", .highest.by = "-"};
    memcpy(to[count++].uuid, at, UUID);
  }
  return (int)count;
}

static void read_list(const char *name) {
  static char text[(MACHINES + 64) * (UUID + 1)], last[sizeof text];
  static ssize_t last_length = -1;
  static struct machine next[MACHINES];
  ssize_t length = read_whole(AT_FDCWD, name, text, sizeof text);
  if (length == ABSENT) return;
  if (length >= 0 && length == last_length && memcmp(text, last, (size_t)length) == 0) return;
  int count = length < 0 ? -1 : parse_list(text, (size_t)length, next);
  dirty = true;
  list_unreadable = count < 0;
  last_length = list_unreadable ? -1 : length;
  if (list_unreadable) return;
  memcpy(last, text, (size_t)length);
  memcpy(machines, next, sizeof machines);
  machine_count = (unsigned)count;
  for (unsigned i = 0; i < process_count; i++) processes[i].machine = machine_of(processes[i].uuid);
}

static int compare_epochs(const struct permission *a, const struct permission *b) {
  if (a->n != b->n) return a->n < b->n ? -1 : 1;
  return strcmp(a->by, b->by); /* "-" is lower than the first letter any name may have */
}

static void read_permission(struct machine *m, uint64_t now) {
  char name[sizeof path.folder + UUID + 2], text[LINE + 2];
  struct permission p, before = m->held;
  snprintf(name, sizeof name, "%s/%s", path.folder, m->uuid);
  ssize_t length = read_whole(AT_FDCWD, name, text, sizeof text);
  m->missing = length == ABSENT ? m->missing + 1 : 0;
  m->told = NULL;
  if (length == ABSENT) {
    m->held = (struct permission){.by = "-"};
  } else if (length < 0 || !parse_permission(text, (size_t)length, &p) || p.deadline > now + FARTHEST_MS) {
    m->told = "unreadable"; /* what was held goes on to hold: a deadline still passes */
  } else if (compare_epochs(&p, &m->highest) < 0) {
    m->told = "older-epoch";
    m->held = p;
    m->held.kind = DEADLINE;
    m->held.deadline = m->held.resumed = 0;
  } else {
    m->held = m->highest = p;
  }
  if (memcmp(&before, &m->held, sizeof before) != 0) dirty = true;
}

/* ---- processes ---- */

struct listing {
  int fd;
  long length, at;
  char entries[8192] __attribute__((aligned(8)));
};

struct entry { /* linux_dirent64, getdents64(2) */
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

/* The next name that is a number (a pid in /proc, a thread in task); 0 at the end. */
static pid_t next_number(struct listing *l) {
  for (;;) {
    if (l->at >= l->length) {
      l->length = syscall(SYS_getdents64, l->fd, l->entries, sizeof l->entries);
      l->at = 0;
      if (l->length <= 0) return 0;
    }
    const struct entry *e = (const struct entry *)(const void *)(l->entries + l->at);
    l->at += e->length;
    if (e->name[0] >= '1' && e->name[0] <= '9') return (pid_t)strtol(e->name, NULL, 10);
  }
}

/* State letter of proc_pid_stat(5), and the start time; 0 when there is no such process any more. */
static char read_stat(int fd, uint64_t *start) {
  char text[1024];
  ssize_t length = pread(fd, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = '\0';
  char *at = strrchr(text, ')'); /* the name before may hold anything */
  if (!at || at[1] != ' ') return 0;
  char state = at[2];
  for (int field = 2; field < 22 && at; field++) at = strchr(at + 1, ' ');
  if (!at) return 0;
  *start = strtoull(at, NULL, 10);
  return state;
}

enum seen { GONE, UNSURE, HALTED, RUNNING_BEHIND, RUNNING }; /* the higher one of its threads' counts */

/* For a process whose leader says nothing about the threads behind it: in uninterruptible sleep (they may run a guest),
 * traced, or dead (they may still have writes under way). With `stop` each that runs is sent SIGSTOP of its own: the one
 * sent to the process may wait for the leader, and the leader for a dead disk. (Threads have no pidfd before Linux 6.9;
 * tgkill(2) names both ids, read a moment ago from a process that is still there.) */
static enum seen look_at_threads(const struct process *p, bool stop) {
  static struct listing threads;
  enum seen seen = GONE;
  uint64_t start;
  threads.fd = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (threads.fd < 0) return errno == EMFILE || errno == ENFILE ? UNSURE : GONE;
  threads.at = threads.length = 0;
  for (pid_t thread; (thread = next_number(&threads)) > 0;) {
    char name[32];
    snprintf(name, sizeof name, "%d/stat", thread);
    int fd = openat(threads.fd, name, O_RDONLY | O_CLOEXEC);
    char state = fd < 0 ? 0 : read_stat(fd, &start);
    if (fd >= 0) close(fd);
    if (!state || state == 'Z' || state == 'X') continue;
    enum seen one = state == 'R' || state == 'S' ? RUNNING_BEHIND : state == 'T' ? HALTED : UNSURE;
    if (one == RUNNING_BEHIND && stop) syscall(SYS_tgkill, p->pid, thread, SIGSTOP);
    if (one > seen) seen = one;
  }
  close(threads.fd);
  return seen;
}

static enum seen look_at(const struct process *p) {
  uint64_t start;
  char state = read_stat(p->stat, &start);
  if (!state) return GONE;
  if (state == 'T') return HALTED; /* a stop is the whole process' */
  return state == 'R' || state == 'S' ? RUNNING : look_at_threads(p, false);
}

static void become(struct process *p, enum state state, uint64_t now) {
  p->state = state;
  p->since = now;
  dirty = true;
}

static void send_signal(const struct process *p, int signal) {
  syscall(SYS_pidfd_send_signal, p->dir, signal, NULL, 0);
}

enum verdict { MAY_RUN, STOP, KILL };

static enum verdict verdict_on(const struct machine *m, uint64_t now) {
  if (m->held.kind == ENDED || m->missing > 1) return KILL;
  if (m->held.kind == STANDING) return MAY_RUN;
  return m->held.kind == DEADLINE && now < m->held.deadline ? MAY_RUN : STOP;
}

static bool is_running(enum seen seen) { return seen >= RUNNING_BEHIND; }

static void halt(const struct process *p, enum seen seen) {
  send_signal(p, SIGSTOP);
  if (seen == RUNNING_BEHIND) look_at_threads(p, true);
}

/* With a live permission: continues only what a guard stopped, and only by an order given after the stop. */
static void let_run(struct process *p, const struct permission *held, enum seen seen, uint64_t now) {
  if (p->state != STOPPING && p->state != STOPPED) return;
  if (p->since < held->resumed) {
    send_signal(p, SIGCONT);
    become(p, RUNS, now);
  } else if (is_running(seen)) {
    halt(p, seen); /* woken by somebody else, or not halted yet */
  }
}

static void write_status(uint64_t now);

/* A stop is told before it is made: a guard that is killed in between leaves word of it. Otherwise the next one would take
 * it for somebody else's, and nobody would ever continue the process. */
static void stop(struct process *p, enum seen seen, uint64_t now) {
  if (p->state == STOPPED && (is_running(seen) || host_ends)) {
    send_signal(p, SIGKILL);
    become(p, KILLING, now);
  } else if (p->state == RUNS || (p->state == STOPPING && is_running(seen))) {
    if (p->state == RUNS) {
      become(p, STOPPING, now);
      write_status(now);
    }
    halt(p, seen);
  }
}

/* What is seen, taken into the state: STOPPING is done, or somebody else has stopped or continued it. */
static void take_in(struct process *p, enum seen seen, uint64_t now) {
  if (p->state == STOPPING && seen == HALTED) {
    p->state = STOPPED; /* `since` stays the moment of the signal: an order to continue is measured against it */
    dirty = true;
  } else if (p->state == RUNS && seen == HALTED) {
    become(p, OTHER, now);
  } else if (p->state == OTHER && is_running(seen)) {
    become(p, RUNS, now);
  }
}

static bool is_qemu(int at, const char *name) {
  static char target[4096];
  ssize_t length = readlinkat(at, name, target, sizeof target - 1);
  if (length <= 0) return false;
  target[length] = '\0';
  const char *base = strrchr(target, '/');
  return base && (strncmp(base, "/qemu-system-", 13) == 0 || strncmp(base, "/qemu-kvm", 9) == 0);
}

/* Does what the permission asks; false when the process is gone. */
static bool act_on(struct process *p, uint64_t now) {
  enum seen seen = look_at(p);
  if (seen == GONE) return false;
  if (p->machine < 0) return true;
  const struct machine *m = &machines[p->machine];
  enum verdict verdict = verdict_on(m, now);
  take_in(p, seen, now);
  /* A child that QEMU forked and that has become another program is nobody's business. */
  if (verdict != MAY_RUN && (p->state == RUNS || p->state == OTHER) && !is_qemu(p->dir, "exe")) return false;
  if (verdict == KILL || p->state == KILLING) {
    send_signal(p, SIGKILL);
    if (p->state != KILLING) become(p, KILLING, now);
  } else if (verdict == STOP) {
    stop(p, seen, now);
  } else {
    let_run(p, &m->held, seen, now);
  }
  return true;
}

static void forget(unsigned index) {
  struct process *p = &processes[index];
  if (p->machine >= 0 && p->state == KILLING) machines[p->machine].killed = true;
  close(p->dir);
  close(p->stat);
  *p = processes[--process_count];
  dirty = true;
}

/* The machine's UUID as libvirt gives it on the command line: `-uuid X`; like QEMU, the last one counts. "-" when there
 * is none; false while there is no command line yet (in the middle of execve) or any more. */
static bool read_uuid(int dir, char *uuid) {
  static char text[131072];
  strcpy(uuid, "-");
  int fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  size_t length = 0;
  ssize_t got;
  while (length < sizeof text - 1 && (got = read(fd, text + length, sizeof text - 1 - length)) > 0) length += (size_t)got;
  close(fd);
  text[length] = '\0';
  for (const char *at = text; at < text + length; at += strlen(at) + 1) {
    char *value = text + (at - text) + strlen(at) + 1;
    if ((strcmp(at, "-uuid") != 0 && strcmp(at, "--uuid") != 0) || value >= text + length) continue;
    for (char *c = value; *c; c++)
      if (*c >= 'A' && *c <= 'F') *c = (char)(*c + 32);
    strcpy(uuid, strlen(value) == UUID && is_uuid(value) ? value : "-");
  }
  return length > 0;
}

/* What the guard before this one knew of this very process (pid and start time name it). */
static const struct process *recall(const struct process *p) {
  for (unsigned i = 0; i < known_count; i++)
    if (known[i].pid == p->pid && known[i].start == p->start) return &known[i];
  return NULL;
}

static void adopt(int proc, pid_t pid, uint64_t now) {
  struct process p = {.pid = pid, .since = now, .machine = -1};
  char name[16];
  snprintf(name, sizeof name, "%d", pid);
  p.dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (p.dir < 0) return;
  p.stat = openat(p.dir, "stat", O_RDONLY | O_CLOEXEC);
  char letter = p.stat < 0 ? 0 : read_stat(p.stat, &p.start);
  const struct process *before = letter ? recall(&p) : NULL;
  if (before) {
    memcpy(p.uuid, before->uuid, sizeof p.uuid);
    p.state = before->state;
    p.since = before->since;
  }
  /* Reading a command line can wait for the process' memory, so it is done once a process. */
  if (!letter || process_count == PROCESSES || (!before && !read_uuid(p.dir, p.uuid))) {
    too_many_processes |= process_count == PROCESSES;
    if (p.stat >= 0) close(p.stat);
    close(p.dir);
    return;
  }
  p.machine = machine_of(p.uuid);
  if (p.machine >= 0) machines[p.machine].killed = false;
  bool may = p.machine < 0 || verdict_on(&machines[p.machine], now) == MAY_RUN;
  if (letter == 'T' && (!before || before->state == RUNS)) {
    p.state = may ? OTHER : STOPPED;
    p.since = now;
  }
  processes[process_count++] = p;
  dirty = true;
  if (!act_on(&processes[process_count - 1], now)) forget(process_count - 1);
}

static bool is_known(pid_t pid) {
  for (unsigned i = 0; i < process_count; i++)
    if (processes[i].pid == pid) return true;
  return false;
}

/* Looking at every program of the host in every round would be most of the guard's work. A process that was there for
 * a while and is no QEMU could still become one (execve), but new ones do, so they are looked at more often. */
static bool may_be_skipped(pid_t pid, unsigned round) {
  static struct {
    pid_t pid;
    unsigned first, last;
  } seen[8192], *s;
  s = &seen[(unsigned)pid % 8192];
  if (s->pid != pid || s->last + 1 != round) *s = (__typeof__(*s)){pid, round, round};
  s->last = round;
  return round - s->first > SETTLED && (round + (unsigned)pid) % LOOK_AGAIN != 0;
}

static void find_processes(uint64_t now) {
  static struct listing all = {.fd = -1};
  static unsigned round;
  char name[32];
  if (all.fd < 0) all.fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  too_many_processes = false;
  lseek(all.fd, 0, SEEK_SET);
  all.at = all.length = 0;
  round++;
  for (pid_t pid; (pid = next_number(&all)) > 0;) {
    if (may_be_skipped(pid, round)) continue;
    snprintf(name, sizeof name, "%d/exe", pid);
    if (!is_known(pid) && is_qemu(all.fd, name)) adopt(all.fd, pid, now);
  }
}

/* ---- telling ---- */

static const char *machine_state(unsigned index) {
  const char *state = machines[index].killed ? "killed" : "absent";
  for (unsigned i = 0; i < process_count; i++) {
    if (processes[i].machine != (int)index) continue;
    if (processes[i].state != STOPPED && processes[i].state != OTHER) return "runs";
    state = "stopped";
  }
  return state;
}

static char status[65536 + PROCESSES * 128];
static size_t status_length;

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsnprintf(status + status_length, sizeof status - status_length, format, values);
  va_end(values);
  if (length > 0) status_length += (size_t)length;
  if (status_length > sizeof status) status_length = sizeof status;
}

static void tell_machine(unsigned index) {
  const struct machine *m = &machines[index];
  char deadline[24] = "";
  if (m->held.kind == DEADLINE) snprintf(deadline, sizeof deadline, " %llu", (unsigned long long)m->held.deadline);
  tell("%s %llu %s %s%s %s\n", m->uuid, (unsigned long long)m->held.n, m->held.by, KIND[m->held.kind], deadline,
       machine_state(index));
}

static void write_status(uint64_t now) {
  bool room = !too_many_machines && !too_many_processes;
  real_time = (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_FIFO;
  bool sound = real_time && locked && on_tmpfs && room && !list_unreadable;
  status_length = 0;
  tell("understudy-guard 1 %llu %s\n", (unsigned long long)now, sound ? "armed" : "weak");
  for (unsigned i = 0; i < machine_count; i++) tell_machine(i);
  for (unsigned i = 0; i < process_count; i++) {
    const struct process *p = &processes[i];
    tell(".process %s %d %llu %s %llu\n", p->uuid, p->pid, (unsigned long long)p->start, STATE[p->state],
         (unsigned long long)p->since);
  }
  tell(".latest %llu %llu\n", (unsigned long long)worst, (unsigned long long)recent);
  tell(".granted %s %s %s %s %s\n", real_time ? "rt" : "-", locked ? "locked" : "-", on_tmpfs ? "tmpfs" : "-",
       unkillable ? "oom" : "-", room ? "room" : "-");
  tell(".watchdog %s\n", watchdog < 0 ? "none" : starved ? "starved" : "fed");
  if (list_unreadable) tell(".told - list-unreadable\n");
  if (!room) tell(".told - too-many\n");
  for (unsigned i = 0; i < machine_count; i++)
    if (machines[i].told) tell(".told %s %s\n", machines[i].uuid, machines[i].told);
  int fd = open(path.alive_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  bool whole = write(fd, status, status_length) == (ssize_t)status_length;
  close(fd);
  if (whole) rename(path.alive_new, path.alive);
}

/* To systemd, when it started us: that the first round is done, and then that rounds go on (WatchdogSec=). */
static void notify(const char *message) {
  const char *name = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  if (!name || strlen(name) >= sizeof to.sun_path) return;
  memcpy(to.sun_path, name, strlen(name));
  if (name[0] == '@') to.sun_path[0] = '\0';
  static int fd = -1;
  if (fd < 0) fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to,
         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)));
}

/* ---- what the guard needs of the host ---- */

static bool take_real_time(void) {
  struct sched_param p = {.sched_priority = PRIORITY};
  return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p) == 0;
}

static bool write_once(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CLOEXEC);
  bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0) close(fd);
  return done;
}

/* On cgroup v1 a group has no real-time run-time until it is given some, all the way down (sched-rt-group.rst); the
 * root group has it. Joining that changes nothing about the membership by which systemd knows its services. */
static void join_root_cpu_group(void) { write_once("/sys/fs/cgroup/cpu/cgroup.procs", "0"); }

static void touch_stack(void) {
  volatile char page[65536];
  for (size_t i = 0; i < sizeof page; i += 4096) page[i] = 0;
}

/* Of the folder, or of the nearest one above it that is there. */
static bool is_on_tmpfs(const char *folder) {
  char at[sizeof path.folder];
  struct statfs facts;
  strcpy(at, folder);
  while (statfs(at, &facts) != 0) {
    char *slash = strrchr(at, '/');
    if (errno != ENOENT || !slash || slash == at) return false;
    *slash = '\0';
  }
  return facts.f_type == TMPFS_MAGIC;
}

static void take_what_it_needs(void) {
  if (!take_real_time()) join_root_cpu_group();
  real_time = take_real_time();
  touch_stack();
  locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
  unkillable = write_once("/proc/self/oom_score_adj", "-1000");
  on_tmpfs = is_on_tmpfs(path.folder);
}

static int preflight(void) {
  struct timespec t;
  bool clock = clock_gettime(CLOCK_BOOTTIME, &t) == 0;
  int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC), self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool pidfd = self >= 0 && syscall(SYS_pidfd_send_signal, self, 0, NULL, 0) == 0;
  take_what_it_needs();
  bool ready = real_time && locked && on_tmpfs && clock && timer >= 0 && pidfd;
  const char *const no_yes[] = {"false", "true"};
  printf("{\"ready\":%s,\"realTime\":%s,\"lockedMemory\":%s,\"tmpfs\":%s,\"bootClock\":%s,\"pidfd\":%s,\"oomScore\":%s}\n",
         no_yes[ready], no_yes[real_time], no_yes[locked], no_yes[on_tmpfs], no_yes[clock && timer >= 0], no_yes[pidfd],
         no_yes[unkillable]);
  return ready ? 0 : 1;
}

static void recall_processes(void) {
  if (read_whole(AT_FDCWD, path.alive, status, sizeof status) <= 0) return;
  char *save, word_[16];
  for (char *line = strtok_r(status, "\n", &save); line && known_count < PROCESSES; line = strtok_r(NULL, "\n", &save)) {
    struct process p = {0};
    unsigned long long start, since;
    if (sscanf(line, ".process %36s %d %llu %15s %llu", p.uuid, &p.pid, &start, word_, &since) != 5) continue;
    p.start = start;
    p.since = since;
    for (p.state = RUNS; p.state < OTHER && strcmp(word_, STATE[p.state]) != 0;) p.state++;
    known[known_count++] = p;
  }
}

/* ---- the hardware watchdog (watchdog-api.rst) ---- */

static void open_watchdog(const char *device, int seconds) {
  watchdog = open(device, O_WRONLY | O_CLOEXEC);
  if (watchdog < 0) perror(device);
  else if (ioctl(watchdog, WDIOC_SETTIMEOUT, &seconds) != 0) perror("watchdog: time-out stays as it is");
}

static bool is_sound(const struct process *p, uint64_t now) {
  if (p->machine < 0) return true;
  return p->state == STOPPED || p->state == OTHER || (p->state == RUNS && verdict_on(&machines[p->machine], now) == MAY_RUN);
}

/* Not fed while a protected machine runs without permission: then the hardware does what a signal could not. */
static void feed_watchdog(uint64_t now) {
  static uint64_t fed;
  bool hungry = false;
  for (unsigned i = 0; i < process_count; i++) hungry |= !is_sound(&processes[i], now);
  dirty |= starved != hungry;
  starved = hungry;
  if (watchdog < 0 || starved || now - fed < FEED_MS) return;
  if (write(watchdog, "", 1) == 1) fed = now;
}

static void leave_watchdog(void) {
  for (unsigned i = 0; i < machine_count; i++)
    if (machines[i].held.kind == DEADLINE) return; /* armed: it must bite when nobody takes over */
  if (watchdog >= 0 && write(watchdog, "V", 1) != 1) perror("watchdog");
}

/* ---- rounds ---- */

static uint64_t work_round(void) {
  uint64_t now = boot_ms();
  read_list(path.list);
  host_ends = access(path.ends, F_OK) == 0;
  for (unsigned i = 0; i < machine_count; i++) read_permission(&machines[i], now);
  now = boot_ms();
  for (unsigned i = process_count; i-- > 0;)
    if (!act_on(&processes[i], now)) forget(i);
  find_processes(boot_ms());
  feed_watchdog(boot_ms());
  return now;
}

/* The next look: after a round's time, or when a deadline ends that something runs under. */
static uint64_t next_round(uint64_t now) {
  uint64_t next = now + ROUND_MS;
  for (unsigned i = 0; i < process_count; i++) {
    if (processes[i].machine < 0 || processes[i].state != RUNS) continue;
    const struct permission *held = &machines[processes[i].machine].held;
    if (held->kind == DEADLINE && held->deadline > now && held->deadline < next) next = held->deadline;
  }
  return next;
}

static void note_lateness(uint64_t planned, uint64_t now) {
  uint64_t late = now > planned ? now - planned : 0;
  if (now - recent_since >= RECENT_MS) {
    recent = 0;
    recent_since = now;
  }
  if (late > recent) recent = late;
  if (late > worst) worst = late;
}

static bool guards_something(void) {
  for (unsigned i = 0; i < process_count; i++)
    if (processes[i].machine >= 0) return true;
  return false;
}

/* SIGINT: leaves now. SIGTERM, which everything gets when the host goes down: leaves after the last protected QEMU. */
static bool is_over(int signals) {
  static bool leaving;
  struct signalfd_siginfo got;
  while (read(signals, &got, sizeof got) == sizeof got) {
    if (got.ssi_signo == SIGINT) return true;
    leaving = true;
  }
  return leaving && !guards_something();
}

static int open_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void run(void) {
  int signals = open_signals(), timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  uint64_t planned = recent_since = boot_ms(), told = 0;
  if (signals < 0 || timer < 0) exit(1);
  while (!is_over(signals)) {
    note_lateness(planned, boot_ms());
    uint64_t now = work_round();
    if (dirty || now - told >= STATUS_MS) {
      write_status(now);
      notify(told ? "WATCHDOG=1" : "READY=1");
      told = now;
      dirty = false;
    }
    planned = next_round(now);
    struct itimerspec at = {.it_value = {(time_t)(planned / 1000), (long)(planned % 1000) * 1000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    struct pollfd both[] = {{timer, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(both, 2, -1);
  }
  leave_watchdog();
}

static void print_permission(const char *name) {
  char text[LINE + 2];
  struct permission p;
  ssize_t length = read_whole(AT_FDCWD, name, text, sizeof text);
  if (length < 0 || !parse_permission(text, (size_t)length, &p)) puts("unreadable");
  else
    printf("%llu %s %s %llu %llu\n", (unsigned long long)p.n, p.by, KIND[p.kind], (unsigned long long)p.deadline,
           (unsigned long long)p.resumed);
}

static void print_list(const char *name) {
  machine_count = 0;
  read_list(name);
  if (list_unreadable) puts("unreadable");
  else printf("%u\n", machine_count);
}

static void set_paths(const char *runtime, const char *state) {
  snprintf(path.folder, sizeof path.folder, "%s/guard", runtime);
  snprintf(path.alive, sizeof path.alive, "%s/guard.alive", runtime);
  snprintf(path.alive_new, sizeof path.alive_new, "%s/.guard.alive.tmp", runtime);
  snprintf(path.list, sizeof path.list, "%s/.protected", path.folder);
  snprintf(path.ends, sizeof path.ends, "%s/.host-ends", path.folder);
  snprintf(path.durable, sizeof path.durable, "%s/guard/protected", state);
}

static int usage(void) {
  fputs("usage: guard [--run FOLDER] [--state FOLDER] [--watchdog DEVICE [--watchdog-seconds N]]\n"
        "       guard [--run FOLDER] --preflight    what this host grants it, as JSON; 0 when that is enough\n"
        "       guard --parse FILE... | --parse-list FILE...    how it reads permissions, lists\n",
        stderr);
  return 2;
}

int main(int argc, char **argv) {
  const char *runtime = "/run/understudy", *state = "/var/lib/understudy", *device = NULL;
  int seconds = 10;
  bool only_preflight = false;
  for (int i = 1; i < argc; i++) {
    void (*print)(const char *) = strcmp(argv[i], "--parse") == 0        ? print_permission
                                  : strcmp(argv[i], "--parse-list") == 0 ? print_list
                                                                         : NULL;
    if (print) {
      while (++i < argc) print(argv[i]);
      return 0;
    }
    if (strcmp(argv[i], "--preflight") == 0) only_preflight = true;
    else if (i + 1 == argc) return usage();
    else if (strcmp(argv[i], "--run") == 0) runtime = argv[++i];
    else if (strcmp(argv[i], "--state") == 0) state = argv[++i];
    else if (strcmp(argv[i], "--watchdog") == 0) device = argv[++i];
    else if (strcmp(argv[i], "--watchdog-seconds") == 0) seconds = atoi(argv[++i]);
    else return usage();
  }
  set_paths(runtime, state);
  if (only_preflight) return preflight();
  mkdir(path.folder, 0700);
  take_what_it_needs();
  recall_processes();
  read_list(path.list);
  /* After a boot the agent may come later than a QEMU: the durable list, read only while there is none on tmpfs. */
  if (machine_count == 0 && access(path.list, F_OK) != 0) read_list(path.durable);
  if (device) open_watchdog(device, seconds);
  run();
  return 0;
}
