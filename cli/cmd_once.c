/* `dbatop once`: the same engine as the screen's, asked once. Waits until every instance has answered or
 * failed, at most until the deadline; a server that hangs costs the others nothing. */
#include <stdlib.h>
#include <string.h>

#include "cli/app.h"
#include "cli/once.h"
#include "core/base/human.h"
#include "core/run/process.h"

enum { DEADLINE_MS = 5000, STOP_MS = 250, WIDTH = 132, HEIGHT = 43, CELLS_MAX = 1000 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

struct wishes {
	const struct once_view *view;
	enum format format;
	uint32_t deadline_ms;
	int w, h;
	bool ascii;
};

static bool parse_size(const char *s, int *w, int *h)
{
	char *end;
	long a = strtol(s, &end, 10);
	if (end == s || (*end != 'x' && *end != 'X'))
		return false;
	const char *second = end + 1;
	long b = strtol(second, &end, 10);
	if (end == second || *end != '\0' || a < 1 || b < 1 || a > CELLS_MAX || b > CELLS_MAX)
		return false;
	*w = (int)a;
	*h = (int)b;
	return true;
}

static bool parse_format(const char *s, enum format *out)
{
	static const char *const names[] = {"text", "json", "csv"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(s, names[i]) == 0) {
			*out = (enum format)i;
			return true;
		}
	}
	return false;
}

static bool read_wishes(const struct cli *cli, struct wishes *out, struct err *e)
{
	const char *view = cli->value[OPT_VIEW], *format = cli->value[OPT_FORMAT];
	const char *size = cli->value[OPT_SIZE], *deadline = cli->value[OPT_DEADLINE];
	*out = (struct wishes){
	        .deadline_ms = DEADLINE_MS, .w = WIDTH, .h = HEIGHT, .ascii = cli->set[OPT_ASCII]};
	out->view = once_view_find(view != NULL ? view : "fleet");
	if (out->view == NULL)
		return err_set(e, ERR_USAGE, "--view: '%s' is none of %s", view, once_view_names());
	if (format != NULL && !parse_format(format, &out->format))
		return err_set(e, ERR_USAGE, "--format: '%s' is none of text, json, csv", format);
	if (size != NULL && !parse_size(size, &out->w, &out->h))
		return err_set(e, ERR_USAGE, "--size: '%s' is no size like 132x43", size);
	if (deadline != NULL) {
		int64_t ms = human_parse_duration(deadline);
		if (ms <= 0 || ms > UINT32_MAX)
			return err_set(e, ERR_USAGE, "--deadline: '%s' is no time like 5s", deadline);
		out->deadline_ms = (uint32_t)ms;
	}
	return true;
}

/* Whether this kind of server has a statement for the slot at all. */
static bool is_served(const struct probe_set *set, unsigned slot, enum engine endpoint)
{
	for (size_t i = 0; i < probe_set_count(set); i++) {
		const struct probe *p = probe_set_at(set, i);
		if (p->slot == slot && (p->engine == ENGINE_POSTGRES) == (endpoint == ENGINE_POSTGRES))
			return true;
	}
	return false;
}

static bool has_settled(const struct snapshot *snap, size_t i, const struct once_view *view)
{
	const struct instance_view *in = &snap->instances[i];
	if (in->link.state == LINK_DOWN)
		return true;
	for (const char *const *probe = view->probes; *probe != NULL; probe++) {
		int slot = probe_set_slot(snap->probes, *probe);
		if (slot >= 0 && in->slot[slot].latest == NULL &&
		        is_served(snap->probes, (unsigned)slot, in->cfg->endpoint.engine))
			return false;
	}
	return true;
}

/* Waits until all have answered or failed; the last snapshot. */
static struct snapshot *wait_for_all(const struct ctx *ctx, struct hub *hub, const struct once_view *view)
{
	for (;;) {
		struct snapshot *snap = hub_take(hub);
		size_t settled = 0;
		while (settled < snap->n && has_settled(snap, settled, view))
			settled++;
		if (settled == snap->n || ctx_wait_fd(ctx, hub_fd(hub), POLLIN) != ERR_NONE)
			return snap;
		snapshot_free(snap);
	}
}

static void want_view(struct app *app, const struct once_view *view)
{
	uint32_t slots = 0;
	for (const char *const *probe = view->probes; *probe != NULL; probe++) {
		int slot = probe_set_slot(app->probes, *probe);
		if (slot >= 0)
			slots |= 1U << slot;
	}
	for (size_t i = 0; i < app->config->ninstances; i++)
		hub_want(app->hub, i, slots);
}

static int print(const struct snapshot *snap, const struct wishes *w, int64_t waited_ms)
{
	int code = EXIT_OK;
	if (w->format == FORMAT_JSON)
		once_json(snap, w->view, waited_ms, stdout);
	else if (w->format == FORMAT_CSV)
		once_csv(snap, w->view, waited_ms, stdout);
	else
		once_text(snap, w->view, waited_ms, w->w, w->h, w->ascii, stdout);
	for (size_t i = 0; i < snap->n; i++) {
		struct once_instance in;
		once_look(snap, i, w->view, waited_ms, &in);
		if (in.status == ONCE_DOWN || in.table == NULL)
			code = EXIT_FAILED;
	}
	return code;
}

static int look_once(struct app *app, const struct wishes *w, struct err *e)
{
	const struct app_options opt = {.once = true};
	if (!process_start(e) || !app_start(app, &opt, e))
		return cli_fail(e);
	want_view(app, w->view);
	if (!app_poll(app, &opt, e))
		return cli_fail(e);
	struct ctx root = ctx_root(&clock_real, process_cancel());
	struct ctx ctx = ctx_within(&root, w->deadline_ms);
	mono_ns began = clock_now(&clock_real);
	struct snapshot *snap = wait_for_all(&ctx, app->hub, w->view);
	int code = 128 + process_signal();
	if (process_signal() == 0)
		code = print(snap, w, (clock_now(&clock_real) - began) / NS_PER_MS);
	snapshot_free(snap);
	return code;
}

int cmd_once(const struct cli *cli)
{
	struct err e;
	struct app app = {0};
	struct wishes wishes;
	if (!read_wishes(cli, &wishes, &e))
		return cli_fail(&e);
	int code;
	if (!app_load(&app, cli, &e)) {
		code = cli_fail(&e);
	} else if (app.config->ninstances == 0) {
		err_set(&e, ERR_USAGE, "no server: name one, dbatop once postgres://user@host/database");
		code = cli_fail(&e);
	} else {
		code = look_once(&app, &wishes, &e);
	}
	app_stop(&app, STOP_MS);
	return code;
}
