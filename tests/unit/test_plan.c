/* The dialog's contents before any key is pressed: who may be ended, who never, what it would free, what must
 * be typed, and what is asked of the server as proof. Everything from snapshots made by hand. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/model/plan.h"
#include "tests/support/fixture.h"

/* A session table from the columns of interest; every row has an identity unless it says otherwise. */
static const char head[] =
        "id|started|user|client|app|kind|command|state|wait_type|wait|xact_ms|query_ms|state_ms|"
        "leader|rows_locked|rows_modified|query|xact_guard|query_guard|superuser|sync_wait|own\n";

struct scene {
	struct fixture *f;
	size_t at;
};

static struct scene scene(enum engine engine, const char *rows)
{
	char text[16384];
	struct scene s = {.f = fixture_new()};
	s.at = fixture_instance(s.f, "orders", "orders-1", engine);
	snprintf(text, sizeof(text), "%s%s", head, rows);
	fixture_table(s.f, s.at, "sessions", text);
	fixture_table(s.f, s.at, "pulse", "lock_waiters\n0\n");
	return s;
}

static void waits(const struct scene *s, const char *rows)
{
	char text[4096];
	fixture_table(s->f, s->at, "pulse", "lock_waiters\n3\n");
	snprintf(text, sizeof(text), "waiter|blocker|waiting_ms|kind|object\n%s", rows);
	fixture_table(s->f, s->at, "blockers", text);
}

static struct action_plan *plan_of(const struct scene *s, enum action_kind kind, const int64_t *ids, size_t n)
{
	struct plan_key keys[16];
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct plan_key){.instance = s->at, .session = {.id = ids[i]}};
	struct plan_input in = {.snap = fixture_snapshot(s->f), .kind = kind, .targets = keys, .n = n};
	return plan_build(&in);
}

static struct action_plan *plan_one(const struct scene *s, enum action_kind kind, int64_t id)
{
	return plan_of(s, kind, &id, 1);
}

static bool says(const struct plan_target *t, const char *words)
{
	for (unsigned i = 0; i < t->nlines; i++) {
		if (strstr(t->line[i], words) != NULL)
			return true;
	}
	return strstr(t->why, words) != NULL || strstr(t->offer, words) != NULL;
}

static void assert_says(const struct plan_target *t, const char *words)
{
	if (says(t, words))
		return;
	for (unsigned i = 0; i < t->nlines; i++)
		print_message("  | %s\n", t->line[i]);
	print_message("  why: %s\n  offer: %s\n", t->why, t->offer);
	fail_msg("nothing says \"%s\"", words);
}

/* 1. Whom it lets through. */

static const char shop[] =
        "4711|2026-11-22 13:40:00.5+00|checkout|10.2.3.4:51442|checkout-api|client||idle in "
        "transaction|Client|ClientRead|192000||191000||||"
        "UPDATE stock SET qty = qty - 1 WHERE sku = 9|2026-11-22 13:58:55.104123+00|"
        "2026-11-22 13:58:56+00|f|f|f\n";

static void test_terminate_an_idle_transaction(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	waits(&s, "4802|4711|178000|row|stock\n4903|4802|100000|tuple|stock\n4904|4903|90000|tuple|stock\n");
	struct action_plan *p = plan_one(&s, ACTION_TERMINATE, 4711);
	struct plan_target *t = &p->targets[0];
	assert_int_equal(t->verdict, PLAN_OPEN);
	assert_string_equal(p->title, "Terminate session 4711 on orders-1 (prod)");
	assert_int_equal(p->confirm, CONFIRM_ID);
	assert_string_equal(p->expect, "4711");
	assert_true(p->prod);
	assert_int_equal(p->doable, 1);
	assert_says(t, "checkout@10.2.3.4:51442");
	assert_says(t, "app=checkout-api");
	assert_says(t, "idle in transaction 3m12s");
	assert_says(t, "last statement  UPDATE stock SET qty = qty - ? WHERE sku = ?");
	assert_says(t, "frees 1 waiter now, 2 later (behind 4802) · rolls back");
	assert_string_equal(t->line[t->nlines - 1], "only if still in the transaction begun 13:58:55.104");
	assert_int_equal(t->frees_now, 1);
	assert_int_equal(t->frees_later, 2);
	assert_int_equal(t->rows_to_undo, -1);
	struct action_request req;
	plan_request(p, fixture_snapshot(s.f), 0, &req);
	assert_int_equal(req.kind, ACTION_TERMINATE);
	assert_int_equal(req.target.id, 4711);
	assert_string_equal(req.target.started, "2026-11-22 13:40:00.5+00");
	assert_string_equal(req.target.xact_guard, "2026-11-22 13:58:55.104123+00");
	assert_string_equal(req.target.query_guard, "2026-11-22 13:58:56+00");
	assert_string_equal(req.server.id, "orders");
	assert_int_equal(req.dialect, KILL_NATIVE);
	assert_false(req.whatever_transaction);
	plan_free(p);
	fixture_free(s.f);
}

static void test_cancel_of_an_idle_transaction_is_not_offered(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	struct action_plan *p = plan_one(&s, ACTION_CANCEL, 4711);
	assert_int_equal(p->targets[0].verdict, PLAN_REFUSED);
	assert_int_equal(p->confirm, CONFIRM_NONE);
	assert_int_equal(p->doable, 0);
	assert_says(&p->targets[0], "say yes to a cancel and do nothing");
	assert_says(&p->targets[0], "terminate (K)");
	plan_free(p);
	fixture_free(s.f);
}

/* Rows: id 1 is what is acted on; the columns are those of `head`. */
static const struct {
	const char *name;
	enum engine engine;
	enum action_kind kind;
	const char *row;
	enum plan_verdict verdict;
	const char *says;
} verdicts[] = {
        {"a running statement", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|psql|client||active|CPU||5|5|5||||SELECT 1|x|q|f|f|f", PLAN_OPEN,
                "only if the statement begun q still runs"},
        {"an idle session", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|u|c|psql|client||idle|Client|ClientRead|||5||||SELECT 1||q|f|f|f", PLAN_OPEN,
                "with no transaction open"},
        {"cancel when idle", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|psql|client||idle|||||5||||SELECT 1||q|f|f|f", PLAN_REFUSED, "nothing to cancel"},
        {"cancel when aborted", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|psql|client||idle in transaction (aborted)|||9||5||||SELECT 1|x|q|f|f|f",
                PLAN_REFUSED, "terminate (K)"},
        {"own", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|u|c|dbatop/x/fast|client||idle|||||5||||SELECT 1||q|f|f|t", PLAN_REFUSED,
                "of dbatop itself"},
        {"own by name", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|u|c|dbatop/x/fast|client||idle|||||5||||SELECT 1||q|f|f|", PLAN_REFUSED,
                "of dbatop itself"},
        {"walsender", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|r|c|standby1|walsender||active|||||5||||START_REPLICATION||q|f|f|f", PLAN_REFUSED,
                "feeds a standby"},
        {"startup", ENGINE_POSTGRES, ACTION_TERMINATE, "1|b||||system|||Lock|relation||||||||||||f",
                PLAN_REFUSED, "process of the server itself"},
        {"checkpointer", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b||||system|||Activity|CheckpointerMain||||||||||||f", PLAN_REFUSED,
                "process of the server itself: CheckpointerMain"},
        {"walreceiver", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b||||replication|||Activity|WalReceiverMain||||||||||||f", PLAN_REFUSED,
                "part of replication"},
        {"a background worker", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|u|||background||active|||||5||||||q|f|f|f", PLAN_REFUSED,
                "process of the server itself"},
        {"a superuser", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|postgres|c|psql|client||active|CPU||5|5|5||||SELECT 1|x|q|t|f|f", PLAN_SECOND,
                "superuser"},
        {"pg_dump", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|u|c|pg_dump|client||active|CPU||5|5|5||||COPY a TO stdout|x|q|f|f|f", PLAN_SECOND,
                "backup"},
        {"pg_basebackup", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|r|c|pg_basebackup|walsender||active|CPU|||5|5||||BASE_BACKUP||q|f|f|f", PLAN_SECOND,
                "backup"},
        {"pg_backup_start", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|psql|client||active|CPU||5|5|5||||SELECT PG_backup_start('x')|x|q|f|f|f",
                PLAN_SECOND, "backup"},
        {"autovacuum", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b||||autovacuum||active|IO||5|5|5||||autovacuum: VACUUM a|x|q|f|f|f", PLAN_OPEN,
                "autovacuum: VACUUM a"},
        {"wraparound", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b||||autovacuum||active|IO||5|5|5||||'autovacuum: VACUUM a (to prevent "
                "wraparound)'|x|q|f|f|f",
                PLAN_SECOND, "starts again at once"},
        {"SyncRep", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|a|client||active|IPC|SyncRep|5|5|5||||COMMIT|x|q|f|t|f", PLAN_SECOND,
                "its client will be told that all is well"},
        {"SyncRep, terminate", ENGINE_POSTGRES, ACTION_TERMINATE,
                "1|b|u|c|a|client||active|IPC|SyncRep|5|5|5||||COMMIT|x|q|f|t|f", PLAN_SECOND,
                "not yet on the synchronous replica"},
        {"hidden", ENGINE_POSTGRES, ACTION_TERMINATE, "1||u|||||||||||||||||f|f|f", PLAN_REFUSED,
                "GRANT pg_monitor TO monitor"},
        {"activity off", ENGINE_POSTGRES, ACTION_TERMINATE, "1|b|u|c|a|client||disabled||||||||||||f|f|f",
                PLAN_REFUSED, "track_activities"},
        {"a worker without its leader", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|a|parallel worker||active|CPU||5|5|5|77|||SELECT 1|x|q|f|f|f", PLAN_REFUSED,
                "leader"},
        {"concurrently", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|a|client||active|CPU||5|5|5||||create unique index concurrently i on t "
                "(a)|x|q|f|f|f",
                PLAN_OPEN, "INVALID index"},
        {"in a long transaction", ENGINE_POSTGRES, ACTION_CANCEL,
                "1|b|u|c|a|client||active|CPU||90000|5|5||||SELECT 1|x|q|f|f|f", PLAN_OPEN,
                "has to roll its transaction back"},

        {"MySQL statement", ENGINE_MYSQL, ACTION_CANCEL,
                "1||u|c|a|client|Query|active|CPU||5|5|5|||7|SELECT 1|421|87|f|f|f", PLAN_OPEN,
                "only if statement 87 still runs"},
        {"its transaction stays", ENGINE_MYSQL, ACTION_CANCEL,
                "1||u|c|a|client|Query|active|CPU||5|5|5|||7|UPDATE t SET a = 1|421|87|f|f|f", PLAN_OPEN,
                "the transaction stays open and keeps its locks"},
        {"MySQL transaction", ENGINE_MYSQL, ACTION_TERMINATE,
                "1||u|c|a|client|Sleep|idle in transaction|||9000||5||12|24000|SELECT 1|421|87|f|f|f",
                PLAN_OPEN, "holds 12 row locks · frees nobody · 24k rows to roll back"},
        {"its proof", ENGINE_MYSQL, ACTION_TERMINATE,
                "1||u|c|a|client|Sleep|idle in transaction|||9000||5||12|24000|SELECT 1|421|87|f|f|f",
                PLAN_OPEN, "only if still in transaction 421"},
        {"no event", ENGINE_MYSQL, ACTION_CANCEL,
                "1||u|c|a|client|Query|active|CPU||5|5|5||||SELECT 1|421||f|f|f", PLAN_REFUSED,
                "performance_schema"},
        {"its event not seen", ENGINE_MYSQL, ACTION_CANCEL,
                "1||u|c|a|client|Query|active|CPU||5|5|5||||CALL p()|421||f|f|f\n"
                "2||u|c|a|client|Query|active|CPU||5|5|5||||SELECT 1||88|f|f|t",
                PLAN_REFUSED, "try again"},
        {"binlog dump", ENGINE_MYSQL, ACTION_TERMINATE,
                "1||r|c||client|Binlog Dump GTID|active|||||5||||||1|f|f|f", PLAN_REFUSED, "feeds a standby"},
        {"applier", ENGINE_MARIADB, ACTION_TERMINATE,
                "1||system user|||client|Slave_SQL|active|||||5||||||1|f|f|f", PLAN_REFUSED,
                "part of replication"},
        {"event scheduler", ENGINE_MARIADB, ACTION_TERMINATE,
                "1||event_scheduler|||client|Daemon|active|||||5||||||1|f|f|f", PLAN_REFUSED,
                "process of the server itself"},
        {"killed", ENGINE_MYSQL, ACTION_TERMINATE,
                "1||u|c|a|client|Killed|killed|||5||5|||9|UPDATE t|421|87|f|f|f", PLAN_REFUSED,
                "rolling back"},
        {"mysqldump", ENGINE_MYSQL, ACTION_TERMINATE,
                "1||u|c||client|Query|active|||5|5|5||||'SELECT /*!40001 SQL_NO_CACHE */ * FROM "
                "`a`'|421|87|f|f|f",
                PLAN_SECOND, "backup"},
        {"BACKUP STAGE", ENGINE_MARIADB, ACTION_CANCEL,
                "1||u|c||client|Query|active|||5|5|5||||backup stage block_commit||87|f|f|f", PLAN_SECOND,
                "backup"},
        {"idle in a transaction", ENGINE_MARIADB, ACTION_CANCEL,
                "1||u|c|a|client|Sleep|idle in transaction|||9000||5||12|3|SELECT 1|421|87|f|f|f",
                PLAN_REFUSED, "terminate (K)"},
};

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		struct scene s = scene(verdicts[i].engine, verdicts[i].row);
		struct action_plan *p = plan_one(&s, verdicts[i].kind, 1);
		if (p->targets[0].verdict != verdicts[i].verdict)
			fail_msg("%s: verdict %d: %s", verdicts[i].name, p->targets[0].verdict,
			        p->targets[0].why);
		if (!says(&p->targets[0], verdicts[i].says))
			print_message("%s:\n", verdicts[i].name);
		assert_says(&p->targets[0], verdicts[i].says);
		bool doable = verdicts[i].verdict == PLAN_OPEN || verdicts[i].verdict == PLAN_SECOND;
		assert_int_equal(p->doable, doable);
		assert_int_equal(p->confirm == CONFIRM_NONE, !doable);
		assert_int_equal(p->targets[0].why[0] == '\0', verdicts[i].verdict == PLAN_OPEN);
		plan_free(p);
		fixture_free(s.f);
	}
}

static void test_without_the_process_privilege(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_MYSQL, "1||u|c|a|client|Sleep|idle|||||5||||SELECT 1||87|f|f|f\n");
	fixture_at(s.f, s.at)->link.sees_all = false;
	struct action_plan *p = plan_one(&s, ACTION_TERMINATE, 1);
	assert_int_equal(p->targets[0].verdict, PLAN_REFUSED);
	assert_says(&p->targets[0], "GRANT PROCESS ON *.* TO monitor");
	plan_free(p);
	fixture_free(s.f);
}

/* 2. Reasons that hold for all. */

static void refused(const struct scene *s, enum plan_verdict verdict, const char *words)
{
	struct action_plan *p = plan_one(s, ACTION_TERMINATE, 4711);
	assert_int_equal(p->targets[0].verdict, verdict);
	assert_says(&p->targets[0], words);
	assert_int_equal(p->confirm, CONFIRM_NONE);
	plan_free(p);
}

static void test_read_only(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	fixture_cluster(s.f, "orders")->read_only = true;
	refused(&s, PLAN_REFUSED, "cluster orders");
	fixture_cluster(s.f, "orders")->read_only = false;
	struct plan_key key = {.instance = s.at, .session = {.id = 4711}};
	struct plan_input in = {.snap = fixture_snapshot(s.f), .targets = &key, .n = 1, .read_only = true};
	struct action_plan *p = plan_build(&in);
	assert_int_equal(p->targets[0].verdict, PLAN_REFUSED);
	assert_says(&p->targets[0], "read-only");
	plan_free(p);
	fixture_free(s.f);
}

static void test_another_server_behind_the_address(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	snprintf(fixture_at(s.f, s.at)->link.admin.address, GUARD_MAX, "10.0.0.9:5432");
	refused(&s, PLAN_REFUSED, "different servers");
	fixture_free(s.f);
}

static void test_a_restart(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	struct link_view *link = &fixture_at(s.f, s.at)->link;
	snprintf(link->server.start, GUARD_MAX, "2026-11-22 14:02:00+00");
	link->admin = link->server;
	refused(&s, PLAN_GONE, "restarted");
	fixture_free(s.f);
}

static void test_gone_and_reused(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, "1|b|u|c|a|client||idle|||||5||||SELECT 1||q|f|f|f\n");
	refused(&s, PLAN_GONE, "ended");
	struct plan_key key = {.instance = s.at, .session = {.id = 1, .started = "an earlier one"}};
	struct plan_input in = {
	        .snap = fixture_snapshot(s.f), .kind = ACTION_TERMINATE, .targets = &key, .n = 1};
	struct action_plan *p = plan_build(&in);
	assert_int_equal(p->targets[0].verdict, PLAN_GONE);
	assert_says(&p->targets[0], "another session");
	plan_free(p);
	fixture_free(s.f);
}

static void test_an_old_look_is_told(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	fixture_advance(s.f, 14000);
	struct action_plan *p = plan_one(&s, ACTION_TERMINATE, 4711);
	assert_int_equal(p->targets[0].verdict, PLAN_OPEN);
	assert_says(&p->targets[0], "seen 14s ago");
	plan_free(p);
	fixture_advance(s.f, 400000);
	refused(&s, PLAN_REFUSED, "6m54s old");
	fixture_free(s.f);
}

static void test_another_transaction_since_it_was_picked(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	struct plan_key key = {.instance = s.at,
	        .session = {
	                .id = 4711, .started = "2026-11-22 13:40:00.5+00", .xact_guard = "an earlier one"}};
	struct plan_input in = {
	        .snap = fixture_snapshot(s.f), .kind = ACTION_TERMINATE, .targets = &key, .n = 1};
	struct action_plan *p = plan_build(&in);
	assert_int_equal(p->targets[0].verdict, PLAN_OPEN);
	assert_says(&p->targets[0], "moved on to another transaction");
	assert_string_equal(p->targets[0].session.xact_guard, "2026-11-22 13:58:55.104123+00");
	plan_free(p);
	fixture_free(s.f);
}

static void test_prepared_transactions(void **state)
{
	(void)state;
	struct scene s = scene(
	        ENGINE_POSTGRES, "1|b|u|c|a|client||active|Lock|transactionid|5|5|5||||UPDATE t|x|q|f|f|f\n");
	waits(&s, "1|0|5|row|t\n");
	struct action_plan *p = plan_one(&s, ACTION_TERMINATE, 0);
	assert_int_equal(p->targets[0].verdict, PLAN_REFUSED);
	assert_says(&p->targets[0], "ROLLBACK PREPARED");
	plan_free(p);
	p = plan_one(&s, ACTION_CANCEL, 1);
	assert_int_equal(p->targets[0].verdict, PLAN_OPEN);
	assert_says(&p->targets[0], "prepared transaction, which has no session");
	assert_says(&p->targets[0], "pg_prepared_xacts");
	plan_free(p);
	fixture_free(s.f);
}

static void test_a_worker_leads_to_its_leader(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES,
	        "11|b1|u|c|a|parallel worker||active|CPU||5|5|5|10|||SELECT 1|x|q|f|f|f\n"
	        "12|b2|u|c|a|parallel worker||active|CPU||5|5|5|10|||SELECT 1|x|q|f|f|f\n"
	        "10|b|u|c|a|client||active|IPC|ExecuteGather|5|5|5||||SELECT 1|x|q|f|f|f\n");
	struct action_plan *p = plan_one(&s, ACTION_CANCEL, 11);
	assert_int_equal(p->targets[0].session.id, 10);
	assert_string_equal(p->targets[0].session.started, "b");
	assert_string_equal(p->title, "Cancel the statement of session 10 on orders-1 (prod)");
	assert_says(&p->targets[0], "11 is a parallel worker of 10");
	plan_free(p);
	p = plan_of(&s, ACTION_TERMINATE, (const int64_t[]){11, 12, 10}, 3);
	assert_int_equal(p->n, 1);
	assert_string_equal(p->expect, "10");
	plan_free(p);
	fixture_free(s.f);
}

/* 3. How it is confirmed. */

static void test_confirmation(void **state)
{
	(void)state;
	static const struct {
		enum danger danger;
		bool armed;
		enum action_kind kind;
		size_t n;
		enum plan_confirm confirm;
		const char *expect;
	} cases[] = {
	        {DANGER_PROD, false, ACTION_CANCEL, 1, CONFIRM_Y, "y"},
	        {DANGER_PROD, false, ACTION_TERMINATE, 1, CONFIRM_ID, "31"},
	        {DANGER_PROD, true, ACTION_TERMINATE, 1, CONFIRM_Y, "y"},
	        {DANGER_RELAXED, false, ACTION_TERMINATE, 1, CONFIRM_Y, "y"},
	        {DANGER_PROD, false, ACTION_CANCEL, 3, CONFIRM_COUNT, "2"},
	        {DANGER_PROD, true, ACTION_TERMINATE, 3, CONFIRM_COUNT, "2"},
	        {DANGER_RELAXED, true, ACTION_TERMINATE, 3, CONFIRM_COUNT, "2"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = scene(ENGINE_POSTGRES,
		        "31|b|u|c|a|client||active|CPU||5|5|5||||SELECT 1|x|q|f|f|f\n"
		        "32|b|u|c|a|client||active|CPU||5|5|5||||SELECT 1|x|q|f|f|f\n"
		        "33|b|root|c|a|client||active|CPU||5|5|5||||SELECT 1|x|q|t|f|f\n");
		fixture_cluster(s.f, "orders")->danger = cases[i].danger;
		struct plan_key keys[] = {{.instance = s.at, .session = {.id = 31}},
		        {.instance = s.at, .session = {.id = 32}}, {.instance = s.at, .session = {.id = 33}}};
		struct plan_input in = {.snap = fixture_snapshot(s.f),
		        .kind = cases[i].kind,
		        .targets = keys,
		        .n = cases[i].n,
		        .armed = cases[i].armed};
		struct action_plan *p = plan_build(&in);
		assert_int_equal(p->confirm, cases[i].confirm);
		assert_string_equal(p->expect, cases[i].expect);
		if (cases[i].n == 3) {
			assert_int_equal(p->targets[2].verdict, PLAN_REFUSED);
			assert_says(&p->targets[2], "left out of a bulk");
			assert_int_equal(strncmp(p->targets[1].line[0], "32  u@", 6), 0);
			assert_non_null(strstr(p->title, "2 sessions on orders-1"));
		}
		plan_free(p);
		fixture_free(s.f);
	}
}

/* 4. Who goes on. */

static void test_what_it_frees(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum engine engine;
		enum action_kind kind;
		const char *edges;
		int64_t now, later;
		const char *says;
	} cases[] = {
	        {"nobody", ENGINE_POSTGRES, ACTION_TERMINATE, "7|8|5|row|t\n", 0, 0, "frees nobody"},
	        {"all at once", ENGINE_POSTGRES, ACTION_TERMINATE, "2|1|5|relation|t\n3|1|6|relation|t\n", 2,
	                0, "frees 2 waiters now"},
	        {"a convoy behind a DDL", ENGINE_POSTGRES, ACTION_TERMINATE,
	                "2|1|50|relation|t\n3|2|40|relation|t\n4|2|30|relation|t\n3|1|40|relation|t\n", 1, 2,
	                "frees 1 waiter now, 2 later (behind 2)"},
	        {"the same edge twice", ENGINE_POSTGRES, ACTION_TERMINATE, "2|1|5|row|t\n2|1|5|row|t\n", 1, 0,
	                "frees 1 waiter now"},
	        {"another root holds it too", ENGINE_POSTGRES, ACTION_TERMINATE,
	                "2|1|5|relation|t\n2|9|5|relation|t\n", 0, 0, "frees nobody"},
	        {"a waiter that names itself", ENGINE_POSTGRES, ACTION_TERMINATE,
	                "2|2|5|relation|t\n2|1|5|relation|t\n", 1, 0, "frees 1 waiter now"},
	        {"a cycle elsewhere", ENGINE_POSTGRES, ACTION_TERMINATE,
	                "2|3|5|row|t\n3|2|5|row|t\n4|1|5|row|t\n", 1, 0, "frees 1"},
	        {"unknown holder", ENGINE_POSTGRES, ACTION_TERMINATE, "2|-1|5|row|t\n2|1|5|row|t\n", 0, 0,
	                "frees nobody"},
	        {"one hot row of InnoDB", ENGINE_MYSQL, ACTION_TERMINATE,
	                "2|1|50|row|t.1\n3|1|40|row|t.1\n4|1|30|row|t.1\n5|1|9|row|t.2\n", 2, 2,
	                "frees 2 waiters now, 2 later"},
	        {"cancel a holder of InnoDB", ENGINE_MYSQL, ACTION_CANCEL, "2|1|50|row|t.1\n", -1, -1,
	                "only if the statement is all of its transaction"},
	        {"cancel a queued DDL", ENGINE_MARIADB, ACTION_CANCEL,
	                "1|9|60|metadata|t\n2|1|50|metadata|t\n3|1|40|metadata|t\n4|1|40|row|u.3\n", 2, 0,
	                "frees 2 waiters now"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = scene(
		        cases[i].engine, "1|b|u|c|a|client|Query|active|CPU||5|5|5||||SELECT 1|x|q|f|f|f\n");
		waits(&s, cases[i].edges);
		struct action_plan *p = plan_one(&s, cases[i].kind, 1);
		if (p->targets[0].frees_now != cases[i].now || p->targets[0].frees_later != cases[i].later)
			fail_msg("%s: %ld now, %ld later", cases[i].name, (long)p->targets[0].frees_now,
			        (long)p->targets[0].frees_later);
		assert_says(&p->targets[0], cases[i].says);
		plan_free(p);
		fixture_free(s.f);
	}
}

static void test_unknown_waiters_are_not_zero(void **state)
{
	(void)state;
	struct scene s = scene(ENGINE_POSTGRES, shop);
	fixture_table(s.f, s.at, "pulse", "lock_waiters\n3\n");
	struct action_plan *p = plan_one(&s, ACTION_TERMINATE, 4711);
	assert_int_equal(p->targets[0].frees_now, -1);
	assert_says(&p->targets[0], "who waits for it is not known");
	plan_free(p);
	fixture_free(s.f);
}

/* 5. What comes from the server cannot act on the terminal, and secrets stay out. */

static void test_hostile_text(void **state)
{
	(void)state;
	static const char override[] = {(char)0xe2, (char)0x80, (char)0xae, '\0'};
	char row[256];
	snprintf(row, sizeof(row),
	        "1|b|ev\x1b]0;x\x07il|c|%sapp|client||active|CPU||5|5|5||||"
	        "ALTER ROLE a PASSWORD 'hunter2'|x|q|f|f|f\n",
	        override);
	struct scene s = scene(ENGINE_POSTGRES, row);
	fixture_cluster(s.f, "orders")->show_literals = true;
	struct action_plan *p = plan_one(&s, ACTION_CANCEL, 1);
	for (unsigned i = 0; i < p->targets[0].nlines; i++) {
		assert_null(strchr(p->targets[0].line[i], '\x1b'));
		assert_null(strstr(p->targets[0].line[i], "hunter2"));
		assert_null(strstr(p->targets[0].line[i], override));
	}
	assert_says(&p->targets[0], "ALTER ROLE a PASSWORD");
	plan_free(p);
	fixture_free(s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_terminate_an_idle_transaction),
	        cmocka_unit_test(test_cancel_of_an_idle_transaction_is_not_offered),
	        cmocka_unit_test(test_verdicts),
	        cmocka_unit_test(test_without_the_process_privilege),
	        cmocka_unit_test(test_read_only),
	        cmocka_unit_test(test_another_server_behind_the_address),
	        cmocka_unit_test(test_a_restart),
	        cmocka_unit_test(test_gone_and_reused),
	        cmocka_unit_test(test_an_old_look_is_told),
	        cmocka_unit_test(test_another_transaction_since_it_was_picked),
	        cmocka_unit_test(test_prepared_transactions),
	        cmocka_unit_test(test_a_worker_leads_to_its_leader),
	        cmocka_unit_test(test_confirmation),
	        cmocka_unit_test(test_what_it_frees),
	        cmocka_unit_test(test_unknown_waiters_are_not_zero),
	        cmocka_unit_test(test_hostile_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
