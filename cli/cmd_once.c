/* `dbatop once`: the same engine as the screen's, asked once. Waits until every instance has answered or
 * failed, at most until the deadline; a server that hangs costs the others nothing. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "cli/app.h"
#include "cli/once.h"
#include "core/run/process.h"
#include "tui/shell.h"

enum { WIDTH = 132, HEIGHT = 43, CELLS_MAX = 1000, PROBES_MAX = 24 };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

struct wishes {
	const struct view *view;
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

static bool unknown_view(const char *name, struct err *e)
{
	char names[128] = "";
	for (const struct view *const *v = views; *v != NULL; v++) {
		size_t used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "", (*v)->name);
	}
	return err_set(e, ERR_USAGE, "--view: '%s' is none of %s", name, names);
}

static bool read_wishes(const struct cli *cli, struct wishes *out, struct err *e)
{
	const char *view = cli->value[OPT_VIEW], *format = cli->value[OPT_FORMAT];
	const char *size = cli->value[OPT_SIZE];
	*out = (struct wishes){.w = WIDTH,
	        .h = HEIGHT,
	        .ascii = cli->set[OPT_ASCII] || strcmp(nl_langinfo(CODESET), "UTF-8") != 0};
	out->view = once_view_find(view != NULL ? view : views[0]->name);
	if (out->view == NULL)
		return unknown_view(view, e);
	if (format != NULL && !parse_format(format, &out->format))
		return err_set(e, ERR_USAGE, "--format: '%s' is none of text, json, csv", format);
	if (size != NULL && !parse_size(size, &out->w, &out->h))
		return err_set(e, ERR_USAGE, "--size: '%s' is no size like 132x43", size);
	return app_deadline(cli, &out->deadline_ms, e);
}

static int print(const struct snapshot *snap, const struct wishes *w, int64_t waited_ms)
{
	struct err e;
	int code = EXIT_OK;
	if (w->format == FORMAT_JSON)
		once_json(snap, w->view, waited_ms, stdout);
	else if (w->format == FORMAT_CSV)
		once_csv(snap, w->view, waited_ms, stdout);
	else if (!once_text(snap, w->view, w->w, w->h, w->ascii || snap->config->ascii, stdout, &e))
		return cli_fail(&e);
	for (size_t i = 0; i < snap->n; i++) {
		struct once_instance in;
		once_look(snap, i, w->view, waited_ms, &in);
		/* No table and nothing wrong: there was nothing to ask for. */
		if (in.status == ONCE_DOWN || (in.status == ONCE_PARTIAL && in.table == NULL))
			code = EXIT_FAILED;
	}
	return code;
}

/* What the view shows, and what the findings beside it are drawn from; a probe may be in it twice. */
static void list_probes(const struct view *view, const char *list[PROBES_MAX])
{
	size_t n = 0;
	for (const char *const *probe = view->probes; *probe != NULL && n < PROBES_MAX - 1; probe++)
		list[n++] = *probe;
	for (const char *const *probe = shell_probes; *probe != NULL && n < PROBES_MAX - 1; probe++)
		list[n++] = *probe;
	list[n] = NULL;
}

static int look_once(struct app *app, const struct wishes *w, struct err *e)
{
	int64_t waited;
	const char *probes[PROBES_MAX];
	list_probes(w->view, probes);
	struct snapshot *snap = app_look(app, probes, w->deadline_ms, &waited, e);
	if (snap == NULL)
		return cli_fail(e);
	int code = process_signal() == 0 ? print(snap, w, waited) : 128 + process_signal();
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
	int code = app_load(&app, cli, &e) && app_needs_servers(&app, &e) ? look_once(&app, &wishes, &e)
	                                                                  : cli_fail(&e);
	app_stop(&app, APP_STOP_MS);
	return code;
}
