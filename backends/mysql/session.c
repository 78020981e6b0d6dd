/* The first round trips of every connection, in an order that matters: is it a server and not a pooler, which
 * server is it, what may we see; only then are session settings changed, since through a transaction pool
 * they would stay behind in somebody else's session. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql/conn.h"
#include "backends/mysql/errors.h"

/* 1. Asking. */

static bool take_row(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct answer *a = arg;
	(void)e;
	if (a->rows++ > 0)
		return true;
	for (unsigned i = 0; i < n && i < ANSWER_COLUMNS; i++) {
		a->null[i] = values[i] == NULL;
		if (values[i] != NULL)
			snprintf(a->value[i], ANSWER_MAX, "%.*s", (int)lengths[i], values[i]);
	}
	return true;
}

bool conn_query(
        const struct ctx *ctx, struct conn *c, const struct io_sink *sink, unsigned *done, struct err *e)
{
	if (c->sql.overflow)
		return err_set(e, ERR_USAGE, "the statement is too long");
	bool ok = io_query(ctx, c->io, buf_str(&c->sql), c->sql.len, sink, done, e);
	buf_free(&c->sql);
	return ok;
}

bool conn_ask(const struct ctx *ctx, struct conn *c, struct answer *out, struct err *e, const char *fmt, ...)
{
	struct answer ignored;
	va_list ap;
	out = out != NULL ? out : &ignored;
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < ANSWER_COLUMNS; i++)
		out->null[i] = true;
	buf_reset(&c->sql);
	buf_printf(&c->sql, "/* %s */ ", c->tag);
	va_start(ap, fmt);
	buf_vprintf(&c->sql, fmt, ap);
	va_end(ap);
	struct io_sink sink = {.row = take_row, .arg = out};
	return conn_query(ctx, c, &sink, NULL, e);
}

void conn_quote(struct buf *b, const char *value)
{
	buf_putc(b, '\'');
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *value);
	}
	buf_putc(b, '\'');
}

/* 2. Server or pooler, and which kind. The handshake's number has 32 bits. */

static bool prove_server(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct answer a;
	struct server_identity *s = &c->info.server;
	wall_us before = clock_wall(ctx->clock);
	if (!conn_ask(ctx, c, &a, e,
	            "SELECT CONNECTION_ID(), VERSION(), @@version_comment, "
	            "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)), @@hostname, @@port, "
	            "@@performance_schema"))
		return err_wrap(e, "cannot ask the server who it is");
	wall_us after = clock_wall(ctx->clock);
	if (a.rows != 1 || a.null[0])
		return err_set(e, ERR_PROTOCOL, "the server does not say who it is");

	int64_t id = strtoll(a.value[0], NULL, 10);
	if ((uint32_t)id != (uint32_t)io_thread_id(c->io))
		return err_set(e, ERR_POOLER,
		        "a connection pooler answers here (it greeted us as connection %lu, the server knows "
		        "us as "
		        "%" PRId64 "): give the server's own address",
		        io_thread_id(c->io), id);
	c->info.self.id = id;
	if (!a.null[3])
		c->info.skew_us = strtoll(a.value[3], NULL, 10) - (before + (after - before) / 2);
	s->engine = strstr(a.value[1], "MariaDB") != NULL || strstr(a.value[2], "MariaDB") != NULL
	                    ? ENGINE_MARIADB
	                    : ENGINE_MYSQL;
	s->version = version_parse(a.value[1]);
	snprintf(s->version_text, sizeof s->version_text, "%.63s", a.value[1]);
	snprintf(s->address, sizeof s->address, "%.50s:%.8s", a.value[4], a.value[5]);
	c->performance_schema = strcmp(a.value[6], "1") == 0;
	return true;
}

/* 3. Identity. The start time: Uptime is counted from the second the server started to the second in which
 * the statement began, and UNIX_TIMESTAMP() is that same second, so their difference in one statement is
 * the start itself, the same every time, also when the clock is set later. */

static const char uptime_mysql[] =
        "(SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM performance_schema.global_status "
        "WHERE VARIABLE_NAME = 'Uptime')";
static const char uptime_mariadb[] =
        "(SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS "
        "WHERE VARIABLE_NAME = 'UPTIME')";

static bool read_identity(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct answer a;
	struct server_identity *s = &c->info.server;
	bool maria = conn_is_mariadb(c);
	static const char query[] =
	        "SELECT %s, DATE_ADD('1970-01-01 00:00:00', INTERVAL UNIX_TIMESTAMP() - %s SECOND), %s";
	const char *uptime = maria ? uptime_mariadb : uptime_mysql;
	const char *aurora = maria ? "NULL"
	                           : "(SELECT VARIABLE_VALUE FROM performance_schema.global_variables "
	                             "WHERE VARIABLE_NAME = 'aurora_version')";
	c->uid = true;
	bool ok = conn_ask(ctx, c, &a, e, query, maria ? "@@server_uid" : "@@server_uuid", uptime, aurora);
	if (!ok && e->native == 1193 && maria) { /* before @@server_uid: where its data is */
		c->uid = false;
		ok = conn_ask(ctx, c, &a, e, query, "CONCAT(@@hostname, ':', @@port, ':', @@datadir)", uptime,
		        aurora);
	}
	if (!ok)
		return err_wrap(e, "cannot read the server's identity");
	if (a.rows != 1 || a.null[0] || a.null[1])
		return err_set(e, ERR_PROTOCOL, "the server does not tell its identity");
	snprintf(s->id, sizeof s->id, "%.79s", a.value[0]);
	snprintf(s->start, sizeof s->start, "%.63s", a.value[1]);
	s->aurora = !a.null[2];
	return true;
}

/* 4. Privileges, from the server's own list of them, which includes those of active roles. */

static bool has_word(const char *list, size_t n, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i + len <= n; i++) {
		bool begins = i == 0 || list[i - 1] == ' ' || list[i - 1] == ',';
		bool ends = i + len == n || list[i + len] == ',' || list[i + len] == ' ';
		if (begins && ends && memcmp(list + i, word, len) == 0)
			return true;
	}
	return false;
}

static bool take_grant(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct conn *c = arg;
	struct conn_info *info = &c->info;
	(void)e;
	(void)lengths;
	const char *text = n > 0 && values[0] != NULL ? values[0] : "";
	const char *on = strstr(text, " ON *.* TO "), *ps = strstr(text, " ON `performance_schema`.* TO ");
	if (ps != NULL && strncmp(text, "GRANT ", 6) == 0)
		c->reads_ps = c->reads_ps || has_word(text, (size_t)(ps - text), "SELECT") ||
		              has_word(text, (size_t)(ps - text), "ALL PRIVILEGES");
	if (on == NULL || strncmp(text, "GRANT ", 6) != 0)
		return true;
	size_t len = (size_t)(on - text);
	c->reads_ps = c->reads_ps || has_word(text, len, "SELECT") || has_word(text, len, "ALL PRIVILEGES");
	bool all = has_word(text, len, "ALL PRIVILEGES"), super = has_word(text, len, "SUPER");
	info->superuser = info->superuser || all || super;
	info->sees_all = info->sees_all || all || has_word(text, len, "PROCESS");
	return true;
}

static bool read_privileges(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct io_sink sink = {.row = take_grant, .arg = c};
	buf_reset(&c->sql);
	buf_puts(&c->sql, "SHOW GRANTS");
	if (conn_query(ctx, c, &sink, NULL, e))
		return true;
	if (e->code == ERR_DENIED || e->code == ERR_SERVER || e->code == ERR_UNSUPPORTED)
		return true; /* told nothing, we claim nothing */
	return err_wrap(e, "cannot read our privileges");
}

/* 5. Settings of this session. Everything a server's global setting or init_connect could have changed
 * under our statements is put in a known state; limits are slightly above ours. */

static bool settings(const struct ctx *ctx, struct conn *c, struct err *e)
{
	const struct driver_env *env = c->env;
	unsigned lock_s = env->lock_ms < 1000 ? 1 : env->lock_ms / 1000;
	unsigned ms = env->statement_ms;
	char limit[96];
	if (conn_is_mariadb(c))
		snprintf(limit, sizeof limit, "max_statement_time=%u.%03u, tx_read_only=%d", ms / 1000,
		        ms % 1000, c->lane != LANE_ADMIN);
	else
		snprintf(limit, sizeof limit, "max_execution_time=%u, transaction_read_only=%d", ms,
		        c->lane != LANE_ADMIN);
	/* Statements ask these before they touch what would be denied. */
	char may[160];
	struct buf id;
	buf_init(&id, 256);
	conn_quote(&id, c->info.server.id);
	snprintf(may, sizeof may, "@dbatop_process=%d, @dbatop_ps=%d, @dbatop_server_id=%s", c->info.sees_all,
	        c->reads_ps, buf_str(&id));
	buf_free(&id);
	if (!conn_ask(ctx, c, NULL, e,
	            "SET SESSION autocommit=1, wait_timeout=28800, time_zone='+00:00', sql_mode='', "
	            "lock_wait_timeout=%u, innodb_lock_wait_timeout=%u, sql_big_selects=1, "
	            "sql_select_limit=DEFAULT, %s, %s",
	            lock_s, lock_s, limit, may))
		return err_wrap(e, "cannot set the session's limits");
	return true;
}

/* 6. What an earlier connection of this lane may have left running: it is the same program, run and lane, so
 * nobody waits for its answer. Connection ids are never used twice by a running server. */

struct leftovers {
	unsigned n;
	int64_t id[8];
};

static bool take_leftover(
        void *arg, const char *const *values, const unsigned long *lengths, unsigned n, struct err *e)
{
	struct leftovers *l = arg;
	(void)e;
	(void)lengths;
	if (n == 1 && values[0] != NULL && l->n < sizeof l->id / sizeof l->id[0])
		l->id[l->n++] = strtoll(values[0], NULL, 10);
	return true;
}

static bool end_leftovers(const struct ctx *ctx, struct conn *c, struct err *e)
{
	struct leftovers left = {0};
	struct io_sink sink = {.row = take_leftover, .arg = &left};
	buf_reset(&c->sql);
	if (!conn_is_mariadb(c) && c->performance_schema)
		buf_printf(&c->sql,
		        "SELECT PROCESSLIST_ID FROM performance_schema.session_account_connect_attrs "
		        "WHERE ATTR_NAME = 'program_name' AND ATTR_VALUE = '%s' "
		        "AND PROCESSLIST_ID <> CONNECTION_ID() LIMIT 8",
		        c->tag);
	else
		buf_printf(&c->sql,
		        "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '/* %s */%%' "
		        "AND ID <> CONNECTION_ID() LIMIT 8",
		        c->tag);
	if (!conn_query(ctx, c, &sink, NULL, e))
		return err_wrap(e, "cannot look for connections of ours");
	for (unsigned i = 0; i < left.n; i++) {
		if (!conn_ask(ctx, c, NULL, e, "KILL CONNECTION %" PRId64, left.id[i]) &&
		        (e->code == ERR_TIMEOUT || e->code == ERR_CANCELLED || e->code == ERR_LOST))
			return err_wrap(e, "cannot end connection %" PRId64 " of ours", left.id[i]);
	}
	return true;
}

bool session_begin(const struct ctx *ctx, struct conn *c, struct err *e)
{
	const char *tls = io_tls(c->io);
	c->info.tls = *tls != '\0';
	snprintf(c->info.tls_text, sizeof c->info.tls_text, "%s", tls);
	if (!prove_server(ctx, c, e) || !read_identity(ctx, c, e) || !read_privileges(ctx, c, e) ||
	        !settings(ctx, c, e) || !end_leftovers(ctx, c, e))
		return false;
	c->info.memory = sizeof *c + io_memory(c->io) + c->sql.cap;
	err_clear(e);
	return true;
}
