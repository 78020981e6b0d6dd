/* What /proc says about a process, and signals for a whole tree of them. Apart from proc.c because servers
 * and dbatop itself are looked at with it too, whoever started them. */
#include "tests/support/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TREE = 4096 };

/* A number of /proc/<pid>/status by its name; -1 when there is none. */
static long status_field(pid_t pid, const char *name)
{
	char path[64];
	char line[256];
	long value = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return -1;
	size_t length = strlen(name);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	}
	fclose(file);
	return value;
}

long proc_threads(pid_t pid)
{
	return status_field(pid, "Threads");
}

long proc_rss_kb(pid_t pid)
{
	return status_field(pid, "VmRSS");
}

long proc_peak_rss_kb(pid_t pid)
{
	return status_field(pid, "VmHWM");
}

long proc_fds(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	if (dir == NULL)
		return -1;
	long count = 0;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
		count += isdigit((unsigned char)entry->d_name[0]) != 0;
	/* Our own look at our own folder is not one of the descriptors. */
	count -= pid == getpid();
	closedir(dir);
	return count;
}

/* The part of /proc/<pid>/stat behind the command's name; false when the process is gone. */
static bool stat_fields(pid_t pid, char *text, size_t size)
{
	char path[64];
	char line[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	char *got = fgets(line, sizeof(line), file);
	fclose(file);
	char *end = got == NULL ? NULL : strrchr(line, ')');
	if (end == NULL || end[1] == '\0')
		return false;
	snprintf(text, size, "%s", end + 2);
	return true;
}

char proc_state(pid_t pid)
{
	char text[1024];
	return stat_fields(pid, text, sizeof(text)) ? text[0] : 'X';
}

/* Field n behind the name, counted from 0 (the state letter). */
static long stat_field(pid_t pid, int n)
{
	char text[1024];
	if (!stat_fields(pid, text, sizeof(text)))
		return -1;
	const char *at = text;
	for (int i = 0; i < n; i++) {
		at = strchr(at, ' ');
		if (at == NULL)
			return -1;
		at++;
	}
	return strtol(at, NULL, 10);
}

long proc_cpu_ms(pid_t pid)
{
	long user = stat_field(pid, 11);
	long system_time = stat_field(pid, 12);
	if (user < 0 || system_time < 0)
		return -1;
	return (user + system_time) * 1000 / sysconf(_SC_CLK_TCK);
}

static bool in_list(const pid_t *list, int count, pid_t pid)
{
	for (int i = 0; i < count; i++) {
		if (list[i] == pid)
			return true;
	}
	return false;
}

/* Adds to the list every process whose parent is in it; returns how many were new, signalled as they are
 * found. */
static int add_children(pid_t *list, int *count, int signal)
{
	int added = 0;
	DIR *dir = opendir("/proc");
	if (dir == NULL)
		return 0;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 1 || in_list(list, *count, pid) || *count == MAX_TREE)
			continue;
		long parent = stat_field(pid, 1);
		if (parent <= 1 || !in_list(list, *count, (pid_t)parent))
			continue;
		kill(pid, signal);
		list[(*count)++] = pid;
		added++;
	}
	closedir(dir);
	return added;
}

int proc_signal_tree(pid_t pid, int signal)
{
	pid_t *list = calloc(MAX_TREE, sizeof(*list));
	int count = 0;
	if (list == NULL)
		abort();
	/* A tree that is being killed is stopped first: the children of a dead process cannot be found any
	 * more. */
	bool deadly = signal != SIGSTOP && signal != SIGCONT;
	if (pid > 1 && kill(pid, deadly ? SIGSTOP : signal) == 0)
		list[count++] = pid;
	while (count > 0 && add_children(list, &count, deadly ? SIGSTOP : signal) > 0)
		continue;
	for (int i = 0; deadly && i < count; i++) {
		kill(list[i], signal);
		kill(list[i], SIGCONT);
	}
	free(list);
	return count;
}
