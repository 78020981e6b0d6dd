/* The probe files that ship, as one set: they keep every rule of the parser, the newest variants end at a
 * version that was tried, and all of them share the vocabulary that model, views and JSON rely on. */
#include "tests/support/test.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/probe.h"
#include "tests/support/fixture.h"
#include "tui/view.h"

static size_t add_folder(struct probe_set *set, const char *folder)
{
	char path[512];
	size_t files = 0;
	snprintf(path, sizeof(path), "%s/%s", TEST_SOURCE_DIR, folder);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		static char text[256 * 1024];
		struct err e = {.code = ERR_NONE};
		size_t length = strlen(entry->d_name);
		if (length < 4 || strcmp(entry->d_name + length - 4, ".sql") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%.200s", TEST_SOURCE_DIR, folder, entry->d_name);
		FILE *file = fopen(path, "r");
		assert_non_null(file);
		size_t n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
		text[n] = '\0';
		struct embedded_file embedded = {.name = entry->d_name, .data = text, .size = n};
		if (!probe_set_add(set, &embedded, &e))
			fail_msg("%s/%s", folder, e.text);
		files++;
	}
	closedir(dir);
	return files;
}

static struct probe_set *all_files(void)
{
	struct err e = {.code = ERR_NONE};
	struct probe_set *set = probe_set_new(&e);
	assert_true(add_folder(set, "backends/postgres/sql") > 0);
	assert_true(add_folder(set, "backends/mysql/sql") > 0);
	if (!probe_set_finish(set, &e))
		fail_msg("%s", e.text);
	return set;
}

static void test_the_files_keep_the_rules(void **state)
{
	(void)state;
	struct probe_set *set = all_files();
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (p->version_max == VERSION_MAX)
			fail_msg("%s: end the range at the newest version it was tried on", p->file);
	}
	probe_set_free(set);
}

static const struct column *find(const struct probe *p, const char *name)
{
	for (size_t i = 0; i < p->ncols; i++) {
		if (strcmp(p->columns[i].name, name) == 0)
			return &p->columns[i];
	}
	return NULL;
}

/* A column of the fixtures is in a file of that probe, and in each of them it is the same. What only one
 * engine can say stands in its own files. */
static void same_words(const struct probe_set *set, const struct probe *words)
{
	for (size_t i = 0; i < words->ncols; i++) {
		bool found = false;
		for (size_t n = 0; n < probe_set_count(set); n++) {
			const struct probe *real = probe_set_at(set, n);
			const struct column *c = strcmp(real->name, words->name) == 0
			                                 ? find(real, words->columns[i].name)
			                                 : NULL;
			found |= c != NULL;
			if (c != NULL &&
			        (c->role != words->columns[i].role || c->key != words->columns[i].key))
				fail_msg("%s: column %s has another role or key than in fixtures", real->file,
				        c->name);
		}
		if (!found)
			fail_msg("no file of %s has a column %s", words->name, words->columns[i].name);
	}
}

/* Fixtures of the tests speak the same language as the servers. */
static void test_the_files_share_the_vocabulary(void **state)
{
	(void)state;
	struct probe_set *set = all_files();
	struct fixture *f = fixture_new();
	const struct probe_set *words = fixture_snapshot(f)->probes;
	static const enum engine engines[] = {ENGINE_POSTGRES, ENGINE_MYSQL, ENGINE_MARIADB};
	for (size_t i = 0; i < probe_set_count(words); i++) {
		const struct probe *w = probe_set_at(words, i);
		int slot = probe_set_slot(set, w->name);
		if (slot < 0)
			fail_msg("there is no probe %s", w->name);
		/* MariaDB's SHOW leaves a part out that the others' statements have. */
		bool all = strcmp(w->name, "replication_local") != 0;
		for (size_t k = 0; all && k < sizeof(engines) / sizeof(engines[0]); k++) {
			if (probe_set_find(set, (unsigned)slot, engines[k], VERSION_MAX, NULL) == NULL)
				fail_msg("there is no probe %s for %s", w->name, engine_name(engines[k]));
		}
		same_words(set, w);
	}
	fixture_free(f);
	probe_set_free(set);
}

/* A view that asks for a probe nobody has would wait for it in silence. */
static void test_views_ask_for_probes_that_exist(void **state)
{
	(void)state;
	struct probe_set *set = all_files();
	for (size_t i = 0; views[i] != NULL; i++) {
		for (const char *const *probe = views[i]->probes; *probe != NULL; probe++) {
			if (probe_set_slot(set, *probe) < 0)
				fail_msg("%s asks for %s", views[i]->name, *probe);
		}
		assert_true(probe_set_slot(set, views[i]->json_probe) >= 0);
	}
	probe_set_free(set);
}

/* The text of a file between two marks, the first one left out. */
static char *part_of(const char *file, const char *from, const char *to)
{
	static char text[64 * 1024];
	char path[512];
	snprintf(path, sizeof(path), "%s/backends/postgres/sql/%s", TEST_SOURCE_DIR, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	char *at = strstr(text, from);
	char *end = at == NULL ? NULL : strstr(at, to);
	if (at == NULL || end == NULL)
		fail_msg("%s: expected \"%s\" … \"%s\"", file, from, to);
	at += strlen(from);
	char *part = test_malloc((size_t)(end - at) + 1);
	memcpy(part, at, (size_t)(end - at));
	part[end - at] = '\0';
	return part;
}

/* sessions.sql answers pulse in passing: whoever changes how one counts must change the other. */
static void test_both_statements_count_alike(void **state)
{
	(void)state;
	static const char *const marks[][2] = {
	        {"), n AS (", "SELECT n.connections"}, {"SELECT n.connections", "  FROM n, w, d, tightest"}};
	for (size_t i = 0; i < 2; i++) {
		char *alone = part_of("pulse.sql", marks[i][0], marks[i][1]);
		char *carried = part_of("sessions.sql", marks[i][0], marks[i][1]);
		/* There it is one more WITH. */
		char *more = i == 0 ? strstr(carried, "), c AS (") : NULL;
		if (more != NULL)
			memcpy(more, ")\n", 3);
		assert_string_equal(alone, carried);
		test_free(alone);
		test_free(carried);
	}
}

/* Several variants may answer where one is carried; here there is one, and none is refused. */
static void test_what_is_carried_must_exist(void **state)
{
	(void)state;
	static const char head[] =
	        "-- probe: s  every: 1s  rows: 1  carries: p\n-- versions: postgres 14-18\n"
	        "-- column: a count\nSELECT a LIMIT :rows";
	static const char *const others[] = {"-- probe: p  every: 1s  rows: 1\n-- versions: postgres "
	                                     "15-18\n-- column: b count\nSELECT b LIMIT :rows",
	        "-- probe: p  every: 1s  rows: 1\n-- versions: mysql 8.0-9.7\n-- column: b count\nSELECT b "
	        "LIMIT :rows",
	        "-- probe: p  every: 1s  rows: 1\n-- versions: postgres 13-18\n-- column: b count\nSELECT b "
	        "LIMIT :rows"};
	for (size_t i = 0; i < 3; i++) {
		struct err e = {.code = ERR_NONE};
		struct probe_set *set = probe_set_new(&e);
		struct embedded_file s = {.name = "s.sql", .data = head, .size = strlen(head)};
		struct embedded_file p = {.name = "p.sql", .data = others[i], .size = strlen(others[i])};
		assert_true(probe_set_add(set, &s, &e) && probe_set_add(set, &p, &e));
		assert_int_equal(probe_set_finish(set, &e), i == 2);
		if (i < 2) {
			assert_non_null(strstr(e.text, "carries: there is no probe p"));
		} else {
			int slot = probe_set_slot(set, "s");
			const struct probe *found =
			        probe_set_find(set, (unsigned)slot, ENGINE_POSTGRES, 150000, NULL);
			assert_string_equal(found->carried->name, "p");
		}
		probe_set_free(set);
	}
}

/* The columns of what is covered are the statement's own, and both are asked on one connection. */
static void test_what_is_covered_has_no_column_of_its_own(void **state)
{
	(void)state;
	static const char head[] = "-- probe: s  every: 1s  rows: 1  covers: p\n-- versions: postgres 14-18\n"
	                           "-- column: a count · b label\nSELECT a, b LIMIT :rows";
	static const struct {
		const char *other, *says;
	} cases[] = {
	        {"-- probe: p  every: 1s  rows: 1\n-- versions: postgres 15-18\n-- column: b label\nSELECT b "
	         "LIMIT :rows",
	                "covers: there is no probe p"},
	        {"-- probe: p  every: 1s  rows: 1\n-- versions: postgres 13-18\n-- column: c label\nSELECT c "
	         "LIMIT :rows",
	                "covers: it has no column c as p.sql has"},
	        {"-- probe: p  every: 1s  rows: 1\n-- versions: postgres 13-18\n-- column: b state\nSELECT b "
	         "LIMIT :rows",
	                "covers: it has no column b as p.sql has"},
	        {"-- probe: p  lane: slow  every: 1s  rows: 1\n-- versions: postgres 13-18\n"
	         "-- column: b label\nSELECT b LIMIT :rows",
	                "covers: p is on another lane"},
	        {"-- probe: p  every: 1s  rows: 1\n-- versions: postgres 13-18\n-- column: b label\nSELECT b "
	         "LIMIT :rows",
	                NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = {.code = ERR_NONE};
		struct probe_set *set = probe_set_new(&e);
		struct embedded_file s = {.name = "s.sql", .data = head, .size = strlen(head)};
		struct embedded_file p = {
		        .name = "p.sql", .data = cases[i].other, .size = strlen(cases[i].other)};
		assert_true(probe_set_add(set, &s, &e) && probe_set_add(set, &p, &e));
		bool fits = probe_set_finish(set, &e);
		assert_int_equal(fits, cases[i].says == NULL);
		if (!fits && strstr(e.text, cases[i].says) == NULL)
			fail_msg("%s: expected \"%s\"", e.text, cases[i].says);
		probe_set_free(set);
	}
}

/* Nobody asks twice for what one statement answers, on any server. */
static void test_replication_covers_the_brief_one_everywhere(void **state)
{
	(void)state;
	struct probe_set *set = all_files();
	size_t found = 0;
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (strcmp(p->name, "replication") != 0)
			continue;
		assert_non_null(p->covered);
		assert_string_equal(p->covered->name, "replication_brief");
		assert_int_equal(p->every_ms, p->covered->every_ms);
		found++;
	}
	assert_true(found >= 3);
	probe_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_files_keep_the_rules),
	        cmocka_unit_test(test_the_files_share_the_vocabulary),
	        cmocka_unit_test(test_views_ask_for_probes_that_exist),
	        cmocka_unit_test(test_both_statements_count_alike),
	        cmocka_unit_test(test_what_is_carried_must_exist),
	        cmocka_unit_test(test_what_is_covered_has_no_column_of_its_own),
	        cmocka_unit_test(test_replication_covers_the_brief_one_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
