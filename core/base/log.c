/* The log of a program that owns the terminal: nothing may be printed, so what happened goes to a file and to
 * a ring that `:log` shows. A line is one write(), so that lines of several processes do not mix. */
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/text.h"

enum { SECRET_MIN = 4 };

struct log {
	const struct clock *clock;
	enum log_level least;
	int fd;
	pthread_mutex_t lock; /* guards all below */
	char **secrets;       /* longest first: one may begin with another */
	size_t secret_count;
	size_t lines; /* ever; the ring holds the last of them */
	unsigned long dropped;
	char ring[LOG_RING_LINES][LOG_LINE_MAX];
};

struct log *log_open(const char *path, const struct clock *clock, enum log_level least, struct err *e)
{
	int fd = -1;
	if (path != NULL) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
		if (fd < 0) {
			err_set_errno(e, errno, "cannot open the log %s", path);
			return NULL;
		}
	}
	struct log *l = xcalloc(1, sizeof(*l));
	l->clock = clock;
	l->least = least;
	l->fd = fd;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void log_close(struct log *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->secret_count; i++)
		free_secret(l->secrets[i]);
	free(l->secrets);
	pthread_mutex_destroy(&l->lock);
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

int log_fd(const struct log *l)
{
	return l == NULL ? -1 : l->fd;
}

void log_add_secret(struct log *l, const char *secret)
{
	size_t length = strlen(secret);
	if (l == NULL || length < SECRET_MIN)
		return;
	pthread_mutex_lock(&l->lock);
	l->secrets = xreallocarray(l->secrets, l->secret_count + 1, sizeof(*l->secrets));
	size_t i = l->secret_count++;
	for (; i > 0 && strlen(l->secrets[i - 1]) < length; i--)
		l->secrets[i] = l->secrets[i - 1];
	l->secrets[i] = xstrdup(secret);
	pthread_mutex_unlock(&l->lock);
}

/* "***" is shorter than any secret, so the text only shrinks. */
static void hide_secret(char *text, const char *secret)
{
	size_t length = strlen(secret);
	char *to = text;
	const char *from = text;
	for (const char *at; (at = strstr(from, secret)) != NULL; from = at + length) {
		memmove(to, from, (size_t)(at - from));
		to += at - from;
		memcpy(to, "***", 3);
		to += 3;
	}
	memmove(to, from, strlen(from) + 1);
}

static void write_file(struct log *l, const char *line, size_t n)
{
	if (l->fd < 0)
		return;
	if (write(l->fd, line, n) != (ssize_t)n)
		l->dropped++;
	else if (l->dropped > 0 && dprintf(l->fd, "(%lu lines lost: the disk was full)\n", l->dropped) > 0)
		l->dropped = 0;
}

void log_write(struct log *l, enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};
	if (l == NULL || level < l->least)
		return;

	/* 1. The whole text first: a secret that is cut would no longer be found. */
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int formatted = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (formatted < 0)
		abort();
	char when[32];
	wall_format(clock_wall(l->clock), 1, when);

	/* 2. The line, cut and clean, into the ring and the file. */
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->secret_count; i++)
		hide_secret(text, l->secrets[i]);
	char *line = l->ring[l->lines++ % LOG_RING_LINES];
	size_t n = (size_t)snprintf(line, LOG_LINE_MAX, "%s %-5s ", when, names[level]);
	n += text_sanitise(line + n, LOG_LINE_MAX - 1 - n, text, strlen(text));
	line[n] = '\n';
	write_file(l, line, n + 1);
	line[n] = '\0';
	pthread_mutex_unlock(&l->lock);
	free(text);
}

void log_tail(struct log *l, size_t n, struct buf *out)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	size_t kept = l->lines < LOG_RING_LINES ? l->lines : LOG_RING_LINES;
	for (size_t i = l->lines - (n < kept ? n : kept); i < l->lines; i++) {
		buf_puts(out, l->ring[i % LOG_RING_LINES]);
		buf_putc(out, '\n');
	}
	pthread_mutex_unlock(&l->lock);
}
