/* Lines of the journal, as action.c writes them. One object a line:
 *   {"at": "2026-11-22T14:02:07.123Z", "event": "asked" | "outcome" | "abandoned", "ref": "9023.1",
 *    "by": {"user", "sudo", "ssh", "host"}, "action", "cluster", "instance",
 *    "server": {"engine", "id", "start", "address"},
 *    "target": {"id", "started", "xact_guard", "query_guard"}, "insisted": true,
 *    "seen": {the session's row, its statement redacted} (asked only),
 *    "sql", "outcome", "error", "after_ms" (outcome only)}
 * "ref" ties the lines of one target together. Reader thread only. */
#ifndef DBATOP_RUN_JOURNAL_H
#define DBATOP_RUN_JOURNAL_H

#include "core/run/action.h"

enum journal_event { JOURNAL_ASKED, JOURNAL_OUTCOME, JOURNAL_ABANDONED };

struct journal_entry {
	enum journal_event event;
	const char *ref;
	const struct action_request *req;
	const char *cluster, *instance;
	const struct table *sessions;       /* JOURNAL_ASKED: where the target's row is; NULL: not known */
	long row;                           /* -1: none */
	const struct action_result *result; /* JOURNAL_OUTCOME */
	int64_t after_ms;
};

/* A name for the lines of one target, unique in this file as long as process ids are. */
void journal_ref(struct journal *j, char out[32]);
/* Appends one line; nothing is promised to be on disk before journal_sync. */
bool journal_write(struct journal *j, const struct journal_entry *entry, struct err *e);
bool journal_sync(struct journal *j, struct err *e);

#endif
