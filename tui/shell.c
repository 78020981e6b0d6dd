/* The shell's life: opening, taking data, composing the screen. What keys do is in shell_keys.c. */
#include "tui/shell_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

const char *const shell_probes[] = {"server", "pulse", "sessions", "blockers", "replication_brief",
        "replication", "replication_local", "horizon", NULL};

/* ---- the message line ---- */

void shell_say(struct shell *sh, enum severity severity, const char *fmt, ...)
{
	char text[SHELL_MESSAGE_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_sanitise(sh->message, sizeof(sh->message), text, strlen(text));
	sh->message_severity = severity;
	/* What went wrong stays until a key; what went well need not be cleared away. */
	sh->message_until = severity >= SEVERITY_WARN ? MONO_NEVER : shell_now(sh) + SHELL_SAY_MS * NS_PER_MS;
}

/* ---- data ---- */

void shell_wants(struct shell *sh)
{
	const struct snapshot *snap = sh->live;
	const struct view *v = shell_view(sh);
	uint32_t slots = 0;
	if (snap == NULL || snap->probes == NULL || sh->opt.source->want == NULL)
		return;
	for (size_t i = 0; shell_probes[i] != NULL; i++) {
		int slot = probe_set_slot(snap->probes, shell_probes[i]);
		slots |= slot >= 0 ? 1U << slot : 0;
	}
	for (size_t i = 0; v->probes != NULL && v->probes[i] != NULL; i++) {
		int slot = probe_set_slot(snap->probes, v->probes[i]);
		slots |= slot >= 0 ? 1U << slot : 0;
	}
	for (size_t i = 0; i < snap->n; i++)
		sh->opt.source->want(sh->opt.source->arg, i, slots);
}

static void release(struct shell *sh, struct snapshot *snap)
{
	if (snap != NULL)
		sh->opt.source->release(sh->opt.source->arg, snap);
}

void shell_data(struct shell *sh)
{
	const struct shell_source *source = sh->opt.source;
	struct snapshot *snap = source->take(source->arg);
	if (snap == NULL)
		return;
	struct snapshot *old = sh->live;
	bool first = old == NULL;
	bool grew = old != NULL && old->n != snap->n;
	sh->live = snap;
	if (!sh->paused || sh->shown == NULL) {
		struct findings *findings = findings_build(sh->memory, snap);
		findings_free(sh->findings);
		sh->findings = findings;
		sh->shown = snap;
		sh->stale = true;
	}
	/* The old one goes last: the view looks at the new one before it is asked anything. */
	shell_settle(sh);
	if (old != NULL && old != sh->shown)
		release(sh, old);
	if (first || grew)
		shell_wants(sh);
	shell_follow(sh);
}

/* Goes on with the newest data after a pause. */
void shell_resume(struct shell *sh)
{
	struct snapshot *frozen = sh->shown;
	sh->paused = false;
	if (frozen == sh->live)
		return;
	struct findings *findings = findings_build(sh->memory, sh->live);
	findings_free(sh->findings);
	sh->findings = findings;
	sh->shown = sh->live;
	sh->stale = true;
	shell_settle(sh);
	release(sh, frozen);
}

/* ---- what the view gets ---- */

void shell_input(struct shell *sh, struct view_input *in)
{
	struct frame_info info;
	struct frame_layout layout;
	shell_frame(sh, &info, &layout);
	*in = (struct view_input){
	        .snap = sh->shown,
	        .findings = sh->findings,
	        .now = sh->paused ? sh->paused_at : shell_now(sh),
	        .scope = sh->scope,
	        .live = !sh->paused,
	        .read_only = sh->opt.read_only,
	        .keymap = sh->keymap,
	        .body = layout.body,
	        .asked = sh->asked,
	        .answer = sh->answered ? sh->answer : NULL,
	        .answer_err = sh->answered && sh->answer == NULL ? &sh->answer_err : NULL,
	};
}

void shell_trouble(struct shell *sh)
{
	const struct view *v = shell_view(sh);
	const char *trouble = v->trouble != NULL ? v->trouble(sh->state[sh->open]) : NULL;
	if (trouble == NULL || strcmp(sh->told, trouble) == 0) {
		sh->told[0] = trouble != NULL ? sh->told[0] : '\0';
		return;
	}
	snprintf(sh->told, sizeof(sh->told), "%s", trouble);
	if (sh->prompt.kind == PROMPT_FILTER)
		snprintf(sh->prompt.error, sizeof(sh->prompt.error), "%s", trouble);
	else
		shell_say(sh, SEVERITY_WARN, "%s", trouble);
}

void shell_settle(struct shell *sh)
{
	struct view_input in;
	if (sh->shown == NULL || !sh->stale)
		return;
	shell_input(sh, &in);
	shell_view(sh)->update(sh->state[sh->open], &in);
	sh->stale = false;
	shell_trouble(sh);
}

bool shell_view_index(const struct shell *sh, const char *name, size_t *index)
{
	for (size_t i = 0; i < sh->nviews; i++) {
		if (strcmp(sh->opt.views[i]->name, name) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}

void shell_open(struct shell *sh, size_t view, struct scope scope, const struct row_ref *row)
{
	struct view_input in;
	if (sh->ntrail == SHELL_TRAIL_MAX)
		memmove(&sh->trail[0], &sh->trail[1], --sh->ntrail * sizeof(sh->trail[0]));
	sh->trail[sh->ntrail++] = (struct trail){.view = sh->open, .scope = sh->scope};
	sh->open = view;
	sh->scope = scope;
	sh->stale = true;
	shell_wants(sh);
	shell_settle(sh);
	if (row == NULL || row->instance < 0 || sh->shown == NULL)
		return;
	shell_input(sh, &in);
	if (!shell_view(sh)->select(sh->state[sh->open], &in, row))
		shell_say(sh, SEVERITY_NOTICE, "it is not there any more");
}

void shell_back(struct shell *sh)
{
	if (sh->ntrail > 0) {
		const struct trail *t = &sh->trail[--sh->ntrail];
		sh->open = t->view;
		sh->scope = t->scope;
	} else {
		sh->scope = (struct scope){.cluster = -1, .instance = -1};
	}
	sh->stale = true;
	shell_wants(sh);
}

/* ---- the screen ---- */

static bool offers(void *arg, enum command c)
{
	struct shell *sh = arg;
	struct view_input in;
	if ((command_info(c)->flags & CMD_VIEW) == 0)
		return true;
	if (sh->shown == NULL || sh->shown->n == 0)
		return false;
	shell_input(sh, &in);
	return shell_view(sh)->offers(sh->state[sh->open], &in, c);
}

static void count_health(const struct shell *sh, struct frame_info *info)
{
	for (size_t i = 0; i < info->snap->n; i++) {
		const struct finding *f = sh->findings != NULL ? findings_of(sh->findings, i) : NULL;
		enum link_state link = info->snap->instances[i].link.state;
		if (f != NULL && f->severity == SEVERITY_CRIT)
			info->crit++;
		else if (f != NULL && f->severity == SEVERITY_WARN)
			info->warn++;
		else if (link == LINK_UP)
			info->ok++;
		else
			info->pending++;
	}
}

void shell_frame(struct shell *sh, struct frame_info *info, struct frame_layout *layout)
{
	mono_ns now = shell_now(sh);
	const struct findings *f = sh->findings;
	*info = (struct frame_info){
	        .views = sh->opt.views,
	        .open = shell_view(sh),
	        .keymap = sh->keymap,
	        .snap = sh->shown,
	        .scope = sh->scope,
	        .time = sh->paused ? FRAME_PAUSED : FRAME_LIVE,
	        .wall = sh->paused && sh->shown != NULL ? sh->shown->wall : clock_wall(sh->opt.clock),
	        .behind_ms = sh->paused ? (now - sh->paused_at) / NS_PER_MS : 0,
	        .worst = f != NULL && f->n > 0 ? &f->item[0] : NULL,
	        .read_only = sh->opt.read_only,
	        .armed_ms = sh->armed_until > now ? (sh->armed_until - now) / NS_PER_MS : 0,
	        .following = shell_running(sh),
	        .message = sh->message_until > now ? sh->message : NULL,
	        .message_severity = sh->message_severity,
	        .offers = offers,
	        .offers_arg = sh,
	};
	info->can_go = info->worst != NULL;
	if (info->snap != NULL)
		count_health(sh, info);
	frame_layout(sh->width, sh->height, frame_sentence_width(info), layout);
}

static void draw_overlay(struct shell *sh, struct rect body, struct surface *out)
{
	static const char *const titles[] = {"", "Keys and commands", "Log", "What dbatop itself costs"};
	enum { OVERLAY_CELLS = 96 };
	page_box(&sh->page, out, body, OVERLAY_CELLS, STYLE_BORDER, titles[sh->overlay], "Esc closes",
	        &sh->page_top);
}

/* On the smallest screens nothing may float: what floats takes all of it. */
static struct rect floating(const struct shell *sh, const struct frame_layout *l)
{
	if (l->body.h < 8)
		return (struct rect){0, 0, sh->width, sh->height};
	return l->body;
}

/* Behind a question the view steps back; the selected row stays to be seen. */
static void step_back(struct surface *s, struct rect r)
{
	for (int y = r.y; y < r.y + r.h; y++) {
		for (int x = r.x; x < r.x + r.w; x++) {
			struct surface_cell *c = surface_at(s, x, y);
			if (c != NULL)
				c->style = STYLE_STALE;
		}
	}
}

void shell_draw(struct shell *sh, struct surface *out)
{
	struct frame_info info;
	struct frame_layout layout;
	struct view_input in;
	if (out->width != sh->width || out->height != sh->height) {
		sh->width = out->width;
		sh->height = out->height;
		sh->stale = true;
	}
	surface_clear(out);
	if (sh->shown == NULL)
		return;
	/* First, since it may have something to say in the frame. */
	shell_settle(sh);
	shell_frame(sh, &info, &layout);
	if (layout.body.h != sh->body_height) {
		/* The frame took or gave a line: the view must know before it draws. */
		sh->body_height = layout.body.h;
		sh->stale = true;
	}
	shell_settle(sh);
	shell_input(sh, &in);
	if (sh->shown->n == 0)
		welcome_draw(out, layout.body);
	else if (layout.body.h > 0)
		shell_view(sh)->render(sh->state[sh->open], &in, out);
	frame_draw(&info, &layout, out);
	if (sh->overlay != OVERLAY_NONE)
		draw_overlay(sh, floating(sh, &layout), out);
	if (sh->dialog.kind != DIALOG_NONE) {
		step_back(out, layout.body);
		dialog_draw(&sh->dialog, out, floating(sh, &layout), shell_now(sh));
	}
	if (sh->prompt.kind != PROMPT_NONE)
		prompt_draw(&sh->prompt, out, layout.foot >= 0 ? layout.foot : out->height - 1);
}

/* ---- life ---- */

static bool open_terminal(struct shell *sh, struct err *e)
{
	struct terminal_options opt = {.in_fd = sh->opt.in_fd,
	        .out_fd = sh->opt.out_fd,
	        .term = sh->opt.term,
	        .colorterm = sh->opt.colorterm,
	        .no_color = sh->opt.no_color,
	        .mouse = sh->opt.config->mouse,
	        .theme = &sh->theme};
	if (!terminal_open(&opt, &sh->terminal, e))
		return false;
	int width = 0;
	int height = 0;
	terminal_size(sh->terminal, &width, &height);
	sh->surface = surface_new(width, height, sh->opt.ascii);
	terminal_title(sh->terminal, "dbatop");
	return true;
}

bool shell_new(const struct shell_options *opt, struct shell **out, struct err *e)
{
	struct err bad_theme = {.code = ERR_NONE};
	struct shell *sh = xcalloc(1, sizeof(*sh));
	sh->opt = *opt;
	sh->opt.ascii = opt->ascii || opt->config->ascii;
	sh->opt.read_only = opt->read_only || opt->config->read_only;
	sh->interval_ms = opt->config->interval_ms;
	sh->scope = (struct scope){.cluster = -1, .instance = -1};
	sh->asked.instance = -1;
	sh->width = 80;
	sh->height = 24;
	sh->keymap = keymap_new(opt->config, e);
	if (sh->keymap == NULL) {
		free(sh);
		return false;
	}
	bool themed =
	        theme_load(opt->theme != NULL ? opt->theme : opt->config->theme, &sh->theme, &bad_theme);
	while (opt->views[sh->nviews] != NULL && sh->nviews < SHELL_VIEWS_MAX) {
		const struct view *v = opt->views[sh->nviews];
		sh->state[sh->nviews] = xcalloc(1, v->state_size > 0 ? v->state_size : 1);
		if (v->init != NULL)
			v->init(sh->state[sh->nviews]);
		sh->nviews++;
	}
	if (opt->open != NULL && !shell_view_index(sh, opt->open, &sh->open))
		sh->open = 0;
	sh->memory = finding_memory_new(opt->once);
	sh->stale = true;
	if (opt->in_fd >= 0 && !open_terminal(sh, e)) {
		shell_free(sh);
		return false;
	}
	if (!themed)
		shell_say(sh, SEVERITY_WARN, "%s", bad_theme.text);
	shell_data(sh);
	if (sh->terminal != NULL)
		shell_paint(sh);
	*out = sh;
	return true;
}

void shell_free(struct shell *sh)
{
	if (sh == NULL)
		return;
	shell_forget(sh);
	terminal_close(sh->terminal);
	surface_free(sh->surface);
	dialog_close(&sh->dialog);
	page_clear(&sh->page);
	for (size_t i = 0; i < sh->nviews; i++) {
		if (sh->opt.views[i]->fini != NULL)
			sh->opt.views[i]->fini(sh->state[i]);
		free(sh->state[i]);
	}
	findings_free(sh->findings);
	finding_memory_free(sh->memory);
	if (sh->shown != sh->live)
		release(sh, sh->shown);
	release(sh, sh->live);
	keymap_free(sh->keymap);
	free(sh);
}

bool shell_reset(const struct shell *sh, struct terminal_reset *out)
{
	if (sh->terminal == NULL)
		return false;
	terminal_reset(sh->terminal, out);
	return true;
}

bool shell_quits(const struct shell *sh)
{
	return sh->quit;
}
