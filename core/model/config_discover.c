/* What to look at when nobody said anything: the places where PostgreSQL's and MySQL's own clients look. Also
 * reads host and port out of their files, because a name that the client library resolved itself could not be
 * given a deadline. Passwords are not read here: the libraries do that. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"
#include "core/model/config_decode.h"

enum { INI_LINE_MAX = 1024 };

/* One `key = value` of an INI file, with the [section] it stands in. */
struct ini_line {
	char section[128];
	char *key, *value; /* key NULL: the section itself began here */
};

static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t n = strlen(s);

	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* Calls fn for each line; a file that cannot be read has none. */
static void ini_read(const char *path, void (*fn)(const struct ini_line *line, void *arg), void *arg)
{
	char buffer[INI_LINE_MAX];
	struct ini_line line = {0};
	FILE *f = path ? fopen(path, "re") : NULL;

	while (f && fgets(buffer, sizeof buffer, f)) {
		char *s = trim(buffer);

		if (!*s || *s == '#' || *s == ';' || *s == '!')
			continue;
		if (*s == '[') {
			s[strcspn(s, "]")] = '\0';
			snprintf(line.section, sizeof line.section, "%s", s + 1);
			line.key = NULL;
			fn(&line, arg);
			continue;
		}
		char *eq = strchr(s, '=');

		if (!eq)
			continue;
		*eq = '\0';
		line.key = trim(s);
		line.value = trim(eq + 1);
		size_t n = strlen(line.value);

		if (n >= 2 && (line.value[0] == '"' || line.value[0] == '\'') &&
		        line.value[n - 1] == line.value[0]) {
			line.value[n - 1] = '\0';
			line.value++;
		}
		fn(&line, arg);
		explicit_bzero(buffer, sizeof buffer);
	}
	if (f)
		fclose(f);
}

/* --- Filling an endpoint from one section ------------------------------------------------------------- */

struct fill {
	struct endpoint *ep;
	const char *section;
	const char *user_key, *database_key;
	bool found;
};

static void set_missing(char **at, const char *value)
{
	if (!*at && *value)
		*at = xstrdup(value);
}

static void fill_line(const struct ini_line *line, void *arg)
{
	struct fill *f = arg;

	if (strcmp(line->section, f->section))
		return;
	f->found = true;
	if (!line->key)
		return;
	if (!strcmp(line->key, "host") && line->value[0] == '/')
		set_missing(&f->ep->socket, line->value);
	else if (!strcmp(line->key, "host"))
		set_missing(&f->ep->host, line->value);
	else if (!strcmp(line->key, "socket"))
		set_missing(&f->ep->socket, line->value);
	else if (!strcmp(line->key, f->user_key))
		set_missing(&f->ep->user, line->value);
	else if (!strcmp(line->key, f->database_key))
		set_missing(&f->ep->database, line->value);
	else if (!strcmp(line->key, "port") && !f->ep->port)
		f->ep->port = (uint16_t)strtoul(line->value, NULL, 10);
}

static char *service_file(char *(*getenv_fn)(const char *))
{
	const char *named = getenv_fn("PGSERVICEFILE");
	const char *home = getenv_fn("HOME");

	if (named)
		return xstrdup(named);
	return home ? xasprintf("%s/.pg_service.conf", home) : NULL;
}

void config_fill_service(struct endpoint *ep, char *(*getenv_fn)(const char *))
{
	struct fill f = {.ep = ep, .section = ep->service, .user_key = "user", .database_key = "dbname"};
	char *path = service_file(getenv_fn);
	const char *system_dir = getenv_fn("PGSYSCONFDIR");

	ini_read(path, fill_line, &f);
	if (!f.found) {
		char *system =
		        xasprintf("%s/pg_service.conf", system_dir ? system_dir : "/etc/postgresql-common");

		ini_read(system, fill_line, &f);
		free(system);
	}
	free(path);
}

void config_fill_option_group(struct endpoint *ep, const char *home)
{
	struct fill f = {.ep = ep, .user_key = "user", .database_key = "database"};
	char *own = home ? xasprintf("%s/.my.cnf", home) : NULL;
	const char *path = ep->option_file ? ep->option_file : own;

	/* The named group first: what it says wins over [client]. */
	f.section = ep->option_group ? ep->option_group : "client";
	ini_read(path, fill_line, &f);
	f.section = "client";
	ini_read(path, fill_line, &f);
	free(own);
}

/* --- Nothing was given -------------------------------------------------------------------------------- */

static void add(struct config_draft *draft, struct endpoint *ep, const char *name)
{
	config_append(draft->cfg, name, config_cluster(draft, ""), ep);
	endpoint_free(ep);
}

static void discover_pg_environment(struct config_draft *draft, char *(*getenv_fn)(const char *))
{
	const char *host = getenv_fn("PGHOST");
	const char *port = getenv_fn("PGPORT");
	const char *service = getenv_fn("PGSERVICE");
	const char *database = getenv_fn("PGDATABASE");
	const char *user = getenv_fn("PGUSER");

	if (!host && !port && !service && !database)
		return;
	struct endpoint ep = {.engine = ENGINE_POSTGRES, .shown = xstrdup("postgres (PG* environment)")};

	if (service) {
		ep.service = xstrdup(service);
		config_fill_service(&ep, getenv_fn);
	}
	if (host)
		set_missing(host[0] == '/' ? &ep.socket : &ep.host, host);
	if (port && !ep.port)
		ep.port = (uint16_t)strtoul(port, NULL, 10);
	if (user)
		set_missing(&ep.user, user);
	if (database)
		set_missing(&ep.database, database);
	add(draft, &ep, NULL);
}

struct services {
	struct config_draft *draft;
	char *(*getenv_fn)(const char *);
};

static void discover_service(const struct ini_line *line, void *arg)
{
	struct services *s = arg;

	if (line->key || !line->section[0])
		return;
	struct endpoint ep = {.engine = ENGINE_POSTGRES,
	        .service = xstrdup(line->section),
	        .shown = xasprintf("service %s", line->section)};

	config_fill_service(&ep, s->getenv_fn);
	add(s->draft, &ep, line->section);
}

static bool is_socket(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

static void discover_pg_sockets(struct config_draft *draft, const char *dir)
{
	static const char prefix[] = ".s.PGSQL.";
	DIR *d = opendir(dir);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *end;

		if (strncmp(entry->d_name, prefix, sizeof prefix - 1))
			continue;
		unsigned long port = strtoul(entry->d_name + sizeof prefix - 1, &end, 10);

		if (*end || !port || port > 65535)
			continue;
		struct endpoint ep = {.engine = ENGINE_POSTGRES,
		        .socket = xstrdup(dir),
		        .port = (uint16_t)port,
		        .shown = xasprintf("postgres://%s:%lu", dir, port)};

		add(draft, &ep, NULL);
	}
	if (d)
		closedir(d);
}

static void discover_mysql(struct config_draft *draft, const char *home)
{
	static const char *const sockets[] = {
	        "/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"};
	struct endpoint ep = {.engine = ENGINE_MYSQL, .shown = xstrdup("mysql (~/.my.cnf)")};

	config_fill_option_group(&ep, home);
	if (ep.host || ep.socket) {
		ep.option_group = xstrdup("client");
		add(draft, &ep, NULL);
		return;
	}
	endpoint_free(&ep);
	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		if (!is_socket(sockets[i]))
			continue;
		struct endpoint local = {.engine = ENGINE_MYSQL,
		        .socket = xstrdup(sockets[i]),
		        .shown = xasprintf("mysql://%s", sockets[i])};

		add(draft, &local, NULL);
	}
}

void config_discover(struct config_draft *draft, char *(*getenv_fn)(const char *))
{
	struct services services = {.draft = draft, .getenv_fn = getenv_fn};
	char *path = service_file(getenv_fn);

	discover_pg_environment(draft, getenv_fn);
	ini_read(path, discover_service, &services);
	free(path);
	if (!draft->cfg->ninstances) {
		discover_pg_sockets(draft, "/run/postgresql");
		discover_pg_sockets(draft, "/tmp");
	}
	discover_mysql(draft, getenv_fn("HOME"));
}
