/*
 * `machine`: starts the init of one machine of the lab, in mount, PID, UTS and IPC namespaces of its own,
 * in a network namespace that exists already. `enter`: runs a command inside such a machine.
 *
 *   lab-program machine --net FILE --name HOSTNAME [--boot-id FILE] [--bind FROM:TO]...
 *   lab-program enter INIT-PID [--net FILE-INSIDE] [--report FD] -- COMMAND [ARGUMENT]...
 *
 * `machine` prints the init's pid and returns; killing that pid ends every process of the machine, and with the
 * last one its mounts go. `enter --report FD` writes the command's pid, as seen from outside, to that descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define MAX_BINDS 16

struct machine {
	const char *net, *name, *boot_id;
	char *binds[MAX_BINDS];
	int bind_count;
};

static void join_namespace(const char *path, int kind)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, kind) != 0)
		fail(path);
	close(fd);
}

static void mount_or_fail(const char *from, const char *to, const char *type, unsigned long flags, const char *options)
{
	if (mount(from, to, type, flags, options) != 0)
		fail(to);
}

/* A private /run, proc and sysfs of this machine's own namespaces, then the directories that are its own. */
static void mount_all(const struct machine *m)
{
	mount_or_fail("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	/* Copies of other namespaces' names would keep those namespaces alive as long as we live. */
	while (umount2("/run/netns", MNT_DETACH) == 0)
		;
	mount_or_fail("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	if (mkdir("/run/netns", 0755) != 0 || mkdir("/run/lock", 0755) != 0 || mkdir("/run/lab", 0755) != 0)
		fail("/run");
	mount_or_fail("tmpfs", "/run/netns", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	mount_or_fail("none", "/run/netns", NULL, MS_SHARED | MS_REC, NULL);
	for (int i = 0; i < m->bind_count; i++) {
		char *to = strchr(m->binds[i], ':');
		if (to == NULL)
			refuse("--bind needs FROM:TO, not", m->binds[i]);
		*to++ = '\0';
		mount_or_fail(m->binds[i], to, NULL, MS_BIND, NULL);
	}
	mount_or_fail("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mount_or_fail("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (m->boot_id != NULL)
		mount_or_fail(m->boot_id, "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL);
}

static noreturn void reap_for_ever(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		int signal = 0;
		sigwait(&all, &signal);
		if (signal == SIGTERM)
			exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static noreturn void init(const struct machine *m, int ready)
{
	setsid();
	if (sethostname(m->name, strlen(m->name)) != 0)
		fail("sethostname");
	mount_all(m);
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (write(ready, "r", 1) != 1)
		exit(125);
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	if (chdir("/") != 0)
		exit(125);
	reap_for_ever();
}

static struct machine parse_machine(int argc, char **argv)
{
	struct machine m = { 0 };
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--net") == 0)
			m.net = argv[i + 1];
		else if (strcmp(argv[i], "--name") == 0)
			m.name = argv[i + 1];
		else if (strcmp(argv[i], "--boot-id") == 0)
			m.boot_id = argv[i + 1];
		else if (strcmp(argv[i], "--bind") == 0 && m.bind_count < MAX_BINDS)
			m.binds[m.bind_count++] = argv[i + 1];
		else
			refuse("machine: unexpected", argv[i]);
	}
	if (m.net == NULL || m.name == NULL)
		refuse("machine needs", "--net and --name");
	return m;
}

int machine_main(int argc, char **argv)
{
	struct machine m = parse_machine(argc, argv);
	int ready[2];
	if (pipe(ready) != 0)
		fail("pipe");
	join_namespace(m.net, CLONE_NEWNET);
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC) != 0)
		fail("unshare");
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		init(&m, ready[1]);
	close(ready[1]);
	char byte;
	if (read(ready[0], &byte, 1) != 1)
		return 125;
	printf("%d\n", pid);
	return 0;
}

static pid_t entered;

static void pass_on(int signal)
{
	if (entered > 0)
		kill(entered, signal);
}

static void forward_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	struct sigaction action = { .sa_handler = pass_on, .sa_flags = SA_RESTART };
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
}

static void enter_all(const char *pid, const char *net)
{
	static const struct { const char *name; int kind; } spaces[] = {
		{ "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS }, { "net", CLONE_NEWNET }, { "pid", CLONE_NEWPID }, { "mnt", CLONE_NEWNS },
	};
	int fds[5];
	char path[64];
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof path, "/proc/%s/ns/%s", pid, spaces[i].name);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			fail(path);
	}
	char *here = getcwd(NULL, 0);
	for (int i = 0; i < 5; i++) {
		if (setns(fds[i], spaces[i].kind) != 0)
			fail(spaces[i].name);
		close(fds[i]);
	}
	if (here == NULL || chdir(here) != 0)
		if (chdir("/") != 0)
			fail("/");
	if (net != NULL)
		join_namespace(net, CLONE_NEWNET);
}

int enter_main(int argc, char **argv)
{
	const char *net = NULL;
	int report = -1, i = 2;
	if (argc < 4)
		refuse("enter needs", "INIT-PID [--net FILE] [--report FD] -- COMMAND");
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (strcmp(argv[i], "--net") == 0)
			net = argv[i + 1];
		else if (strcmp(argv[i], "--report") == 0)
			report = atoi(argv[i + 1]);
		else
			refuse("enter: unexpected", argv[i]);
	}
	if (i + 1 >= argc)
		refuse("enter: no command after", "--");
	if (report >= 0)
		fcntl(report, F_SETFD, FD_CLOEXEC);
	enter_all(argv[1], net);
	forward_signals();
	entered = fork();
	if (entered < 0)
		fail("fork");
	if (entered == 0) {
		if (report < 0)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[i + 1], argv + i + 1);
		fprintf(stderr, "%s: %s\n", argv[i + 1], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (report >= 0) {
		dprintf(report, "%d\n", entered);
		close(report);
	}
	int status = 0;
	while (waitpid(entered, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
