/* The lab's guest: one static program that is init, HTTP service and record writer (see the .c files). */
#ifndef LABGUEST_H
#define LABGUEST_H

#include <stdint.h>
#include <stdio.h>

#define RECORD_SIZE 4096
#define NONCE_MAX 48
#define DISKS 2

/* Serves TCP port 80 for ever. Its own process, so that it can hang apart from the rest. */
void serve_http(const char *name);

/* Serves TCP port 7000 for ever; `http` is the process that hangs and is woken. */
void serve_records(int (*http_pid)(void));

/* Writes to the first disk for so long, and tells the client how much that was (throughput.c). */
void measure_throughput(FILE *client, int sequential, unsigned ms);

/* A listening TCP socket on all addresses; ends the process when that fails. */
int listen_on(uint16_t port);

#endif
