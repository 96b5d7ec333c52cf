/*
 * Stands in for QEMU in the guard's tests: a process whose program is called qemu-system-..., that does nothing.
 *   --threads N   N more threads that wake every millisecond, all signals blocked, like a vCPU's
 *   --stuck       the first thread sits in uninterruptible sleep, as behind a dead disk (it waits for a vfork's child)
 *   --twice       a child with the same program and command line, like a daemon that has forked
 *   --become P    on SIGUSR1 it becomes program P with the same arguments, as libvirt's child becomes QEMU
 * It dies with the process that started it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void *tick(void *unused) {
  const struct timespec pause = {0, 1000000};
  for (;;) nanosleep(&pause, NULL);
  return unused;
}

static void start_threads(int count) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  for (pthread_t thread; count > 0; count--) pthread_create(&thread, NULL, tick, NULL);
  pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

static char **arguments;
static const char *program;

static void become(int unused) {
  (void)unused;
  execv(program, arguments);
}

int main(int argc, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  arguments = argv;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--threads") == 0) start_threads(atoi(argv[i + 1]));
    if (strcmp(argv[i], "--become") == 0 && strcmp(argv[0], argv[i + 1]) != 0) {
      program = argv[0] = argv[i + 1];
      signal(SIGUSR1, become);
    }
    if (strcmp(argv[i], "--twice") == 0 && fork() == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strcmp(argv[i], "--stuck") == 0 && vfork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pause();
    }
  }
  for (;;) pause();
}
