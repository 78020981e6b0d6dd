/* The log: a file (or stderr before curses is up) and a ring of the last lines for `:log`. Secrets that
 * were registered never reach either. Any thread; a short lock, no waiting for a server; a full disk drops
 * lines and counts them. */
#ifndef DBATOP_BASE_LOG_H
#define DBATOP_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum { LOG_RING_LINES = 512, LOG_LINE_MAX = 1024 };

struct log;

/* path NULL: ring only. The file is created 0600 and appended to. */
struct log *log_open(const char *path, const struct clock *clock, enum log_level least, struct err *e);
void log_close(struct log *l);
/* Descriptor of the file, -1 if none: fd 2 is pointed at it while curses is up. */
int log_fd(const struct log *l);
/* Every later line has `secret` replaced by "***"; at least 4 bytes long, else ignored. Copied. */
void log_add_secret(struct log *l, const char *secret);
/* l may be NULL: nothing is written. Adds time and level; cut at LOG_LINE_MAX; sanitised. */
void log_write(struct log *l, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Appends the ring's last n lines, oldest first. */
void log_tail(struct log *l, size_t n, struct buf *out);

#endif
