/* The shell knows neither hub nor lanes; this is where both meet. Before the lanes run, there is only the
 * hub: the first frame shows the fleet as it was configured. */
#include "cli/top_source.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/human.h"
#include "core/base/text.h"

enum { SELF_NAME = 22 };

static struct snapshot *take(void *arg)
{
	struct top_source *s = arg;
	return hub_take(s->app->hub);
}

static void release(void *arg, struct snapshot *snap)
{
	(void)arg;
	snapshot_free(snap);
}

static void want(void *arg, size_t instance, uint32_t slots)
{
	struct top_source *s = arg;
	hub_want(s->app->hub, instance, slots);
}

static void kick(void *arg, uint32_t interval_ms)
{
	struct top_source *s = arg;
	if (s->app->poller != NULL)
		poller_kick(s->app->poller, interval_ms);
}

static bool add(void *arg, size_t like, const char *host, uint16_t port, struct err *e)
{
	struct top_source *s = arg;
	size_t index;
	return config_add_like(s->app->config, like, host, port, &index, e) &&
	       poller_add(s->app->poller, index, e);
}

static void *ask(
        void *arg, size_t instance, const char *probe, const struct session_ref *session, struct err *e)
{
	struct top_source *s = arg;
	const struct probe_value id = {.type = PARAM_INT, .i = session->id};
	if (s->app->poller == NULL) {
		err_set(e, ERR_LOST, "not connected yet");
		return NULL;
	}
	return poller_ask(s->app->poller, instance, probe, &id, 1, e);
}

static bool answer(void *arg, void *question, const struct sample **sample, struct err *e)
{
	struct job_view v;
	(void)arg;
	job_look(question, &v);
	if (v.state != JOB_DONE)
		return false;
	*sample = v.sample;
	if (v.sample == NULL) {
		*e = v.result.err;
	} else if (v.sample->err->code != ERR_NONE) {
		*e = *v.sample->err;
		*sample = NULL;
	}
	return true;
}

static void forget(void *arg, void *question)
{
	(void)arg;
	job_unref(question);
}

static unsigned count_entries(const char *path)
{
	unsigned n = 0;
	DIR *d = opendir(path);
	while (d != NULL) {
		struct dirent *entry = readdir(d);
		if (entry == NULL)
			break;
		n += entry->d_name[0] != '.';
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static long resident_kb(void)
{
	char line[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");
	if (f != NULL && fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	if (f != NULL)
		fclose(f);
	/* The second number: pages in memory. */
	const char *second = strchr(line, ' ');
	return second != NULL ? strtol(second, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

static void self(void *arg, struct buf *out)
{
	struct top_source *s = arg;
	struct poller_self p = {0};
	struct rusage use = {0};
	char memory[HUMAN_MAX];
	if (s->app->poller != NULL)
		poller_self(s->app->poller, &p);
	getrusage(RUSAGE_SELF, &use);
	double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	             (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	buf_printf(out, "this process   %u threads · %u descriptors · %s · %.1f s of CPU so far\n",
	        count_entries("/proc/self/task"), count_entries("/proc/self/fd"),
	        human_bytes(resident_kb() * 1024, 0, memory), cpu);
	buf_printf(out, "lanes          %u, %u of them stuck · %u lookups of names stuck · %lu calls cut\n",
	        p.lanes, p.lanes_stuck, s->app->resolver != NULL ? resolver_stuck(s->app->resolver) : 0,
	        s->app->axe != NULL ? axe_count(s->app->axe) : 0);
	buf_printf(out, "connections    %u, and %u that timed out and may still be there\n", p.connections,
	        p.zombies);
	buf_printf(out, "queries        %llu so far, %llu timed out\n", (unsigned long long)p.queries,
	        (unsigned long long)p.timeouts);
	struct snapshot *snap = hub_take(s->app->hub);
	buf_puts(out, "\nSERVER                  CONN  QUERIES/S  MS/S THERE  TIMEOUTS  RECONNECTS\n");
	for (size_t i = 0; i < snap->n; i++) {
		const struct link_view *l = &snap->instances[i].link;
		const char *full = snap->instances[i].cfg->name;
		char name[SELF_NAME * 4 + 1];
		text_truncate(name, sizeof(name), full, strlen(full), SELF_NAME, false);
		int pad = SELF_NAME - (int)text_width(name, strlen(name));
		/* As wide as a terminal of 80 columns has room for. */
		buf_printf(out, "%s%*s %5u %10.1f %11.1f %9llu %11llu\n", name, pad, "",
		        l->connections + l->zombies, (double)l->queries_per_s, (double)l->server_ms_per_s,
		        (unsigned long long)l->timeouts, (unsigned long long)l->reconnects);
	}
	snapshot_free(snap);
}

static struct action_run *start(
        void *arg, const struct snapshot *snap, struct action_plan *plan, bool second, struct err *e)
{
	struct top_source *s = arg;
	struct action_run *run = NULL;
	if (s->journal == NULL) {
		*e = s->no_journal;
		err_wrap(e, "nothing was done, because it could not be written down");
	} else if (s->app->poller == NULL) {
		err_set(e, ERR_LOST, "not connected yet");
	} else {
		run = action_start(s->app->poller, s->journal, snap, plan, second, e);
	}
	if (run == NULL)
		plan_free(plan);
	return run;
}

static void look(void *arg, struct action_run *run, const struct snapshot *snap, size_t target,
        struct action_progress *out)
{
	(void)arg;
	action_look(run, snap, target, out);
}

static bool insist(void *arg, struct action_run *run, size_t target, struct err *e)
{
	(void)arg;
	return action_insist(run, target, e);
}

static bool finished(void *arg, const struct action_run *run)
{
	(void)arg;
	return action_finished(run);
}

static void free_run(void *arg, struct action_run *run)
{
	(void)arg;
	action_free(run);
}

void top_source_init(
        struct top_source *s, struct app *app, struct journal *journal, const struct err *no_journal)
{
	*s = (struct top_source){.app = app, .journal = journal, .no_journal = *no_journal};
	s->shell = (struct shell_source){.arg = s,
	        .fd = hub_fd(app->hub),
	        .take = take,
	        .release = release,
	        .want = want,
	        .kick = kick,
	        .add = add,
	        .ask = ask,
	        .answer = answer,
	        .forget = forget,
	        .self = self};
	s->actions = (struct shell_actions){.arg = s,
	        .start = start,
	        .look = look,
	        .insist = insist,
	        .finished = finished,
	        .free = free_run};
}
