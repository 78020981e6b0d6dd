/* What can be done to whom, and in which words: a cancel only where it lets go of what others wait for, else
 * a terminate; nothing for those who are protected; a statement to copy for a prepared transaction. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "core/model/locks_parts.h"

/* 1. Statements. */

static const char *statement_of(const struct lock_graph *g, uint32_t node, size_t *n)
{
	const struct lock_node *it = &g->nodes[node];
	if (it->session == LOCK_NONE)
		return NULL;
	const struct session *s = &g->sessions->sessions[it->session];
	*n = s->query_n;
	return s->query;
}

static size_t skip_blank(const char *q, size_t n)
{
	size_t i = 0;
	while (i < n) {
		if (q[i] == ' ' || q[i] == '\t' || q[i] == '\n' || q[i] == '\r' || q[i] == '(') {
			i++;
			continue;
		}
		const char *end = NULL;
		if (i + 1 < n && q[i] == '/' && q[i + 1] == '*')
			end = memmem(q + i + 2, n - i - 2, "*/", 2);
		else if (i + 1 < n && q[i] == '-' && q[i + 1] == '-')
			end = memchr(q + i, '\n', n - i);
		if (end == NULL)
			break;
		i = (size_t)(end - q) + (*end == '*' ? 2 : 1);
	}
	return i;
}

bool locks_is_ddl(const struct lock_graph *g, uint32_t node)
{
	static const char *const words[] = {"ALTER", "CREATE", "DROP", "TRUNCATE", "RENAME", "OPTIMIZE",
	        "ANALYZE", "REPAIR", "REINDEX", "VACUUM", "CLUSTER", "REFRESH", "FLUSH", "LOCK"};
	size_t n = 0;
	const char *q = statement_of(g, node, &n);
	if (q == NULL)
		return false;
	size_t at = skip_blank(q, n);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);
		if (n - at > len && strncasecmp(q + at, words[i], len) == 0 &&
		        (q[at + len] == ' ' || q[at + len] == '\t' || q[at + len] == '\n'))
			return true;
	}
	return false;
}

/* "ALTER TABLE": its first two words, when they are words of the language and no more. */
static void put_verb(const struct lock_graph *g, uint32_t node, struct buf *out)
{
	size_t n = 0;
	const char *q = statement_of(g, node, &n);
	if (q == NULL || !locks_is_ddl(g, node))
		return;
	size_t i = skip_blank(q, n);
	for (int word = 0; word < 2 && i < n; word++) {
		size_t end = i;
		while (end < n && end - i < 16 && ((q[end] | 0x20) >= 'a' && (q[end] | 0x20) <= 'z'))
			end++;
		if (end == i || (end < n && q[end] != ' '))
			return;
		buf_putc(out, ' ');
		for (; i < end; i++)
			buf_putc(out, (char)(q[i] & ~0x20));
		while (i < n && q[i] == ' ')
			i++;
	}
}

/* 2. Convoys: a request for the whole object that waits while those behind it could go on. */

static bool may_lead_convoy(const struct lock_queue *q, const struct lock_entry *e)
{
	enum { POSTGRES_STRONG = 4, MDL_STRONG = 6, SCOPED_STRONG = 2 };
	switch (q->kind) {
	case LOCK_RELATION:
	case LOCK_OBJECT:
	case LOCK_METADATA:
	case LOCK_TABLE:
	case LOCK_GLOBAL_READ:
	case LOCK_BACKUP:
		break;
	default:
		return false;
	}
	switch ((enum lock_family)q->family) {
	case FAMILY_POSTGRES:
		return e->code == 0 || e->code >= POSTGRES_STRONG;
	case FAMILY_MDL:
		return e->code == 0 || e->code >= MDL_STRONG;
	case FAMILY_SCOPED:
		return e->code == 0 || e->code >= SCOPED_STRONG;
	default:
		return e->mode == NULL || e->mode[0] != 'I';
	}
}

/* Is nobody in its way but others who wait? Of those the server was asked for. */
static bool is_told_softly(const struct lock_graph *g, const struct lock_queue *q, const struct lock_entry *e)
{
	for (uint32_t i = q->first; i < q->first + q->nheld; i++) {
		if (locks_stops(g, e, &g->entries[i]))
			return false;
	}
	return true;
}

static void find_told_convoys(struct lock_graph *g, const struct lock_queue *q)
{
	uint32_t end = q->first + q->nheld + q->nwaiting;
	for (uint32_t i = q->first + q->nheld; i < end; i++) {
		const struct lock_entry *e = &g->entries[i];
		if (!e->asked || !e->blocked || !is_told_softly(g, q, e))
			continue;
		for (uint32_t k = q->first + q->nheld; k < end; k++) {
			const struct lock_entry *o = &g->entries[k];
			if (k != i && o->blocked && may_lead_convoy(q, o) && locks_stops(g, e, o))
				g->nodes[o->node].convoy = true;
		}
	}
}

static void find_convoys(struct lock_graph *g, const struct lock_queue *q)
{
	enum lock_family f = (enum lock_family)q->family;
	struct lock_stand held = {.present = 0};
	struct lock_stand named = {.present = 0};
	struct lock_stand behind = {.present = 0};
	for (uint32_t i = q->first; i < q->first + q->nheld; i++)
		stand_add(g->entries[i].implied ? &named : &held, &g->entries[i]);
	for (uint32_t i = q->first + q->nheld + q->nwaiting; i-- > q->first + q->nheld;) {
		const struct lock_entry *e = &g->entries[i];
		if (!e->blocked)
			continue;
		if (may_lead_convoy(q, e) && stand_is_stopped(&behind, f, e, lock_conflicts_ahead))
			g->nodes[e->node].convoy = true;
		if (!e->asked && !stand_stops(&held, f, e, lock_conflicts) &&
		        !stand_stops(&named, f, e, NULL))
			stand_add(&behind, e);
	}
	find_told_convoys(g, q);
}

void locks_find_convoys(struct lock_graph *g)
{
	for (size_t i = 0; i < g->nqueues; i++) {
		if (g->queues[i].nwaiting > 1)
			find_convoys(g, &g->queues[i]);
	}
}

/* 3. Remedies. */

/* Would a cancel take everything away that others wait for? */
static bool cancel_helps(const struct lock_graph *g, uint32_t node)
{
	const struct lock_node *n = &g->nodes[node];
	for (uint32_t i = n->entries; i < n->entries + n->nentries; i++) {
		const struct lock_entry *e = &g->entries[g->of_node[i]];
		if (g->queues[e->queue].nwaiting > 0 && e->held && locks_entry_stays(g, e, REMEDY_CANCEL))
			return false;
	}
	return true;
}

static enum lock_remedy find_remedy(const struct lock_graph *g, uint32_t node)
{
	const struct lock_node *n = &g->nodes[node];
	/* Without privileges a feed may know no more than "one of 3: …". */
	if (n->kind == SESSION_PREPARED)
		return n->gid != NULL && strncmp(n->gid, "one of ", strlen("one of ")) != 0 ? REMEDY_STATEMENT
		                                                                            : REMEDY_NONE;
	if (n->session == LOCK_NONE) {
		/* Without sessions at all (a single table) everybody is taken for a client at work. */
		bool alone = g->sessions == NULL && n->id > 0;
		return !alone ? REMEDY_NONE : cancel_helps(g, node) ? REMEDY_CANCEL : REMEDY_TERMINATE;
	}
	if (n->guard != GUARD_NONE)
		return REMEDY_NONE;
	switch (g->sessions->sessions[n->session].state) {
	case STATE_ACTIVE:
	case STATE_FASTPATH:
		return cancel_helps(g, node) ? REMEDY_CANCEL : REMEDY_TERMINATE;
	case STATE_IDLE:
	case STATE_IDLE_XACT:
	case STATE_IDLE_ABORTED:
		return REMEDY_TERMINATE;
	default:
		/* Hidden: nothing proves who it is. Killed: it is on its way. */
		return REMEDY_NONE;
	}
}

void locks_find_remedies(struct lock_graph *g)
{
	for (uint32_t i = 0; i < g->nnodes; i++)
		g->nodes[i].remedy = find_remedy(g, i);
}

/* 4. Words. */

void locks_node_text(const struct lock_graph *g, uint32_t node, struct buf *out)
{
	const struct lock_node *n = &g->nodes[node];
	if (n->id > 0)
		buf_printf(out, "%" PRId64, n->id);
	else if (n->id == 0 && n->gid != NULL)
		buf_printf(out, "prepared transaction '%s'", n->gid);
	else if (n->id == 0)
		buf_puts(out, "a prepared transaction");
	else
		buf_puts(out, "a holder the server does not name");
}

void locks_frees_text(const struct lock_graph *g, const struct lock_frees *f, struct buf *out)
{
	if (f->now == 0 && f->later == 0) {
		buf_puts(out, "frees nobody");
		return;
	}
	buf_printf(out, "frees %" PRIu32 " now", f->now);
	if (f->later == 0)
		return;
	buf_printf(out, ", %" PRIu32 " later", f->later);
	if (f->behind == LOCK_NONE)
		return;
	buf_puts(out, " (behind ");
	locks_node_text(g, f->behind, out);
	put_verb(g, f->behind, out);
	buf_puts(out, f->takes ? ", which then takes the lock)" : ")");
}

static void put_quoted(const char *text, struct buf *out)
{
	buf_putc(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_putc(out, '\'');
		buf_putc(out, *text);
	}
	buf_putc(out, '\'');
}

void locks_remedy_statement(const struct lock_graph *g, uint32_t node, struct buf *out)
{
	const struct lock_node *n = &g->nodes[node];
	if (n->gid == NULL)
		return;
	if (g->engine == ENGINE_POSTGRES) {
		buf_puts(out, "ROLLBACK PREPARED ");
		put_quoted(n->gid, out);
	} else {
		/* The feed writes it as XA RECOVER's parts: X'..',X'..',1 or a quoted text. */
		buf_puts(out, "XA ROLLBACK ");
		if (n->gid[0] == '\'' || strncasecmp(n->gid, "X'", 2) == 0)
			buf_puts(out, n->gid);
		else
			put_quoted(n->gid, out);
	}
	buf_putc(out, ';');
}
