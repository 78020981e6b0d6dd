/* Speaks the chaos proxy's line protocol, so that a test reads as what happens to the network. */
#include "tests/support/test.h"

#include "tests/support/chaos.h"
#include "tests/support/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 5000 };

struct chaos {
	struct proc *proc;
};

struct chaos *chaos_start(void)
{
	static const char *const argv[] = {TEST_CHAOSPROXY, NULL};
	struct chaos *chaos = calloc(1, sizeof(*chaos));
	assert_non_null(chaos);
	chaos->proc = proc_start(argv, NULL);
	return chaos;
}

void chaos_stop(struct chaos *chaos)
{
	if (chaos == NULL)
		return;
	proc_write(chaos->proc, "quit\n", 5, true);
	bool ended = proc_wait(chaos->proc, ANSWER_MS);
	bool clean = ended && chaos->proc->exit_code == 0;
	if (!clean)
		print_error("chaosproxy ended badly: %s\n", chaos->proc->err_bytes.data);
	proc_free(chaos->proc);
	free(chaos);
	assert_true(clean);
}

/* Sends a line; copies what follows "ok" in the answer. */
static void ask(struct chaos *chaos, const char *line, char *answer, size_t size)
{
	proc_write(chaos->proc, line, strlen(line), false);
	proc_write(chaos->proc, "\n", 1, false);
	char *got = proc_read_line(chaos->proc, ANSWER_MS);
	if (got == NULL || strncmp(got, "ok", 2) != 0)
		fail_msg("chaosproxy: \"%s\" was answered with \"%s\" %s", line,
		        got == NULL ? "nothing" : got, chaos->proc->err_bytes.data);
	else
		snprintf(answer, size, "%s", got + 2);
	free(got);
}

static struct chaos_door ask_door(struct chaos *chaos, const char *line)
{
	char answer[128] = "";
	struct chaos_door door = {.chaos = chaos};
	ask(chaos, line, answer, sizeof(answer));
	assert_int_equal(sscanf(answer, "%d %d", &door.id, &door.port), 2);
	return door;
}

struct chaos_door chaos_listen(struct chaos *chaos, const char *host, int port)
{
	char line[256];
	if (port == 0)
		snprintf(line, sizeof(line), "listen %s", host);
	else
		snprintf(line, sizeof(line), "listen %s:%d", host, port);
	return ask_door(chaos, line);
}

struct chaos_door chaos_blackhole(struct chaos *chaos)
{
	return ask_door(chaos, "blackhole");
}

void chaos_set_only(struct chaos_door door, const char *direction, const char *which, const char *fault)
{
	char line[256];
	char answer[128];
	snprintf(line, sizeof(line), "set %d %s %s %s", door.id, direction, which, fault);
	ask(door.chaos, line, answer, sizeof(answer));
}

void chaos_set(struct chaos_door door, const char *direction, const char *fault)
{
	chaos_set_only(door, direction, "all", fault);
}

void chaos_accept(struct chaos_door door, const char *mode)
{
	char line[128];
	char answer[128];
	snprintf(line, sizeof(line), "accept %d %s", door.id, mode);
	ask(door.chaos, line, answer, sizeof(answer));
}

void chaos_rewrite_id(struct chaos_door door, const char *engine, uint32_t mask)
{
	char line[128];
	char answer[128];
	snprintf(line, sizeof(line), "rewrite-id %d %s %lu", door.id, engine, (unsigned long)mask);
	ask(door.chaos, line, answer, sizeof(answer));
}

struct chaos_stat chaos_stat(struct chaos_door door)
{
	char line[64];
	char answer[256] = "";
	struct chaos_stat stat = {.accepted = 0};
	snprintf(line, sizeof(line), "stat %d", door.id);
	ask(door.chaos, line, answer, sizeof(answer));
	int fields = sscanf(answer, " accepted=%ld open=%ld up=%ld down=%ld", &stat.accepted, &stat.open,
	        &stat.up, &stat.down);
	assert_int_equal(fields, 4);
	return stat;
}
