/* The action dialog: see dialog.h. */
#include "tui/dialog.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 96, CTRL_C = 3, BULK_LARGE = 200 };

static const char *verdict_mark(enum plan_verdict v)
{
	switch (v) {
	case PLAN_OPEN:
		return "";
	case PLAN_SECOND:
		return "▲ ";
	case PLAN_REFUSED:
		return "✖ ";
	case PLAN_GONE:
		return "○ ";
	}
	return "";
}

/* Of many, each is still there: with two lines, of very many with one. */
static void add_target(struct page *page, const struct plan_target *t, size_t of)
{
	bool bulk = of > 1;
	unsigned most = !bulk ? PLAN_LINES : of > BULK_LARGE ? 1 : 2;
	for (unsigned i = 0; i < t->nlines && i < most; i++)
		page_add(page, i == 0 ? STYLE_STRONG : STYLE_TEXT, "%s%s", bulk && i > 0 ? "  " : "",
		        t->line[i]);
	if (t->why[0] != '\0')
		page_add(page, t->verdict == PLAN_SECOND ? STYLE_WARN : STYLE_CRIT, "%s%s",
		        verdict_mark(t->verdict), t->why);
	if (t->offer[0] != '\0')
		page_add(page, STYLE_NOTICE, "→ %s", t->offer);
}

static void build_plan_page(struct dialog *d)
{
	const struct action_plan *plan = d->plan;
	page_clear(&d->page);
	for (size_t i = 0; i < plan->n; i++)
		add_target(&d->page, &plan->targets[i], plan->n);
	if (plan->n > 1 && plan->doable < plan->n)
		page_add(&d->page, STYLE_DIM, "%zu of %zu can be acted on", plan->doable, plan->n);
}

void dialog_plan(struct dialog *d, struct action_plan *plan)
{
	dialog_close(d);
	d->kind = DIALOG_PLAN;
	d->plan = plan;
	d->prod = plan->prod;
	snprintf(d->title, sizeof(d->title), "%s", plan->title);
	build_plan_page(d);
}

void dialog_ask(struct dialog *d, enum dialog_kind kind, const char *title, const char *text, bool prod)
{
	dialog_close(d);
	d->kind = kind;
	d->prod = prod;
	snprintf(d->title, sizeof(d->title), "%s", title);
	page_add(&d->page, STYLE_TEXT, "%s", text);
}

void dialog_close(struct dialog *d)
{
	plan_free(d->plan);
	page_clear(&d->page);
	*d = (struct dialog){.kind = DIALOG_NONE};
}

bool dialog_listens(const struct dialog *d, mono_ns now)
{
	return d->painted != 0 && now - d->painted >= DIALOG_DEAF_MS * NS_PER_MS;
}

/* What must be typed before `y` counts; "" when y alone does. */
static const char *must_type(const struct dialog *d)
{
	bool typed = d->kind == DIALOG_PLAN &&
	             (d->plan->confirm == CONFIRM_ID || d->plan->confirm == CONFIRM_COUNT);
	return typed ? d->plan->expect : "";
}

static bool can_confirm(const struct dialog *d)
{
	if (d->kind == DIALOG_PLAN)
		return d->plan->confirm != CONFIRM_NONE && d->plan->doable > 0;
	return true;
}

static bool is_armed(const struct dialog *d)
{
	return strcmp(d->typed, must_type(d)) == 0;
}

static bool has_second(const struct action_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->targets[i].verdict == PLAN_SECOND)
			return true;
	}
	return false;
}

/* The second question is a dialog of its own, deaf again at first. */
static void ask_again(struct dialog *d)
{
	d->kind = DIALOG_SECOND;
	d->painted = 0;
	d->top = 0;
	d->typed[0] = '\0';
	page_clear(&d->page);
	page_add(&d->page, STYLE_WARN, "%s", "This needs a second decision:");
	for (size_t i = 0; i < d->plan->n; i++) {
		const struct plan_target *t = &d->plan->targets[i];
		if (t->verdict != PLAN_SECOND)
			continue;
		if (t->nlines > 0)
			page_add(&d->page, STYLE_STRONG, "%s", t->line[0]);
		page_add(&d->page, STYLE_TEXT, "%s", t->why);
	}
}

static enum dialog_answer confirm(struct dialog *d)
{
	if (d->kind == DIALOG_PLAN && has_second(d->plan)) {
		ask_again(d);
		return DIALOG_STAYS;
	}
	return DIALOG_YES;
}

static void scroll(struct dialog *d, int key)
{
	int step = key == 'j' || key == KEYCODE_DOWN ? 1
	           : key == 'k' || key == KEYCODE_UP ? -1
	           : key == KEYCODE_PGDN             ? 10
	           : key == KEYCODE_PGUP             ? -10
	                                             : 0;
	d->top += step;
	if (d->top < 0)
		d->top = 0;
}

enum dialog_answer dialog_key(struct dialog *d, const struct input_event *ev, mono_ns now)
{
	size_t n = strlen(d->typed);
	int key = ev->key;
	/* Leaving is always heard: it changes nothing. */
	if (!ev->pasted && (key == KEYCODE_ESC || key == CTRL_C))
		return DIALOG_LEFT;
	if (ev->pasted || key == KEYCODE_MOUSE || !dialog_listens(d, now))
		return DIALOG_STAYS;
	if (!can_confirm(d)) {
		scroll(d, key);
		return key == KEYCODE_ENTER || key == 'q' ? DIALOG_LEFT : DIALOG_STAYS;
	}
	if (key == 'y' && is_armed(d))
		return confirm(d);
	if (key == 'n' || (key == 'q' && d->kind != DIALOG_QUIT))
		return DIALOG_LEFT;
	if (key == KEYCODE_BACKSPACE && n > 0)
		d->typed[n - 1] = '\0';
	else if (must_type(d)[0] != '\0' && key < 0x80 && isdigit(key) && n + 1 < sizeof(d->typed)) {
		d->typed[n] = (char)key;
		d->typed[n + 1] = '\0';
	} else {
		scroll(d, key);
	}
	return DIALOG_STAYS;
}

/* ---- drawing ---- */

static const char *verb(const struct dialog *d)
{
	if (d->plan == NULL)
		return d->kind == DIALOG_QUIT ? "quits" : "ends the connection";
	return d->plan->kind == ACTION_CANCEL ? "cancels" : "terminates";
}

/* The question, below the page. */
static void draw_question(const struct dialog *d, struct surface *s, int x, int y, int cells, bool listens)
{
	const char *expect = must_type(d);
	enum style key = listens ? STYLE_KEY : STYLE_DIM;
	int end = x + cells;
	if (!can_confirm(d))
		return;
	if (expect[0] != '\0') {
		bool count = d->plan->confirm == CONFIRM_COUNT;
		const char *ask =
		        count ? "type the number of victims to arm: " : "type the session id to arm: ";
		if (cells < 50)
			ask = count ? "victims: " : "id: ";
		x += surface_text(s, x, y, end - x, STYLE_TEXT, ask);
		x += surface_text(s, x, y, end - x, is_armed(d) ? STYLE_CRIT : STYLE_INPUT, d->typed);
		if (!is_armed(d)) {
			surface_text(s, x, y, end - x, STYLE_INPUT, "_");
			return;
		}
		x += 3;
	}
	x += surface_text(s, x, y, end - x, key, "y") + 1;
	surface_text(s, x, y, end - x, expect[0] != '\0' ? STYLE_CRIT : STYLE_TEXT, verb(d));
}

void dialog_draw(struct dialog *d, struct surface *s, struct rect within, mono_ns now)
{
	enum style border = d->prod ? STYLE_PROD : STYLE_ACCENT;
	bool asks = can_confirm(d);
	char title[PLAN_LINE_MAX];
	if (d->painted == 0)
		d->painted = now;
	text_truncate(title, sizeof(title), d->title, strlen(d->title), WIDTH - 8, s->ascii);
	int cells = WIDTH < within.w - 6 ? WIDTH : within.w - 6;
	/* Two lines of the box are the question's: a blank one and itself. */
	struct page shown = d->page;
	struct page_line lines[PAGE_LINES_MAX];
	char empty[] = "";
	size_t extra = asks ? 2 : 0;
	if (shown.n + extra > PAGE_LINES_MAX)
		shown.n = PAGE_LINES_MAX - extra;
	memcpy(lines, shown.line, shown.n * sizeof(lines[0]));
	for (size_t i = 0; i < extra; i++)
		lines[shown.n++] = (struct page_line){.text = empty};
	shown.line = lines;
	int fits = within.h - 2;
	bool tall = page_height(&shown, cells) > fits;
	struct rect box = page_box(
	        &shown, s, within, cells, border, title, asks ? "Esc leaves it" : "Esc closes", &d->top);
	if (!asks || box.h < 3)
		return;
	int y = box.y + box.h - 2;
	int x = box.x + (box.w >= cells + 4 ? 2 : 1);
	int room = box.w - 2 * (x - box.x);
	if (tall)
		surface_fill(s, (struct rect){x, y, room, 1}, STYLE_TEXT, ' ');
	draw_question(d, s, x, y, room, dialog_listens(d, now));
}
