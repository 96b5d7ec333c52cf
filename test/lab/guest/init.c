/*
 * Process 1 of the lab's guest, started by /init once disks and network are there. Supervises the services, reaps
 * orphans, and powers the machine off cleanly on the ACPI power button (virsh shutdown). /sbin/shutdown, which the guest
 * agent calls, signals SIGUSR2 for power off and SIGUSR1 for reboot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "labguest.h"

#define MAX_BUTTONS 8

enum service { HTTP, RECORDS, AGENT, SERVICES };

static pid_t pids[SERVICES];
static int *shared_http_pid;
/* 0, or what reboot(2) is to be told. */
static volatile sig_atomic_t ending;

static int http_pid(void) { return *shared_http_pid; }

static void ask_end(int signal) { ending = signal == SIGUSR1 ? RB_AUTOBOOT : RB_POWER_OFF; }

/* The channel the hypervisor calls org.qemu.guest_agent.0; 0 when the machine has none. */
static int agent_port(char *path, size_t size) {
  DIR *folder = opendir("/sys/class/virtio-ports");
  struct dirent *entry;
  int found = 0;
  if (!folder) return 0;
  while (!found && (entry = readdir(folder))) {
    char file[300], name[64] = "";
    snprintf(file, sizeof file, "/sys/class/virtio-ports/%s/name", entry->d_name);
    FILE *text = fopen(file, "r");
    if (!text) continue;
    if (fgets(name, sizeof name, text) && strncmp(name, "org.qemu.guest_agent.0", 22) == 0) {
      snprintf(path, size, "/dev/%s", entry->d_name);
      found = 1;
    }
    fclose(text);
  }
  closedir(folder);
  return found;
}

static void run_service(enum service which, const char *name) {
  char port[300];
  signal(SIGUSR1, SIG_DFL);
  signal(SIGUSR2, SIG_DFL);
  if (which == HTTP) serve_http(name);
  if (which == RECORDS) serve_records(http_pid);
  if (which == AGENT && agent_port(port, sizeof port))
    execl("/usr/sbin/qemu-ga", "qemu-ga", "-m", "virtio-serial", "-p", port, "-t", "/run", (char *)NULL);
  pause(); /* no agent channel: wait instead of being restarted over and over */
  _exit(1);
}

static void start(enum service which, const char *name) {
  pid_t pid = fork();
  if (pid == 0) run_service(which, name);
  pids[which] = pid;
  if (which == HTTP) *shared_http_pid = pid;
}

static void reap(const char *name) {
  pid_t pid;
  while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
    for (int which = 0; which < SERVICES; which++)
      if (pids[which] == pid) start(which, name);
}

static int open_buttons(struct pollfd *buttons) {
  int count = 0;
  for (int i = 0; i < 32 && count < MAX_BUTTONS; i++) {
    char path[40];
    snprintf(path, sizeof path, "/dev/input/event%d", i);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) buttons[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
  }
  return count;
}

static int power_pressed(struct pollfd *button) {
  struct input_event event;
  int pressed = 0;
  while (read(button->fd, &event, sizeof event) == sizeof event)
    if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) pressed = 1;
  return pressed;
}

static void end_machine(void) {
  puts(ending == RB_AUTOBOOT ? "labguest: reboot" : "labguest: power off");
  kill(-1, SIGTERM);
  kill(-1, SIGCONT);
  usleep(100000);
  kill(-1, SIGKILL);
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
  }
  sync();
  if (umount("/srv/a") || umount("/srv/b")) perror("labguest: umount");
  reboot(ending);
  _exit(0);
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "guest";
  struct pollfd buttons[MAX_BUTTONS];
  struct sigaction action = {.sa_handler = ask_end};
  setvbuf(stdout, NULL, _IONBF, 0);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  shared_http_pid = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared_http_pid == MAP_FAILED) return 1;
  for (int which = 0; which < SERVICES; which++) start(which, name);
  int count = open_buttons(buttons);
  printf("labguest: %s is up\n", name);
  for (;;) {
    poll(buttons, count, 1000);
    for (int i = 0; i < count; i++)
      if (power_pressed(&buttons[i])) ending = RB_POWER_OFF;
    if (ending) end_machine();
    reap(name);
  }
}
