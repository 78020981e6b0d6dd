/* A plan on its way, with jobs that answer as the test says: what is in the journal before anything is sent,
 * what the operator reads, what happens when the journal cannot be written. */
#include "tests/support/test.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/run/action.h"
#include "tests/support/fixture.h"

/* 1. The lane, scripted: this program's own poller_act, job_look and job_unref. */

struct job {
	struct job_view view;
	struct action_request req;
	size_t instance;
};

struct poller {
	struct job *jobs[16];
	size_t n;
	bool no_admin;
	char journal[256]; /* what is on disk when the first job is asked */
	long lines_before;
};

static long lines_of(const char *path)
{
	FILE *f = fopen(path, "r");
	long lines = 0;
	int c;
	if (f == NULL)
		return -1;
	while ((c = fgetc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

struct job *poller_act(struct poller *p, size_t instance, const struct action_request *req,
        uint32_t follow_ms, struct err *e)
{
	assert_true(follow_ms > 0);
	if (p->n == 0)
		p->lines_before = lines_of(p->journal);
	if (p->no_admin) {
		err_set(e, ERR_UNSUPPORTED, "there is no connection for actions to this server");
		return NULL;
	}
	struct job *j = xcalloc(1, sizeof(*j));
	j->req = *req;
	j->instance = instance;
	j->view.started = j->view.changed = 1000000 * NS_PER_S;
	j->view.result.rows_left = -1;
	assert_true(p->n < 16);
	p->jobs[p->n++] = j;
	return j;
}

void job_look(struct job *j, struct job_view *out)
{
	*out = j->view;
}

void job_unref(struct job *j)
{
	(void)j; /* freed with the scene: the test looks at it afterwards */
}

static void answer(struct job *j, enum job_state state, enum action_outcome outcome, int64_t after_ms)
{
	j->view.state = state;
	j->view.result.outcome = outcome;
	j->view.changed = j->view.started + after_ms * NS_PER_MS;
	snprintf(j->view.result.sql, sizeof(j->view.result.sql), "SELECT guarded(%d)", (int)j->req.target.id);
}

/* 2. A scene: a server with three sessions, a state folder, a journal. */

struct scene {
	struct fixture *f;
	size_t at;
	char dir[64];
	struct manual_clock clock;
	struct journal *journal;
	struct poller poller;
};

static const struct journal_origin origin = {
        .user = "alice", .ssh = "10.9.9.9 51000 10.1.1.1 22", .host = "bastion"};

static void sessions(struct scene *s, const char *wait_of_4802)
{
	char text[2048];
	snprintf(text, sizeof(text),
	        "id|started|user|app|kind|state|wait_type|xact_ms|query|xact_guard|query_guard|superuser\n"
	        "4711|b1|checkout|api|client|idle in transaction|Client|9000|UPDATE t SET pin = "
	        "'4242'|x1|q1|f\n"
	        "4802|b2|checkout|api|client|active|%s|9000|UPDATE t SET a = 2|x2|q2|f\n"
	        "4900|b3|postgres|psql|client|active||9000|SELECT 3|x3|q3|t\n",
	        wait_of_4802);
	fixture_table(s->f, s->at, "sessions", text);
}

static int begin(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	struct err e;
	s->f = fixture_new();
	s->at = fixture_instance(s->f, "orders", "orders-1", ENGINE_POSTGRES);
	sessions(s, "Lock");
	fixture_table(s->f, s->at, "pulse", "lock_waiters\n1\n");
	fixture_table(
	        s->f, s->at, "blockers", "waiter|blocker|waiting_ms|kind|object\n4802|4711|8000|row|t\n");
	snprintf(s->dir, sizeof(s->dir), "/tmp/dbatop-action-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	manual_clock_init(&s->clock, 1000000 * NS_PER_S, INT64_C(1795356127000000));
	char deep[96];
	snprintf(deep, sizeof(deep), "%s/state/dbatop", s->dir);
	s->journal = journal_open(deep, &origin, &s->clock.clock, &e);
	if (s->journal == NULL)
		fail_msg("%s", e.text);
	snprintf(s->poller.journal, sizeof(s->poller.journal), "%s", journal_path(s->journal));
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;
	char cmd[128];
	journal_close(s->journal);
	for (size_t i = 0; i < s->poller.n; i++)
		free(s->poller.jobs[i]);
	fixture_free(s->f);
	unlink(s->poller.journal);
	for (const char *const *tail = (const char *const[]){"/state/dbatop", "/state", "", NULL}; *tail;
	        tail++) {
		snprintf(cmd, sizeof(cmd), "%s%s", s->dir, *tail);
		rmdir(cmd);
	}
	free(s);
	return 0;
}

static struct action_plan *plan_of(const struct scene *s, enum action_kind kind, const int64_t *ids, size_t n)
{
	struct plan_key keys[8];
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct plan_key){.instance = s->at, .session = {.id = ids[i]}};
	struct plan_input in = {.snap = fixture_snapshot(s->f), .kind = kind, .targets = keys, .n = n};
	return plan_build(&in);
}

static struct action_run *start(struct scene *s, enum action_kind kind, int64_t id, bool second)
{
	struct err e;
	struct action_plan *plan = plan_of(s, kind, &id, 1);
	struct action_run *run =
	        action_start(&s->poller, s->journal, fixture_snapshot(s->f), plan, second, &e);
	if (run == NULL)
		fail_msg("%s", e.text);
	return run;
}

static struct action_progress look(struct scene *s, struct action_run *run)
{
	struct action_progress p;
	action_look(run, fixture_snapshot(s->f), 0, &p);
	return p;
}

/* The line `n` of the journal, from 0. */
static json_t *line(const struct scene *s, int n)
{
	char text[16384];
	FILE *f = fopen(journal_path(s->journal), "r");
	assert_non_null(f);
	for (int i = 0; i <= n; i++)
		assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static const char *text_at(const json_t *json, const char *object, const char *name)
{
	const json_t *from = object == NULL ? json : json_object_get(json, object);
	const char *text = json_string_value(json_object_get(from, name));
	return text == NULL ? "" : text;
}

/* 3. Tests. */

static void test_the_journal_comes_first(void **state)
{
	struct scene *s = *state;
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	assert_int_equal(s->poller.n, 1);
	assert_int_equal(s->poller.lines_before, 1);
	json_t *json = line(s, 0);
	assert_string_equal(text_at(json, NULL, "event"), "asked");
	assert_string_equal(text_at(json, NULL, "at"), "2026-11-22T14:02:07.000Z");
	assert_string_equal(text_at(json, "by", "user"), "alice");
	assert_string_equal(text_at(json, "by", "ssh"), "10.9.9.9 51000 10.1.1.1 22");
	assert_string_equal(text_at(json, NULL, "action"), "terminate");
	assert_string_equal(text_at(json, NULL, "cluster"), "orders");
	assert_string_equal(text_at(json, NULL, "instance"), "orders-1");
	assert_string_equal(text_at(json, "server", "id"), "orders");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "target"), "id")), 4711);
	assert_string_equal(text_at(json, "target", "xact_guard"), "x1");
	assert_string_equal(text_at(json, "seen", "user"), "checkout");
	assert_string_equal(text_at(json, "seen", "query"), "UPDATE t SET pin = ?");
	json_decref(json);

	answer(s->poller.jobs[0], JOB_DONE, OUTCOME_GONE, 200);
	look(s, run);
	json = line(s, 1);
	assert_string_equal(text_at(json, NULL, "event"), "outcome");
	assert_string_equal(text_at(json, NULL, "outcome"), "gone");
	assert_string_equal(text_at(json, NULL, "sql"), "SELECT guarded(4711)");
	assert_int_equal(json_integer_value(json_object_get(json, "after_ms")), 200);
	json_t *first = line(s, 0);
	assert_string_equal(text_at(json, NULL, "ref"), text_at(first, NULL, "ref"));
	json_decref(first);
	json_decref(json);
	look(s, run);
	assert_int_equal(lines_of(journal_path(s->journal)), 2);
	action_free(run);
	assert_int_equal(lines_of(journal_path(s->journal)), 2);
}

static void test_told_to_its_end(void **state)
{
	struct scene *s = *state;
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	assert_string_equal(look(s, run).say, "4711: waiting for the connection for actions \u2026");
	answer(s->poller.jobs[0], JOB_RUNNING, OUTCOME_NONE, 1);
	assert_string_equal(look(s, run).say, "4711: asking the server \u2026");
	answer(s->poller.jobs[0], JOB_FOLLOWING, OUTCOME_SENT, 2);
	assert_string_equal(look(s, run).say, "4711: signalled \u2026");
	assert_false(action_finished(run));
	fixture_advance(s->f, 5000);
	assert_string_equal(look(s, run).say, "4711: signalled 5.0s ago, it goes on");
	answer(s->poller.jobs[0], JOB_DONE, OUTCOME_GONE, 5200);
	fixture_advance(s->f, 300);
	struct action_progress p = look(s, run);
	assert_true(p.finished && action_finished(run));
	assert_int_equal(p.ok, 1);
	assert_int_equal(p.done, 1);
	assert_string_equal(p.say, "4711: gone after 5.2s");
	fixture_advance(s->f, 1000);
	sessions(s, "CPU");
	assert_string_equal(look(s, run).say, "4711: gone after 5.2s, 1 session resumed");
	action_free(run);
}

static void test_waiters_that_wait_on_are_told(void **state)
{
	struct scene *s = *state;
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	answer(s->poller.jobs[0], JOB_DONE, OUTCOME_GONE, 200);
	fixture_advance(s->f, 1000);
	sessions(s, "Lock");
	assert_string_equal(look(s, run).say, "4711: gone after 0.2s, 0 sessions resumed, 1 still waits");
	action_free(run);
}

static void test_sentences(void **state)
{
	struct scene *s = *state;
	static const struct {
		enum action_outcome outcome;
		const char *err;
		const char *say;
	} cases[] = {
	        {OUTCOME_MOVED_ON, "session 4802: it is in another transaction now, so nothing was done",
	                "4802: it is in another transaction now, so nothing was done"},
	        {OUTCOME_MOVED_ON, "", "4802: it moved on, nothing was done"},
	        {OUTCOME_REFUSED, "permission denied", "4802: permission denied"},
	        {OUTCOME_UNPROVABLE, "session 4802: GRANT pg_monitor", "4802: GRANT pg_monitor"},
	        {OUTCOME_UNKNOWN, "", "4802: sent, but there was no answer: it may have happened"},
	        {OUTCOME_STOPPED, "", "4802: statement stopped after 0.4s"},
	        {OUTCOME_STILL_THERE, "", "4802: signalled, and it is still there"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct action_run *run = start(s, ACTION_CANCEL, 4802, false);
		struct job *j = s->poller.jobs[s->poller.n - 1];
		answer(j, JOB_DONE, cases[i].outcome, 400);
		snprintf(j->view.result.err.text, ERR_TEXT_MAX, "%s", cases[i].err);
		struct action_progress p = look(s, run);
		assert_string_equal(p.say, cases[i].say);
		assert_int_equal(p.ok, cases[i].outcome == OUTCOME_STOPPED);
		action_free(run);
	}
}

static void test_forgotten_cancels_are_told(void **state)
{
	struct scene *s = *state;
	struct action_run *run = start(s, ACTION_CANCEL, 4802, false);
	struct job *j = s->poller.jobs[0];
	answer(j, JOB_FOLLOWING, OUTCOME_SENT, 2);
	j->view.result.signals = 3;
	fixture_advance(s->f, 700);
	assert_string_equal(
	        look(s, run).say, "4802: its procedure goes on, signalled 3 times in 0.7s \u2026");
	answer(j, JOB_DONE, OUTCOME_STOPPED, 1200);
	assert_string_equal(
	        look(s, run).say, "4802: statement stopped after 1.2s; the server forgot 2 of 3 cancels");
	json_t *json = line(s, 1);
	assert_int_equal(json_integer_value(json_object_get(json, "signals")), 3);
	json_decref(json);
	action_free(run);
}

static void test_rolling_back(void **state)
{
	struct scene *s = *state;
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	struct job *j = s->poller.jobs[0];
	j->view.result.rows_left = 24000;
	answer(j, JOB_FOLLOWING, OUTCOME_ROLLING_BACK, 100);
	assert_string_equal(look(s, run).say, "4711: rolling back, 24k rows left");
	j->view.result.rows_left = 14000;
	answer(j, JOB_FOLLOWING, OUTCOME_ROLLING_BACK, 5100);
	assert_string_equal(look(s, run).say, "4711: rolling back, 14k rows left, 2.0k a second");
	action_free(run);
	json_t *json = line(s, 1);
	assert_string_equal(text_at(json, NULL, "event"), "abandoned");
	json_decref(json);
}

static void test_a_second_decision(void **state)
{
	struct scene *s = *state;
	struct action_run *run = start(s, ACTION_TERMINATE, 4900, false);
	assert_int_equal(s->poller.n, 0);
	assert_true(action_finished(run));
	assert_string_equal(look(s, run).say, "4900: left alone: it was not confirmed a second time");
	action_free(run);
	run = start(s, ACTION_TERMINATE, 4900, true);
	assert_int_equal(s->poller.n, 1);
	action_free(run);
}

static void test_insisting(void **state)
{
	struct scene *s = *state;
	struct err e;
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	assert_false(action_insist(run, 0, &e));
	answer(s->poller.jobs[0], JOB_DONE, OUTCOME_MOVED_ON, 5);
	s->poller.jobs[0]->view.result.other_work = true;
	assert_true(look(s, run).may_insist);
	assert_false(s->poller.jobs[0]->req.whatever_transaction);
	assert_true(action_insist(run, 0, &e));
	assert_int_equal(s->poller.n, 2);
	assert_true(s->poller.jobs[1]->req.whatever_transaction);
	assert_int_equal(s->poller.jobs[1]->req.target.id, 4711);
	assert_false(action_finished(run));
	answer(s->poller.jobs[1], JOB_DONE, OUTCOME_MOVED_ON, 5);
	look(s, run);
	assert_false(action_insist(run, 0, &e));
	action_free(run);
	json_t *json = line(s, 2);
	assert_string_equal(text_at(json, NULL, "event"), "asked");
	assert_true(json_is_true(json_object_get(json, "insisted")));
	json_decref(json);
}

static void test_a_bulk(void **state)
{
	struct scene *s = *state;
	struct err e;
	const int64_t ids[] = {4711, 4802, 4900};
	struct action_run *run = action_start(&s->poller, s->journal, fixture_snapshot(s->f),
	        plan_of(s, ACTION_TERMINATE, ids, 3), true, &e);
	assert_non_null(run);
	assert_int_equal(s->poller.n, 2);
	assert_int_equal(s->poller.lines_before, 2);
	answer(s->poller.jobs[0], JOB_DONE, OUTCOME_GONE, 5);
	struct action_progress p;
	action_look(run, fixture_snapshot(s->f), 2, &p);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.done, 1);
	assert_non_null(strstr(p.say, "4900: left alone: left out of a bulk"));
	assert_false(action_finished(run));
	answer(s->poller.jobs[1], JOB_DONE, OUTCOME_REFUSED, 5);
	action_look(run, fixture_snapshot(s->f), 1, &p);
	assert_int_equal(p.done, 2);
	assert_int_equal(p.ok, 1);
	assert_true(action_finished(run));
	action_free(run);
}

static void test_no_connection_for_actions(void **state)
{
	struct scene *s = *state;
	s->poller.no_admin = true;
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	assert_true(action_finished(run));
	assert_string_equal(look(s, run).say, "4711: there is no connection for actions to this server");
	action_free(run);
	json_t *json = line(s, 1);
	assert_string_equal(text_at(json, NULL, "outcome"), "refused");
	json_decref(json);
}

static void test_without_a_journal_nothing_is_sent(void **state)
{
	struct scene *s = *state;
	struct err e;
	const int64_t id = 4711;
	struct action_plan *plan = plan_of(s, ACTION_TERMINATE, &id, 1);
	assert_null(action_start(&s->poller, NULL, fixture_snapshot(s->f), plan, false, &e));
	assert_non_null(strstr(e.text, "nothing was done"));

	/* A disk that is full. */
	char full[96];
	snprintf(full, sizeof(full), "%s/full", s->dir);
	assert_int_equal(mkdir(full, 0700), 0);
	struct journal *j = journal_open(full, &origin, &s->clock.clock, &e);
	assert_non_null(j);
	FILE *null = fopen("/dev/full", "w");
	assert_non_null(null);
	int kept = -1;
	for (int fd = 3; fd < 64 && kept < 0; fd++) {
		char link[64], path[256];
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, sizeof(path) - 1);
		if (n > 0 && strncmp(path, journal_path(j), (size_t)n) == 0 &&
		        strlen(journal_path(j)) == (size_t)n)
			kept = fd;
	}
	assert_true(kept >= 0);
	assert_int_equal(dup2(fileno(null), kept), kept);
	assert_null(action_start(&s->poller, j, fixture_snapshot(s->f), plan, false, &e));
	assert_non_null(strstr(e.text, "nothing was done: journal"));
	assert_non_null(strstr(e.text, "No space left"));
	assert_int_equal(s->poller.n, 0);
	plan_free(plan);
	unlink(journal_path(j));
	journal_close(j);
	fclose(null);
	rmdir(full);
}

static void test_the_file(void **state)
{
	struct scene *s = *state;
	struct err e;
	struct stat st;
	assert_int_equal(stat(journal_path(s->journal), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	char dir[96];
	snprintf(dir, sizeof(dir), "%s/state/dbatop", s->dir);
	assert_int_equal(chmod(journal_path(s->journal), 0644), 0);
	assert_null(journal_open(dir, &origin, &s->clock.clock, &e));
	assert_non_null(strstr(e.text, "chmod 600"));
	assert_int_equal(chmod(journal_path(s->journal), 0600), 0);

	/* Opened again, it goes on behind what is there. */
	struct action_run *run = start(s, ACTION_TERMINATE, 4711, false);
	action_free(run);
	long lines = lines_of(journal_path(s->journal));
	struct journal *again = journal_open(dir, &origin, &s->clock.clock, &e);
	assert_non_null(again);
	assert_int_equal(lines_of(journal_path(again)), lines);
	journal_close(again);

	/* A link is not followed, a folder is no file. */
	char link[128];
	snprintf(link, sizeof(link), "%s/linked", s->dir);
	assert_int_equal(mkdir(link, 0700), 0);
	char at[160];
	snprintf(at, sizeof(at), "%s/journal.jsonl", link);
	assert_int_equal(symlink(journal_path(s->journal), at), 0);
	assert_null(journal_open(link, &origin, &s->clock.clock, &e));
	unlink(at);
	rmdir(link);
	assert_null(journal_open("/proc/nowhere", &origin, &s->clock.clock, &e));
}

static void test_the_origin(void **state)
{
	(void)state;
	struct journal_origin o;
	setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22\x1b[2J", 1);
	journal_origin_read(&o);
	unsetenv("SSH_CONNECTION");
	assert_int_equal(strncmp(o.ssh, "1.2.3.4 5 6.7.8.9 22", 20), 0);
	assert_null(strchr(o.ssh, '\x1b'));
	assert_true(o.user[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_the_journal_comes_first, begin, end),
	        cmocka_unit_test_setup_teardown(test_told_to_its_end, begin, end),
	        cmocka_unit_test_setup_teardown(test_waiters_that_wait_on_are_told, begin, end),
	        cmocka_unit_test_setup_teardown(test_sentences, begin, end),
	        cmocka_unit_test_setup_teardown(test_forgotten_cancels_are_told, begin, end),
	        cmocka_unit_test_setup_teardown(test_rolling_back, begin, end),
	        cmocka_unit_test_setup_teardown(test_a_second_decision, begin, end),
	        cmocka_unit_test_setup_teardown(test_insisting, begin, end),
	        cmocka_unit_test_setup_teardown(test_a_bulk, begin, end),
	        cmocka_unit_test_setup_teardown(test_no_connection_for_actions, begin, end),
	        cmocka_unit_test_setup_teardown(test_without_a_journal_nothing_is_sent, begin, end),
	        cmocka_unit_test_setup_teardown(test_the_file, begin, end),
	        cmocka_unit_test(test_the_origin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
