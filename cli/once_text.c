/* The text form is the screen itself, drawn once on a surface instead of a terminal: what `once` prints and
 * what the cockpit shows cannot drift apart. */
#include "cli/once.h"

#include <stdint.h>
#include <stdlib.h>

#include "tui/shell.h"

enum { SCREEN_BYTES = 8 * 1024 * 1024 };

static struct snapshot *give(void *arg)
{
	/* The shell only reads it, and gives it back. */
	return (struct snapshot *)(uintptr_t)arg;
}

static void keep(void *arg, struct snapshot *snap)
{
	(void)arg;
	(void)snap;
}

bool once_text(const struct snapshot *snap, const struct view *view, int w, int h, bool ascii, FILE *out,
        struct err *e)
{
	const struct shell_source source = {
	        .arg = (void *)(uintptr_t)snap, .fd = -1, .take = give, .release = keep};
	const struct shell_options opt = {.config = snap->config,
	        .views = views,
	        .open = view->name,
	        .clock = &clock_real,
	        .source = &source,
	        .signal_fd = -1,
	        .quit_fd = -1,
	        .in_fd = -1,
	        .out_fd = -1,
	        .ascii = ascii,
	        .once = true,
	        .read_only = snap->config->read_only};
	struct shell *shell;
	if (!shell_new(&opt, &shell, e))
		return false;
	struct surface *screen = surface_new(w, h, ascii);
	shell_data(shell);
	shell_draw(shell, screen);
	struct buf text;
	buf_init(&text, SCREEN_BYTES);
	surface_to_text(screen, &text);
	fputs(buf_str(&text), out);
	buf_free(&text);
	surface_free(screen);
	shell_free(shell);
	return true;
}
