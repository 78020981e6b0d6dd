/* One answer for all list views to the keys they share, so that a hand that knows one view knows the next. */
#include "views/common.h"

#include <stdio.h>
#include <string.h>

enum style severity_style(enum severity s)
{
	switch (s) {
	case SEVERITY_NOTICE:
		return STYLE_NOTICE;
	case SEVERITY_WARN:
		return STYLE_WARN;
	case SEVERITY_CRIT:
		return STYLE_CRIT;
	case SEVERITY_OK:
		break;
	}
	return STYLE_OK;
}

const char *severity_mark(enum severity s, bool ascii)
{
	switch (s) {
	case SEVERITY_WARN:
		return ascii ? "!" : "▲";
	case SEVERITY_CRIT:
		return ascii ? "X" : "✖";
	case SEVERITY_OK:
	case SEVERITY_NOTICE:
		break;
	}
	return ascii ? "o" : "●";
}

const char *view_instance_name(const struct view_input *in, size_t instance)
{
	return in->snap->instances[instance].cfg->name;
}

/* Where the n-th cell from the start begins; n larger than the name: its end. */
static size_t cell_at(const char *name, size_t length, int n)
{
	struct glyph g;
	size_t pos = 0, next = 0;

	for (int used = 0; text_next(name, length, &next, &g); pos = next) {
		if (used + g.width > n)
			return pos;
		used += g.width;
	}
	return length;
}

void view_name(const char *name, int cells, char *out, size_t cap)
{
	size_t n = strlen(name);
	int width = (int)text_width(name, n);

	if (width <= cells || cells < 5) {
		snprintf(out, cap, "%s", name);
		return;
	}
	size_t head = cell_at(name, n, (cells - 1) / 2);
	size_t tail = cell_at(name, n, width - (cells - 1 - (cells - 1) / 2));

	snprintf(out, cap, "%.*s…%s", (int)head, name, name + tail);
}

struct intent intent_none(void)
{
	return (struct intent){.kind = INTENT_NONE};
}

struct intent intent_done(void)
{
	return (struct intent){.kind = INTENT_DONE};
}

struct intent intent_say(const char *text)
{
	struct intent i = {.kind = INTENT_SAY};

	snprintf(i.text, sizeof i.text, "%s", text);
	return i;
}

bool view_move(struct list *list, const struct list_key *keys, enum command c)
{
	switch (c) {
	case CMD_UP:
		list_move(list, keys, -1);
		return true;
	case CMD_DOWN:
		list_move(list, keys, 1);
		return true;
	case CMD_PAGE_UP:
		list_page(list, keys, -1);
		return true;
	case CMD_PAGE_DOWN:
		list_page(list, keys, 1);
		return true;
	case CMD_TOP:
		list_top(list, keys);
		return true;
	case CMD_BOTTOM:
		list_bottom(list, keys);
		return true;
	default:
		return false;
	}
}

void view_leave_ghost(struct list *list, const struct list_key *keys)
{
	long at = list->at < list->rows ? list->at : list->rows - 1;

	if (list->rows > 0) {
		list_select_row(list, keys, at);
		return;
	}
	list->ghost = false;
	list->at = 0;
	list->cursor = (struct list_key){0, 0};
}

void filter_box_set(struct filter_box *box, const char *expression, const struct list_column *columns,
        size_t n, const char *const *extra, size_t nextra, uint32_t duration)
{
	struct filter_column names[LIST_COLUMNS_MAX + FILTER_EXTRA_MAX];
	struct err e = {0};

	for (size_t i = 0; i < n; i++)
		names[i] = (struct filter_column){.name = columns[i].name, .seconds = duration >> i & 1};
	for (size_t i = 0; i < nextra; i++)
		names[n + i] = (struct filter_column){.name = extra[i], .seconds = duration >> (n + i) & 1};
	struct filter *f = expression[0] ? filter_compile(expression, names, n + nextra, &e) : NULL;

	box->wrong[0] = '\0';
	if (!f && expression[0]) {
		snprintf(box->wrong, sizeof box->wrong, "%.250s", e.text);
		return;
	}
	filter_free(box->filter);
	box->filter = f;
	box->trouble = NULL;
	snprintf(box->expression, sizeof box->expression, "%s", expression);
}

void filter_box_free(struct filter_box *box)
{
	filter_free(box->filter);
	box->filter = NULL;
	box->trouble = NULL;
}

bool filter_box_gave_up(struct filter_box *box)
{
	const char *trouble = filter_trouble(box->filter);
	bool news = trouble != box->trouble;

	box->trouble = trouble;
	return news;
}

void filter_box_clause(const struct filter_box *box, unsigned long left_out, struct view_line *l)
{
	char text[320];

	if (!box->filter)
		return;
	snprintf(text, sizeof text, "filter %s leaves out %lu", box->expression, left_out);
	view_clause(l, box->trouble ? STYLE_WARN : STYLE_ACCENT, box->trouble ? box->trouble : text);
}

struct intent filter_box_prompt(const struct filter_box *box)
{
	struct intent i = {.kind = INTENT_PROMPT};

	snprintf(i.text, sizeof i.text, "%s", box->expression);
	return i;
}

struct intent view_sort(
        int *sort, bool *reversed, const struct list_column *columns, size_t n, const char *name)
{
	if (!name || !name[0]) {
		*sort = *sort + 1 < (int)n ? *sort + 1 : LIST_NO_COLUMN;
		*reversed = false;
		return intent_done();
	}
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(columns[i].name, name)) {
			*reversed = *sort == (int)i && !*reversed;
			*sort = (int)i;
			return intent_done();
		}
	}
	struct intent i = intent_say("");
	size_t used = (size_t)snprintf(i.text, sizeof i.text, "no column '%.40s'; there are", name);

	for (size_t k = 0; k < n && used < sizeof i.text; k++)
		used += (size_t)snprintf(i.text + used, sizeof i.text - used, " %s", columns[k].name);
	return i;
}

struct intent view_scope(const struct view_input *in, int cluster, int instance, const char *arg)
{
	struct intent i = {.kind = INTENT_SCOPE, .scope = {.cluster = -1, .instance = -1}};
	bool narrow = in->scope.cluster >= 0 || in->scope.instance >= 0;
	bool named = arg && (!strcmp(arg, "cluster") || !strcmp(arg, "instance"));

	if (arg && !named)
		return intent_none();
	if (named ? cluster < 0 : narrow || cluster < 0)
		return named ? intent_say("there is no line to narrow to") : i;
	if (named && instance < 0 && strcmp(arg, "instance") == 0)
		return intent_say("put the cursor on an instance");
	i.scope.cluster = cluster;
	i.scope.instance = named && strcmp(arg, "cluster") == 0 ? -1 : instance;
	return i;
}

bool view_stale_text(const struct view_input *in, const char *probe, bool many, struct buf *out,
        enum style *style, bool *all_old)
{
	struct buf reason;
	unsigned stale = 0, all = 0;
	size_t first = 0;

	for (size_t i = 0; i < in->snap->n; i++) {
		if (!scope_has(&in->scope, in->snap, i))
			continue;
		all++;
		if (snapshot_is_stale(in->snap, i, probe) && !stale++)
			first = i;
	}
	buf_init(&reason, 400);
	for (size_t i = 0; i < in->snap->n && !stale && !reason.len; i++)
		if (scope_has(&in->scope, in->snap, i))
			snapshot_reason(in->snap, first = i, probe, &reason);
	if (stale)
		snapshot_reason(in->snap, first, probe, &reason);
	if (reason.len && many && stale > 1)
		buf_printf(out, "%u of %u instances are not fresh, %s: ", stale, all,
		        view_instance_name(in, first));
	else if (reason.len && many)
		buf_printf(out, "%s: ", view_instance_name(in, first));
	buf_puts(out, buf_str(&reason));
	buf_free(&reason);
	*all_old = stale > 0 && stale == all;
	*style = stale ? STYLE_WARN : STYLE_NOTICE;
	return out->len > 0;
}

void view_clause(struct view_line *l, enum style style, const char *text)
{
	const char *dot = l->s->ascii ? ". " : "· ";
	int room = l->right - l->x;

	if (room < 8)
		return;
	if (l->begun)
		l->x += surface_text(l->s, l->x, l->y, 2, STYLE_DIM, dot);
	size_t n = strlen(text);
	int cells = (int)text_width(text, n);

	if (cells > l->right - l->x)
		cells = l->right - l->x;
	surface_field(l->s, l->x, l->y, cells, style, text, n, false);
	l->x += cells + 1;
	l->begun = true;
}

void view_say(struct view_line *l, enum style style, const char *text)
{
	surface_field(l->s, l->x, l->y, l->right - l->x, style, text, strlen(text), false);
	l->y++;
}

void view_say_why_nothing(const struct view_input *in, const char *probe, struct view_line *l, int bottom)
{
	view_say(l, STYLE_DIM, "No sessions have been read yet.");
	for (size_t i = 0; i < in->snap->n && l->y < bottom; i++) {
		struct buf b;

		if (!scope_has(&in->scope, in->snap, i))
			continue;
		buf_init(&b, 512);
		buf_printf(&b, "%s: ", view_instance_name(in, i));
		size_t before = b.len;

		snapshot_reason(in->snap, i, probe, &b);
		if (b.len == before)
			buf_puts(&b, "waiting for the first answer");
		view_say(l, in->snap->instances[i].link.state == LINK_DOWN ? STYLE_WARN : STYLE_TEXT,
		        buf_str(&b));
		buf_free(&b);
	}
}
