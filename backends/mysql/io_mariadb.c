/* libmariadb (Connector/C 3.3 and later) behind io.h. Its _start/_cont calls run on a stack of their own and
 * yield where they would wait, except during a TLS handshake, where they block: the axe cuts them there.
 * Once logged in, the socket is made non-blocking, so that TLS reads yield as well, and a statement that ran
 * out of time stays suspended until io_drain takes it up or io_close drops it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "backends/mysql/io_internal.h"
#include "backends/tls/tls.h"
#include "core/base/mem.h"

/* ma_pvio.h tells the type of `ctls` only when asked, and uses this one before it makes it. */
typedef unsigned char uchar;
#define HAVE_TLS 1
#include <ma_pvio.h>

/* 1. The library. */

enum { NET_BUFFER = 4096 };

bool io_library_init(struct err *e)
{
	if (mysql_library_init(0, NULL, NULL) != 0)
		return err_set(e, ERR_UNSUPPORTED, "libmariadb does not start");
	/* Sixteen kilobytes would wait in each of hundreds of connections; a larger packet makes it grow. */
	*mysql_get_parameters()->p_net_buffer_length = NET_BUFFER;
	return true;
}

void io_library_end(void)
{
	mysql_library_end();
}

const char *io_library_name(char out[64])
{
	snprintf(out, 64, "libmariadb %s", mysql_get_client_info());
	return out;
}

void io_thread_end(void)
{
	/* libmariadb keeps nothing for a thread. */
}

/* 2. Waiting. */

int io_socket(const struct io *io)
{
	return (int)mysql_get_socket(io->mysql);
}

static short events_of(int waiting)
{
	return (short)((waiting & MYSQL_WAIT_READ ? POLLIN : 0) | (waiting & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
	               (waiting & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
}

/* Waits for what the library asks; the events it may go on with are in *ready. */
static enum err_code wait_ready(const struct ctx *ctx, struct io *io, int waiting, int *ready)
{
	struct pollfd p = {.fd = (int)mysql_get_socket(io->mysql), .events = events_of(waiting)};
	struct ctx within = *ctx;
	if (waiting & MYSQL_WAIT_TIMEOUT)
		within = ctx_within(ctx, mysql_get_timeout_value_ms(io->mysql));
	enum err_code code = ctx_wait_fds(&within, &p, 1);
	if (code == ERR_TIMEOUT && (waiting & MYSQL_WAIT_TIMEOUT) && ctx_done(ctx) == ERR_NONE) {
		*ready = MYSQL_WAIT_TIMEOUT;
		return ERR_NONE;
	}
	*ready = (p.revents & POLLIN ? MYSQL_WAIT_READ : 0) | (p.revents & POLLOUT ? MYSQL_WAIT_WRITE : 0) |
	         (p.revents & POLLPRI ? MYSQL_WAIT_EXCEPT : 0);
	if (*ready == 0)
		*ready = waiting & ~MYSQL_WAIT_TIMEOUT; /* POLLERR, POLLHUP: the next call tells */
	return code;
}

/* 3. Connecting. */

static void set_options(MYSQL *m, const struct io_target *to)
{
	unsigned int off = 0;
	unsigned long packet = PACKET_MAX;
	my_bool tls = to->tls != TLS_DISABLE, verify = to->tls == TLS_VERIFY_FULL;
	bool trusted = to->tls >= TLS_VERIFY_CA;

	mysql_options(m, MYSQL_OPT_NONBLOCK, NULL);
	mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(m, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
	mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &tls);
	mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
	if (trusted) {
		/* Naming a CA is what makes the library verify the chain. */
		mysql_options(m, MYSQL_OPT_SSL_CA, to->tls_ca);
		mysql_options(m, MYSQL_OPT_SSL_CAPATH, to->tls_ca == NULL ? to->tls_capath : NULL);
	}
	if (tls) {
		mysql_options(m, MYSQL_OPT_SSL_CERT, to->tls_cert);
		mysql_options(m, MYSQL_OPT_SSL_KEY, to->tls_key);
	}
	/* The server chooses the plugin. One that sends the password as it is needs a server we verified; one
	 * that asks at the terminal is never right here. */
	mysql_options(m, MARIADB_OPT_RESTRICTED_AUTH,
	        trusted ? "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,"
	                  "auth_gssapi_client,parsec,mysql_clear_password"
	                : "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,"
	                  "auth_gssapi_client,parsec");
	mysql_options(m, MYSQL_OPT_CONNECT_ATTR_RESET, NULL);
	mysql_options4(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", to->program);
}

/* The library keeps the pointer to the host, looks the address up and connects, and copies the host only
 * after the greeting, for SNI and for the certificate. Between the two it yields, so the buffer it was given
 * holds the address first and the name from here on. That spares a second look-up, which could neither be
 * cut nor be trusted to give the same address; certificate_name() proves afterwards that it worked. */
static bool watch_connect(
        const struct ctx *ctx, struct io *io, const struct io_target *to, mono_ns started, struct err *e)
{
	if (to->tls == TLS_VERIFY_FULL && to->name != NULL)
		snprintf(io->host, sizeof io->host, "%s", to->name);
	return io_check_connected(ctx, io_socket(io), to, started, e);
}

static bool certificate_name(const struct io *io, const struct io_target *to)
{
	return to->tls != TLS_VERIFY_FULL ||
	       (io->mysql->host != NULL && strcmp(io->mysql->host, to->name) == 0);
}

/* The connect phase, yield by yield. *gated: a place in the TLS gate is held. */
static bool drive_connect(const struct ctx *ctx, const struct driver_env *env, struct io *io,
        const struct io_target *to, bool *gated, struct err *e)
{
	mono_ns started = clock_now(ctx->clock);
	MYSQL *ret = NULL;
	bool watched = to->address == NULL;
	int waiting = mysql_real_connect_start(&ret, io->mysql, to->address != NULL ? io->host : NULL,
	        to->user, to->password, to->database, to->port, to->socket,
	        to->multi ? CLIENT_MULTI_STATEMENTS : 0);
	while (waiting != 0) {
		int ready;
		axe_set_fd(env->axe, &io->entry, (int)mysql_get_socket(io->mysql));
		enum err_code code = wait_ready(ctx, io, waiting, &ready);
		if (code != ERR_NONE)
			return ctx_fail(ctx, code, started, watched ? "connect: log in" : "connect", e);
		if (!watched) {
			watched = true;
			if (!watch_connect(ctx, io, to, started, e))
				return false;
			/* The gate evens out a start with many servers; a handshake that hangs must not
			 * keep the others out, so the wait for a place is short. */
			if (to->tls != TLS_DISABLE && env->tls_gate != NULL) {
				struct ctx patience = ctx_within(ctx, GATE_WAIT_MS);
				*gated = gate_enter(&patience, env->tls_gate) == ERR_NONE;
			}
		}
		waiting = mysql_real_connect_cont(&ret, io->mysql, ready);
	}
	if (ret != NULL)
		return true;
	if (ctx_done(ctx) != ERR_NONE)
		return ctx_fail(ctx, ctx_done(ctx), started, "connect: log in", e);
	return io_connect_failed(io, to, e);
}

/* The library does not hand out its SSL *, but its public structures lead there. What they lead to is only
 * touched when the library speaks with the very OpenSSL that we are linked with; else it keeps its memory. */
static void settle_tls(struct io *io)
{
	const char *theirs = NULL;
	const MARIADB_PVIO *pvio = io->mysql->net.pvio;
	mariadb_get_infov(io->mysql, MARIADB_TLS_LIBRARY, (void *)&theirs);
	if (theirs == NULL || strcmp(theirs, OpenSSL_version(OPENSSL_VERSION)) != 0)
		return;
	if (pvio != NULL && pvio->ctls != NULL && pvio->ctls->ssl != NULL)
		tls_settle(pvio->ctls->ssl);
}

static void note_tls(struct io *io)
{
	const char *cipher = mysql_get_ssl_cipher(io->mysql), *version = NULL;
	if (cipher == NULL)
		return;
	mariadb_get_infov(io->mysql, MARIADB_CONNECTION_TLS_VERSION, (void *)&version);
	snprintf(io->tls, sizeof io->tls, "%s %s", version != NULL ? version : "TLS", cipher);
}

bool io_open(const struct ctx *ctx, const struct driver_env *env, const struct io_target *to, struct io **out,
        struct err *e)
{
	*out = NULL;
	struct io *io = xcalloc(1, sizeof *io);
	io->axe = env->axe;
	buf_init(&io->sql, PACKET_MAX);
	io->mysql = mysql_init(NULL);
	if (io->mysql == NULL)
		abort();
	set_options(io->mysql, to);
	snprintf(io->host, sizeof io->host, "%s", to->address != NULL ? to->address : "");

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
	if (ok) {
		note_tls(io);
		if (to->tls >= TLS_REQUIRE && io->tls[0] == '\0')
			ok = err_set(e, ERR_TLS, "TLS is required, but the connection is in clear text");
		else if (!certificate_name(io, to))
			ok = err_set(e, ERR_TLS, "the certificate's name was not compared with %s", to->name);
		else if (io->tls[0] != '\0')
			settle_tls(io);
	}
	if (to->tls != TLS_DISABLE)
		tls_thread_settle();
	if (!ok) {
		io_close(io);
		return false;
	}
	/* The server has them now; the library would keep eight kilobytes for them as long as it lives. */
	mysql_options(io->mysql, MYSQL_OPT_CONNECT_ATTR_RESET, NULL);
	int fd = io_socket(io), flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	io->id = mysql_thread_id(io->mysql);
	*out = io;
	return true;
}

/* The library's read buffer and the stack of its calls, and what OpenSSL keeps for a session. */
size_t io_memory(const struct io *io)
{
	return sizeof *io + sizeof *io->mysql + io->mysql->net.max_packet + 60 * 1024 + io->sql.cap +
	       (io->tls[0] != '\0' ? 40 * 1024 : 0);
}

/* 4. The calls of a statement. */

static int begin(struct io *io)
{
	switch (io->phase) {
	case PHASE_QUERY:
		return mysql_real_query_start(&io->rc, io->mysql, buf_str(&io->sql), io->sql.len);
	case PHASE_ROWS:
		return mysql_fetch_row_start(&io->row, io->res);
	case PHASE_NEXT:
		return mysql_next_result_start(&io->rc, io->mysql);
	default:
		return 0;
	}
}

static int resume(struct io *io, int ready)
{
	switch (io->phase) {
	case PHASE_QUERY:
		return mysql_real_query_cont(&io->rc, io->mysql, ready);
	case PHASE_ROWS:
		return mysql_fetch_row_cont(&io->row, io->res, ready);
	case PHASE_NEXT:
		return mysql_next_result_cont(&io->rc, io->mysql, ready);
	default:
		return 0;
	}
}

enum err_code io_finish_call(const struct ctx *ctx, struct io *io)
{
	int ready;
	if (io->waiting == 0)
		io->waiting = begin(io);
	while (io->waiting != 0) {
		enum err_code code = wait_ready(ctx, io, io->waiting, &ready);
		if (code != ERR_NONE)
			return code;
		io->waiting = resume(io, ready);
	}
	return ERR_NONE;
}
