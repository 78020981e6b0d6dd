/* `dbatop doctor`: prints the advice, for people or as JSON. Exit code 1 when a server was not reached: then
 * nothing is known of it. */
#include <stdlib.h>
#include <string.h>

#include "cli/app.h"
#include "cli/doctor.h"
#include "cli/once_parts.h"
#include "core/base/mem.h"
#include "core/model/replication.h"
#include "core/run/process.h"

enum { DOCTOR_FORMAT = 1, TEXT_AT = 24, PAGE_WIDTH = 108 };

static const char *text_or(const char *s, const char *otherwise)
{
	return s != NULL && *s != '\0' ? s : otherwise;
}

static const char *role_of(const struct snapshot *snap, size_t i)
{
	return server_role_name(server_role_of(snap, i));
}

/* A long text goes on under itself. The statement that helps is never broken: it is there to be copied. */
static void print_wrapped(const char *text)
{
	while (strlen(text) > PAGE_WIDTH - TEXT_AT) {
		size_t n = PAGE_WIDTH - TEXT_AT;
		while (n > 0 && text[n] != ' ')
			n--;
		if (n == 0)
			break;
		printf("%.*s\n%*s", (int)n, text, TEXT_AT, "");
		text += n + 1;
	}
	printf("%s\n", text);
}

static void print_text(const struct snapshot *snap, size_t i, const struct diagnosis *d)
{
	const struct instance_view *in = &snap->instances[i];
	printf("%s%s  %s %s  %s\n", i > 0 ? "\n" : "", in->cfg->name,
	        engine_name(d->reached ? in->link.server.engine : in->cfg->endpoint.engine),
	        text_or(in->link.server.version_text, "?"), text_or(role_of(snap, i), "role unknown"));
	for (size_t k = 0; k < d->n; k++) {
		const struct advice *a = &d->advice[k];
		printf("  %-8s %-12s ", advice_mark_name(a->mark), a->topic);
		print_wrapped(a->text);
		if (a->fix[0] != '\0')
			printf("  %-8s %-12s   %s\n", "", "", a->fix);
	}
}

static json_t *instance_json(const struct snapshot *snap, size_t i, const struct diagnosis *d)
{
	const struct instance_view *in = &snap->instances[i];
	json_t *j = json_object(), *advice = json_array();
	json_object_set_new(j, "name", once_json_text(in->cfg->name));
	json_object_set_new(j, "engine",
	        once_json_text(engine_name(d->reached ? in->link.server.engine : in->cfg->endpoint.engine)));
	json_object_set_new(j, "version", once_json_text(in->link.server.version_text));
	json_object_set_new(j, "role", once_json_text(role_of(snap, i)));
	json_object_set_new(j, "reached", json_boolean(d->reached));
	json_object_set_new(j, "advice", advice);
	for (size_t k = 0; k < d->n; k++) {
		const struct advice *a = &d->advice[k];
		json_t *one = json_object();
		json_object_set_new(one, "mark", json_string(advice_mark_name(a->mark)));
		json_object_set_new(one, "topic", json_string(a->topic));
		json_object_set_new(one, "text", once_json_text(a->text));
		json_object_set_new(one, "fix", once_json_text(a->fix));
		json_array_append_new(advice, one);
	}
	return j;
}

static int print(const struct snapshot *snap, bool json)
{
	int code = EXIT_OK;
	struct diagnosis *d = xmalloc(sizeof(*d));
	json_t *instances = json_array();
	for (size_t i = 0; i < snap->n; i++) {
		doctor_look(snap, i, d);
		if (!d->reached)
			code = EXIT_FAILED;
		if (json)
			json_array_append_new(instances, instance_json(snap, i, d));
		else
			print_text(snap, i, d);
	}
	free(d);
	json_t *root = json_object();
	json_object_set_new(root, "format", json_integer(DOCTOR_FORMAT));
	json_object_set_new(root, "instances", instances);
	if (json) {
		json_dumpf(root, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(root);
	return code;
}

static int examine(struct app *app, uint32_t deadline_ms, bool json, struct err *e)
{
	int64_t waited;
	struct snapshot *snap = app_look(app, doctor_probes, deadline_ms, &waited, e);
	if (snap == NULL)
		return cli_fail(e);
	int code = process_signal() == 0 ? print(snap, json) : 128 + process_signal();
	snapshot_free(snap);
	return code;
}

int cmd_doctor(const struct cli *cli)
{
	struct err e;
	struct app app = {0};
	uint32_t deadline_ms;
	const char *format = text_or(cli->value[OPT_FORMAT], "text");
	bool json = strcmp(format, "json") == 0;
	if (!json && strcmp(format, "text") != 0) {
		err_set(&e, ERR_USAGE, "doctor: --format: '%s' is none of text, json", format);
		return cli_fail(&e);
	}
	if (!app_deadline(cli, &deadline_ms, &e))
		return cli_fail(&e);
	int code = app_load(&app, cli, &e) && app_needs_servers(&app, &e)
	                   ? examine(&app, deadline_ms, json, &e)
	                   : cli_fail(&e);
	app_stop(&app, APP_STOP_MS);
	return code;
}
