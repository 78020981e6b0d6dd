/* Oracle's libmysqlclient (8.0.22 and later) behind io.h. Its non-blocking functions return at once and say
 * "not ready" without saying what they wait for, over TLS as well, so every wait is ours. What it cannot do
 * is verify a name while it is given an address: with TLS_VERIFY_FULL it looks the name up itself, which no
 * deadline cuts; the name was resolved a moment before, and a lane that is stuck there is abandoned. */
#include <errmsg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/mysql/io_internal.h"
#include "core/base/mem.h"

/* Mostly it waits for an answer. It may also wait for room to send, which readability does not show: so it is
 * asked again after this long. */
enum { ASK_AGAIN_MS = 50, PAUSE_MAX_MS = 8 };

/* 1. The library. */

bool io_library_init(struct err *e)
{
	if (mysql_library_init(0, NULL, NULL) != 0)
		return err_set(e, ERR_UNSUPPORTED, "libmysqlclient does not start");
	return true;
}

void io_library_end(void)
{
	mysql_library_end();
}

const char *io_library_name(char out[64])
{
	snprintf(out, 64, "libmysqlclient %s", mysql_get_client_info());
	return out;
}

void io_thread_end(void)
{
	mysql_thread_end();
}

/* 2. Waiting. */

int io_socket(const struct io *io)
{
	/* 0 until connect() has ended. */
	return io->mysql->net.vio != NULL && io->mysql->net.fd > 0 ? (int)io->mysql->net.fd : -1;
}

static enum err_code wait_for(const struct ctx *ctx, struct io *io, short events)
{
	struct ctx slice = ctx_within(ctx, ASK_AGAIN_MS);
	enum err_code code = ctx_wait_fd(&slice, io_socket(io), events);
	return code == ERR_TIMEOUT ? ctx_done(ctx) : code;
}

/* 3. Connecting. */

static unsigned ssl_mode(enum tls_mode mode)
{
	switch (mode) {
	case TLS_DISABLE:
		return SSL_MODE_DISABLED;
	case TLS_REQUIRE:
		return SSL_MODE_REQUIRED;
	case TLS_VERIFY_CA:
		return SSL_MODE_VERIFY_CA;
	case TLS_VERIFY_FULL:
		return SSL_MODE_VERIFY_IDENTITY;
	default:
		return SSL_MODE_PREFERRED;
	}
}

static void set_options(MYSQL *m, const struct io_target *to)
{
	unsigned int off = 0, mode = ssl_mode(to->tls), retries = 1;
	unsigned long packet = PACKET_MAX;
	bool trusted = to->tls >= TLS_VERIFY_CA, untrusted = !trusted;
	unsigned int protocol = to->address != NULL ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;

	mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(m, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	mysql_options(m, MYSQL_OPT_RETRY_COUNT, &retries);
	mysql_options(m, MYSQL_OPT_PROTOCOL, &protocol);
	mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(m, MYSQL_OPT_SSL_MODE, &mode);
	if (trusted) {
		mysql_options(m, MYSQL_OPT_SSL_CA, to->tls_ca);
		mysql_options(m, MYSQL_OPT_SSL_CAPATH, to->tls_ca == NULL ? to->tls_capath : NULL);
	}
	if (to->tls != TLS_DISABLE) {
		mysql_options(m, MYSQL_OPT_SSL_CERT, to->tls_cert);
		mysql_options(m, MYSQL_OPT_SSL_KEY, to->tls_key);
	}
	/* A password as it is only goes to a server we verified; where nothing is verified anyway, the
	 * server's key for encrypting it may come from the server. */
	mysql_options(m, MYSQL_ENABLE_CLEARTEXT_PLUGIN, &trusted);
	mysql_options(m, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &untrusted);
	mysql_options(m, MYSQL_OPT_CONNECT_ATTR_RESET, NULL);
	mysql_options4(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", to->program);
}

/* The connect phase, call by call. *gated: a place in the TLS gate is held. */
static bool drive_connect(const struct ctx *ctx, const struct driver_env *env, struct io *io,
        const struct io_target *to, bool *gated, struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	bool watched = to->address == NULL;
	uint32_t pause_ms = 1;
	enum net_async_status status;
	while ((status = mysql_real_connect_nonblocking(io->mysql, to->address != NULL ? io->host : NULL,
	                to->user, to->password, to->database, to->port, to->socket,
	                to->multi ? CLIENT_MULTI_STATEMENTS : 0)) == NET_ASYNC_NOT_READY) {
		enum connect_stage stage = mysql_get_connect_nonblocking_stage(io->mysql);
		if (io_socket(io) >= 0)
			axe_set_fd(env->axe, &io->entry, io_socket(io));
		/* While it connects it does not tell its socket: it is asked again after a moment. */
		enum err_code code = ctx_done(ctx);
		if (code == ERR_NONE && io_socket(io) < 0)
			code = ctx_sleep(ctx, pause_ms);
		else if (code == ERR_NONE)
			code = wait_for(ctx, io, POLLIN);
		pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms * 2 : pause_ms;
		if (code != ERR_NONE)
			return ctx_fail(ctx, code, started, watched ? "connect: log in" : "connect", e);
		if (watched || io_socket(io) < 0)
			continue;
		watched = true;
		if (stage <= CONNECT_STAGE_READ_GREETING &&
		        !io_check_connected(ctx, io_socket(io), to, started, e))
			return false;
		/* The gate evens out a start with many servers; a handshake that hangs must not keep the
		 * others out, so the wait for a place is short. */
		if (to->tls != TLS_DISABLE && env->tls_gate != NULL) {
			struct ctx patience = ctx_within(ctx, GATE_WAIT_MS);
			*gated = gate_enter(&patience, env->tls_gate) == ERR_NONE;
		}
	}
	if (status == NET_ASYNC_COMPLETE)
		return true;
	if (ctx_done(ctx) != ERR_NONE)
		return ctx_fail(ctx, ctx_done(ctx), started, "connect: log in", e);
	return io_connect_failed(io, to, e);
}

bool io_open(const struct ctx *ctx, const struct driver_env *env, const struct io_target *to, struct io **out,
        struct err *e)
{
	*out = NULL;
	struct io *io = xcalloc(1, sizeof *io);
	const char *host = to->tls == TLS_VERIFY_FULL ? to->name : to->address;
	io->axe = env->axe;
	buf_init(&io->sql, PACKET_MAX);
	mysql_thread_init();
	io->mysql = mysql_init(NULL);
	if (io->mysql == NULL)
		abort();
	set_options(io->mysql, to);
	snprintf(io->host, sizeof io->host, "%s", to->address != NULL ? host : "");

	bool gated = false;
	struct ctx late = io_cut_ctx(ctx, CUT_MS);
	mono_ns started = clock_now(ctx->clock);
	axe_arm(env->axe, &io->entry, &late, -1);
	bool ok = drive_connect(ctx, env, io, to, &gated, e);
	bool fell = axe_disarm(env->axe, &io->entry);
	if (gated)
		gate_leave(env->tls_gate);
	if (fell) {
		enum err_code code = ctx_done(ctx) != ERR_NONE ? ctx_done(ctx) : ERR_CANCELLED;
		ok = ctx_fail(ctx, code, started, "connect: log in", e);
	}
	const char *cipher = ok ? mysql_get_ssl_cipher(io->mysql) : NULL;
	if (cipher != NULL)
		snprintf(io->tls, sizeof io->tls, "%s%s",
		        strncmp(cipher, "TLS_", 4) == 0 ? "TLSv1.3 " : "TLSv1.2 ", cipher);
	if (ok && to->tls >= TLS_REQUIRE && cipher == NULL)
		ok = err_set(e, ERR_TLS, "TLS is required, but the connection is in clear text");
	if (!ok) {
		io_close(io);
		return false;
	}
	fcntl(io_socket(io), F_SETFD, FD_CLOEXEC);
	io->id = mysql_thread_id(io->mysql);
	*out = io;
	return true;
}

/* The library's buffers, and what OpenSSL keeps for a session. */
size_t io_memory(const struct io *io)
{
	return sizeof *io + sizeof *io->mysql + io->mysql->net.max_packet + io->sql.cap +
	       (io->tls[0] != '\0' ? 40 * 1024 : 0);
}

/* 4. The calls of a statement. */

static enum net_async_status call(struct io *io)
{
	switch (io->phase) {
	case PHASE_QUERY:
		return mysql_real_query_nonblocking(io->mysql, buf_str(&io->sql), io->sql.len);
	case PHASE_ROWS:
		io->row = NULL;
		return mysql_fetch_row_nonblocking(io->res, &io->row);
	case PHASE_NEXT:
		return mysql_next_result_nonblocking(io->mysql);
	default:
		return NET_ASYNC_COMPLETE;
	}
}

/* An error packet in place of a row (a statement that was killed, a right that is missing) is told by the
 * non-blocking fetch as "commands out of sync", and the statement is over. The packet itself is still in the
 * read buffer: 0xff, the number, '#' and SQLSTATE, the text. */
static void tell_real_error(MYSQL *m)
{
	NET *net = &m->net;
	const unsigned char *p = net->read_pos;
	if (net->last_errno != CR_COMMANDS_OUT_OF_SYNC || p == NULL || p < net->buff ||
	        p + 9 >= net->buff_end || p[0] != 0xff || p[3] != '#')
		return;
	net->last_errno = p[1] | (unsigned)p[2] << 8;
	memcpy(net->sqlstate, p + 4, SQLSTATE_LENGTH);
	net->sqlstate[SQLSTATE_LENGTH] = '\0';
	size_t room = (size_t)(net->buff_end - (p + 9));
	snprintf(net->last_error, sizeof net->last_error, "%.*s", room < 400 ? (int)room : 400,
	        (const char *)p + 9);
}

enum err_code io_finish_call(const struct ctx *ctx, struct io *io)
{
	enum net_async_status status;
	mysql_thread_init();
	while ((status = call(io)) == NET_ASYNC_NOT_READY) {
		enum err_code code = wait_for(ctx, io, POLLIN);
		if (code != ERR_NONE)
			return code;
	}
	io->rc = status == NET_ASYNC_ERROR ? 1 : (status == NET_ASYNC_COMPLETE_NO_MORE_RESULTS ? -1 : 0);
	if (status == NET_ASYNC_ERROR)
		io->row = NULL;
	if (io->phase == PHASE_ROWS && io->row == NULL)
		tell_real_error(io->mysql);
	return ERR_NONE;
}
