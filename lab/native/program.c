/* Chooses the subcommand, and holds the few functions that all subcommands share. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"

static const struct {
	const char *name;
	int (*run)(int, char **);
} commands[] = {
	{ "machine", machine_main }, { "enter", enter_main }, { "serve", serve_main },
	{ "ask", ask_main },         { "stream", stream_main },
};

noreturn void fail(const char *what)
{
	fprintf(stderr, "lab-program: %s: %s\n", what, strerror(errno));
	exit(125);
}

noreturn void refuse(const char *what, const char *value)
{
	fprintf(stderr, "lab-program: %s %s\n", what, value);
	exit(2);
}

int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

union address parse_address(const char *text, uint16_t port)
{
	union address a;
	memset(&a, 0, sizeof a);
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(port);
	} else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(port);
	} else {
		refuse("not an IP address:", text);
	}
	return a;
}

socklen_t address_length(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

void show_address(const union address *a, char *text)
{
	if (a->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->v4.sin_addr, text, INET6_ADDRSTRLEN);
	else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, &a->v6.sin6_addr, text, INET6_ADDRSTRLEN);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		refuse("a subcommand is needed:", "machine, enter, serve, ask or stream");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	refuse("unknown subcommand:", argv[1]);
}
