/* Inside locks.c: the parts of one graph's build, in the order in which they run, and what they share.
 * Nothing else includes this, but for tests of single parts. */
#ifndef DBATOP_MODEL_LOCKS_PARTS_H
#define DBATOP_MODEL_LOCKS_PARTS_H

#include "core/base/arena.h"
#include "core/model/locks.h"

/* ---- locks_mode.c: which modes exclude each other */

enum lock_family {
	FAMILY_UNKNOWN,  /* everybody excludes everybody */
	FAMILY_POSTGRES, /* the eight modes of its lock manager, for every kind of lock */
	FAMILY_INNODB,   /* records and tables, with gaps and insert intentions */
	FAMILY_MDL,      /* metadata locks on an object */
	FAMILY_SCOPED,   /* … on the whole server: global read lock, backup lock, commit */
	FAMILY_COUNT
};
enum lock_family lock_family_of(enum engine engine, enum lock_kind kind);
enum lock_kind lock_kind_parse(const char *word); /* LOCK_OTHER when unknown or NULL */
/* 0: unknown. */
uint8_t lock_code(enum lock_family f, const char *mode);
/* Does a request of mode a have to wait for one who holds mode b? Unknown modes: yes. */
bool lock_conflicts(enum lock_family f, uint8_t a, uint8_t b);
/* … for one who waits for mode b and came before it? */
bool lock_conflicts_ahead(enum lock_family f, uint8_t a, uint8_t b);
/* At a release, may one who waits pass by others who still wait before it? InnoDB of MySQL lets in everybody
 * who fits, in whatever order; all others in turn. */
bool lock_passes_by(enum engine engine, enum lock_kind kind);
/* Codes are below this. */
enum { LOCK_CODES = 64 };

/* ---- locks_stand.c: who stands at a part of a queue */
struct lock_stand {
	uint32_t node[LOCK_CODES];
	uint8_t several[LOCK_CODES]; /* 0 nobody, 1 that node, 2 others too */
	uint64_t present;            /* bit: code */
};
void stand_add(struct lock_stand *s, const struct lock_entry *e);
/* Does anybody of these stop e? conflicts NULL: those of the same code do. */
bool stand_stops(const struct lock_stand *s, enum lock_family f, const struct lock_entry *e,
        bool (*conflicts)(enum lock_family, uint8_t, uint8_t));
/* Does e stop anybody of these? */
bool stand_is_stopped(const struct lock_stand *s, enum lock_family f, const struct lock_entry *e,
        bool (*conflicts)(enum lock_family, uint8_t, uint8_t));

/* ---- locks_read.c: rows to nodes, queues and entries */
void locks_read(struct lock_graph *g, const struct table *t, bool ended, struct arena *arena);

/* ---- locks_edge.c: who is in whose way */
/* Sets blocked, asked-for names, parents, roots, counts; adds a holder without a name to a queue in which
 * somebody waits long for nobody. */
void locks_link(struct lock_graph *g, struct arena *arena);
bool locks_entry_blocked(const struct lock_graph *g, const struct lock_entry *e);
bool locks_is_named(const struct lock_graph *g, const struct lock_entry *e, uint32_t node);

/* ---- locks_flow.c: what reaches a waiter, for many cases at once */

/* Each node has a vector of `words` × 64 cases. What comes to a waiter from each node in its way is
 * keep & (base | vector of that node), and its vector is the union of what comes. `least`: circles feed
 * nothing to themselves; else they keep what they began with, which is everything. */
struct lock_flow {
	size_t words;
	uint64_t *vec;           /* nnodes × words, zeroed: the result */
	const uint64_t *base;    /* nnodes: repeated in each word */
	const uint64_t *keep;    /* × words, at the place that keep_of (nnodes) gives; NULL: all are kept */
	const uint32_t *keep_of; /* LOCK_NONE: kept */
	/* With one word: for each entry the cases in which it has left its queue; NULL: none. */
	const uint64_t *left;
	bool least;
};
void locks_flow(const struct lock_graph *g, struct lock_flow *f);

/* ---- locks_free.c: who is granted what when nodes leave */

/* Case i: what is done to a node. */
struct lock_case {
	const uint32_t *nodes;
	const enum lock_remedy *remedies;
	size_t n;
};
/* Does this entry remain after the remedy? */
bool locks_entry_stays(const struct lock_graph *g, const struct lock_entry *e, enum lock_remedy remedy);
/* At most 64 cases at once. */
/* Only how many go on at once: costs little. */
void locks_freed_now(const struct lock_graph *g, const struct lock_case *cases, size_t n, uint32_t *now);
void locks_simulate(
        const struct lock_graph *g, const struct lock_case *cases, size_t n, struct lock_frees *out);

/* ---- locks_remedy.c: what can be done to whom */
void locks_find_remedies(struct lock_graph *g);
/* Before the remedies: they depend on it. */
void locks_find_convoys(struct lock_graph *g);
/* Its statement defines or locks whole tables: it commits by itself, so that a cancel lets everything go. */
bool locks_is_ddl(const struct lock_graph *g, uint32_t node);

/* ---- locks_move.c */
void locks_find_move(struct lock_graph *g);

#endif
