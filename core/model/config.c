/* Puts the config together: the compiled-in default file, the user's file over it, URLs from the command
 * line, and, when nobody said anything, what the clients' own files and sockets offer. */
#include "core/model/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/embedded.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/model/config_decode.h"
#include "core/model/yaml.h"

extern const struct embedded_file embedded_config[];

const char *config_default_text(void)
{
	return embedded_config[0].data;
}

/* --- Instances ---------------------------------------------------------------------------------------- */

static bool name_taken(const struct config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->ninstances; i++)
		if (!strcmp(cfg->instances[i].name, name))
			return true;
	return false;
}

/* host, host:port or the socket; numbered when two are alike. */
static char *derived_name(const struct config *cfg, const struct endpoint *ep)
{
	bool usual = !ep->port || ep->port == (ep->engine == ENGINE_POSTGRES ? 5432 : 3306);
	char *base;

	if (ep->service)
		base = xstrdup(ep->service);
	else if (ep->option_group)
		base = xstrdup(ep->option_group);
	else if (ep->host && usual)
		base = xstrdup(ep->host);
	else if (ep->host)
		base = xasprintf("%s:%u", ep->host, ep->port);
	else
		base = xasprintf("local-%s", ep->engine == ENGINE_POSTGRES ? "pg" : "my");
	char *name = xstrdup(base);

	for (unsigned n = 2; name_taken(cfg, name); n++) {
		free(name);
		name = xasprintf("%s#%u", base, n);
	}
	free(base);
	return name;
}

bool config_append(struct config *cfg, const char *name, size_t cluster, struct endpoint *ep)
{
	if (name && name_taken(cfg, name))
		return false;
	/* Room for added replicas is part of the block, so that pointers into it stay good. */
	cfg->instances = xreallocarray(
	        cfg->instances, cfg->ninstances + 1 + CONFIG_SPARE_INSTANCES, sizeof *cfg->instances);
	struct instance_cfg *i = &cfg->instances[cfg->ninstances];

	*i = (struct instance_cfg){.cluster = cluster, .endpoint = *ep};
	i->name = name ? xstrdup(name) : derived_name(cfg, ep);
	cfg->ninstances++;
	*ep = (struct endpoint){0};
	return true;
}

static char *copied(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

bool config_add_like(
        struct config *cfg, size_t like, const char *host, uint16_t port, size_t *index, struct err *e)
{
	const struct endpoint *from = &cfg->instances[like].endpoint;
	size_t added = cfg->ninstances - cfg->nconfigured;

	if (added == CONFIG_SPARE_INSTANCES)
		return err_set(e, ERR_USAGE,
		        "%d replicas were added already: put the rest into the config file",
		        CONFIG_SPARE_INSTANCES);
	struct instance_cfg *i = &cfg->instances[cfg->ninstances];

	*i = (struct instance_cfg){.cluster = cfg->instances[like].cluster};
	i->endpoint = (struct endpoint){.engine = from->engine,
	        .host = xstrdup(host),
	        .port = port,
	        .shown = xasprintf("%s://%s:%u", engine_name(from->engine), host, port),
	        .user = copied(from->user),
	        .database = copied(from->database),
	        .password = copied(from->password),
	        .password_file = copied(from->password_file),
	        .password_command = copied(from->password_command),
	        .option_file = copied(from->option_file),
	        .option_group = copied(from->option_group),
	        .extra = copied(from->extra),
	        .tls = from->tls,
	        .tls_ca = copied(from->tls_ca),
	        .tls_cert = copied(from->tls_cert),
	        .tls_key = copied(from->tls_key),
	        .kill = from->kill};
	i->name = derived_name(cfg, &i->endpoint);
	*index = cfg->ninstances++;
	return true;
}

/* --- Files ---------------------------------------------------------------------------------------------- */

/* NULL with e set; ENOENT is told by e->native. */
static char *read_file(const char *path, size_t *n, struct stat *st, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, st)) {
		int code = errno;

		if (fd >= 0)
			close(fd);
		err_set_errno(e, code, "%s", path);
		e->code = ERR_USAGE;
		return NULL;
	}
	if (!S_ISREG(st->st_mode) || st->st_size > YAML_BYTES_MAX) {
		close(fd);
		err_set(e, ERR_USAGE, "%s: not a plain file of at most 1 MiB", path);
		return NULL;
	}
	char *text = xmalloc((size_t)st->st_size + 1);
	ssize_t got = read(fd, text, (size_t)st->st_size);

	close(fd);
	if (got < 0) {
		err_set_errno(e, errno, "%s", path);
		free_secret(text);
		return NULL;
	}
	text[got] = '\0';
	*n = (size_t)got;
	return text;
}

static bool load_file(struct config_draft *draft, const char *path, bool must, struct err *e)
{
	struct stat st;
	size_t n;
	char *text = read_file(path, &n, &st, e);

	if (!text)
		return !must && e->native == ENOENT;
	bool ok = config_decode(draft, path, text, n, e);

	explicit_bzero(text, n);
	free(text);
	if (!ok)
		return false;
	if (draft->has_password && (st.st_mode & (S_IRWXG | S_IRWXO)))
		return err_set(e, ERR_USAGE,
		        "%s: it holds a password and others can read it: run chmod 600 %s", path, path);
	if (st.st_mode & S_IWOTH)
		config_warn(draft->cfg, "%s: everybody can change it: run chmod o-w %s", path, path);
	draft->cfg->file = xstrdup(path);
	return true;
}

/* --- Judging values --------------------------------------------------------------------------------------
 */

static void check_tier(
        struct config *cfg, const char *cluster, const char *what, uint32_t ms, uint32_t low, uint32_t high)
{
	if (ms < low || ms > high)
		config_warn(cfg, "cluster '%s': timeouts.%s is %u ms, outside its tier of %u to %u ms",
		        cluster, what, ms, low, high);
}

static void check_values(struct config *cfg)
{
	for (size_t i = 0; i < cfg->nclusters; i++) {
		const struct cluster_cfg *c = &cfg->clusters[i];

		check_tier(cfg, c->name, "connect", c->timeouts.connect_ms, 3000, 5000);
		check_tier(cfg, c->name, "query", c->timeouts.query_ms, 100, 5000);
		check_tier(cfg, c->name, "check", c->timeouts.check_ms, 30000, 120000);
		if (c->timeouts.query_max_ms < c->timeouts.query_ms)
			config_warn(cfg,
			        "cluster '%s': timeouts.query_max is shorter than timeouts.query: query "
			        "holds",
			        c->name);
		if (c->connections_crit < c->connections_warn)
			config_warn(cfg, "cluster '%s': connections_crit is below connections_warn", c->name);
	}
}

/* --- Loading -------------------------------------------------------------------------------------------- */

/* A word of the command line that is no URL names a cluster or an instance of the config. */
static bool keep_named(struct config *cfg, const char *const *words, size_t n, struct err *e)
{
	bool *keep = xcalloc(cfg->ninstances + 1, sizeof *keep);
	const char **names = xcalloc(cfg->ninstances + cfg->nclusters + 1, sizeof *names);
	size_t nnames = 0;
	bool ok = true;

	for (size_t i = 0; i < cfg->nclusters; i++)
		names[nnames++] = cfg->clusters[i].name;
	for (size_t i = 0; i < cfg->ninstances; i++)
		names[nnames++] = cfg->instances[i].name;
	for (size_t w = 0; w < n && ok; w++) {
		bool found = false;

		for (size_t i = 0; i < cfg->ninstances; i++) {
			const char *cluster = cfg->clusters[cfg->instances[i].cluster].name;

			if (!strcmp(words[w], cfg->instances[i].name) || !strcmp(words[w], cluster))
				found = keep[i] = true;
		}
		const char *near = found ? NULL : text_did_you_mean(words[w], names, nnames);

		if (!found)
			ok = err_set(e, ERR_USAGE,
			        "'%s' is neither a URL (postgres://…, mysql://…) nor a cluster or instance "
			        "of %s%s%s%s",
			        words[w], cfg->file ? cfg->file : "the config (there is none)",
			        near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	size_t kept = 0;

	for (size_t i = 0; ok && i < cfg->ninstances; i++) {
		if (keep[i]) {
			cfg->instances[kept++] = cfg->instances[i];
		} else {
			free(cfg->instances[i].name);
			endpoint_free(&cfg->instances[i].endpoint);
		}
	}
	if (ok)
		cfg->ninstances = kept;
	free(keep);
	free(names);
	return ok;
}

static bool is_url(const char *word)
{
	return strstr(word, "://") != NULL;
}

static bool add_urls(struct config_draft *draft, const struct config_sources *src, struct err *e)
{
	struct config *cfg = draft->cfg;
	const char **names = xcalloc(src->nurls + 1, sizeof *names);
	size_t nnames = 0;
	bool ok = true;

	for (size_t i = 0; i < src->nurls; i++)
		if (!is_url(src->urls[i]))
			names[nnames++] = src->urls[i];
	/* URLs alone mean just these; with --config or names beside them, what was named comes along. */
	if (nnames || (src->nurls && !src->file))
		ok = keep_named(cfg, names, nnames, e);
	for (size_t i = 0; i < src->nurls && ok; i++) {
		struct endpoint ep = {0};

		if (!is_url(src->urls[i]))
			continue;
		ok = endpoint_parse(src->urls[i], &ep, e);
		if (ok)
			config_append(cfg, NULL, config_cluster(draft, ""), &ep);
	}
	free(names);
	return ok;
}

static char *default_path(
        char *(*getenv_fn)(const char *), const char *xdg, const char *home_part, const char *file)
{
	const char *base = getenv_fn(xdg);
	const char *home = getenv_fn("HOME");

	if (base && base[0] == '/')
		return xasprintf("%s/dbatop%s", base, file);
	return home ? xasprintf("%s/%s/dbatop%s", home, home_part, file) : NULL;
}

static bool load_all(struct config_draft *draft, const struct config_sources *src,
        char *(*getenv_fn)(const char *), struct err *e)
{
	const char *text = config_default_text();

	if (!config_decode(draft, "default.yaml", text, strlen(text), e))
		return false;
	if (src->file) {
		if (!load_file(draft, src->file, true, e))
			return false;
	} else {
		char *path = default_path(getenv_fn, "XDG_CONFIG_HOME", ".config", "/config.yaml");
		bool ok = !path || load_file(draft, path, false, e);

		free(path);
		if (!ok)
			return false;
	}
	if (!add_urls(draft, src, e))
		return false;
	if (!draft->cfg->ninstances && !src->nurls && !src->file)
		config_discover(draft, getenv_fn);
	return true;
}

bool config_load(const struct config_sources *src, struct config **out, struct err *e)
{
	char *(*getenv_fn)(const char *) = src->getenv_fn ? src->getenv_fn : getenv;
	struct config *cfg = xcalloc(1, sizeof *cfg);
	struct config_draft draft = {.cfg = cfg, .getenv_fn = getenv_fn, .home = getenv_fn("HOME")};
	struct err cause = {0};
	bool ok = load_all(&draft, src, getenv_fn, &cause);

	config_draft_free(&draft);
	if (!ok) {
		config_free(cfg);
		if (e)
			*e = cause;
		return false;
	}
	if (!cfg->state_dir)
		cfg->state_dir = default_path(getenv_fn, "XDG_STATE_HOME", ".local/state", "");
	else if (cfg->state_dir[0] == '~') {
		char *path = config_path(draft.home, cfg->state_dir);

		free(cfg->state_dir);
		cfg->state_dir = path;
	}
	cfg->nconfigured = cfg->ninstances;
	check_values(cfg);
	*out = cfg;
	return true;
}

void config_free(struct config *cfg)
{
	if (!cfg)
		return;
	for (size_t i = 0; i < cfg->nclusters; i++) {
		struct cluster_cfg *c = &cfg->clusters[i];

		for (size_t k = 0; k < c->ntags; k++)
			free(c->tags[k]);
		for (size_t k = 0; k < c->noverrides; k++)
			free(c->overrides[k].probe);
		free(c->tags);
		free(c->overrides);
		free(c->name);
	}
	for (size_t i = 0; i < cfg->ninstances; i++) {
		free(cfg->instances[i].name);
		endpoint_free(&cfg->instances[i].endpoint);
	}
	for (size_t k = 0; k < cfg->noverrides; k++)
		free(cfg->overrides[k].probe);
	for (size_t i = 0; i < cfg->nkeys; i++) {
		free(cfg->keys[i].key);
		free(cfg->keys[i].command);
	}
	for (size_t i = 0; i < cfg->nwarnings; i++)
		free(cfg->warnings[i]);
	free(cfg->clusters);
	free(cfg->instances);
	free(cfg->overrides);
	free(cfg->keys);
	free(cfg->warnings);
	free(cfg->theme);
	free(cfg->file);
	free(cfg->state_dir);
	free(cfg);
}
