/* Asks for passwords on the terminal, before the first thread and before curses: the one moment when the tty
 * is ours alone. Nothing is echoed, nothing reaches argv or the environment. */
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/text.h"

enum { PASSWORD_MAX = 1024 };

static void say(int tty, const char *text)
{
	size_t n = strlen(text);
	while (n > 0) {
		ssize_t wrote = write(tty, text, n);
		if (wrote <= 0)
			return;
		text += wrote;
		n -= (size_t)wrote;
	}
}

/* One line without its end; false at the end of input or an error. */
static bool read_line(int tty, char *line, size_t cap)
{
	size_t n = 0;
	for (;;) {
		char c;
		ssize_t got = read(tty, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		if (c == '\n' || c == '\r')
			break;
		if (n + 1 < cap)
			line[n++] = c;
	}
	line[n] = '\0';
	return true;
}

static bool ask(int tty, const struct instance_cfg *i, char *line, size_t cap)
{
	char question[256], name[160];
	text_sanitise(name, sizeof(name), i->name, strlen(i->name));
	snprintf(question, sizeof(question),
	        "Password of %.60s on %s: ", i->endpoint.user != NULL ? i->endpoint.user : "the default user",
	        name);
	say(tty, question);
	bool ok = read_line(tty, line, cap);
	say(tty, "\r\n");
	return ok;
}

static bool needs_password(const struct endpoint *ep)
{
	return ep->password == NULL && ep->password_file == NULL && ep->password_command == NULL;
}

bool prompt_passwords(struct config *cfg, struct err *e)
{
	struct termios before, quiet;
	char line[PASSWORD_MAX];
	bool ok = true;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0 || tcgetattr(tty, &before) != 0) {
		if (tty >= 0)
			close(tty);
		return err_set(e, ERR_USAGE,
		        "--password asks on the terminal, and there is none: use password_file or "
		        "password_command in the configuration");
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* Signals wait for the signal thread, which is not there yet: let Ctrl-C end the question as a line.
	 */
	quiet.c_lflag &= ~(tcflag_t)ISIG;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	for (size_t i = 0; ok && i < cfg->ninstances; i++) {
		struct endpoint *ep = &cfg->instances[i].endpoint;
		if (!needs_password(ep))
			continue;
		ok = ask(tty, &cfg->instances[i], line, sizeof(line)) && strchr(line, '\003') == NULL;
		if (ok)
			ep->password = xstrdup(line);
	}
	explicit_bzero(line, sizeof(line));
	tcsetattr(tty, TCSAFLUSH, &before);
	close(tty);
	return ok || err_set(e, ERR_USAGE, "no password was given");
}
