/* What the shell's files share. Private to tui/shell*.c. */
#ifndef DBATOP_TUI_SHELL_STATE_H
#define DBATOP_TUI_SHELL_STATE_H

#include "tui/dialog.h"
#include "tui/frame.h"
#include "tui/prompt.h"
#include "tui/shell.h"

enum {
	SHELL_RUNS_MAX = 16,
	SHELL_TRAIL_MAX = 8,
	SHELL_VIEWS_MAX = 16,
	SHELL_MESSAGE_MAX = 512,
	SHELL_SAY_MS = 6000
};

enum overlay { OVERLAY_NONE, OVERLAY_HELP, OVERLAY_LOG, OVERLAY_SELF };

/* A plan on its way. */
struct running {
	struct action_run *run; /* NULL: free */
	size_t targets;
	bool finished, prod;
	enum action_kind kind;
	char title[PLAN_LINE_MAX];
};

/* Where Esc comes back to. */
struct trail {
	size_t view;
	struct scope scope;
};

struct shell {
	struct shell_options opt;
	struct keymap *keymap;
	struct theme theme;
	struct terminal *terminal; /* NULL in tests */
	struct surface *surface;   /* the terminal's frame */

	/* data */
	struct snapshot *live, *shown; /* the same unless PAUSED */
	struct finding_memory *memory;
	struct findings *findings;
	bool paused;
	mono_ns paused_at;

	/* views */
	size_t nviews, open;
	void *state[SHELL_VIEWS_MAX];
	struct scope scope;
	struct trail trail[SHELL_TRAIL_MAX];
	size_t ntrail;
	int width, height; /* of the last draw: where the body is */
	int body_height;
	bool stale; /* data, size, scope or view are others than the open view knows */

	/* what lies over the view */
	struct prompt prompt;
	struct dialog dialog;
	enum overlay overlay;
	struct page page;
	int page_top;

	/* acting and asking */
	struct running running[SHELL_RUNS_MAX];
	mono_ns armed_until;
	void *question;
	struct row_ref asked;
	const struct sample *answer;
	struct err answer_err;
	bool answered;

	/* the message line */
	char message[SHELL_MESSAGE_MAX];
	enum severity message_severity;
	mono_ns message_until;        /* MONO_NEVER: until a key */
	char told[SHELL_MESSAGE_MAX]; /* the trouble of the view's filter that was said last */

	uint32_t interval_ms;
	mono_ns last_ctrl_c;
	bool quit, suspend, repaint;
};

static inline const struct view *shell_view(const struct shell *sh)
{
	return sh->opt.views[sh->open];
}
static inline mono_ns shell_now(const struct shell *sh)
{
	return clock_now(sh->opt.clock);
}

/* shell.c */
void shell_say(struct shell *sh, enum severity severity, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void shell_input(struct shell *sh, struct view_input *in); /* what the view gets now */
void shell_frame(struct shell *sh, struct frame_info *info, struct frame_layout *layout);
void shell_settle(struct shell *sh);  /* brings the open view up to date */
void shell_trouble(struct shell *sh); /* says what the view cannot filter, unless that was said */
void shell_wants(struct shell *sh);
void shell_resume(struct shell *sh);
void shell_open(struct shell *sh, size_t view, struct scope scope, const struct row_ref *row);
void shell_back(struct shell *sh);
bool shell_view_index(const struct shell *sh, const char *name, size_t *index);

/* shell_loop.c */
bool shell_paint(struct shell *sh); /* false: the terminal has not taken the last frame yet */

/* shell_keys.c */
void shell_command(struct shell *sh, enum command c, const char *arg);
void shell_intent(struct shell *sh, struct intent *intent);

/* shell_commands.c: what the view leaves to the shell. */
void shell_own_command(struct shell *sh, enum command c, const char *arg);
void shell_line(struct shell *sh, const char *line); /* the `:` line */

/* shell_act.c */
void shell_act(struct shell *sh, const struct intent *intent);
void shell_dialog_key(struct shell *sh, const struct input_event *ev);
void shell_follow(struct shell *sh); /* after new data: moves actions and questions on */
void shell_ask(struct shell *sh, const struct row_ref *row, const char *probe);
size_t shell_running(const struct shell *sh);
void shell_forget(struct shell *sh); /* questions and actions, at the end */

#endif
