/* The chaos proxy: puts the network's and the servers' bad behaviour where a test wants it. It is told what
 * to do by lines on stdin, answers each with one line on stdout ("ok ..." or "error ..."), and ends with its
 * stdin, so a test that dies leaves nothing behind. Arguments are taken as commands before stdin is read.
 *
 * - listen HOST:PORT (an IPv4 address), or listen /SOCKET → ok ID PORT: a proxy on 127.0.0.1:PORT to it
 * - blackhole → ok ID PORT: a port that drops SYNs, where connect() hangs
 * - set ID up|down|both [all|new|open|from:PORT] FAULT: for existing and new connections, for one kind only,
 * or for the one that the server sees to come from PORT. up: client to server. Counts begin now (new: at the
 *   start). FAULT: none, stall [BYTES], drop [BYTES], drip MS, delay MS, close [BYTES], reset [BYTES]
 * - accept ID open|refuse|hang|mute: how new clients are received (enum door_mode)
 * - rewrite-id ID mysql|postgres|none [MASK]: new connections are told the server's connection id XOR MASK
 * - stat ID → ok accepted=N open=N up=BYTES down=BYTES
 * - quit */
#include "tests/lab/chaosproxy.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DOORS = 512, MAX_WORDS = 8, DEFAULT_MASK = 0x01000000 };

struct proxy {
	struct door *doors[MAX_DOORS];
	int door_count;
	struct conn *conns;
	char input[4096];
	size_t input_size;
	bool quit;
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool parse_number(const char *word, uint64_t *value)
{
	char *end;
	errno = 0;
	*value = strtoull(word, &end, 0);
	return errno == 0 && end != word && *end == '\0';
}

static struct door *door_find(struct proxy *proxy, const char *word)
{
	uint64_t id;
	if (word == NULL || !parse_number(word, &id) || id >= (uint64_t)proxy->door_count)
		return NULL;
	return proxy->doors[id];
}

static struct door *door_new(struct proxy *proxy, enum door_mode mode)
{
	if (proxy->door_count == MAX_DOORS)
		return NULL;
	struct door *door = calloc(1, sizeof(*door));
	if (door == NULL)
		abort();
	door->id = proxy->door_count;
	door->listener = -1;
	for (int i = 0; i < DOOR_FILLERS; i++)
		door->fillers[i] = -1;
	if (!door_open(door, mode)) {
		door_close(door);
		free(door);
		return NULL;
	}
	proxy->doors[proxy->door_count++] = door;
	return door;
}

static const char *command_listen(struct proxy *proxy, char **words)
{
	uint64_t port = 0;
	char *colon = words[1] == NULL ? NULL : strrchr(words[1], ':');
	if (words[1] == NULL)
		return "error listen needs HOST:PORT or a socket's path";
	if (words[1][0] != '/') {
		if (colon == NULL || !parse_number(colon + 1, &port) || port == 0 || port > 65535)
			return "error listen needs HOST:PORT or a socket's path";
		*colon = '\0';
	}
	struct door *door = door_new(proxy, DOOR_OPEN);
	if (door == NULL)
		return "error cannot listen";
	snprintf(door->upstream_host, sizeof(door->upstream_host), "%s", words[1]);
	door->upstream_port = (int)port;
	printf("ok %d %d\n", door->id, door->port);
	return NULL;
}

static const char *command_blackhole(struct proxy *proxy, char **words)
{
	(void)words;
	struct door *door = door_new(proxy, DOOR_HANG);
	if (door == NULL)
		return "error the backlog does not fill";
	printf("ok %d %d\n", door->id, door->port);
	return NULL;
}

static bool parse_fault(char **words, struct fault *fault)
{
	static const struct {
		const char *name;
		enum fault_kind kind;
		bool in_ms;
	} names[] = {
	        {"none", FAULT_NONE, false},
	        {"stall", FAULT_STALL, false},
	        {"drop", FAULT_DROP, false},
	        {"drip", FAULT_DRIP, true},
	        {"delay", FAULT_DELAY, true},
	        {"close", FAULT_CLOSE, false},
	        {"reset", FAULT_RESET, false},
	};
	uint64_t value = 0;
	if (words[0] == NULL || (words[1] != NULL && !parse_number(words[1], &value)))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(words[0], names[i].name) != 0)
			continue;
		*fault = (struct fault){.kind = names[i].kind};
		if (names[i].in_ms)
			fault->ms = value;
		else
			fault->bytes = value;
		return !names[i].in_ms || words[1] != NULL;
	}
	return false;
}

static const char set_usage[] = "error set needs ID up|down|both [all|new|open|from:PORT] FAULT";

static const char *command_set(struct proxy *proxy, char **words)
{
	struct door *door = door_find(proxy, words[1]);
	char **rest = words + 3;
	bool fresh = true;
	bool open = true;
	uint64_t from = 0;
	struct fault fault;
	if (door == NULL || words[2] == NULL)
		return set_usage;
	bool up = strcmp(words[2], "up") == 0 || strcmp(words[2], "both") == 0;
	bool down = strcmp(words[2], "down") == 0 || strcmp(words[2], "both") == 0;
	if (rest[0] != NULL && (strcmp(rest[0], "all") == 0 || strcmp(rest[0], "new") == 0 ||
	                               strcmp(rest[0], "open") == 0)) {
		open = strcmp(rest[0], "new") != 0;
		fresh = strcmp(rest[0], "open") != 0;
		rest++;
	} else if (rest[0] != NULL && strncmp(rest[0], "from:", 5) == 0) {
		if (!parse_number(rest[0] + 5, &from) || from == 0)
			return set_usage;
		fresh = false;
		rest++;
	}
	if ((!up && !down) || !parse_fault(rest, &fault))
		return set_usage;
	for (int i = 0; i < DIRECTIONS; i++) {
		if (i == UP ? !up : !down)
			continue;
		if (fresh)
			door->fresh[i] = fault;
		for (struct conn *conn = proxy->conns; open && conn != NULL; conn = conn->next) {
			if (conn->door == door && (from == 0 || conn_port(conn) == from))
				conn_set_fault(conn, i, fault, now_ms());
		}
	}
	return "ok";
}

static const char *command_accept(struct proxy *proxy, char **words)
{
	static const char *const modes[] = {
	        [DOOR_OPEN] = "open",
	        [DOOR_REFUSE] = "refuse",
	        [DOOR_HANG] = "hang",
	        [DOOR_MUTE] = "mute",
	};
	struct door *door = door_find(proxy, words[1]);
	for (int i = 0; door != NULL && words[2] != NULL && i < (int)(sizeof(modes) / sizeof(modes[0]));
	        i++) {
		if (strcmp(words[2], modes[i]) == 0)
			return door_open(door, (enum door_mode)i) ? "ok" : "error cannot listen again";
	}
	return "error accept needs ID open|refuse|hang|mute";
}

static const char *command_rewrite(struct proxy *proxy, char **words)
{
	struct door *door = door_find(proxy, words[1]);
	uint64_t mask = DEFAULT_MASK;
	if (door == NULL || words[2] == NULL || (words[3] != NULL && !parse_number(words[3], &mask)))
		return "error rewrite-id needs ID mysql|postgres|none [MASK]";
	if (strcmp(words[2], "mysql") == 0)
		door->rewrite = REWRITE_MYSQL;
	else if (strcmp(words[2], "postgres") == 0)
		door->rewrite = REWRITE_POSTGRES;
	else if (strcmp(words[2], "none") == 0)
		door->rewrite = REWRITE_NONE;
	else
		return "error rewrite-id needs ID mysql|postgres|none [MASK]";
	door->rewrite_mask = (uint32_t)mask;
	return "ok";
}

static const char *command_stat(struct proxy *proxy, char **words)
{
	struct door *door = door_find(proxy, words[1]);
	int open = 0;
	if (door == NULL)
		return "error stat needs ID";
	for (struct conn *conn = proxy->conns; conn != NULL; conn = conn->next)
		open += conn->door == door;
	printf("ok accepted=%llu open=%d up=%llu down=%llu\n", (unsigned long long)door->accepted, open,
	        (unsigned long long)door->bytes[UP], (unsigned long long)door->bytes[DOWN]);
	return NULL;
}

static const char *command_quit(struct proxy *proxy, char **words)
{
	(void)words;
	proxy->quit = true;
	return "ok";
}

static void run_command(struct proxy *proxy, char *line)
{
	static const struct {
		const char *name;
		/* The answer, or NULL when it is printed already. */
		const char *(*run)(struct proxy *proxy, char **words);
	} commands[] = {
	        {"listen", command_listen},
	        {"blackhole", command_blackhole},
	        {"set", command_set},
	        {"accept", command_accept},
	        {"rewrite-id", command_rewrite},
	        {"stat", command_stat},
	        {"quit", command_quit},
	};
	char *words[MAX_WORDS + 1] = {NULL};
	const char *answer = "error no such command";
	for (int i = 0; i < MAX_WORDS; i++) {
		line += strspn(line, " \t");
		if (*line == '\0')
			break;
		words[i] = line;
		line += strcspn(line, " \t");
		if (*line != '\0')
			*line++ = '\0';
	}
	for (size_t i = 0; words[0] != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(words[0], commands[i].name) != 0)
			continue;
		answer = commands[i].run(proxy, words);
		break;
	}
	if (answer != NULL)
		puts(answer);
	if (fflush(stdout) != 0)
		proxy->quit = true;
}

static void read_commands(struct proxy *proxy)
{
	ssize_t got = read(
	        STDIN_FILENO, proxy->input + proxy->input_size, sizeof(proxy->input) - proxy->input_size - 1);
	if (got <= 0) {
		proxy->quit = got == 0 || errno != EINTR;
		return;
	}
	proxy->input_size += (size_t)got;
	proxy->input[proxy->input_size] = '\0';
	char *line = proxy->input;
	for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
		*end = '\0';
		run_command(proxy, line);
		line = end + 1;
	}
	proxy->input_size -= (size_t)(line - proxy->input);
	memmove(proxy->input, line, proxy->input_size);
	if (proxy->input_size == sizeof(proxy->input) - 1)
		proxy->quit = true;
}

static void remove_dead(struct proxy *proxy)
{
	for (struct conn **at = &proxy->conns; *at != NULL;) {
		struct conn *conn = *at;
		if (!conn->dead) {
			at = &conn->next;
			continue;
		}
		*at = conn->next;
		conn_free(conn);
	}
}

static void accept_all(struct proxy *proxy, struct door *door)
{
	for (struct conn *conn = conn_accept(door); conn != NULL; conn = conn_accept(door)) {
		conn->polled[UP] = conn->polled[DOWN] = -1;
		conn->next = proxy->conns;
		proxy->conns = conn;
	}
}

/* The poll set: stdin, the doors that accept, then the connections. The caller frees it. */
static struct pollfd *build_set(struct proxy *proxy, size_t *size, int *timeout)
{
	size_t room = 1 + (size_t)proxy->door_count;
	for (struct conn *conn = proxy->conns; conn != NULL; conn = conn->next)
		room += DIRECTIONS;
	struct pollfd *set = calloc(room, sizeof(*set));
	if (set == NULL)
		abort();
	set[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (int i = 0; i < proxy->door_count; i++) {
		const struct door *door = proxy->doors[i];
		bool accepts = door->mode == DOOR_OPEN || door->mode == DOOR_MUTE;
		set[1 + i] = (struct pollfd){.fd = accepts ? door->listener : -1, .events = POLLIN};
	}
	*size = 1 + (size_t)proxy->door_count;
	for (struct conn *conn = proxy->conns; conn != NULL; conn = conn->next)
		*size = conn_poll(conn, set, *size, now_ms(), timeout);
	return set;
}

static void run_round(struct proxy *proxy)
{
	size_t size;
	int timeout = 60000;
	struct pollfd *set = build_set(proxy, &size, &timeout);
	int doors = proxy->door_count;
	if (poll(set, size, timeout) < 0 && errno != EINTR)
		abort();
	for (int i = 0; i < doors; i++) {
		if ((set[1 + i].revents & POLLIN) != 0)
			accept_all(proxy, proxy->doors[i]);
	}
	/* Commands before the connections move: a reset that was just asked for must not wait for the next
	 * byte. */
	if (set[0].revents != 0)
		read_commands(proxy);
	for (struct conn *conn = proxy->conns; conn != NULL; conn = conn->next)
		conn_step(conn, set, now_ms());
	remove_dead(proxy);
	free(set);
}

int main(int argc, char **argv)
{
	struct proxy proxy = {.door_count = 0};
	struct rlimit files;
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (int i = 1; i < argc; i++)
		run_command(&proxy, argv[i]);
	while (!proxy.quit)
		run_round(&proxy);
	for (struct conn *conn = proxy.conns; conn != NULL; conn = conn->next)
		conn->dead = true;
	remove_dead(&proxy);
	for (int i = 0; i < proxy.door_count; i++) {
		door_close(proxy.doors[i]);
		free(proxy.doors[i]);
	}
	return 0;
}
