/* From an endpoint to a logged-in connection: credentials, option file, address, TLS, log-in. What happens
 * in the session after that is session.c's. */
#include <openssl/x509.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/mysql/conn.h"
#include "backends/mysql/optfile.h"
#include "core/base/mem.h"
#include "core/run/credential.h"

enum { DEFAULT_PORT = 3306 };

/* What the endpoint and the option file together say. Owns only what it allocated itself. */
struct login {
	struct io_target to;
	const char *host;
	char *password; /* of password_file or password_command */
	struct optfile file;
	char user[64];
	bool no_password;
};

static const char *const lane_words[LANE_KINDS] = {"fast", "slow", "admin"};

static const char *first(const char *a, const char *b)
{
	return a != NULL ? a : b;
}

static const char *os_user(char *out, size_t cap)
{
	char bytes[2048];
	struct passwd pw, *found = NULL;
	if (getpwuid_r(geteuid(), &pw, bytes, sizeof bytes, &found) == 0 && found != NULL)
		snprintf(out, cap, "%s", found->pw_name);
	return out;
}

static const char *usual_socket(void)
{
	static const char *const places[] = {
	        "/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (access(places[i], F_OK) == 0)
			return places[i];
	}
	return places[0];
}

/* TLS as asked for. Unset is "prefer", as with both clients' newer versions. Naming a CA with "require"
 * means that it is checked, as libpq does; a Unix socket needs no TLS and has none. */
static void settle_tls(const struct endpoint *ep, struct login *l)
{
	enum tls_mode mode = ep->tls != TLS_UNSET ? ep->tls : l->file.tls;
	l->to.tls_ca = first(ep->tls_ca, l->file.tls_ca);
	l->to.tls_capath = l->file.tls_capath;
	l->to.tls_cert = first(ep->tls_cert, l->file.tls_cert);
	l->to.tls_key = first(ep->tls_key, l->file.tls_key);
	if (mode == TLS_UNSET || mode == TLS_ALLOW)
		mode = TLS_PREFER;
	if (mode == TLS_REQUIRE && l->to.tls_ca != NULL)
		mode = TLS_VERIFY_CA;
	if (l->host == NULL)
		mode = TLS_DISABLE;
	if (mode >= TLS_VERIFY_CA && l->to.tls_ca == NULL && l->to.tls_capath == NULL) {
		/* The folder of hashed certificates: read as needed, where the bundle costs 0.9 MB. */
		const char *dir = getenv(X509_get_default_cert_dir_env());
		l->to.tls_capath = first(dir, X509_get_default_cert_dir());
	}
	l->to.tls = mode;
}

static bool settle(const struct ctx *ctx, const struct endpoint *ep, struct login *l, struct err *e)
{
	/* 1. The password; a file or command named for it decides alone. */
	if (!credential_password(ctx, ep, &l->password, e))
		return false;
	/* 2. The clients' own file, when it was named or may know the password. */
	bool asked = ep->option_file != NULL || ep->option_group != NULL;
	if ((asked || l->password == NULL) && !optfile_read(ep->option_file, ep->option_group, &l->file, e))
		return false;
	/* 3. The endpoint's own words come first. */
	l->to.user = first(ep->user, l->file.user);
	if (l->to.user == NULL)
		l->to.user = os_user(l->user, sizeof l->user);
	l->to.password = first(l->password, first(l->file.password, getenv("MYSQL_PWD")));
	l->no_password = l->to.password == NULL;
	if (l->no_password)
		l->to.password = "";
	l->to.database = first(ep->database, l->file.database);
	l->host = ep->host;
	l->to.socket = ep->socket;
	if (l->host == NULL && l->to.socket == NULL) {
		l->to.socket = l->file.socket;
		if (l->to.socket == NULL && l->file.host != NULL && strcmp(l->file.host, "localhost") != 0)
			l->host = l->file.host;
		else if (l->to.socket == NULL)
			l->to.socket = usual_socket();
	}
	if (l->host != NULL)
		l->to.socket = NULL;
	l->to.port = ep->port != 0 ? ep->port : (l->file.port != 0 ? l->file.port : DEFAULT_PORT);
	settle_tls(ep, l);
	return true;
}

/* Each address of the name in turn; only one that nobody answers at makes way for the next. */
static bool open_any(
        const struct ctx *ctx, const struct driver_env *env, struct login *l, struct io **out, struct err *e)
{
	struct addresses found;
	if (l->host == NULL)
		return io_open(ctx, env, &l->to, out, e);
	if (!resolve_host(ctx, env->resolver, l->host, &found, e))
		return false;
	bool ok = false, again = true;
	err_set(e, ERR_RESOLVE, "%s has no address", l->host);
	l->to.name = l->host;
	for (unsigned i = 0; i < found.n && again; i++) {
		struct ctx share = *ctx;
		if (i + 1 < found.n && ctx->deadline != MONO_NEVER)
			share = ctx_within(ctx, (uint32_t)ctx_left_ms(ctx) / (found.n - i));
		l->to.address = found.text[i];
		ok = io_open(&share, env, &l->to, out, e);
		again = !ok &&
		        (e->code == ERR_REFUSED || (e->code == ERR_TIMEOUT && ctx_done(ctx) == ERR_NONE));
	}
	l->to.address = NULL;
	return ok;
}

static void hint_login_path(const struct login *l, struct err *e)
{
	char path[512];
	const char *home = getenv("HOME");
	snprintf(path, sizeof path, "%s/.mylogin.cnf", home != NULL ? home : "");
	if (e->code != ERR_AUTH || !l->no_password || access(path, F_OK) != 0)
		return;
	size_t n = strlen(e->text);
	snprintf(e->text + n, sizeof e->text - n,
	        "; no password was given, and ~/.mylogin.cnf is not read: use ~/.my.cnf");
}

bool my_connect(const struct ctx *ctx, const struct driver_env *env, const struct endpoint *ep,
        enum lane_kind lane, struct conn **out, struct err *e)
{
	struct login l = {0};
	struct err scratch;
	struct conn *c = xcalloc(1, sizeof *c);
	*out = NULL;
	e = e != NULL ? e : &scratch;
	err_clear(e);
	c->env = env;
	c->lane = lane;
	buf_init(&c->sql, STATEMENT_MAX);
	snprintf(c->tag, sizeof c->tag, "dbatop/%s/%s", env->run_id, lane_words[lane]);
	l.to.program = c->tag;
	l.to.multi = lane == LANE_ADMIN;

	bool ok = settle(ctx, ep, &l, e) && open_any(ctx, env, &l, &c->io, e);
	if (!ok)
		hint_login_path(&l, e);
	free_secret(l.password);
	optfile_free(&l.file);
	ok = ok && session_begin(ctx, c, e);
	if (!ok) {
		my_close(c);
		return false;
	}
	*out = c;
	return true;
}

void my_close(struct conn *c)
{
	if (c == NULL)
		return;
	io_close(c->io);
	free(c->transactions);
	buf_free(&c->sql);
	free(c);
}
