/*
 * `serve [PORT]`: what runs in a pod. On TCP it answers a connection with the source address it saw and closes;
 * on UDP it sends back that address, a space and the datagram. IPv4 and IPv6, port 8080 unless said.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

#define DATAGRAM 2048

static void bring_loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0)
		fail("lo");
	close(fd);
}

static int listener(int type, uint16_t port)
{
	union address any = parse_address("::", port);
	int off = 0, on = 1, fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	/* A busy machine may keep us waiting: what is lost here would look like a route that was away. */
	int size = 4 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (bind(fd, &any.any, sizeof any.v6) != 0)
		fail("bind");
	if (type == SOCK_STREAM && listen(fd, 128) != 0)
		fail("listen");
	return fd;
}

static void answer_connection(int listening)
{
	union address peer;
	socklen_t length = sizeof peer;
	char line[INET6_ADDRSTRLEN + 1];
	int fd = accept4(listening, &peer.any, &length, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	show_address(&peer, line);
	strcat(line, "\n");
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		fprintf(stderr, "serve: send: %s\n", strerror(errno));
	close(fd);
}

static void answer_datagram(int fd)
{
	union address peer;
	socklen_t length = sizeof peer;
	char buffer[INET6_ADDRSTRLEN + 1 + DATAGRAM], text[INET6_ADDRSTRLEN];
	ssize_t size = recvfrom(fd, buffer + INET6_ADDRSTRLEN + 1, DATAGRAM, 0, &peer.any, &length);
	if (size < 0)
		return;
	show_address(&peer, text);
	size_t prefix = strlen(text) + 1;
	char *start = buffer + INET6_ADDRSTRLEN + 1 - prefix;
	memcpy(start, text, prefix - 1);
	start[prefix - 1] = ' ';
	sendto(fd, start, prefix + (size_t)size, MSG_NOSIGNAL, &peer.any, length);
}

int serve_main(int argc, char **argv)
{
	uint16_t port = argc > 1 ? (uint16_t)atoi(argv[1]) : 8080;
	signal(SIGPIPE, SIG_IGN);
	bring_loopback_up();
	struct pollfd sockets[2] = {
		{ .fd = listener(SOCK_STREAM, port), .events = POLLIN },
		{ .fd = listener(SOCK_DGRAM, port), .events = POLLIN },
	};
	for (;;) {
		if (poll(sockets, 2, -1) < 0 && errno != EINTR)
			fail("poll");
		if (sockets[0].revents & POLLIN)
			answer_connection(sockets[0].fd);
		if (sockets[1].revents & POLLIN)
			answer_datagram(sockets[1].fd);
	}
}
