/* libpq tells what went wrong in several lines of prose. Here that becomes a code, the SQLSTATE and one
 * sentence. The code comes from the SQLSTATE, or from how far the connection had come: never from the words.
 */
#include "backends/postgres/pg.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct state_code {
	const char *state; /* a whole SQLSTATE or its beginning; the first match counts */
	enum err_code code;
};

static const struct state_code states[] = {
        {"57014", ERR_SERVER_LIMIT}, /* query_canceled: statement_timeout, or our own reaper */
        {"55P03", ERR_SERVER_LIMIT}, /* lock_not_available: lock_timeout */
        {"42501", ERR_DENIED}, {"53300", ERR_LIMIT}, /* too_many_connections */
        {"28", ERR_AUTH}, {"3D000", ERR_AUTH},
        {"57P", ERR_LOST},   /* shut down, crashed, starting, dropped, idle too long */
        {"25P03", ERR_LOST}, /* ended idle in transaction */
        {"25P04", ERR_LOST}, /* transaction_timeout */
        {"08", ERR_LOST}, {"0A000", ERR_UNSUPPORTED}, {"42883", ERR_UNSUPPORTED}, /* undefined_function */
        {"42P01", ERR_UNSUPPORTED},                                               /* undefined_table */
        {"42703", ERR_UNSUPPORTED},                                               /* undefined_column */
        {"42704", ERR_UNSUPPORTED}, /* undefined_object: an unknown setting */
};

enum err_code pg_code_of(const char *sqlstate)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strncmp(sqlstate, states[i].state, strlen(states[i].state)) == 0)
			return states[i].code;
	}
	return ERR_SERVER;
}

const char *pg_phase_name(enum pg_phase phase)
{
	static const char *const names[] = {
	        [PG_PHASE_REACH] = "connect", [PG_PHASE_TLS] = "TLS handshake", [PG_PHASE_LOGIN] = "login"};
	return names[phase];
}

/* No library message should hold the password; should one, it goes no further than here. */
static bool holds_password(const struct conn *c, const char *text)
{
	const char *password = c->ep == NULL ? NULL : c->ep->password;
	return password != NULL && strlen(password) >= 4 && strstr(text, password) != NULL;
}

bool pg_fail_result(const struct conn *c, const PGresult *r, const char *what, struct err *e)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	if (state == NULL) /* libpq's own: the connection broke mid-answer */
		return pg_fail_lost(c, what, e);
	if (text == NULL || holds_password(c, text))
		text = "the server gave no reason";
	err_set(e, pg_code_of(state), "%s: %s", what, text);
	if (e != NULL)
		snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	return false;
}

/* The last attempt's first line, from behind "connection to server at …, port … failed: ". */
static const char *last_verdict(const char *message, char *line, size_t cap)
{
	const char *at = message;
	for (const char *next = strstr(at, "connection to server "); next != NULL;
	        next = strstr(next + 1, "connection to server ")) {
		if (next == message || next[-1] == '\n')
			at = next;
	}
	size_t n = strcspn(at, "\n");
	if (strncmp(at, "connection to server ", 21) == 0) {
		const char *verdict = strstr(at, " failed: ");
		if (verdict != NULL && verdict < at + n) {
			n -= (size_t)(verdict + 9 - at);
			at = verdict + 9;
		}
	}
	snprintf(line, cap, "%.*s", (int)n, at);
	return line;
}

/* "FATAL:  28P01: the text" (PQERRORS_VERBOSE) → the state, and the text behind it. NULL when no server
 * spoke. */
static const char *split_state(const char *line, char state[6])
{
	for (const char *at = strstr(line, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
		size_t n = strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (n == 5 && at[8] == ':' && at[9] == ' ') {
			memcpy(state, at + 3, 5);
			state[5] = '\0';
			return at + 10;
		}
	}
	state[0] = '\0';
	return NULL;
}

bool pg_fail_lost(const struct conn *c, const char *what, struct err *e)
{
	char line[ERR_TEXT_MAX];
	char state[6];
	const char *message = last_verdict(PQerrorMessage(c->pg), line, sizeof(line));
	const char *text = split_state(message, state);
	if (text == NULL)
		text = message;
	if (text[0] == '\0' || holds_password(c, text))
		text = "the connection broke";
	err_set(e, ERR_LOST, "%s: %s", what, text);
	if (e != NULL)
		snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	return false;
}

/* libpq passes over a password file that others can read, and says so only on stderr. */
static void say_no_password(const struct conn *c, char *out, size_t cap)
{
	struct stat st;
	PQconninfoOption *options = PQconninfo(c->pg);
	const char *file = NULL;
	for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
		if (strcmp(o->keyword, "passfile") == 0)
			file = o->val;
	}
	if (file != NULL && stat(file, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		snprintf(out, cap,
		        "no password: %.120s is not used, as others can read it: run chmod 600 %.120s", file,
		        file);
	else
		snprintf(out, cap, "no password was given, and ~/.pgpass has none for it; --password asks for one");
	PQconninfoFree(options);
}

bool pg_fail_connect(const struct conn *c, enum pg_phase phase, struct err *e)
{
	static const enum err_code codes[] = {
	        [PG_PHASE_REACH] = ERR_REFUSED, [PG_PHASE_TLS] = ERR_TLS, [PG_PHASE_LOGIN] = ERR_LOST};
	char line[ERR_TEXT_MAX];
	char state[6];
	const char *message = last_verdict(PQerrorMessage(c->pg), line, sizeof(line));
	const char *text = split_state(message, state);
	enum err_code code = state[0] == '\0' ? codes[phase] : pg_code_of(state);
	/* No state in the login phase: libpq itself gave up, for want of a password for instance. */
	if (text == NULL)
		text = message;
	if (state[0] == '\0' && phase == PG_PHASE_LOGIN && PQconnectionNeedsPassword(c->pg)) {
		code = ERR_AUTH;
		say_no_password(c, line, sizeof(line));
		text = line;
	}
	if (text[0] == '\0' || holds_password(c, text))
		text = "failed without a reason";
	err_set(e, code, "%s: %s", pg_phase_name(phase), text);
	if (e != NULL)
		snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	return false;
}
