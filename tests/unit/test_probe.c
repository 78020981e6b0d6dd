/* The probe parser: a whole file, every rule broken once with its place in the message, and the choice of a
 * variant. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/model/probe.h"

static const char sessions[] =
        "-- Who is connected and what they do: prose is not a field.\n"
        "-- probe: sessions   lane: fast   every: 1s   timeout: 750ms   rows: 2000\n"
        "-- versions: postgres 14-18        needs: pg_monitor | else: other users' statements are hidden\n"
        "-- when: pulse.lock_waiters > 0\n"
        "-- column: id count key · started key time · state state\n"
        "-- column: xact_ms duration · query sqltext\n"
        "-- param: db text\n"
        "\n"
        "SELECT pid::int AS id, 'a :rows \"x' AS started, \":db\" AS state, count(*), $$:rows$$ -- :rows "
        "here\n"
        "FROM a /* :rows /* nested */ */ WHERE d = :db AND e'\\':rows' = x\n"
        "LIMIT :rows;\n";

static const char pulse[] = "-- probe: pulse  every: 1s  rows: 1\n-- versions: postgres 14-18\n"
                            "-- column: lock_waiters count · queries counter\nSELECT 1 LIMIT :rows\n";

static bool add(struct probe_set *set, const char *name, const char *text, struct err *e)
{
	struct embedded_file file = {.name = name, .data = text, .size = strlen(text)};
	return probe_set_add(set, &file, e);
}

static struct probe_set *set_of(const char *const *files, size_t n)
{
	struct err e = {.code = ERR_NONE};
	struct probe_set *set = probe_set_new(&e);
	for (size_t i = 0; i < n; i++) {
		char name[32];
		snprintf(name, sizeof(name), "file%zu.sql", i);
		if (!add(set, name, files[i], &e))
			fail_msg("%s", e.text);
	}
	if (!probe_set_finish(set, &e))
		fail_msg("%s", e.text);
	return set;
}

static void test_a_whole_file(void **state)
{
	(void)state;
	struct probe_set *set = set_of((const char *const[]){sessions, pulse}, 2);
	assert_int_equal(probe_set_names(set), 2);
	assert_string_equal(probe_set_name(set, 0), "pulse");
	assert_int_equal(probe_set_slot(set, "sessions"), 1);
	assert_int_equal(probe_set_slot(set, "nope"), -1);
	const struct probe *p = probe_set_at(set, 1);
	assert_string_equal(p->name, "sessions");
	assert_string_equal(p->file, "file0.sql");
	assert_int_equal(p->slot, 1);
	assert_int_equal(p->engine, ENGINE_POSTGRES);
	assert_int_equal(p->version_min, 140000);
	assert_int_equal(p->version_max, 189999);
	assert_int_equal(p->lane, LANE_FAST);
	assert_int_equal(p->every_ms, 1000);
	assert_int_equal(p->timeout_ms, 750);
	assert_int_equal(p->rows, 2000);
	assert_string_equal(p->needs, "pg_monitor");
	assert_string_equal(p->otherwise, "other users' statements are hidden");
	assert_string_equal(p->gate.probe, "pulse");
	assert_string_equal(p->gate.column, "lock_waiters");
	assert_string_equal(p->gate.op, ">");
	assert_int_equal(p->gate.value, 0);
	assert_int_equal(p->ncols, 5);
	assert_string_equal(p->columns[1].name, "started");
	assert_int_equal(p->columns[1].role, ROLE_TIME);
	assert_true(p->columns[1].key);
	assert_false(p->columns[3].key);
	assert_int_equal(p->columns[3].role, ROLE_DURATION);
	assert_int_equal(p->nparams, 2);
	assert_string_equal(p->params[0].name, "rows");
	assert_int_equal(p->params[1].type, PARAM_TEXT);
	assert_false(p->show);
	assert_int_equal(strncmp(p->sql, "SELECT", 6), 0);
	assert_string_equal(p->sql + strlen(p->sql) - 11, "LIMIT :rows");
	probe_set_free(set);
}

static void test_parameters_as_numbers(void **state)
{
	(void)state;
	struct probe_set *set = set_of((const char *const[]){sessions, pulse}, 2);
	struct buf b;
	buf_init(&b, 10000);
	probe_sql_numbered(probe_set_at(set, 1), &b);
	assert_string_equal(buf_str(&b), "SELECT pid::int AS id, 'a :rows \"x' AS started, \":db\" AS state, "
	                                 "count(*), $$:rows$$ -- :rows "
	                                 "here\n"
	                                 "FROM a /* :rows /* nested */ */ WHERE d = $2 AND e'\\':rows' = x\n"
	                                 "LIMIT $1");
	buf_free(&b);
	probe_set_free(set);
}

static const char by_name[] =
        "-- probe: by_name  lane: admin  rows: 1\n-- versions: mysql 8.0-9.7\n"
        "-- param: id int · who text\n-- column: id count\n"
        "SELECT @v := 1, \":id\\\":id\", ':id', `:id` # :id\n-- :id\nFROM t WHERE id = :id "
        "AND u = :who LIMIT :rows";

static void test_values_are_quoted(void **state)
{
	(void)state;
	struct probe_set *set = set_of(&(const char *){by_name}, 1);
	const struct probe *p = probe_set_at(set, 0);
	struct probe_value values[] = {
	        {.type = PARAM_INT, .i = 5},
	        {.type = PARAM_INT, .i = -7},
	        {.type = PARAM_TEXT, .s = "o'b\\ :rows \xc3\xa9"},
	};
	struct err e = {.code = ERR_NONE};
	struct buf b;
	buf_init(&b, 10000);
	assert_true(probe_sql_inlined(p, values, 3, &b, &e));
	assert_string_equal(buf_str(&b),
	        "SELECT @v := 1, \":id\\\":id\", ':id', `:id` # :id\n-- :id\nFROM t WHERE id = -7 AND u = "
	        "'o\\'b\\\\ :rows \xc3\xa9' LIMIT 5");

	values[2].s = "bad \xff";
	assert_false(probe_sql_inlined(p, values, 3, &b, &e));
	assert_int_equal(e.code, ERR_USAGE);
	values[2] = values[0];
	assert_false(probe_sql_inlined(p, values, 3, &b, &e));
	assert_false(probe_sql_inlined(p, values, 2, &b, &e));
	buf_free(&b);
	probe_set_free(set);
}

static void test_show_statements_map_their_columns(void **state)
{
	(void)state;
	static const char text[] =
	        "-- probe: replication_upstream  every: 2s  rows: 100\n-- versions: mariadb 10.5-11\n"
	        "-- column: kind state key from 'upstream' · peer label key from Master_Host:Master_Port\n"
	        "-- column: lag_ms duration from Seconds_Behind_Master*1000 · error label from Last_Error\n"
	        "-- column: lag_bytes bytes\nSHOW ALL REPLICAS STATUS;\n";
	struct probe_set *set = set_of(&(const char *){text}, 1);
	const struct probe *p = probe_set_at(set, 0);
	assert_true(p->show);
	assert_string_equal(p->sql, "SHOW ALL REPLICAS STATUS");
	assert_string_equal(p->columns[0].from->constant, "upstream");
	assert_string_equal(p->columns[1].from->name, "Master_Host");
	assert_string_equal(p->columns[1].from->joined, "Master_Port");
	assert_string_equal(p->columns[2].from->name, "Seconds_Behind_Master");
	assert_int_equal(p->columns[2].from->factor, 1000);
	assert_null(p->columns[3].from->joined);
	assert_int_equal(p->columns[3].from->factor, 1);
	assert_null(p->columns[4].from);
	probe_set_free(set);
}

/* A file from parts: head is the fields, sql the statement. */
static void expect_refusal(const char *text, const char *says)
{
	struct err e = {.code = ERR_NONE};
	struct probe_set *set = probe_set_new(&e);
	if (add(set, "x.sql", text, &e))
		fail_msg("accepted: %s", text);
	assert_int_equal(e.code, ERR_USAGE);
	if (strstr(e.text, says) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", says, e.text);
	probe_set_free(set);
}

static const struct {
	const char *head, *sql, *says;
} mistakes[] = {
        {"-- probe: a  every: 1s  rows: 1", "", "x.sql:1:1: expected the field \"versions:\""},
        {"-- probe: a  probe: b", "", "x.sql:1:14: probe stands here twice"},
        {"-- probe: A", "", "x.sql:1:11: expected the name of a probe"},
        {"-- probe:", "", "probe: expected a value"},
        {"--\n-- versionz: postgres 14", "", "x.sql:2:4: unknown field \"versionz\", did you mean versions?"},
        {"-- versions: oracle 14", "", "x.sql:1:14: expected postgres, mysql or mariadb"},
        {"-- versions: postgres", "", "expected a version such as"},
        {"-- versions: postgres x-", "", "expected a version such as"},
        {"-- versions: postgres 14-x", "", "x.sql:1:26: expected a version"},
        {"-- versions: postgres 1.2.3.4", "", "expected a version"},
        {"-- versions: postgres 15-14", "", "the range ends before it begins"},
        {"-- lane: medium", "", "expected fast, slow or admin"},
        {"-- lane: fast every: 1s", "", "expected fast, slow or admin"},
        {"-- every: 0s", "", "expected a duration"},
        {"-- every: soon", "", "expected a duration"},
        {"-- rows: 0", "", "expected a number of rows"},
        {"-- rows: 1e9", "", "expected a number of rows"},
        {"-- when: pulse > 0", "", "probe.column"},
        {"-- when: pulse.x < 0", "", "expected >, >= or ="},
        {"-- when: pulse.x > many", "", "expected a whole number"},
        {"-- needs: | else: x", "", "expected a privilege"},
        {"-- needs: x | or: y", "", "expected \"else:"},
        {"-- param: id number", "", "expected int, text or since"},
        {"-- carries: Pulse", "", "x.sql:1:13: expected the name of a probe"},
        {"-- covers: Pulse", "", "x.sql:1:12: expected the name of a probe"},
        {"-- param: rows int", "", "parameter rows is declared twice"},
        {"-- column: id", "", "column id: expected its role"},
        {"-- column: id cuont", "", "did you mean count?"},
        {"-- column: id count label", "", "expected one role"},
        {"-- column: id count · id label", "", "column id is declared twice"},
        {"-- column: age_ms count", "", "durations and nothing else end in _ms"},
        {"-- column: age duration", "", "durations and nothing else end in _ms"},
        {"-- column: size bytes", "", "bytes and nothing else end in _bytes"},
        {"-- column: size_bytes count", "", "bytes and nothing else end in _bytes"},
        {"-- column: id count · · b label", "", "expected the name of a column"},
        {"-- column: a label from x+y", "", "x.sql:1:26: expected Column"},
        {"-- column: a label from x*", "", "expected Column"},
        {"-- column: a label from x:y*3", "", "expected Column"},
        {NULL, "", "expected a statement"},
        {NULL, "DELETE FROM a LIMIT :rows", "expected SELECT, WITH or SHOW"},
        {NULL, "SELECT 1", "expected LIMIT :rows"},
        {NULL, "SELECT 1 LIMIT 10", "expected LIMIT :rows"},
        {NULL, "SELECT ':rows' -- LIMIT :rows", "expected LIMIT :rows"},
        {NULL, "SELECT * FROM a LIMIT :rows", "x.sql:4:8: expected the names of the columns"},
        {NULL, "SELECT 1,\n  a.* FROM a LIMIT :rows", "x.sql:5:5: expected the names"},
        {NULL, "SELECT /* all */ DISTINCT * FROM a LIMIT :rows", "expected the names"},
        {NULL, "SELECT 1, * FROM a LIMIT :rows", "expected the names"},
        {NULL, "SELECT 1 LIMIT :rows; SELECT 2", "expected one statement"},
        {NULL, "SELECT :who LIMIT :rows", "parameter :who is not declared"},
        {NULL, "SELECT 'a LIMIT :rows", "x.sql:4:8: a quote or comment"},
        {NULL, "SELECT $x$a$y$ LIMIT :rows", "never ends"},
        {NULL, "SELECT /* LIMIT :rows", "never ends"},
};

static void test_each_mistake_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char text[1024];
		const char *good =
		        "-- probe: a  every: 1s  rows: 1\n-- versions: postgres 14-\n-- column: a label";
		snprintf(text, sizeof(text), "%s\n%s", mistakes[i].head == NULL ? good : mistakes[i].head,
		        mistakes[i].sql);
		expect_refusal(text, mistakes[i].says);
	}
	expect_refusal(
	        "-- probe: a  every: 1s  rows: 1\n-- versions: postgres 14-\n-- column: a label from b\n"
	        "SELECT b LIMIT :rows",
	        "from is for SHOW");
	expect_refusal("-- probe: a  every: 1s  rows: 1\n-- versions: postgres 14-\n-- column: a label\n"
	               "-- param: id int\nSELECT b LIMIT :rows",
	        "parameter :id is declared, but not used");
	expect_refusal(
	        "-- probe: a  rows: 1\n-- versions: postgres 14-\n-- column: a label\nSELECT b LIMIT :rows",
	        "expected the field \"every:\"");
	struct err e;
	struct probe_set *set = probe_set_new(&e);
	struct embedded_file nul = {.name = "x.sql", .data = "-- a\n\0b", .size = 7};
	assert_false(probe_set_add(set, &nul, &e));
	assert_non_null(strstr(e.text, "x.sql:2:1: expected text"));
	probe_set_free(set);
}

/* A probe of one name and range. */
static const char *variant(char out[512], const char *name, const char *versions, const char *column)
{
	snprintf(out, 512,
	        "-- probe: %s  every: 1s  rows: 9\n-- versions: %s\n-- column: %s\nSELECT 1 LIMIT :rows",
	        name, versions, column);
	return out;
}

static void finish_refuses(const char *const (*files)[3], size_t n, const char *says)
{
	struct err e = {.code = ERR_NONE};
	struct probe_set *set = probe_set_new(&e);
	for (size_t i = 0; i < n; i++) {
		char text[512];
		char name[8] = {(char)('a' + i), '\0'};
		assert_true(add(set, name, variant(text, files[i][0], files[i][1], files[i][2]), &e));
	}
	assert_false(probe_set_finish(set, &e));
	if (strstr(e.text, says) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", says, e.text);
	probe_set_free(set);
}

static void test_what_only_the_set_can_show(void **state)
{
	(void)state;
	finish_refuses((const char *const[][3]){{"p", "postgres 14-16", "a label"},
	                       {"p", "postgres 16-", "a label"}},
	        2, "b: its versions overlap with those of a");
	finish_refuses((const char *const[][3]){{"p", "mariadb 10.5-10.11", "a label"},
	                       {"p", "mariadb 11-", "a label"}},
	        2, "b: versions are missing between it and a");
	finish_refuses(
	        (const char *const[][3]){{"p", "mysql 8-", "a label"}, {"p", "mariadb 10-", "a count"}}, 2,
	        "column a has another role");
	char gated[1024];
	struct err e;
	for (int i = 0; i < 3; i++) {
		static const char *const columns[] = {"x label", "other count", "x count"};
		static const char *const engines[] = {"postgres 14-", "postgres 14-", "mysql 8-"};
		struct probe_set *set = probe_set_new(&e);
		char text[512];
		assert_true(add(set, "a", variant(text, "pulse", engines[i], columns[i]), &e));
		snprintf(gated, sizeof(gated), "-- when: pulse.x > 0\n%s",
		        variant(text, "p", "postgres 14-", "a label"));
		assert_true(add(set, "b", gated, &e));
		assert_false(probe_set_finish(set, &e));
		assert_non_null(strstr(e.text, "b: when:"));
		probe_set_free(set);
	}
}

static void test_the_variant_for_a_server(void **state)
{
	(void)state;
	char a[512];
	char b[512];
	char c[512];
	variant(a, "p", "postgres 14-15", "a label");
	variant(b, "p", "postgres 16-18", "a label");
	variant(c, "p", "mariadb 10.5-", "a label");
	struct probe_set *set = set_of((const char *const[]){b, c, a}, 3);
	bool newer = true;
	assert_null(probe_set_find(set, 0, ENGINE_POSTGRES, 130400, &newer));
	assert_int_equal(probe_set_find(set, 0, ENGINE_POSTGRES, 140000, &newer)->version_min, 140000);
	assert_false(newer);
	assert_int_equal(probe_set_find(set, 0, ENGINE_POSTGRES, 159900, NULL)->version_min, 140000);
	assert_int_equal(probe_set_find(set, 0, ENGINE_POSTGRES, 160001, &newer)->version_min, 160000);
	assert_false(newer);
	assert_int_equal(probe_set_find(set, 0, ENGINE_POSTGRES, 190000, &newer)->version_min, 160000);
	assert_true(newer);
	assert_int_equal(probe_set_find(set, 0, ENGINE_MARIADB, 120000, &newer)->version_min, 100500);
	assert_false(newer);
	assert_null(probe_set_find(set, 0, ENGINE_MYSQL, 90700, &newer));
	assert_int_equal(probe_set_count(set), 3);
	probe_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_whole_file),
	        cmocka_unit_test(test_parameters_as_numbers),
	        cmocka_unit_test(test_values_are_quoted),
	        cmocka_unit_test(test_show_statements_map_their_columns),
	        cmocka_unit_test(test_each_mistake_has_its_place),
	        cmocka_unit_test(test_what_only_the_set_can_show),
	        cmocka_unit_test(test_the_variant_for_a_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
