/* Inside finding.c: one step over one instance, and what is remembered of it. */
#ifndef DBATOP_MODEL_FINDING_RULE_H
#define DBATOP_MODEL_FINDING_RULE_H

#include "core/model/finding.h"

/* Consecutive samples and hysteresis of one rule on one instance. */
struct rule_memory {
	mono_ns counted; /* `finished` of the last sample that was counted */
	unsigned streak;
	bool on;
};

/* Sessions of one source that are suspected to be a leak: the worst group of an instance. */
struct leak_group {
	size_t from, n; /* of the suspects, while they are judged; n 0: there is none */
	unsigned idle, idle_xact;
	int worst, more, score;
	uint32_t culprit; /* the worst of it, then the oldest: an index of sessions */
	struct tree_growth growth;
	bool growing;
};

struct instance_memory {
	struct rule_memory rule[FINDING_KINDS];
	enum server_role role, role_before;
	mono_ns flipped_at; /* 0: never */
	char started[64];
	mono_ns restarted_at;
	int64_t processes_after_ms; /* its start, when first seen; -1: not known */
	struct server_identity server;
	mono_ns moved_at; /* another server answered */
	int64_t history;
	int64_t clients, clients_before; /* of the role now, of the role before */
	mono_ns leak_judged;             /* `finished` of the sample that `leak` is of */
	struct leak_group leak;
};

struct step {
	struct findings *out;
	size_t cap;
	const struct snapshot *snap;
	const struct instance_view *iv;
	struct instance_memory *mem;
	const struct session_view *sessions;
	const struct tree_memory *tree;
	const struct server_facts *facts; /* of this instance */
	size_t instance;
	bool once;
};

/* Adds one; its texts are empty. Valid until the next. */
struct finding *finding_add(struct step *st, enum finding_kind kind, enum severity severity, int64_t weight);
/* "NAME: …", the brief form, and the one for where that has no room. */
void finding_text(struct step *st, struct finding *f, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
void finding_brief(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_tight(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counts `sample` once and says whether the rule is in force: `need` samples in a row `over`, until one that
 * is `clear`. */
bool finding_sustained(struct step *st, enum finding_kind kind, const struct sample *sample, bool over,
        bool clear, unsigned need);

/* "14 s", "3m12s". */
const char *finding_span(int64_t ms, char out[24]);

void finding_server_rules(struct step *st);
void finding_session_rules(struct step *st);
/* Links, slots, and replicas that are none. */
void finding_replication_rules(struct step *st);
/* Who keeps old rows from being cleaned up. */
void finding_horizon_rules(struct step *st);
/* Sessions that are opened and forgotten, more and more of them. */
void finding_leak_rules(struct step *st);
/* True when this instance does not answer: then nothing else is said about it. */
bool finding_link_rules(struct step *st);

#endif
