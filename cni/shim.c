/*
 * The CNI executables `tortie` and `tortie-ipam`: carry the runtime's request to the node's agent and obey its answer.
 *
 * It knows neither JSON nor Kubernetes. Everything said is a frame: a 32-bit big-endian length and a payload of that
 * many bytes. Strings in a payload are a 32-bit length and bytes. (cni/protocol/frames.ts is the other side.)
 *
 *   shim -> agent   'R' version=1, program name, count, count times "CNI_NAME=value", standard input
 *   agent -> shim   'r' exit status (1 byte), standard output          the end
 *                   'x' path, count, count times "NAME=value", input   run this program, then wait on
 *   shim -> agent   'o' started (1 byte: 0 or 1), exit status (1 byte), its standard output, or why it did not start
 *
 * An agent that is away is CNI error 11 (50 for STATUS); a DEL is queued on disk for it and succeeds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/tortie/agent.sock"
#define DEFAULT_QUEUE "/var/lib/tortie/queue"
#define INPUT_LIMIT (1u << 20)             /* standard input, and the output of an executed program */
#define FRAME_LIMIT (INPUT_LIMIT + 65536u) /* the payload of a frame: input, environment and lengths */
#define STRINGS_LIMIT 128u                 /* strings in a list: more CNI_* variables than any runtime sets */
#define QUEUE_LIMIT 4096u                  /* DELs kept while the agent is away */
#define INPUT_SECONDS 30
#define ANSWER_SECONDS 120
#define EXECUTE_SECONDS 60

extern char **environ;

static unsigned char request[FRAME_LIMIT + 4], answer[FRAME_LIMIT + 4];
static const char *command = "";

struct writer { unsigned char *at, *end; int full; };
struct reader { unsigned char *at, *end; int short_read; };

static void put_u32(unsigned char *at, uint32_t v) {
  for (int i = 0; i < 4; i++) at[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t room(const struct writer *w) { return (size_t)(w->end - w->at); }

static void write_u8(struct writer *w, unsigned char v) {
  if (room(w) < 1) { w->full = 1; return; }
  *w->at++ = v;
}

static void write_u32(struct writer *w, uint32_t v) {
  if (room(w) < 4) { w->full = 1; return; }
  put_u32(w->at, v);
  w->at += 4;
}

static void write_string(struct writer *w, const char *s, size_t length) {
  if (length > FRAME_LIMIT || room(w) < 4 + length) { w->full = 1; return; }
  write_u32(w, (uint32_t)length);
  memcpy(w->at, s, length);
  w->at += length;
}

static unsigned char read_u8(struct reader *r) {
  if (r->end - r->at < 1) { r->short_read = 1; return 0; }
  return *r->at++;
}

/* A string of the payload, moved one byte to the front so that a NUL fits behind it: its length is read, so is overwritten. */
static char *read_string(struct reader *r, size_t *length) {
  if (r->end - r->at < 4) { r->short_read = 1; return NULL; }
  size_t n = get_u32(r->at);
  if ((size_t)(r->end - r->at) - 4 < n) { r->short_read = 1; return NULL; }
  char *s = (char *)r->at + 3;
  memmove(s, r->at + 4, n);
  s[n] = 0;
  r->at += 4 + n;
  if (length) *length = n;
  return s;
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0, or -1 with errno ETIMEDOUT when `fd` does not become ready before the deadline. */
static int await(int fd, short events, int64_t deadline) {
  for (;;) {
    int64_t left = deadline - now_ms();
    struct pollfd p = { .fd = fd, .events = events };
    int n = left > 0 ? poll(&p, 1, (int)left) : 0;
    if (n > 0) return 0;
    if (n == 0) { errno = ETIMEDOUT; return -1; }
    if (errno != EINTR) return -1;
  }
}

static int write_all(int fd, const void *bytes, size_t length) {
  const char *at = bytes;
  while (length > 0) {
    ssize_t n = write(fd, at, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return -1;
    at += n;
    length -= (size_t)n;
  }
  return 0;
}

static int send_all(int fd, const unsigned char *at, size_t length, int64_t deadline) {
  while (length > 0) {
    if (await(fd, POLLOUT, deadline)) return -1;
    ssize_t n = send(fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return -1;
    at += n;
    length -= (size_t)n;
  }
  return 0;
}

static int receive_all(int fd, unsigned char *at, size_t length, int64_t deadline) {
  while (length > 0) {
    if (await(fd, POLLIN, deadline)) return -1;
    ssize_t n = recv(fd, at, length, MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n == 0) errno = ECONNRESET;
    if (n <= 0) return -1;
    at += n;
    length -= (size_t)n;
  }
  return 0;
}

/* Reads to the end of `fd`: the length, or -1 with errno (EFBIG: longer than `limit`). */
static ssize_t read_to_end(int fd, unsigned char *at, size_t limit, int64_t deadline) {
  size_t length = 0;
  for (;;) {
    unsigned char beyond;
    if (await(fd, POLLIN, deadline)) return -1;
    ssize_t n = length < limit ? read(fd, at + length, limit - length) : read(fd, &beyond, 1);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return -1;
    if (n == 0) return (ssize_t)length;
    if (length == limit) { errno = EFBIG; return -1; }
    length += (size_t)n;
  }
}

static void print_quoted(const char *s) {
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 0x20 || c >= 0x7f) printf("\\u%04x", c);
    else putchar(c);
  }
}

/* A CNI error on standard output; the process ends with 1. */
static _Noreturn void fail(int code, const char *message, const char *details) {
  printf("{\"cniVersion\":\"1.1.0\",\"code\":%d,\"msg\":\"", code);
  print_quoted(message);
  printf("\",\"details\":\"");
  print_quoted(details);
  printf("\"}\n");
  fflush(stdout);
  _exit(1);
}

/* FNV-1a, 64 bits: the same DEL asked twice is one file. */
static uint64_t hash_of(const unsigned char *bytes, size_t length) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < length; i++) h = (h ^ bytes[i]) * 0x100000001b3u;
  return h;
}

static int queue_has_room(int directory) {
  int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = copy < 0 ? NULL : fdopendir(copy);
  if (!list) return 0;
  unsigned entries = 0;
  while (readdir(list)) entries++;
  closedir(list);
  if (entries < QUEUE_LIMIT) return 1;
  errno = ENOSPC;
  return 0;
}

/* Writes the request's payload as `<hash>.del`, by way of a temporary name. 0, or -1 with errno. */
static int queue_request(const char *path, const unsigned char *payload, size_t length) {
  char temporary[48], final[48];
  if (mkdir(path, 0700) && errno != EEXIST) return -1;
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0 || !queue_has_room(directory)) return -1;
  snprintf(final, sizeof final, "%016llx.del", (unsigned long long)hash_of(payload, length));
  snprintf(temporary, sizeof temporary, ".%ld.tmp", (long)getpid());
  int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  if (write_all(fd, payload, length) || fsync(fd) || close(fd)
      || renameat(directory, temporary, directory, final) || fsync(directory)) {
    int saved = errno;
    unlinkat(directory, temporary, 0);
    errno = saved;
    return -1;
  }
  return 0;
}

static _Noreturn void agent_is_away(const char *socket_path, int error, size_t length) {
  char details[320];
  snprintf(details, sizeof details, "%.200s: %s", socket_path, strerror(error));
  if (!strcmp(command, "STATUS")) fail(50, "the tortie agent of this node does not answer", details);
  if (strcmp(command, "DEL")) fail(11, "the tortie agent of this node does not answer: try again later", details);
  const char *queue = getenv("TORTIE_QUEUE_DIRECTORY");
  if (!queue || !*queue) queue = DEFAULT_QUEUE;
  if (queue_request(queue, request + 4, length) == 0) _exit(0);
  snprintf(details, sizeof details, "%.200s: %s", queue, strerror(errno));
  fail(11, "the tortie agent of this node does not answer, and its DEL could not be queued: try again later", details);
}

struct run { char *path; char *environment[STRINGS_LIMIT + 1]; char *input; size_t length; };

static int read_run(struct reader *r, struct run *run) {
  run->path = read_string(r, NULL);
  if (r->end - r->at < 4) return -1;
  uint32_t count = get_u32(r->at);
  r->at += 4;
  if (count > STRINGS_LIMIT) return -1;
  for (uint32_t i = 0; i < count && !r->short_read; i++) run->environment[i] = read_string(r, NULL);
  run->environment[r->short_read ? 0 : count] = NULL;
  run->input = read_string(r, &run->length);
  return r->short_read ? -1 : 0;
}

static _Noreturn void become(const struct run *run, int in, int out) {
  char *arguments[] = { run->path, NULL };
  signal(SIGPIPE, SIG_DFL);
  if (dup2(in, 0) < 0 || dup2(out, 1) < 0) _exit(127);
  execve(run->path, arguments, run->environment);
  _exit(127);
}

/* Feeds `run->input` to `in` while it reads `out` into `output`. The length read, or -1 with errno. */
static ssize_t converse(const struct run *run, int in, int out, unsigned char *output, int64_t deadline) {
  size_t sent = 0, length = 0;
  fcntl(in, F_SETFL, O_NONBLOCK);
  for (;;) {
    if (in >= 0 && sent == run->length) { close(in); in = -1; }
    struct pollfd p[2] = { { .fd = out, .events = POLLIN }, { .fd = in, .events = POLLOUT } };
    int64_t left = deadline - now_ms();
    int ready = left > 0 ? poll(p, 2, (int)left) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) errno = ETIMEDOUT;
    if (ready <= 0) break;
    if (in >= 0 && p[1].revents) {
      ssize_t n = write(in, run->input + sent, run->length - sent);
      if (n > 0) sent += (size_t)n;
      else if (errno != EAGAIN && errno != EINTR) sent = run->length; /* it does not read: that is its affair */
    }
    if (!p[0].revents) continue;
    if (length == INPUT_LIMIT) { errno = EFBIG; break; }
    ssize_t n = read(out, output + length, INPUT_LIMIT - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    if (n == 0) { if (in >= 0) close(in); return (ssize_t)length; }
    length += (size_t)n;
  }
  int saved = errno;
  if (in >= 0) close(in);
  errno = saved;
  return -1;
}

/* Runs the program: 0 with its exit status and output, or -1 with errno. */
static int execute(const struct run *run, unsigned char *output, size_t *length, unsigned char *status) {
  int in[2], out[2], state;
  if (access(run->path, X_OK) || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) return -1;
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) become(run, in[0], out[1]);
  close(in[0]);
  close(out[1]);
  ssize_t n = converse(run, in[1], out[0], output, now_ms() + EXECUTE_SECONDS * 1000);
  int error = errno;
  if (n < 0) kill(child, SIGKILL);
  while (waitpid(child, &state, 0) < 0 && errno == EINTR) {}
  close(out[0]);
  if (n < 0) { errno = error; return -1; }
  *length = (size_t)n;
  *status = WIFEXITED(state) ? (unsigned char)WEXITSTATUS(state) : 255;
  return 0;
}

static int send_frame(int fd, unsigned char *frame, const struct writer *w, int64_t deadline) {
  size_t length = (size_t)(w->at - frame) - 4;
  if (w->full) { errno = EMSGSIZE; return -1; }
  put_u32(frame, (uint32_t)length);
  return send_all(fd, frame, length + 4, deadline);
}

/* Obeys one frame of the agent. Ends the process on a result; 0 to go on, -1 when the agent made no sense or is gone. */
static int obey(int fd, int64_t deadline) {
  static unsigned char output[INPUT_LIMIT];
  if (receive_all(fd, answer, 4, deadline)) return -1;
  size_t length = get_u32(answer);
  if (length < 1 || length > FRAME_LIMIT) { errno = EPROTO; return -1; }
  if (receive_all(fd, answer + 4, length, deadline)) return -1;
  struct reader r = { .at = answer + 4, .end = answer + 4 + length };
  unsigned char kind = read_u8(&r);
  if (kind == 'r') {
    unsigned char status = read_u8(&r);
    char *text = read_string(&r, &length);
    if (r.short_read) { errno = EPROTO; return -1; }
    if (write_all(1, text, length)) _exit(1);
    _exit(status);
  }
  struct run run;
  if (kind != 'x' || read_run(&r, &run)) { errno = EPROTO; return -1; }
  unsigned char status = 0;
  int started = execute(&run, output, &length, &status) == 0;
  const char *text = started ? (const char *)output : strerror(errno);
  if (!started) length = strlen(text);
  struct writer w = { .at = answer + 4, .end = answer + sizeof answer };
  write_u8(&w, 'o');
  write_u8(&w, started ? 1 : 0);
  write_u8(&w, status);
  write_string(&w, text, length);
  return send_frame(fd, answer, &w, deadline);
}

static int connect_to(const char *path) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (strlen(path) >= sizeof address.sun_path) { errno = ENAMETOOLONG; return -1; }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval patience = { .tv_sec = 10 }; /* a full backlog makes connect wait */
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience)) return -1;
  return connect(fd, (struct sockaddr *)&address, sizeof address) ? -1 : fd;
}

/* Program name, environment and standard input, as the payload of `request`. */
static struct writer describe(const char *program) {
  static unsigned char input[INPUT_LIMIT];
  struct writer w = { .at = request + 4, .end = request + sizeof request };
  uint32_t count = 0;
  for (char **e = environ; *e; e++) count += !strncmp(*e, "CNI_", 4);
  if (count > STRINGS_LIMIT) fail(4, "more than 128 CNI_ environment variables", "");
  write_u8(&w, 'R');
  write_u8(&w, 1);
  write_string(&w, program, strlen(program));
  write_u32(&w, count);
  for (char **e = environ; *e; e++) if (!strncmp(*e, "CNI_", 4)) write_string(&w, *e, strlen(*e));
  if (w.full) fail(4, "the CNI_ environment variables are longer than 64 KiB", "");
  ssize_t length = read_to_end(0, input, INPUT_LIMIT, now_ms() + INPUT_SECONDS * 1000);
  if (length < 0) fail(errno == EFBIG ? 6 : 5, "cannot read the network configuration from standard input (at most 1 MiB)", strerror(errno));
  write_string(&w, (char *)input, (size_t)length);
  if (w.full) fail(6, "the network configuration and the environment are longer than 1 MiB", "");
  return w;
}

int main(int count, char **arguments) {
  const char *program = count > 0 && arguments[0] ? arguments[0] : "tortie";
  const char *slash = strrchr(program, '/');
  const char *given = getenv("CNI_COMMAND");
  signal(SIGPIPE, SIG_IGN);
  if (!given || !*given) fail(4, "CNI_COMMAND is not set: this program is run by a container runtime", "expected one of ADD, DEL, CHECK, GC, STATUS, VERSION");
  command = given;
  if (!strcmp(command, "VERSION")) {
    printf("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
    return 0;
  }
  struct writer w = describe(slash ? slash + 1 : program);
  size_t length = (size_t)(w.at - request) - 4;
  const char *path = getenv("TORTIE_AGENT_SOCKET");
  if (!path || !*path) path = DEFAULT_SOCKET;
  int fd = connect_to(path);
  int64_t deadline = now_ms() + ANSWER_SECONDS * 1000;
  if (fd < 0 || send_frame(fd, request, &w, deadline)) agent_is_away(path, errno, length);
  while (obey(fd, deadline) == 0) {}
  agent_is_away(path, errno, length);
}
