/* What may stand in the config file and where it goes. Each table of fields is the whole truth about one kind
 * of map: unknown keys, types and bounds are judged from it. */
#include "core/model/config_decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/model/config_schema.h"
#include "core/model/yaml.h"

static const struct field timeout_fields[] = {
#define TIMEOUT(name_, member, min_, max_, help_)                                                            \
	{.name = name_,                                                                                      \
	        .type = FIELD_DURATION,                                                                      \
	        .offset = offsetof(struct timeouts, member),                                                 \
	        .min = min_,                                                                                 \
	        .max = max_,                                                                                 \
	        .help = help_},
#include "core/model/config_fields.def"
#undef TIMEOUT
};

static bool decode_timeouts(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct cluster_cfg *c = object;

	return yaml_decode(
	        d, n, timeout_fields, sizeof(timeout_fields) / sizeof(timeout_fields[0]), &c->timeouts);
}

static const struct field threshold_fields[] = {
#define THRESHOLD(name_, type_, member, help_)                                                               \
	{.name = name_, .type = FIELD_##type_, .offset = offsetof(struct cluster_cfg, member), .help = help_},
#include "core/model/config_fields.def"
#undef THRESHOLD
};

static bool decode_thresholds(struct decoder *d, const struct yaml_node *n, void *object)
{
	return yaml_decode(
	        d, n, threshold_fields, sizeof(threshold_fields) / sizeof(threshold_fields[0]), object);
}

static const struct field override_fields[] = {
#define PACE(name_, member, min_, max_, help_)                                                               \
	{.name = name_,                                                                                      \
	        .type = FIELD_DURATION,                                                                      \
	        .offset = offsetof(struct probe_override, member),                                           \
	        .min = min_,                                                                                 \
	        .max = max_,                                                                                 \
	        .help = help_},
#include "core/model/config_fields.def"
#undef PACE
};

static bool decode_overrides(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct cluster_cfg *c = object;

	if (yaml_is_null(n))
		return true;
	if (!yaml_expect(d, n, YAML_MAP, "a map of probe names"))
		return false;
	for (size_t i = 0; i < n->n; i++) {
		struct probe_override *o = NULL;

		for (size_t k = 0; k < c->noverrides && !o; k++)
			if (!strcmp(c->overrides[k].probe, n->keys[i]->text))
				o = &c->overrides[k];
		if (!o) {
			c->overrides = xreallocarray(c->overrides, c->noverrides + 1, sizeof *c->overrides);
			o = &c->overrides[c->noverrides++];
			*o = (struct probe_override){.probe = xstrdup(n->keys[i]->text),
			        .line = n->keys[i]->line,
			        .column = n->keys[i]->column};
		}
		if (!yaml_decode(d, n->values[i], override_fields,
		            sizeof(override_fields) / sizeof(override_fields[0]), o))
			return false;
	}
	return true;
}

static const struct field login_fields[] = {
#define LOGIN(name_, member, help_)                                                                          \
	{.name = name_, .type = FIELD_STRING, .offset = offsetof(struct login, member), .help = help_},
#include "core/model/config_fields.def"
#undef LOGIN
};

static bool decode_login(struct decoder *d, const struct yaml_node *n, struct login *login)
{
	struct config_draft *draft = d->user;

	if (!yaml_decode(d, n, login_fields, sizeof(login_fields) / sizeof(login_fields[0]), login))
		return false;
	if (login->password)
		draft->has_password = true;
	if (login->tls && tls_mode_parse(login->tls) == TLS_UNSET)
		return yaml_fail(d, n,
		        "tls: '%s' is none of disable, prefer, require, verify-ca, verify-full", login->tls);
	return true;
}

static void login_free(struct login *l)
{
	free(l->user);
	free_secret(l->password);
	free(l->password_file);
	free(l->password_command);
	free(l->tls);
	free(l->ca);
	free(l->cert);
	free(l->key);
	*l = (struct login){0};
}

/* Where `to` says nothing, `from` holds. A password source is one thing: any of the three replaces all of
 * them. */
static void login_inherit(struct login *to, const struct login *from)
{
	bool own_password = to->password || to->password_file || to->password_command;

	for (size_t i = 0; i < sizeof(login_fields) / sizeof(login_fields[0]); i++) {
		char **dst = (char **)((char *)to + login_fields[i].offset);
		char *const *src = (char *const *)((const char *)from + login_fields[i].offset);

		if (own_password && !strncmp(login_fields[i].name, "password", 8))
			continue;
		if (!*dst && *src)
			*dst = xstrdup(*src);
	}
}

static bool decode_tags(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct cluster_cfg *c = object;

	if (!yaml_expect(d, n, YAML_LIST, "a list of tags such as [prod]"))
		return false;
	for (size_t i = 0; i < n->n; i++) {
		if (!yaml_expect(d, n->values[i], YAML_SCALAR, "a tag"))
			return false;
		const char *tag = n->values[i]->text;

		c->tags = xreallocarray(c->tags, c->ntags + 1, sizeof *c->tags);
		c->tags[c->ntags++] = xstrdup(tag);
		if (!strcmp(tag, "dev") || !strcmp(tag, "test") || !strcmp(tag, "lab"))
			c->danger = DANGER_RELAXED;
		if (!strcmp(tag, "batch") && c->statement_warn_ms < INT64_C(1800000))
			c->statement_warn_ms = INT64_C(1800000);
	}
	return true;
}

static bool decode_redact(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct cluster_cfg *c = object;
	bool redact;

	if (!yaml_bool(d, n, &redact))
		return false;
	c->show_literals = !redact;
	return true;
}

/* Accepted and done by the caller, which needs a second look at these nodes. */
static bool decode_later(struct decoder *d, const struct yaml_node *n, void *object)
{
	(void)d;
	(void)n;
	(void)object;
	return true;
}

static const struct field cluster_fields[] = {
#define CLUSTER(name_, type_, member, decode_, help_)                                                        \
	{.name = name_,                                                                                      \
	        .type = FIELD_##type_,                                                                       \
	        .offset = offsetof(struct cluster_cfg, member),                                              \
	        .decode = decode_,                                                                           \
	        .help = help_},
#include "core/model/config_fields.def"
#undef CLUSTER
};
enum { SHARED_FIELDS = 6 };

static const struct yaml_node *child(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map->kind == YAML_MAP && i < map->n; i++)
		if (!strcmp(map->keys[i]->text, key))
			return map->values[i];
	return NULL;
}

static void cluster_copy(struct cluster_cfg *to, const struct cluster_cfg *from, const char *name)
{
	*to = *from;
	to->name = xstrdup(name);
	to->tags = NULL;
	to->ntags = 0;
	to->overrides = from->noverrides ? xcalloc(from->noverrides, sizeof *to->overrides) : NULL;
	for (size_t i = 0; i < from->noverrides; i++) {
		to->overrides[i] = from->overrides[i];
		to->overrides[i].probe = xstrdup(from->overrides[i].probe);
	}
}

size_t config_cluster(struct config_draft *draft, const char *name)
{
	struct config *cfg = draft->cfg;

	for (size_t i = 0; i < cfg->nclusters; i++)
		if (!strcmp(cfg->clusters[i].name, name))
			return i;
	cfg->clusters = xreallocarray(cfg->clusters, cfg->nclusters + 1, sizeof *cfg->clusters);
	cluster_copy(&cfg->clusters[cfg->nclusters], &draft->defaults, name);
	return cfg->nclusters++;
}

/* One entry of a cluster's `instances`. */
struct instance_draft {
	char *name, *url, *service, *option_group, *option_file, *kill_dialect;
	struct login login;
};

static bool decode_instance_login(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct instance_draft *i = object;

	return decode_login(d, n, &i->login);
}

static const struct field instance_fields[] = {
#define INSTANCE(name_, member, help_)                                                                       \
	{.name = name_,                                                                                      \
	        .type = FIELD_STRING,                                                                        \
	        .offset = offsetof(struct instance_draft, member),                                           \
	        .help = help_},
#include "core/model/config_fields.def"
#undef INSTANCE
        {.name = "login",
                .type = FIELD_CUSTOM,
                .decode = decode_instance_login,
                .help = "a map, see Login; what it leaves out comes from the cluster, then from defaults"},
};

static bool parse_kill(
        const struct decoder *d, const struct yaml_node *n, const char *word, enum kill_dialect *out)
{
	static const char *const words[] = {
	        [KILL_NATIVE] = "native", [KILL_RDS] = "rds", [KILL_AZURE] = "azure"};

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(word, words[i])) {
			*out = (enum kill_dialect)i;
			return true;
		}
	}
	return !word || yaml_fail(d, n, "kill_dialect: '%s' is none of native, rds, azure", word);
}

static void replace(char **to, char **from)
{
	if (*from) {
		free_secret(*to);
		*to = *from;
		*from = NULL;
	}
}

/* The URL's own words win over the inherited login. */
static void endpoint_login(struct endpoint *ep, struct login *l, const char *home)
{
	if (!ep->user)
		replace(&ep->user, &l->user);
	if (!ep->password && !ep->password_file && !ep->password_command) {
		replace(&ep->password, &l->password);
		replace(&ep->password_command, &l->password_command);
		if (l->password_file)
			ep->password_file = config_path(home, l->password_file);
	}
	if (ep->tls == TLS_UNSET && l->tls)
		ep->tls = tls_mode_parse(l->tls);
	if (!ep->tls_ca && l->ca)
		ep->tls_ca = config_path(home, l->ca);
	if (!ep->tls_cert && l->cert)
		ep->tls_cert = config_path(home, l->cert);
	if (!ep->tls_key && l->key)
		ep->tls_key = config_path(home, l->key);
}

static bool instance_endpoint(
        struct decoder *d, const struct yaml_node *n, struct instance_draft *i, struct endpoint *ep)
{
	struct config_draft *draft = d->user;
	int ways = !!i->url + !!i->service + !!(i->option_group || i->option_file);
	struct err cause;

	if (ways != 1)
		return yaml_fail(d, n, "an instance needs one of url, service, option_group%s",
		        ways ? ", and only one" : "");
	if (i->url) {
		const struct yaml_node *at = child(n, "url");

		if (!endpoint_parse(i->url, ep, &cause))
			return yaml_fail(d, at ? at : n, "%s", cause.text);
		draft->has_password |= ep->password != NULL;
	} else if (i->service) {
		*ep = (struct endpoint){
		        .engine = ENGINE_POSTGRES, .shown = xasprintf("service %s", i->service)};
		replace(&ep->service, &i->service);
		config_fill_service(ep, draft->getenv_fn);
	} else {
		*ep = (struct endpoint){.engine = ENGINE_MYSQL,
		        .shown = xasprintf("option group %s", i->option_group ? i->option_group : "client")};
		replace(&ep->option_group, &i->option_group);
		if (i->option_file)
			ep->option_file = config_path(draft->home, i->option_file);
		config_fill_option_group(ep, draft->home);
	}
	login_inherit(&i->login, &draft->cluster_login);
	endpoint_login(ep, &i->login, draft->home);
	return true;
}

static bool decode_instance(struct decoder *d, const struct yaml_node *n, size_t cluster)
{
	struct config_draft *draft = d->user;
	struct instance_draft i = {0};
	struct endpoint ep = {0};
	bool ok = yaml_decode(
	                  d, n, instance_fields, sizeof(instance_fields) / sizeof(instance_fields[0]), &i) &&
	          instance_endpoint(d, n, &i, &ep) && parse_kill(d, n, i.kill_dialect, &ep.kill);

	if (ok && !config_append(draft->cfg, i.name, cluster, &ep))
		ok = yaml_fail(d, n, "the name '%s' is already taken by another instance", i.name);
	endpoint_free(&ep);
	free(i.name);
	free_secret(i.url);
	free(i.service);
	free(i.option_group);
	free(i.option_file);
	free(i.kill_dialect);
	login_free(&i.login);
	return ok;
}

static bool decode_cluster(struct decoder *d, const struct yaml_node *n)
{
	struct config_draft *draft = d->user;

	if (!yaml_expect(d, n, YAML_MAP, "a cluster (a map with name and instances)"))
		return false;
	const struct yaml_node *name = child(n, "name");
	const struct yaml_node *tags = child(n, "tags");
	const struct yaml_node *login = child(n, "login");
	const struct yaml_node *instances = child(n, "instances");

	if (!name || name->kind != YAML_SCALAR || !name->text[0])
		return yaml_fail(d, n, "a cluster needs a name");
	size_t before = draft->cfg->nclusters;
	size_t index = config_cluster(draft, name->text);

	if (index < before)
		return yaml_fail(d, name, "the cluster '%s' is described twice", name->text);
	if (tags && !decode_tags(d, tags, &draft->cfg->clusters[index]))
		return false;
	if (!yaml_decode(d, n, cluster_fields, sizeof(cluster_fields) / sizeof(cluster_fields[0]),
	            &draft->cfg->clusters[index]))
		return false;
	login_free(&draft->cluster_login);
	if (login && !decode_login(d, login, &draft->cluster_login))
		return false;
	login_inherit(&draft->cluster_login, &draft->defaults_login);
	if (!instances)
		return yaml_fail(d, n, "the cluster '%s' has no instances", name->text);
	if (!yaml_expect(d, instances, YAML_LIST, "a list of instances"))
		return false;
	for (size_t i = 0; i < instances->n; i++)
		if (!decode_instance(d, instances->values[i], index))
			return false;
	return true;
}

static bool decode_keys(struct decoder *d, const struct yaml_node *n, void *object)
{
	struct config *cfg = object;

	if (yaml_is_null(n))
		return true;
	if (!yaml_expect(d, n, YAML_MAP, "a map of keys to commands"))
		return false;
	for (size_t i = 0; i < n->n; i++) {
		if (!yaml_expect(d, n->values[i], YAML_SCALAR, "the name of a command"))
			return false;
		cfg->keys = xreallocarray(cfg->keys, cfg->nkeys + 1, sizeof *cfg->keys);
		cfg->keys[cfg->nkeys++] = (struct key_binding){.key = xstrdup(n->keys[i]->text),
		        .command = xstrdup(n->values[i]->text),
		        .line = n->keys[i]->line,
		        .column = n->keys[i]->column};
	}
	return true;
}

static const struct field config_fields[] = {
#define TOP(name_, type_, member, min_, max_, decode_, help_)                                                \
	{.name = name_,                                                                                      \
	        .type = FIELD_##type_,                                                                       \
	        .offset = offsetof(struct config, member),                                                   \
	        .min = min_,                                                                                 \
	        .max = max_,                                                                                 \
	        .decode = decode_,                                                                           \
	        .help = help_},
#include "core/model/config_fields.def"
#undef TOP
};

const struct config_section config_sections[] = {
        {.path = "",
                .title = "The file",
                .fields = config_fields,
                .n = sizeof(config_fields) / sizeof(config_fields[0])},
        {.path = "defaults",
                .title = "Defaults, and each cluster",
                .fields = cluster_fields,
                .n = SHARED_FIELDS},
        {.title = "Clusters",
                .fields = cluster_fields + SHARED_FIELDS,
                .n = sizeof(cluster_fields) / sizeof(cluster_fields[0]) - SHARED_FIELDS},
        {.title = "Instances",
                .fields = instance_fields,
                .n = sizeof(instance_fields) / sizeof(instance_fields[0])},
        {.title = "Login", .fields = login_fields, .n = sizeof(login_fields) / sizeof(login_fields[0])},
        {.path = "defaults.timeouts",
                .title = "Timeouts",
                .fields = timeout_fields,
                .n = sizeof(timeout_fields) / sizeof(timeout_fields[0])},
        {.path = "defaults.thresholds",
                .title = "Thresholds",
                .fields = threshold_fields,
                .n = sizeof(threshold_fields) / sizeof(threshold_fields[0])},
        {.title = "Probes",
                .fields = override_fields,
                .n = sizeof(override_fields) / sizeof(override_fields[0])},
        {.title = NULL},
};

bool config_decode(struct config_draft *draft, const char *file, const char *text, size_t n, struct err *e)
{
	struct arena *arena = arena_new();
	struct decoder d = {.file = file, .err = e, .user = draft};
	const struct yaml_node *root = yaml_parse(arena, file, text, n, e);
	bool ok = root && yaml_decode(&d, root, config_fields,
	                          sizeof(config_fields) / sizeof(config_fields[0]), draft->cfg);

	/* Defaults first, wherever they stand: clusters start from them. */
	const struct yaml_node *defaults = ok ? child(root, "defaults") : NULL;
	const struct yaml_node *theme = ok ? child(root, "theme") : NULL;
	const struct yaml_node *login = defaults ? child(defaults, "login") : NULL;
	const struct yaml_node *clusters = ok ? child(root, "clusters") : NULL;

	if (theme) {
		draft->cfg->theme_line = theme->line;
		draft->cfg->theme_column = theme->column;
	}
	if (defaults)
		ok = yaml_decode(&d, defaults, cluster_fields, SHARED_FIELDS, &draft->defaults);
	if (ok && login)
		ok = decode_login(&d, login, &draft->defaults_login);
	if (ok && clusters && !yaml_is_null(clusters))
		ok = yaml_expect(&d, clusters, YAML_LIST, "a list of clusters (- name: …)");
	for (size_t i = 0; ok && clusters && i < clusters->n; i++)
		ok = decode_cluster(&d, clusters->values[i]);
	arena_free(arena);
	return ok;
}

void config_draft_free(struct config_draft *draft)
{
	draft->cfg->overrides = draft->defaults.overrides;
	draft->cfg->noverrides = draft->defaults.noverrides;
	login_free(&draft->defaults_login);
	login_free(&draft->cluster_login);
}

void config_warn(struct config *cfg, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	cfg->warnings = xreallocarray(cfg->warnings, cfg->nwarnings + 1, sizeof *cfg->warnings);
	cfg->warnings[cfg->nwarnings++] = xstrdup(text);
}

char *config_path(const char *home, const char *path)
{
	if (home && path[0] == '~' && path[1] == '/')
		return xasprintf("%s%s", home, path + 1);
	return xstrdup(path);
}
