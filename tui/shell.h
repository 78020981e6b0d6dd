/* The shell: everything around a view. It owns the terminal, takes snapshots, turns keys into commands and
 * commands into what views and actions do. It knows no thread, no server and no file of views: all of that is
 * given to it, so a test drives it with a script. UI thread only; waits for nothing but its poll(). */
#ifndef DBATOP_TUI_SHELL_H
#define DBATOP_TUI_SHELL_H

#include "core/base/log.h"
#include "core/model/plan.h"
#include "core/run/action.h"
#include "tui/term.h"
#include "tui/view.h"

/* Probes that findings need, whatever view is open: the line above the footer is always there.
 * NULL-terminated.
 */
extern const char *const shell_probes[];

/* Where data come from and where wishes go. No function may block; NULL means that it cannot be done here. */
struct shell_source {
	void *arg;
	int fd; /* readable when something changed; take() drains it. -1: there is none */
	struct snapshot *(*take)(void *arg); /* the shell frees it with release */
	void (*release)(void *arg, struct snapshot *snap);
	void (*want)(void *arg, size_t instance, uint32_t slots); /* which probes are looked at */
	void (*kick)(void *arg, uint32_t interval_ms);            /* ask now; interval 0: as it is */
	/* A new instance for this run. */
	bool (*add)(void *arg, size_t like, const char *host, uint16_t port, struct err *e);
	/* A probe about one session ("statement", "lock_rows"): begins a question, NULL with e set when that
	 * cannot be asked. */
	void *(*ask)(void *arg, size_t instance, const char *probe, const struct session_ref *session,
	        struct err *e);
	/* True when it is done: *sample is borrowed until forget, NULL with *e filled on failure. */
	bool (*answer)(void *arg, void *question, const struct sample **sample, struct err *e);
	void (*forget)(void *arg, void *question);
	void (*self)(void *arg, struct buf *out); /* lines about own cost, for :self */
};

/* Who carries plans out: core/run/action.c, or a test. */
struct shell_actions {
	void *arg;
	/* Takes the plan over; NULL with e set when nothing was begun (the plan is freed then, too). */
	struct action_run *(*start)(
	        void *arg, const struct snapshot *snap, struct action_plan *plan, bool second, struct err *e);
	void (*look)(void *arg, struct action_run *run, const struct snapshot *snap, size_t target,
	        struct action_progress *out);
	bool (*insist)(void *arg, struct action_run *run, size_t target, struct err *e);
	bool (*finished)(void *arg, const struct action_run *run);
	void (*free)(void *arg, struct action_run *run);
};

struct shell_options {
	const struct config *config;
	const struct view *const *views; /* NULL-terminated; the first one opens */
	const char *open;                /* name of the view to open first; NULL: the first */
	const struct clock *clock;
	const struct shell_source *source;
	const struct shell_actions *actions; /* NULL: looking only */
	struct log *log;
	int signal_fd; /* signalfd of WINCH, TSTP, CONT; -1 */
	int quit_fd;   /* readable when it is time to leave (the signal thread's eventfd); -1 */
	/* The terminal: in_fd -1 for none (tests and `once` draw with shell_draw). */
	int in_fd, out_fd;
	const char *term, *colorterm, *no_color;
	bool ascii; /* --ascii, or a locale without UTF-8 */
	bool read_only;
	bool once;         /* a single look: findings that ask for several samples take one */
	const char *theme; /* NULL: the config's */
};

struct shell;

/* Opens the terminal and paints the first frame from what the source has by then; call it before the first
 * thread. ERR_USAGE: no terminal, a bad key binding. A bad theme is a message on the screen and the default.
 */
bool shell_new(const struct shell_options *opt, struct shell **out, struct err *e);
/* Runs until the operator quits, quit_fd says so, or the terminal is gone. */
enum shell_end { SHELL_QUIT, SHELL_SIGNAL, SHELL_TERMINAL_GONE };
enum shell_end shell_run(struct shell *sh);
/* Restores the terminal. NULL is allowed. */
void shell_free(struct shell *sh);
/* For the crash handler; false when there is no terminal. */
bool shell_reset(const struct shell *sh, struct terminal_reset *out);

/* The parts of the loop, for tests: one event in; new data in; the whole screen of this moment on a surface
 * of any size. */
void shell_event(struct shell *sh, const struct input_event *ev);
void shell_data(struct shell *sh);
void shell_draw(struct shell *sh, struct surface *out);
bool shell_quits(const struct shell *sh);

#endif
