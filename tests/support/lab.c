/* Reads servers.tsv by the names of its columns, so that the lab may add some, and leaves everything that
 * changes a server to lab.py, which alone knows how they are started. */
#include "tests/support/test.h"

#include "tests/support/lab.h"
#include "tests/support/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACCOUNT_MS = 10000, LAB_MS = 25000, MAX_COLUMNS = 32, MAX_LINE = 4096, MAX_SETTINGS = 16 };

const char *lab_dir(void)
{
	const char *dir = getenv("DBATOP_LAB");
	if (dir == NULL || dir[0] == '\0') {
		fail_msg("DBATOP_LAB is not set: run under tests/lab/lab.py run --dir D -- ...");
		abort();
	}
	return dir;
}

void lab_file(const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", lab_dir(), name);
}

/* Cuts a line at its tabs, in place. */
static int split(char *line, char *fields[MAX_COLUMNS])
{
	int count = 0;
	line[strcspn(line, "\r\n")] = '\0';
	while (count < MAX_COLUMNS) {
		fields[count++] = line;
		line += strcspn(line, "\t");
		if (*line == '\0')
			break;
		*line++ = '\0';
	}
	return count;
}

static void set_field(struct lab_server *server, const char *column, const char *value)
{
	const struct {
		const char *column;
		char *at;
		size_t size;
	} texts[] = {
	        {"name", server->name, sizeof(server->name)},
	        {"engine", server->engine, sizeof(server->engine)},
	        {"version", server->version, sizeof(server->version)},
	        {"host", server->host, sizeof(server->host)},
	        {"socket", server->socket, sizeof(server->socket)},
	        {"role", server->role, sizeof(server->role)},
	        {"datadir", server->datadir, sizeof(server->datadir)},
	        {"kind", server->kind, sizeof(server->kind)},
	        {"primary", server->primary, sizeof(server->primary)},
	        {"owner", server->owner, sizeof(server->owner)},
	};
	if (strcmp(value, "-") == 0)
		value = "";
	if (strcmp(column, "port") == 0)
		server->port = (int)strtol(value, NULL, 10);
	if (strcmp(column, "pid") == 0)
		server->pid = (pid_t)strtol(value, NULL, 10);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(column, texts[i].column) == 0)
			snprintf(texts[i].at, texts[i].size, "%s", value);
	}
}

/* All servers that match; name and engine may be NULL. Without a name those that a test spawned are left out:
 * another test may be breaking them just now. */
static size_t read_servers(const char *name, const char *engine, struct lab_server *servers, size_t room)
{
	char path[512];
	char head[MAX_LINE];
	char line[MAX_LINE];
	char *columns[MAX_COLUMNS];
	char *fields[MAX_COLUMNS];
	size_t count = 0;
	lab_file("servers.tsv", path, sizeof(path));
	FILE *file = fopen(path, "re");
	if (file == NULL || fgets(head, sizeof(head), file) == NULL) {
		fail_msg("cannot read %s: %s", path, strerror(errno));
		abort();
	}
	int column_count = split(head, columns);
	while (count < room && fgets(line, sizeof(line), file) != NULL) {
		struct lab_server server = {.port = 0};
		int field_count = split(line, fields);
		for (int i = 0; i < field_count && i < column_count; i++)
			set_field(&server, columns[i], fields[i]);
		bool wanted =
		        name == NULL ? strcmp(server.owner, "test") != 0 : strcmp(name, server.name) == 0;
		if (wanted && (engine == NULL || strcmp(engine, server.engine) == 0))
			servers[count++] = server;
	}
	fclose(file);
	return count;
}

struct lab_server lab_server(const char *name)
{
	struct lab_server server = {.port = 0};
	if (read_servers(name, NULL, &server, 1) == 0)
		fail_msg("the lab in %s has no server \"%s\"", lab_dir(), name);
	return server;
}

size_t lab_servers(const char *engine, struct lab_server *servers, size_t room)
{
	size_t count = read_servers(NULL, engine, servers, room);
	if (count == 0)
		fail_msg("the lab in %s has no server of engine %s", lab_dir(),
		        engine == NULL ? "any" : engine);
	return count;
}

bool lab_is_postgres(const struct lab_server *server)
{
	return strcmp(server->engine, "postgres") == 0;
}

void lab_password(const char *user, char *password, size_t size)
{
	snprintf(password, size, "%s-pw", user);
}

void lab_add_account(const struct lab_server *server, const char *user)
{
	char sql[512];
	if (lab_is_postgres(server))
		snprintf(sql, sizeof(sql),
		        "DROP ROLE IF EXISTS %s; CREATE ROLE %s LOGIN PASSWORD '%s-pw' IN ROLE pg_monitor",
		        user, user, user);
	else
		snprintf(sql, sizeof(sql),
		        "DROP USER IF EXISTS %s; CREATE USER %s IDENTIFIED BY '%s-pw'; GRANT PROCESS, %s TO "
		        "%s",
		        user, user, user,
		        strcmp(server->engine, "mariadb") == 0 ? "BINLOG MONITOR, SLAVE MONITOR ON *.*"
		                                               : "REPLICATION CLIENT ON *.*",
		        user);
	free(lab_sql(server, "dba", sql, ACCOUNT_MS));
}

void lab_drop_account(const struct lab_server *server, const char *user)
{
	char sql[128];
	snprintf(sql, sizeof(sql), "DROP %s IF EXISTS %s", lab_is_postgres(server) ? "ROLE" : "USER", user);
	free(lab_sql(server, "dba", sql, ACCOUNT_MS));
}

static void put_url(const struct lab_server *server, const char *login, int port, char *url, size_t size)
{
	bool postgres = lab_is_postgres(server);
	int length = snprintf(url, size, "%s://%s@%s:%d%s", postgres ? "postgres" : "mysql", login,
	        server->host, port == 0 ? server->port : port, postgres ? "/app" : "");
	assert_true(length > 0 && (size_t)length < size);
}

void lab_url(const struct lab_server *server, const char *user, int port, char *url, size_t size)
{
	put_url(server, user, port, url, size);
}

void lab_url_with_password(
        const struct lab_server *server, const char *user, int port, char *url, size_t size)
{
	char login[128];
	snprintf(login, sizeof(login), "%s:%s-pw", user, user);
	put_url(server, login, port, url, size);
}

char *lab_sql(const struct lab_server *server, const char *user, const char *sql, int ms)
{
	char port[16];
	char password[160];
	snprintf(port, sizeof(port), "%d", server->port);
	bool postgres = lab_is_postgres(server);
	snprintf(password, sizeof(password), "%s=%s-pw", postgres ? "PGPASSWORD" : "MYSQL_PWD", user);
	const char *const psql[] = {"psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", server->host,
	        "-p", port, "-U", user, "-d", "app", "-f", "-", NULL};
	const char *const mariadb[] = {"mariadb", "--no-defaults", "-N", "-B", "-r", "--protocol=tcp", "-h",
	        server->host, "-P", port, "-u", user, NULL};
	const char *const env[] = {password, "PGOPTIONS", "PGSERVICE", "PGSSLMODE", NULL};
	struct proc *proc = proc_run(postgres ? psql : mariadb, env, sql, ms);
	if (proc->timed_out || proc->exit_code != 0)
		fail_msg("%s as %s: %s%s\n%s", server->name, user,
		        proc->timed_out ? "no answer in time " : "", proc->err_bytes.data, sql);
	char *text = strdup(proc->out_bytes.data);
	assert_non_null(text);
	proc_free(proc);
	return text;
}

long lab_sql_number(const struct lab_server *server, const char *user, const char *sql, int ms)
{
	char *text = lab_sql(server, user, sql, ms);
	char *end;
	long number = strtol(text, &end, 10);
	if (end == text)
		fail_msg("%s: not a number: \"%s\" for %s", server->name, text, sql);
	free(text);
	return number;
}

/* lab.py VERB --dir D --name NAME MORE... */
static void lab_run(const char *verb, const char *name, const char *const more[])
{
	const char *argv[2 * MAX_SETTINGS] = {
	        "python3", TEST_SOURCE_DIR "/tests/lab/lab.py", verb, "--dir", lab_dir(), "--name", name};
	size_t count = 7;
	for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
		assert_true(count < sizeof(argv) / sizeof(argv[0]) - 1);
		argv[count++] = more[i];
	}
	struct proc *proc = proc_run(argv, NULL, NULL, LAB_MS);
	if (proc->timed_out || proc->exit_code != 0)
		fail_msg("lab.py %s %s: %s%s", verb, name, proc->timed_out ? "not done in time " : "",
		        proc->err_bytes.data);
	proc_free(proc);
}

struct lab_server lab_spawn(const char *kind, const char *name, const char *const settings[])
{
	const char *more[2 * MAX_SETTINGS] = {"--kind", kind};
	size_t count = 2;
	for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
		assert_true(count < 2 * MAX_SETTINGS - 2);
		more[count++] = "--set";
		more[count++] = settings[i];
	}
	lab_run("spawn", name, more);
	return lab_server(name);
}

struct lab_server lab_spawn_replica(const char *kind, const char *name, const char *primary)
{
	const char *const more[] = {"--kind", kind, "--replica-of", primary, NULL};
	lab_run("spawn", name, more);
	return lab_server(name);
}

void lab_stop(const char *name)
{
	lab_run("stop", name, NULL);
}

void lab_kill(const char *name)
{
	lab_run("kill", name, NULL);
}

struct lab_server lab_start(const char *name)
{
	lab_run("start", name, NULL);
	return lab_server(name);
}

struct lab_server lab_restart(const char *name)
{
	lab_run("restart", name, NULL);
	return lab_server(name);
}

void lab_remove(const char *name)
{
	lab_run("remove", name, NULL);
}

void lab_pause(const struct lab_server *server)
{
	if (server->pid <= 1 || proc_signal_tree(server->pid, SIGSTOP) == 0)
		fail_msg("%s does not run, it cannot be paused", server->name);
}

void lab_resume(const struct lab_server *server)
{
	if (server->pid > 1)
		proc_signal_tree(server->pid, SIGCONT);
}
