/*
 * HTTP on port 80. Any path answers 200 with who and which boot it is; /hang answers once and then no more (the
 * process is stopped): connections are still accepted by the kernel, as with a service that hangs while its system
 * is well. The record service's `unhang` wakes it.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "labguest.h"

int listen_on(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 64)) {
    perror("labguest: listen");
    exit(1);
  }
  return fd;
}

static void read_boot_id(char *id, size_t size) {
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (!file || !fgets(id, size, file)) snprintf(id, size, "unknown");
  if (file) fclose(file);
  id[strcspn(id, "\n")] = 0;
}

static void answer(int client, const char *name, const char *boot) {
  char body[200], text[400];
  int length = snprintf(body, sizeof body, "{\"name\":\"%s\",\"boot\":\"%s\",\"ok\":true}\n", name, boot);
  int total = snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                       "Connection: close\r\n\r\n%s",
                       length, body);
  if (send(client, text, total, MSG_NOSIGNAL) < 0) perror("labguest: send");
}

void serve_http(const char *name) {
  int listener = listen_on(80);
  char boot[64];
  read_boot_id(boot, sizeof boot);
  for (;;) {
    char request[2048];
    struct timeval patience = {.tv_sec = 2};
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t length = recv(client, request, sizeof request - 1, 0);
    request[length > 0 ? length : 0] = 0;
    if (length > 0) answer(client, name, boot);
    close(client);
    if (strstr(request, " /hang ")) raise(SIGSTOP);
  }
}
