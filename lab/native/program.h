/* What the lab's C files share: one static program, a subcommand a file. */
#ifndef TORTIE_LAB_PROGRAM_H
#define TORTIE_LAB_PROGRAM_H

#include <netinet/in.h>
#include <stdint.h>
#include <stdnoreturn.h>

int machine_main(int argc, char **argv);
int enter_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int ask_main(int argc, char **argv);
int stream_main(int argc, char **argv);

/* Prints "lab-program: what: errno's text" and ends with status 125. */
noreturn void fail(const char *what);
/* Prints "lab-program: what value" and ends with status 2. */
noreturn void refuse(const char *what, const char *value);

/* Monotonic time in microseconds. */
int64_t now_us(void);

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Text and port to address; the text decides the family. Ends the program on anything else. */
union address parse_address(const char *text, uint16_t port);
socklen_t address_length(const union address *a);
/* Text of the address, IPv4-mapped ones as IPv4. `text` holds INET6_ADDRSTRLEN bytes. */
void show_address(const union address *a, char *text);

#endif
