/*
 * `ask [-t MILLISECONDS] KIND,ADDRESS[,PORT]...`: asks all targets at once and prints one line each, in order:
 *   KIND ADDRESS ok SOURCE MICROSECONDS      SOURCE is the address the other side saw; for ping our own end of the route
 *   KIND ADDRESS fail REASON
 * KIND is tcp, udp or ping; the port is 8080 unless said. Ends with 0 when every target answered, else 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

#define MAX_TARGETS 1024

enum kind { TCP, UDP, PING };
static const char *const kind_names[] = { "tcp", "udp", "ping" };

struct target {
	enum kind kind;
	char address[INET6_ADDRSTRLEN];
	union address to;
	int fd, connected, done;
	int64_t start, took;
	char source[INET6_ADDRSTRLEN];
	char reason[64];
};

static void finish(struct target *t, const char *reason)
{
	if (reason != NULL)
		snprintf(t->reason, sizeof t->reason, "%s", reason);
	t->took = now_us() - t->start;
	t->done = 1;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static uint16_t checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* ICMP echo request of 16 bytes; the identifier is the target's place in our list. The kernel sums ICMPv6. */
static void send_ping(struct target *t, uint16_t identifier)
{
	uint8_t packet[16] = { 0 };
	int v4 = t->to.any.sa_family == AF_INET;
	packet[0] = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	packet[4] = (uint8_t)(identifier >> 8);
	packet[5] = (uint8_t)identifier;
	packet[7] = 1;
	memcpy(packet + 8, &t->start, 8);
	if (v4) {
		uint16_t sum = checksum(packet, sizeof packet);
		packet[2] = (uint8_t)(sum >> 8);
		packet[3] = (uint8_t)sum;
	}
	if (send(t->fd, packet, sizeof packet, 0) < 0)
		finish(t, strerror(errno));
}

static void own_address(struct target *t)
{
	union address mine;
	socklen_t length = sizeof mine;
	if (getsockname(t->fd, &mine.any, &length) == 0)
		show_address(&mine, t->source);
}

static void start(struct target *t, uint16_t identifier)
{
	int family = t->to.any.sa_family, v4 = family == AF_INET;
	int type = t->kind == TCP ? SOCK_STREAM : t->kind == UDP ? SOCK_DGRAM : SOCK_RAW;
	int protocol = t->kind != PING ? 0 : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	t->start = now_us();
	t->fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (t->fd < 0) {
		finish(t, strerror(errno));
		return;
	}
	if (t->kind == PING)
		t->to.v4.sin_port = 0; /* same place in both families */
	if (connect(t->fd, &t->to.any, address_length(&t->to)) != 0 && errno != EINPROGRESS) {
		finish(t, strerror(errno));
		return;
	}
	if (t->kind == UDP && send(t->fd, "?", 1, 0) < 0)
		finish(t, strerror(errno));
	else if (t->kind == PING) {
		own_address(t);
		send_ping(t, identifier);
	}
}

static int is_our_echo(const struct target *t, const uint8_t *packet, ssize_t size, uint16_t identifier)
{
	int v4 = t->to.any.sa_family == AF_INET;
	ssize_t header = v4 && size > 0 ? (packet[0] & 15) * 4 : 0;
	packet += header;
	return size >= header + 16 && packet[0] == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)
		&& packet[4] == identifier >> 8 && packet[5] == (identifier & 255) && memcmp(packet + 8, &t->start, 8) == 0;
}

static void readable(struct target *t, uint16_t identifier)
{
	uint8_t buffer[512];
	ssize_t size = recv(t->fd, buffer, sizeof buffer - 1, 0);
	if (size < 0) {
		if (errno != EAGAIN)
			finish(t, strerror(errno));
		return;
	}
	if (t->kind == PING) {
		if (is_our_echo(t, buffer, size, identifier))
			finish(t, NULL);
		return;
	}
	buffer[size] = '\0';
	if (sscanf((char *)buffer, "%45s", t->source) != 1)
		finish(t, "empty answer");
	else
		finish(t, NULL);
}

static void poll_once(struct target *targets, int count, int64_t deadline)
{
	struct pollfd polled[MAX_TARGETS];
	for (int i = 0; i < count; i++) {
		polled[i].fd = targets[i].done ? -1 : targets[i].fd;
		polled[i].events = POLLIN;
		polled[i].revents = 0;
	}
	int64_t left = (deadline - now_us() + 999) / 1000;
	if (poll(polled, (nfds_t)count, left < 0 ? 0 : (int)left) < 0 && errno != EINTR)
		fail("poll");
	for (int i = 0; i < count; i++)
		if (!targets[i].done && polled[i].revents != 0)
			readable(&targets[i], (uint16_t)(getpid() + i));
}

static struct target parse_target(const char *text)
{
	struct target t = { .fd = -1 };
	char kind[8], port[8] = "8080";
	if (sscanf(text, "%7[^,],%45[^,],%7[0-9]", kind, t.address, port) < 2)
		refuse("ask: expected KIND,ADDRESS[,PORT], not", text);
	while (strcmp(kind_names[t.kind], kind) != 0)
		if (++t.kind > PING)
			refuse("ask: the kind is tcp, udp or ping, not", kind);
	t.to = parse_address(t.address, (uint16_t)atoi(port));
	return t;
}

int ask_main(int argc, char **argv)
{
	static struct target targets[MAX_TARGETS];
	int count = 0, open = 0, failed = 0, i = 1, timeout_ms = 1000;
	if (argc > 2 && strcmp(argv[1], "-t") == 0) {
		timeout_ms = atoi(argv[2]);
		i = 3;
	}
	for (; i < argc && count < MAX_TARGETS; i++)
		targets[count++] = parse_target(argv[i]);
	int64_t deadline = now_us() + (int64_t)timeout_ms * 1000;
	for (i = 0; i < count; i++)
		start(&targets[i], (uint16_t)(getpid() + i));
	do {
		poll_once(targets, count, deadline);
		for (i = open = 0; i < count; i++)
			open += !targets[i].done;
	} while (open > 0 && now_us() < deadline);
	for (i = 0; i < count; i++) {
		struct target *t = &targets[i];
		if (!t->done)
			finish(t, "no answer");
		failed += t->reason[0] != '\0';
		if (t->reason[0] != '\0')
			printf("%s %s fail %s\n", kind_names[t->kind], t->address, t->reason);
		else
			printf("%s %s ok %s %lld\n", kind_names[t->kind], t->address, t->source, (long long)t->took);
	}
	return failed > 0;
}
