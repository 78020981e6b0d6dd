/* Option files as the MySQL clients write them: [groups], key=value, - and _ alike, quotes, a few escapes. */
#include "backends/mysql/optfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

enum { FILE_MAX = 256 * 1024, LINE_MAX_ = 4096 };

static void set(char **slot, const char *value)
{
	free_secret(*slot);
	*slot = xstrdup(value);
}

static void set_tls(struct optfile *o, const char *key, const char *value)
{
	bool on = *value == '\0' || strcmp(value, "1") == 0 || strcasecmp(value, "on") == 0 ||
	          strcasecmp(value, "true") == 0;
	if (strcmp(key, "ssl-mode") == 0) {
		enum tls_mode mode = tls_mode_parse(value);
		if (mode != TLS_UNSET)
			o->tls = mode;
	} else if (strcmp(key, "ssl-verify-server-cert") == 0) {
		if (on)
			o->tls = TLS_VERIFY_FULL;
	} else if (strcmp(key, "skip-ssl") == 0 || (strcmp(key, "ssl") == 0 && !on)) {
		if (o->tls < TLS_VERIFY_CA)
			o->tls = TLS_DISABLE;
	} else if (o->tls == TLS_UNSET) {
		o->tls = TLS_REQUIRE;
	}
}

static void take(struct optfile *o, const char *key, const char *value)
{
	struct {
		const char *name;
		char **slot;
	} texts[] = {
	        {"user", &o->user},
	        {"password", &o->password},
	        {"host", &o->host},
	        {"socket", &o->socket},
	        {"database", &o->database},
	        {"ssl-ca", &o->tls_ca},
	        {"ssl-capath", &o->tls_capath},
	        {"ssl-cert", &o->tls_cert},
	        {"ssl-key", &o->tls_key},
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(key, texts[i].name) == 0) {
			set(texts[i].slot, value);
			return;
		}
	}
	if (strcmp(key, "port") == 0) {
		char *end;
		unsigned long port = strtoul(value, &end, 10);
		if (*value != '\0' && *end == '\0' && port > 0 && port < 65536)
			o->port = (uint16_t)port;
	} else if (strcmp(key, "ssl") == 0 || strcmp(key, "skip-ssl") == 0 || strcmp(key, "ssl-mode") == 0 ||
	           strcmp(key, "ssl-verify-server-cert") == 0) {
		set_tls(o, key, value);
	}
}

/* Strips blanks and one pair of quotes, and undoes the escapes, in place. */
static char *clean_value(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	size_t n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	if (n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s) {
		s[n - 1] = '\0';
		s++;
	}
	static const char from[] = "btnrs\\\"'", to[] = "\b\t\n\r \\\"'";
	char *w = s;
	for (const char *r = s; *r != '\0'; r++) {
		const char *known = *r == '\\' && r[1] != '\0' ? strchr(from, r[1]) : NULL;
		*w++ = known != NULL ? to[known - from] : *r;
		r += known != NULL;
	}
	*w = '\0';
	return s;
}

static bool group_counts(const char *name, const char *group)
{
	return strcmp(name, "client") == 0 || strcmp(name, "client-server") == 0 ||
	       strcmp(name, "client-mariadb") == 0 || (group != NULL && strcmp(name, group) == 0);
}

static void parse_line(char *line, const char *group, bool *counts, bool *found, struct optfile *out)
{
	while (isspace((unsigned char)*line))
		line++;
	if (*line == '[') {
		char *end = strchr(line, ']');
		if (end != NULL)
			*end = '\0';
		*counts = end != NULL && group_counts(line + 1, group);
		*found = *found || (end != NULL && group != NULL && strcmp(line + 1, group) == 0);
		return;
	}
	if (*line == '\0' || *line == '#' || *line == ';' || *line == '!' || !*counts)
		return;
	char nothing[1] = "", *value = nothing, *eq = strchr(line, '=');
	if (eq != NULL) {
		*eq = '\0';
		value = clean_value(eq + 1);
	}
	for (char *p = line; *p != '\0'; p++) {
		if (isspace((unsigned char)*p)) {
			*p = '\0';
			break;
		}
		*p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
	}
	take(out, strncmp(line, "loose-", 6) == 0 ? line + 6 : line, value);
}

void optfile_parse(const char *text, const char *group, struct optfile *out, bool *found)
{
	bool counts = false;
	char line[LINE_MAX_];
	*found = false;
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		if (n < sizeof line) {
			memcpy(line, text, n);
			line[n] = '\0';
			parse_line(line, group, &counts, found, out);
			explicit_bzero(line, n);
		}
		text += n + (text[n] == '\n');
	}
}

/* The text of a regular file that only its owner (and group) can change; NULL with e, or with errno ENOENT.
 */
static char *slurp(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		int why = errno;
		err_set_errno(e, why, "option file %s", path);
		errno = why;
		return NULL;
	}
	char *text = NULL;
	errno = 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		err_set(e, ERR_USAGE, "option file %s: not a regular file of at most %d KB", path,
		        FILE_MAX / 1024);
	} else if (st.st_mode & S_IWOTH) {
		err_set(e, ERR_USAGE, "option file %s: everybody can write it: chmod o-w %s", path, path);
	} else {
		text = xcalloc(1, (size_t)st.st_size + 1);
		ssize_t n = read(fd, text, (size_t)st.st_size);
		if (n < 0) {
			err_set_errno(e, errno, "option file %s", path);
			free(text);
			text = NULL;
		}
	}
	close(fd);
	return text;
}

bool optfile_read(const char *path, const char *group, struct optfile *out, struct err *e)
{
	char home[512];
	*out = (struct optfile){0};
	bool named = path != NULL;
	if (!named) {
		const char *dir = getenv("HOME");
		snprintf(home, sizeof home, "%s/.my.cnf", dir != NULL ? dir : "");
		path = home;
	}
	const char *slash = strrchr(path, '/');
	if (strcmp(slash != NULL ? slash + 1 : path, ".mylogin.cnf") == 0)
		return err_set(e, ERR_USAGE, "%s is not read: use a group of ~/.my.cnf", path);
	bool found = false;
	char *text = slurp(path, e);
	if (text == NULL) {
		bool missing = errno == ENOENT && !named && group == NULL;
		if (missing)
			err_clear(e);
		else if (e != NULL)
			e->code = ERR_USAGE;
		return missing;
	}
	optfile_parse(text, group, out, &found);
	free_secret(text);
	if (group != NULL && !found) {
		optfile_free(out);
		return err_set(e, ERR_USAGE, "option file %s: there is no group [%s]", path, group);
	}
	return true;
}

void optfile_free(struct optfile *o)
{
	char **slots[] = {&o->user, &o->password, &o->host, &o->socket, &o->database, &o->tls_ca,
	        &o->tls_capath, &o->tls_cert, &o->tls_key};
	for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
		free_secret(*slots[i]);
	*o = (struct optfile){0};
}
