/* `dbatop`: the live cockpit. Puts the engine, the views and the terminal together in the one order that
 * works: terminal and first frame, then threads, then servers; and takes them apart in the reverse. */
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/top_source.h"
#include "core/base/human.h"
#include "core/base/mem.h"
#include "core/run/process.h"
#include "tui/shell.h"

enum { STOP_MS = 200 };

/* What lives as long as the screen does. */
struct top {
	struct app app;
	struct top_source source;
	struct journal *journal;
	struct shell *shell;
	int signal_fd;
	int stderr_fd; /* a copy of fd 2, which is the log while the screen is up; -1 */
};

static bool set_interval(struct config *cfg, const char *text, struct err *e)
{
	int64_t ms = text != NULL ? human_parse_duration(text) : cfg->interval_ms;
	if (ms < 200 || ms > 60000)
		return err_set(e, ERR_USAGE, "--interval: '%s' is no time between 200ms and 60s", text);
	cfg->interval_ms = (uint32_t)ms;
	return true;
}

static bool check_view(const char *name, struct err *e)
{
	for (size_t i = 0; name != NULL && views[i] != NULL; i++)
		if (strcmp(views[i]->name, name) == 0)
			return true;
	return name == NULL || err_set(e, ERR_USAGE, "--view: there is no view '%s'", name);
}

/* Without a folder for it there is no journal, and without a journal nothing can be ended: said when it is
 * tried. */
static void open_journal(struct top *t, struct err *why)
{
	struct journal_origin origin;
	journal_origin_read(&origin);
	if (t->app.config->state_dir != NULL)
		t->journal = journal_open(t->app.config->state_dir, &origin, &clock_real, why);
	else
		err_set(why, ERR_USAGE, "there is no home folder for the journal of actions: set state_dir");
}

static bool open_log(struct top *t, const struct app_options *opt, struct err *e)
{
	struct app_options ring = *opt;
	if (app_prepare(&t->app, opt, e))
		return true;
	/* A log that cannot be written must not keep anybody from looking. */
	if (opt->log_path == NULL || t->app.log != NULL)
		return false;
	ring.log_path = NULL;
	return app_prepare(&t->app, &ring, e);
}

static int screen_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* What libraries print would land on the screen: it goes to the log. */
static void quiet_stderr(struct top *t)
{
	int log = log_fd(t->app.log);
	if (log < 0)
		return;
	t->stderr_fd = dup(STDERR_FILENO);
	dup2(log, STDERR_FILENO);
}

static void loud_stderr(struct top *t)
{
	if (t->stderr_fd < 0)
		return;
	dup2(t->stderr_fd, STDERR_FILENO);
	close(t->stderr_fd);
	t->stderr_fd = -1;
}

static bool open_shell(struct top *t, const struct cli *cli, struct err *e)
{
	const struct shell_options opt = {
	        .config = t->app.config,
	        .views = views,
	        .open = cli->value[OPT_VIEW],
	        .clock = &clock_real,
	        .source = &t->source.shell,
	        .actions = &t->source.actions,
	        .log = t->app.log,
	        .signal_fd = t->signal_fd,
	        .quit_fd = process_cancel()->fd,
	        .in_fd = STDIN_FILENO,
	        .out_fd = STDOUT_FILENO,
	        .term = getenv("TERM"),
	        .colorterm = getenv("COLORTERM"),
	        .no_color = getenv("NO_COLOR"),
	        .ascii = cli->set[OPT_ASCII] || t->app.config->ascii ||
	                 strcmp(nl_langinfo(CODESET), "UTF-8") != 0,
	        .read_only = cli->set[OPT_READ_ONLY] || t->app.config->read_only,
	        .theme = cli->value[OPT_THEME],
	};
	struct terminal_reset reset;
	if (!shell_new(&opt, &t->shell, e))
		return false;
	if (shell_reset(t->shell, &reset))
		process_set_terminal(reset.fd, reset.bytes, reset.n, &reset.modes);
	return true;
}

static void close_shell(struct top *t)
{
	shell_free(t->shell);
	t->shell = NULL;
	process_set_terminal(-1, NULL, 0, NULL);
	loud_stderr(t);
}

/* From the first frame to the last. */
static int run(struct top *t, const struct cli *cli, const struct app_options *opt, struct err *e)
{
	if (!process_open(e) || !open_shell(t, cli, e))
		return cli_fail(e);
	quiet_stderr(t);
	if (!app_start(&t->app, opt, e) || !app_poll(&t->app, opt, e)) {
		close_shell(t);
		return cli_fail(e);
	}
	shell_data(t->shell);
	enum shell_end end = shell_run(t->shell);
	close_shell(t);
	if (end == SHELL_SIGNAL && process_signal() != 0)
		return 128 + process_signal();
	return end == SHELL_TERMINAL_GONE ? EXIT_FAILED : EXIT_OK;
}

static void log_beginnings(struct top *t, const struct err *no_journal)
{
	for (size_t i = 0; i < t->app.config->nwarnings; i++)
		log_write(t->app.log, LOG_WARN, "%s", t->app.config->warnings[i]);
	if (t->journal == NULL)
		log_write(
		        t->app.log, LOG_WARN, "nothing can be cancelled or terminated: %s", no_journal->text);
}

/* Before anything is opened or made: a pipe gets its sentence and leaves no folder behind. */
static bool has_terminal(struct err *e)
{
	const char *term = getenv("TERM");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(
		        e, ERR_USAGE, "standard input and output must be a terminal; try: dbatop once");
	if (term == NULL || *term == '\0' || strcmp(term, "dumb") == 0)
		return err_set(e, ERR_USAGE, "this terminal cannot move the cursor (TERM); try: dbatop once");
	return true;
}

static bool load(struct top *t, const struct cli *cli, struct err *e)
{
	return has_terminal(e) && app_load(&t->app, cli, e) && check_view(cli->value[OPT_VIEW], e) &&
	       set_interval(t->app.config, cli->value[OPT_INTERVAL], e);
}

int cmd_top(const struct cli *cli)
{
	struct err e = {0}, no_journal = {0};
	struct top t = {.signal_fd = -1, .stderr_fd = -1};
	int code = EXIT_USAGE;
	char *log_path = NULL;
	if (!load(&t, cli, &e)) {
		code = cli_fail(&e);
	} else {
		open_journal(&t, &no_journal);
		if (t.journal != NULL)
			log_path = xasprintf("%s/dbatop.log", t.app.config->state_dir);
		const struct app_options opt = {.admin = true,
		        .room = t.app.config->ninstances + TOP_SPARE_INSTANCES,
		        .log_path = log_path};
		t.signal_fd = screen_signals();
		if (open_log(&t, &opt, &e)) {
			log_beginnings(&t, &no_journal);
			top_source_init(&t.source, &t.app, t.journal, &no_journal);
			code = run(&t, cli, &opt, &e);
		} else {
			code = cli_fail(&e);
		}
	}
	app_stop(&t.app, STOP_MS);
	journal_close(t.journal);
	if (t.signal_fd >= 0)
		close(t.signal_fd);
	free(log_path);
	return code;
}
