/*
 * `stream ADDRESS [PORT] [RATE]`: sends numbered UDP datagrams at RATE a second (1000) to a pod's `serve` until SIGTERM
 * or SIGINT, waits a second for the last answers, and prints one line of JSON:
 *   {"sent":N,"answered":N,"lost":N,"longestGapMs":F,"firstLost":[N,…]}
 * It prints "running" when the first answer has come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

#define MAX_DATAGRAMS (1 << 22)
#define STRAGGLERS_US 1000000
#define SHOWN 10

static volatile sig_atomic_t stopping;
static uint8_t answered[MAX_DATAGRAMS];
static int64_t last_answer, longest_gap;
static uint32_t answers;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

/* Takes what has come. An answer is the address we were seen with, a space, and our number. */
static void collect(int fd, uint32_t sent)
{
	char buffer[128];
	ssize_t size;
	while ((size = recv(fd, buffer, sizeof buffer - 1, MSG_DONTWAIT)) > 0) {
		buffer[size] = '\0';
		char *space = strchr(buffer, ' ');
		unsigned long number = space == NULL ? MAX_DATAGRAMS : strtoul(space + 1, NULL, 10);
		if (number >= sent || answered[number])
			continue;
		answered[number] = 1;
		int64_t now = now_us();
		if (answers++ == 0) {
			printf("running\n");
			fflush(stdout);
		} else if (now - last_answer > longest_gap) {
			longest_gap = now - last_answer;
		}
		last_answer = now;
	}
}

static void wait_until(int fd, int64_t when, uint32_t sent)
{
	for (int64_t left; (left = when - now_us()) > 0;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		struct timespec t = { .tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000 };
		if (ppoll(&p, 1, &t, NULL) > 0)
			collect(fd, sent);
	}
}

static void report(uint32_t sent)
{
	uint32_t lost = sent - answers, shown = 0;
	printf("{\"sent\":%u,\"answered\":%u,\"lost\":%u,\"longestGapMs\":%.1f,\"firstLost\":[", sent, answers, lost,
		(double)longest_gap / 1000);
	for (uint32_t i = 0; i < sent && shown < SHOWN; i++)
		if (!answered[i])
			printf("%s%u", shown++ > 0 ? "," : "", i);
	printf("]}\n");
}

int stream_main(int argc, char **argv)
{
	if (argc < 2)
		refuse("stream needs", "ADDRESS [PORT] [RATE]");
	union address to = parse_address(argv[1], argc > 2 ? (uint16_t)atoi(argv[2]) : 8080);
	int64_t interval = 1000000 / (argc > 3 ? atoi(argv[3]) : 1000);
	struct sigaction action = { .sa_handler = stop };
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	int fd = socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (fd < 0 || connect(fd, &to.any, address_length(&to)) != 0)
		fail(argv[1]);
	uint32_t sent = 0;
	int64_t next = now_us();
	while (!stopping && sent < MAX_DATAGRAMS) {
		char number[16];
		int length = snprintf(number, sizeof number, "%u", sent);
		/* A refused send is a lost datagram: it counts as sent and is never answered. */
		if (send(fd, number, (size_t)length, 0) < 0 && errno == EINTR)
			continue;
		sent++;
		next += interval;
		wait_until(fd, next, sent);
	}
	wait_until(fd, now_us() + STRAGGLERS_US, sent);
	report(sent);
	return 0;
}
