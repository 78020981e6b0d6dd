/* One look at every server: the same engine as the screen's, asked once. Waits until every instance has
 * answered or failed, at most until the deadline; a server that hangs costs the others nothing. */
#include "cli/app.h"
#include "core/base/human.h"
#include "core/run/process.h"

bool app_deadline(const struct cli *cli, uint32_t *ms, struct err *e)
{
	const char *word = cli->value[OPT_DEADLINE];
	*ms = APP_DEADLINE_MS;
	if (word == NULL)
		return true;
	int64_t n = human_parse_duration(word);
	if (n <= 0 || n > UINT32_MAX)
		return err_set(e, ERR_USAGE, "--deadline: '%s' is no time like 5s", word);
	*ms = (uint32_t)n;
	return true;
}

bool app_needs_servers(const struct app *app, struct err *e)
{
	return app->config->ninstances > 0 ||
	       err_set(e, ERR_USAGE, "no server: name one, for instance postgres://user@host/database");
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

static bool has_settled(const struct snapshot *snap, size_t i, const char *const *probes)
{
	const struct instance_view *in = &snap->instances[i];
	if (in->link.state == LINK_DOWN)
		return true;
	for (const char *const *probe = probes; *probe != NULL; probe++) {
		int slot = probe_set_slot(snap->probes, *probe);
		if (slot >= 0 && in->slot[slot].latest == NULL &&
		        is_served(snap->probes, (unsigned)slot, in->cfg->endpoint.engine))
			return false;
	}
	return true;
}

/* Waits until all have answered or failed; the last snapshot. */
static struct snapshot *wait_for_all(const struct ctx *ctx, struct hub *hub, const char *const *probes)
{
	for (;;) {
		struct snapshot *snap = hub_take(hub);
		size_t settled = 0;
		while (settled < snap->n && has_settled(snap, settled, probes))
			settled++;
		if (settled == snap->n || ctx_wait_fd(ctx, hub_fd(hub), POLLIN) != ERR_NONE)
			return snap;
		snapshot_free(snap);
	}
}

static void want(struct app *app, const char *const *probes)
{
	uint32_t slots = 0;
	for (const char *const *probe = probes; *probe != NULL; probe++) {
		int slot = probe_set_slot(app->probes, *probe);
		if (slot >= 0)
			slots |= 1U << slot;
	}
	for (size_t i = 0; i < app->config->ninstances; i++)
		hub_want(app->hub, i, slots);
}

struct snapshot *app_look(
        struct app *app, const char *const *probes, uint32_t deadline_ms, int64_t *waited_ms, struct err *e)
{
	const struct app_options opt = {.once = true};
	if (!app_start(app, &opt, e))
		return NULL;
	want(app, probes);
	if (!app_poll(app, &opt, e))
		return NULL;
	struct ctx root = ctx_root(&clock_real, process_cancel());
	struct ctx ctx = ctx_within(&root, deadline_ms);
	mono_ns began = clock_now(&clock_real);
	struct snapshot *snap = wait_for_all(&ctx, app->hub, probes);
	*waited_ms = (clock_now(&clock_real) - began) / NS_PER_MS;
	return snap;
}
