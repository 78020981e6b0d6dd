/* The journal: who ended what, from where, when, and what came of it. It is written before anything is sent,
 * so an action that nobody can account for does not happen; lines are only ever appended. */
#include "core/run/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/redact.h"
#include "core/base/text.h"

enum { SEEN_TEXT_MAX = 8192, PW_MAX = 16384 };

struct journal {
	int fd;
	char *path;
	struct journal_origin origin;
	const struct clock *clock;
	unsigned refs;
	bool torn; /* the last line was cut by an error: the next one begins on its own */
};

/* 1. Who. */

static void keep(char *dst, size_t cap, const char *text)
{
	text_sanitise(dst, cap, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

void journal_origin_read(struct journal_origin *out)
{
	struct passwd pw, *found = NULL;
	char *room = xmalloc(PW_MAX);
	char host[128] = "";
	*out = (struct journal_origin){.user = ""};
	if (getpwuid_r(getuid(), &pw, room, PW_MAX, &found) == 0 && found != NULL)
		keep(out->user, sizeof(out->user), found->pw_name);
	else
		snprintf(out->user, sizeof(out->user), "uid %u", (unsigned)getuid());
	free(room);
	keep(out->sudo, sizeof(out->sudo), getenv("SUDO_USER"));
	keep(out->ssh, sizeof(out->ssh), getenv("SSH_CONNECTION"));
	if (gethostname(host, sizeof(host) - 1) == 0)
		keep(out->host, sizeof(out->host), host);
}

/* 2. The file. */

static bool make_folders(const char *dir, struct err *e)
{
	char *path = xstrdup(dir);
	bool ok = true;
	for (char *at = path + 1; ok; at++) {
		char was = *at;
		if (was != '/' && was != '\0')
			continue;
		*at = '\0';
		ok = mkdir(path, 0700) == 0 || errno == EEXIST;
		*at = was;
		if (was == '\0')
			break;
	}
	int why = errno;
	free(path);
	return ok || err_set_errno(e, why, "%s", dir);
}

static bool is_ours(int fd, const char *path, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_set_errno(e, errno, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(e, ERR_IO, "%s: not a file of this account", path);
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_IO, "%s: others may read or write it: chmod 600 it", path);
	return true;
}

struct journal *journal_open(
        const char *state_dir, const struct journal_origin *origin, const struct clock *clock, struct err *e)
{
	if (!make_folders(state_dir, e)) {
		err_wrap(e, "journal");
		return NULL;
	}
	char *path = xasprintf("%s/journal.jsonl", state_dir);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		err_set_errno(e, errno, "journal: %s", path);
	else if (!is_ours(fd, path, e)) {
		err_wrap(e, "journal");
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		free(path);
		return NULL;
	}
	struct journal *j = xcalloc(1, sizeof(*j));
	j->fd = fd;
	j->path = path;
	j->origin = *origin;
	j->clock = clock;
	return j;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	fdatasync(j->fd);
	close(j->fd);
	free(j->path);
	free(j);
}

const char *journal_path(const struct journal *j)
{
	return j->path;
}

void journal_ref(struct journal *j, char out[32])
{
	snprintf(out, 32, "%ld.%u", (long)getpid(), ++j->refs);
}

/* 3. A line. */

/* Only valid UTF-8 without control characters goes into it. */
static json_t *clean(const char *text, size_t n)
{
	char *safe = xmalloc(SEEN_TEXT_MAX);
	text_sanitise(safe, SEEN_TEXT_MAX, text, n);
	json_t *json = json_string(safe);
	free(safe);
	return json;
}

static void put(json_t *object, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(object, name, clean(text, strlen(text)));
}

static json_t *by(const struct journal_origin *o)
{
	json_t *object = json_object();
	put(object, "user", o->user);
	put(object, "sudo", o->sudo);
	put(object, "ssh", o->ssh);
	put(object, "host", o->host);
	return object;
}

static json_t *server(const struct server_identity *s)
{
	json_t *object = json_object();
	put(object, "engine", engine_name(s->engine));
	put(object, "version", s->version_text);
	put(object, "id", s->id);
	put(object, "start", s->start);
	put(object, "address", s->address);
	return object;
}

static json_t *target(const struct session_ref *t)
{
	json_t *object = json_object();
	json_object_set_new(object, "id", json_integer(t->id));
	put(object, "started", t->started);
	put(object, "xact_guard", t->xact_guard);
	put(object, "query_guard", t->query_guard);
	return object;
}

/* A statement without its literals, whatever the screen may show. */
static json_t *statement(enum engine engine, const struct cell *c)
{
	struct buf b;
	buf_init(&b, SEEN_TEXT_MAX);
	redact_sql(engine == ENGINE_POSTGRES ? REDACT_POSTGRES : REDACT_MYSQL, c->u.s, c->n, &b);
	json_t *json = clean(buf_str(&b), b.len);
	buf_free(&b);
	return json;
}

static json_t *seen(const struct journal_entry *entry)
{
	static const char *const names[] = {"user", "db", "app", "client", "kind", "state", "command",
	        "wait_type", "wait", "xact_ms", "query_ms", "rows_locked", "rows_modified", "query"};
	json_t *object = json_object();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int col = table_column(entry->sessions, names[i]);
		const struct cell *c = table_cell(entry->sessions, (size_t)entry->row, col);
		if (c->type == CELL_INT)
			json_object_set_new(object, names[i], json_integer(c->u.i));
		else if (c->type == CELL_TEXT && entry->sessions->columns[col].role == ROLE_SQLTEXT)
			json_object_set_new(object, names[i], statement(entry->req->server.engine, c));
		else if (c->type == CELL_TEXT)
			json_object_set_new(object, names[i], clean(c->u.s, c->n));
	}
	return object;
}

static void put_result(json_t *line, const struct journal_entry *entry)
{
	const struct action_result *r = entry->result;
	put(line, "sql", r->sql);
	put(line, "outcome", action_outcome_name(r->outcome));
	put(line, "error", r->err.text);
	put(line, "sqlstate", r->err.sqlstate);
	if (r->signals > 1)
		json_object_set_new(line, "signals", json_integer(r->signals));
	if (r->rows_left >= 0)
		json_object_set_new(line, "rows_left", json_integer(r->rows_left));
	json_object_set_new(line, "after_ms", json_integer(entry->after_ms));
}

static char *write_line(const struct journal *j, const struct journal_entry *entry)
{
	static const char *const events[] = {
	        [JOURNAL_ASKED] = "asked", [JOURNAL_OUTCOME] = "outcome", [JOURNAL_ABANDONED] = "abandoned"};
	char at[32];
	json_t *line = json_object();
	wall_format(clock_wall(j->clock), 1, at);
	put(line, "at", at);
	put(line, "event", events[entry->event]);
	put(line, "ref", entry->ref);
	json_object_set_new(line, "by", by(&j->origin));
	put(line, "action", action_kind_name(entry->req->kind));
	put(line, "cluster", entry->cluster);
	put(line, "instance", entry->instance);
	json_object_set_new(line, "server", server(&entry->req->server));
	json_object_set_new(line, "target", target(&entry->req->target));
	if (entry->req->whatever_transaction)
		json_object_set_new(line, "insisted", json_true());
	if (entry->event == JOURNAL_ASKED && entry->sessions != NULL && entry->row >= 0)
		json_object_set_new(line, "seen", seen(entry));
	if (entry->result != NULL)
		put_result(line, entry);
	char *text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	return text;
}

/* One write a line: with O_APPEND the lines of two dbatops do not mix. */
static bool append(struct journal *j, const char *line, struct err *e)
{
	char *text = xasprintf("%s%s\n", j->torn ? "\n" : "", line);
	size_t n = strlen(text), done = 0;
	while (done < n) {
		ssize_t wrote = write(j->fd, text + done, n - done);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			int why = wrote == 0 ? ENOSPC : errno;
			free(text);
			j->torn = j->torn || done > 0;
			return err_set_errno(e, why, "journal: %s", j->path);
		}
		done += (size_t)wrote;
	}
	free(text);
	j->torn = false;
	return true;
}

bool journal_write(struct journal *j, const struct journal_entry *entry, struct err *e)
{
	char *line = write_line(j, entry);
	if (line == NULL)
		return err_set(e, ERR_IO, "journal: the line cannot be written as JSON");
	bool ok = append(j, line, e);
	free(line);
	return ok;
}

bool journal_sync(struct journal *j, struct err *e)
{
	while (fdatasync(j->fd) != 0) {
		if (errno != EINTR)
			return err_set_errno(e, errno, "journal: %s", j->path);
	}
	return true;
}
