/* Inside tree.c, tree_queue.c and tree_node.c: a tree on its way. */
#ifndef DBATOP_MODEL_TREE_BUILD_H
#define DBATOP_MODEL_TREE_BUILD_H

#include "core/model/tree.h"

enum { TREE_LEVELS = 3 };

/* A session with its place at every level. */
struct tree_sorted {
	uint64_t key[TREE_LEVELS];
	int64_t age;
	uint32_t instance, index;
	uint8_t heading; /* enum tree_heading */
	bool out;        /* the filter leaves it out: counted, to know which groups are whole */
};

struct tree_work {
	struct tree *t;
	const struct tree_query *q;
	const struct tree_memory *m;
	const struct sessions *all;
	const struct snapshot *snap;
	struct tree_sorted *sorted;
	size_t n;
};

/* Appends a node; valid until the next. Its children follow it, and are only there when it is open. */
struct tree_node *tree_add(struct tree_work *w, enum tree_kind kind, uint64_t key, unsigned depth);
bool tree_is_toggled(const struct tree_work *w, uint64_t key);
/* Appends an entry; returns its place. */
uint32_t tree_entry(struct tree_work *w, uint32_t instance, uint32_t index);
uint64_t tree_session_key(const struct tree_work *w, uint64_t parent, uint32_t instance, uint32_t index);
const struct session *tree_session(const struct tree_work *w, uint32_t instance, uint32_t index);

/* tree_queue.c */
/* Who heads a queue, and behind each the others; TREE_BY_BLOCKER. */
void tree_add_queues(struct tree_work *w);
/* Workers of a session and those that wait for it, one level lower; the last node is marked so. */
void tree_add_behind(struct tree_work *w, uint64_t parent, uint32_t instance, uint32_t index, unsigned depth);
/* Has a place in a queue: in TREE_BY_BLOCKER it stands there and nowhere else. */
bool tree_in_queue(const struct session *s);

#endif
