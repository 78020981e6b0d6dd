/* Puts the engine together for one server and carries plans out: see acts.h. */
#include "tests/support/test.h"

#include "tests/support/acts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/wait.h"

#ifdef DBATOP_JOIN_AT_EXIT
/* Sanitizers slow logins over TLS down by the order of ten. */
enum { SEEN_MS = 40000, CONNECT_MS = 20000 };
#else
enum { SEEN_MS = 10000, CONNECT_MS = 5000 };
#endif
enum { STOP_MS = 5000 };

static char cluster_name[] = "acts";
static const struct journal_origin origin = {.user = "tester", .ssh = "10.9.9.9 1 10.1.1.1 22"};

void acts_start(struct acts *a, const struct driver *driver, const struct lab_server *server,
        const char *user, int port)
{
	struct err e;
	*a = (struct acts){.server = *server};
	drive_start(&a->drive, driver);
	a->cluster = (struct cluster_cfg){.name = cluster_name,
	        .danger = DANGER_RELAXED,
	        .timeouts = {
	                .connect_ms = CONNECT_MS, .query_ms = 800, .query_max_ms = 5000, .check_ms = 30000}};
	a->instance = (struct instance_cfg){.name = a->server.name};
	drive_endpoint(server, user, port, NULL, &a->instance.endpoint);
	a->cfg = (struct config){.clusters = &a->cluster,
	        .nclusters = 1,
	        .instances = &a->instance,
	        .ninstances = 1,
	        .interval_ms = 500};
	a->hub = hub_new(&clock_real, &a->cfg, a->drive.probes, 1, &e);
	assert_non_null(a->hub);
	uint32_t wanted = 0;
	for (const char *const *p = (const char *const[]){"server", "pulse", "sessions", "blockers", NULL};
	        *p; p++)
		wanted |= 1U << probe_set_slot(a->drive.probes, *p);
	hub_want(a->hub, 0, wanted);
	struct poller_options opt = {.config = &a->cfg,
	        .probes = a->drive.probes,
	        .postgres = driver,
	        .mysql = driver,
	        .env = a->drive.env,
	        .hub = a->hub,
	        .clock = &clock_real,
	        .admin = true};
	opt.env.statement_ms = 0;
	opt.env.lock_ms = 0;
	a->poller = poller_start(&opt, &e);
	if (a->poller == NULL)
		fail_msg("%s", e.text);
	snprintf(a->dir, sizeof(a->dir), "/tmp/dbatop-acts-XXXXXX");
	assert_non_null(mkdtemp(a->dir));
	a->journal = journal_open(a->dir, &origin, &clock_real, &e);
	if (a->journal == NULL)
		fail_msg("%s", e.text);
}

void acts_stop(struct acts *a)
{
	struct ctx root = ctx_root(&clock_real, NULL), soon = ctx_within(&root, STOP_MS);
	assert_true(poller_stop(&soon, a->poller));
	snapshot_free(a->snap);
	hub_free(a->hub);
	unlink(journal_path(a->journal));
	journal_close(a->journal);
	rmdir(a->dir);
	endpoint_free(&a->instance.endpoint);
	drive_stop(&a->drive);
}

void acts_look(struct acts *a)
{
	snapshot_free(a->snap);
	a->snap = hub_take(a->hub);
}

static bool seen(void *arg)
{
	struct acts *a = arg;
	acts_look(a);
	const struct table *t = snapshot_table(a->snap, 0, "sessions");
	for (size_t i = 0; t != NULL && i < a->nids; i++) {
		long row = drive_row(t, "id", a->ids[i]);
		const char *state = row < 0 ? NULL : table_text(t, (size_t)row, table_column(t, "state"));
		if (row < 0 || (a->state != NULL && (state == NULL || strcmp(state, a->state) != 0)))
			return false;
	}
	return t != NULL && a->snap->instances[0].link.admin_up;
}

void acts_see(struct acts *a, const int64_t *ids, size_t n, const char *state)
{
	assert_true(n <= ACTS_VICTIMS_MAX);
	memcpy(a->ids, ids, n * sizeof(*ids));
	a->nids = n;
	a->state = state;
	if (!wait_until(seen, a, SEEN_MS)) {
		const struct link_view *link = &a->snap->instances[0].link;
		fail_msg("session %ld is not seen %s: %s", (long)ids[0], state == NULL ? "" : state,
		        link->err.text);
	}
}

static bool blocked(void *arg)
{
	struct acts *a = arg;
	acts_look(a);
	const struct table *t = snapshot_table(a->snap, 0, "blockers");
	if (t == NULL || snapshot_is_gated(a->snap, 0, "blockers"))
		return false;
	for (size_t row = 0; row < t->nrows; row++) {
		if (drive_cell(t, row, "waiter")->u.i == a->waiter &&
		        drive_cell(t, row, "blocker")->u.i == a->ids[0])
			return true;
	}
	return false;
}

void acts_see_blocked(struct acts *a, int64_t waiter, int64_t blocker)
{
	a->waiter = waiter;
	a->ids[0] = blocker;
	if (!wait_until(blocked, a, SEEN_MS))
		fail_msg("%ld is not seen to wait for %ld", (long)waiter, (long)blocker);
}

bool acts_admin_is_up(struct acts *a)
{
	acts_look(a);
	return a->snap->instances[0].link.admin_up;
}

struct following {
	struct acts *a;
	struct action_run *run;
	size_t n;
};

static bool finished(void *arg)
{
	struct following *f = arg;
	/* Asked first: an end that comes between the looks at two targets is counted by the next round. */
	bool over = action_finished(f->run);
	acts_look(f->a);
	f->a->gone = 0;
	for (size_t i = f->n; i-- > 0;) {
		action_look(f->run, f->a->snap, i, &f->a->told);
		f->a->gone += f->a->told.outcome == OUTCOME_GONE;
		f->a->rolled_back = f->a->rolled_back || f->a->told.outcome == OUTCOME_ROLLING_BACK;
	}
	return over;
}

static bool resumed(void *arg)
{
	struct following *f = arg;
	finished(f);
	return strstr(f->a->told.say, "resumed") != NULL;
}

void acts_do(struct acts *a, enum action_kind kind, const int64_t *ids, size_t n, int ms)
{
	struct plan_key keys[ACTS_VICTIMS_MAX];
	struct err e;
	acts_look(a);
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct plan_key){.session = {.id = ids[i]}};
	struct plan_input in = {.snap = a->snap, .kind = kind, .targets = keys, .n = n};
	struct action_plan *plan = plan_build(&in);
	a->rolled_back = false;
	bool frees = plan->targets[0].frees_now > 0;
	if (plan->doable == 0)
		fail_msg("refused: %s", plan->targets[0].why);
	struct following f = {.a = a, .n = plan->n};
	f.run = action_start(a->poller, a->journal, a->snap, plan, true, &e);
	if (f.run == NULL)
		fail_msg("%s", e.text);
	bool done = wait_until(finished, &f, ms);
	if (done && frees && a->told.outcome == OUTCOME_GONE)
		wait_until(resumed, &f, SEEN_MS);
	if (!done)
		fail_msg("after %d ms: %s", ms, a->told.say);
	print_message("%s\n", a->told.say);
	action_free(f.run);
}

unsigned acts_journal(const struct acts *a, const char *text)
{
	char line[16384];
	unsigned n = 0;
	FILE *f = fopen(journal_path(a->journal), "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, text) != NULL;
	fclose(f);
	return n;
}
