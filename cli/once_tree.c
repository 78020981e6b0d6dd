/* The tree in its forms for scripts: by signature, nested in JSON, one line for each share in CSV. The same
 * model as the screen's; growth takes minutes to know, so a single look has none. */
#include "cli/once_tree.h"

#include <stdlib.h>
#include <string.h>

#include "cli/once.h"
#include "cli/once_parts.h"
#include "core/base/mem.h"
#include "core/model/fingerprint.h"

enum { STATEMENT_BYTES = 64 * 1024 };

struct once_tree {
	const struct snapshot *snap;
	struct sessions *sessions;
	struct tree_memory *memory;
	struct tree tree;
	bool *in;
};

struct once_tree *once_tree_new(const struct snapshot *snap)
{
	struct once_tree *t = xcalloc(1, sizeof(*t));
	t->snap = snap;
	t->sessions = sessions_new();
	t->memory = tree_memory_new();
	t->in = xcalloc(snap->n + 1, sizeof(*t->in));
	for (size_t i = 0; i < snap->n; i++)
		t->in[i] = true;
	sessions_update(t->sessions, snap);
	tree_memory_update(t->memory, t->sessions, snap);
	const struct tree_query q = {.axis = TREE_BY_SIGNATURE, .in = t->in};
	tree_build(&t->tree, &q, t->memory, t->sessions, snap);
	return t;
}

void once_tree_free(struct once_tree *t)
{
	tree_free(&t->tree);
	tree_memory_free(t->memory);
	sessions_free(t->sessions);
	free(t->in);
	free(t);
}

/* --- What a group is */

enum word { WORD_KIND, WORD_STATE, WORD_WAIT_TYPE, WORD_WAIT, WORD_STATEMENT, WORD_APP, WORD_USER, WORDS };
static const char *const words[WORDS] = {"kind", "state", "wait_type", "wait", "statement", "app", "user"};

/* The words of the sessions' own column. */
static const char *const kinds[] = {[HEADING_NONE] = "client",
        [HEADING_FREE] = "client",
        [HEADING_AUTOVACUUM] = "autovacuum",
        [HEADING_WALSENDER] = "walsender",
        [HEADING_REPLICATION] = "replication",
        [HEADING_SERVER] = "system"};

/* False: unknown, or not what the group has in common. */
static bool put_word(const struct once_tree *t, const struct tree_node *n, enum word word, struct buf *out)
{
	const struct session *s = &sessions_at(t->sessions, n->instance)->sessions[n->index];
	bool group = n->kind == TREE_SIGNATURE;
	bool postgres = t->snap->instances[n->instance].cfg->endpoint.engine == ENGINE_POSTGRES;
	const char *text = NULL;
	struct buf statement;

	switch (word) {
	case WORD_KIND:
		text = kinds[n->heading];
		break;
	case WORD_STATE:
		text = group ? session_state_name(s->state) : NULL;
		break;
	case WORD_WAIT_TYPE:
		text = group ? s->wait_type : NULL;
		break;
	case WORD_WAIT:
		text = group ? s->wait : NULL;
		break;
	case WORD_APP:
		text = group ? s->app : NULL;
		break;
	case WORD_USER:
		/* Only where it stands for the application. */
		text = group && (s->app == NULL || s->app[0] == '\0') ? s->user : NULL;
		break;
	case WORD_STATEMENT:
		if (!group || s->query_n == 0)
			return false;
		buf_init(&statement, STATEMENT_BYTES);
		fingerprint_put(postgres ? REDACT_POSTGRES : REDACT_MYSQL, s->query, s->query_n, &statement);
		once_clean(buf_str(&statement), statement.len, out);
		buf_free(&statement);
		return true;
	case WORDS:
		break;
	}
	if (text == NULL)
		return false;
	once_clean(text, strlen(text), out);
	return true;
}

/* A group's sessions on one instance stand together: the end of the run that begins at `from`. */
static uint32_t share_end(const struct once_tree *t, const struct tree_node *n, uint32_t from)
{
	const struct tree_entry *e = t->tree.entries;
	uint32_t i = from;
	while (i < n->first + n->n && e[i].instance == e[from].instance)
		i++;
	return i;
}

static int64_t oldest_of(const struct once_tree *t, uint32_t from, uint32_t end)
{
	int64_t oldest = -1;
	for (uint32_t i = from; i < end; i++) {
		const struct tree_entry *e = &t->tree.entries[i];
		int64_t age = tree_age(&sessions_at(t->sessions, e->instance)->sessions[e->index]);
		oldest = age > oldest ? age : oldest;
	}
	return oldest;
}

/* --- JSON */

static json_t *share_json(const struct once_tree *t, uint32_t from, uint32_t end)
{
	const struct tree_entry *e = t->tree.entries;
	json_t *j = json_object(), *ids = json_array();
	json_object_set_new(j, "name", json_string(t->snap->instances[e[from].instance].cfg->name));
	json_object_set_new(j, "count", json_integer(end - from));
	json_object_set_new(j, "oldest_ms", once_json_number(oldest_of(t, from, end)));
	for (uint32_t i = from; i < end; i++)
		json_array_append_new(
		        ids, json_integer(sessions_at(t->sessions, e[i].instance)->sessions[e[i].index].id));
	json_object_set_new(j, "sessions", ids);
	return j;
}

static json_t *group_json(const struct once_tree *t, const struct tree_node *n)
{
	json_t *j = json_object(), *shares = json_array();
	for (int w = 0; w < WORDS; w++) {
		struct buf text;
		buf_init(&text, STATEMENT_BYTES);
		bool known = put_word(t, n, (enum word)w, &text);
		json_t *value = known ? json_stringn(buf_str(&text), text.len) : NULL;
		json_object_set_new(j, words[w], value != NULL ? value : json_null());
		buf_free(&text);
	}
	json_object_set_new(j, "count", json_integer(n->n));
	json_object_set_new(j, "oldest_ms", once_json_number(n->oldest_ms));
	json_object_set_new(j, "per_minute", n->growth.known ? json_real(n->growth.per_minute) : json_null());
	for (uint32_t i = n->first; i < n->first + n->n;) {
		uint32_t end = share_end(t, n, i);
		json_array_append_new(shares, share_json(t, i, end));
		i = end;
	}
	json_object_set_new(j, "instances", shares);
	return j;
}

void once_tree(const struct snapshot *snap, json_t *root)
{
	struct once_tree *t = once_tree_new(snap);
	json_t *groups = json_array();
	for (size_t i = 0; i < t->tree.n; i++)
		json_array_append_new(groups, group_json(t, &t->tree.nodes[i]));
	once_tree_free(t);
	json_object_set_new(root, "groups", groups);
}

/* --- CSV */

void once_tree_csv_head(FILE *out)
{
	for (int w = 0; w < WORDS; w++)
		fprintf(out, ",%s", words[w]);
	fputs(",count,oldest_ms", out);
}

static void put_share(
        const struct once_tree *t, const struct tree_node *n, uint32_t from, uint32_t end, FILE *out)
{
	for (int w = 0; w < WORDS; w++) {
		struct buf text;
		buf_init(&text, STATEMENT_BYTES);
		put_word(t, n, (enum word)w, &text);
		fputc(',', out);
		once_csv_field(buf_str(&text), out);
		buf_free(&text);
	}
	int64_t oldest = oldest_of(t, from, end);
	fprintf(out, ",%u,", end - from);
	if (oldest >= 0)
		fprintf(out, "%lld", (long long)oldest);
	fputs("\r\n", out);
}

void once_tree_csv_rows(const struct once_tree *t, size_t instance, const struct once_instance *in, FILE *out)
{
	bool any = false;
	for (size_t k = 0; k < t->tree.n; k++) {
		const struct tree_node *n = &t->tree.nodes[k];
		for (uint32_t i = n->first; i < n->first + n->n;) {
			uint32_t end = share_end(t, n, i);
			if (t->tree.entries[i].instance == instance) {
				once_csv_head(in, out);
				put_share(t, n, i, end, out);
				any = true;
			}
			i = end;
		}
	}
	if (any)
		return;
	once_csv_head(in, out);
	for (int w = 0; w < WORDS + 1; w++)
		fputc(',', out);
	fputs(",\r\n", out);
}
