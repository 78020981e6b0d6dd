/* What a reader asks a snapshot: the table, its age, and the sentence that says why it is not newer. */
#include "core/model/snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/human.h"

struct slot_view snapshot_slot(const struct snapshot *s, size_t instance, const char *probe)
{
	assert(instance < s->n);
	int slot = probe_set_slot(s->probes, probe);
	return slot < 0 ? (struct slot_view){.latest = NULL} : s->instances[instance].slot[slot];
}

const struct table *snapshot_table(const struct snapshot *s, size_t instance, const char *probe)
{
	const struct sample *good = snapshot_slot(s, instance, probe).good;
	return good == NULL ? NULL : good->table;
}

static int64_t ms_between(mono_ns from, mono_ns to)
{
	return to > from ? (to - from) / NS_PER_MS : 0;
}

int64_t snapshot_age_ms(const struct snapshot *s, size_t instance, const char *probe)
{
	const struct sample *good = snapshot_slot(s, instance, probe).good;
	return good == NULL ? -1 : ms_between(good->finished, s->now);
}

static bool gate_is_open(const struct probe_gate *gate, int64_t value)
{
	if (strcmp(gate->op, ">=") == 0)
		return value >= gate->value;
	return gate->op[0] == '>' ? value > gate->value : value == gate->value;
}

bool snapshot_is_gated(const struct snapshot *s, size_t instance, const char *probe)
{
	struct slot_view slot = snapshot_slot(s, instance, probe);
	if (slot.latest != NULL && slot.latest->err->code == ERR_GATED)
		return true;
	if (slot.good == NULL || slot.good->probe->gate.probe == NULL)
		return false;
	const struct probe_gate *gate = &slot.good->probe->gate;
	struct slot_view guard = snapshot_slot(s, instance, gate->probe);
	int64_t value;
	/* Only a newer answer can say that what was seen is over. */
	if (guard.good == NULL || guard.good->finished <= slot.good->finished ||
	        guard.good->table->nrows != 1 ||
	        !table_int(guard.good->table, 0, table_column(guard.good->table, gate->column), &value))
		return false;
	return !gate_is_open(gate, value);
}

static bool is_old(const struct snapshot *s, const struct sample *good)
{
	return ms_between(good->finished, s->now) * 2 > (int64_t)good->interval_ms * 5;
}

bool snapshot_is_stale(const struct snapshot *s, size_t instance, const char *probe)
{
	struct slot_view slot = snapshot_slot(s, instance, probe);
	if (snapshot_is_gated(s, instance, probe))
		return false;
	if (slot.good == NULL)
		return true;
	return slot.latest->err->code != ERR_NONE || is_old(s, slot.good);
}

/* "14 s", "2m05s". */
static void put_span(struct buf *out, int64_t ms)
{
	char text[HUMAN_MAX];
	if (ms < 60000)
		buf_printf(out, "%" PRId64 " s", (ms + 500) / 1000);
	else
		buf_puts(out, human_duration(ms, text));
}

static void put_retry(struct buf *out, mono_ns now, mono_ns at)
{
	if (at <= now) {
		buf_puts(out, ", trying again");
		return;
	}
	buf_puts(out, ", retry in ");
	put_span(out, ms_between(now, at) + 499);
}

/* The part of the sentence that a title has room for. */
static const char *cause(const struct err *e)
{
	const char *timed_out = e->code == ERR_TIMEOUT ? strstr(e->text, "timed out") : NULL;
	return timed_out != NULL ? timed_out : e->text;
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static void put_failure(struct buf *out, const struct snapshot *s, const struct sample *latest)
{
	const struct err *e = latest->err;
	if (e->code == ERR_DENIED && latest->probe != NULL && latest->probe->needs != NULL)
		buf_printf(out, "denied: needs %s", latest->probe->needs);
	else if (e->code == ERR_DENIED)
		buf_printf(out, "%s%s", begins(e->text, "denied") ? "" : "denied: ", e->text);
	else if (e->code == ERR_UNSUPPORTED)
		buf_printf(out, "%s%s", begins(e->text, "unsupported") ? "" : "unsupported: ", e->text);
	else {
		buf_puts(out, cause(e));
		put_retry(out, s->now, latest->finished + (mono_ns)latest->retry_ms * NS_PER_MS);
	}
}

static void put_link(struct buf *out, const struct snapshot *s, const struct link_view *link)
{
	switch (link->state) {
	case LINK_DOWN:
		buf_puts(out, link->err.code == ERR_NONE ? "not connected" : cause(&link->err));
		if (link->retry_at != 0)
			put_retry(out, s->now, link->retry_at);
		break;
	case LINK_CONNECTING:
		buf_puts(out, "connecting");
		break;
	case LINK_IDLE:
		buf_puts(out, "not asked");
		break;
	case LINK_UP:
		buf_puts(out, "waiting for an answer");
		break;
	}
}

void snapshot_reason(const struct snapshot *s, size_t instance, const char *probe, struct buf *out)
{
	struct slot_view slot = snapshot_slot(s, instance, probe);
	const struct link_view *link = &s->instances[instance].link;
	bool stale = snapshot_is_stale(s, instance, probe);
	if (!stale && slot.good != NULL && slot.good->slowed) {
		buf_printf(out, "took %.1f s, asked every ",
		        (double)(slot.good->finished - slot.good->started) / (double)NS_PER_S);
		put_span(out, slot.good->interval_ms);
	}
	if (!stale)
		return;
	if (slot.good != NULL) {
		buf_puts(out, "stale ");
		put_span(out, ms_between(slot.good->finished, s->now));
		buf_puts(out, " \xC2\xB7 ");
	}
	if (slot.latest != NULL && slot.latest->err->code != ERR_NONE && link->state != LINK_DOWN)
		put_failure(out, s, slot.latest);
	else
		put_link(out, s, link);
}
