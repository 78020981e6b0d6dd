/* An action and its outcome as data: what the dialog builds, a backend carries out, the journal keeps. */
#ifndef DBATOP_MODEL_ACTION_H
#define DBATOP_MODEL_ACTION_H

#include "core/base/err.h"
#include "core/model/endpoint.h"
#include "core/model/identity.h"

enum action_kind { ACTION_CANCEL, ACTION_TERMINATE };

enum action_outcome {
	OUTCOME_NONE,
	OUTCOME_SENT,         /* the guarded statement matched and the server took it: follow */
	OUTCOME_MOVED_ON,     /* the session is not what it was: nothing was done */
	OUTCOME_UNPROVABLE,   /* its identity cannot be seen: nothing was done; err names the GRANT */
	OUTCOME_REFUSED,      /* the server refused: err says why */
	OUTCOME_UNKNOWN,      /* sent, but no answer: it may have happened */
	OUTCOME_GONE,         /* followed: the session ended */
	OUTCOME_STOPPED,      /* followed: the statement ended, the session lives */
	OUTCOME_ROLLING_BACK, /* followed: still undoing; rows_left */
	OUTCOME_STILL_THERE,  /* followed: signalled, but it goes on */
	OUTCOME_COUNT
};
const char *action_kind_name(enum action_kind k);       /* "cancel", "terminate" */
const char *action_outcome_name(enum action_outcome o); /* stable words for the journal */

struct action_request {
	enum action_kind kind;
	struct session_ref target;
	struct server_identity server; /* refused when ADMIN reaches another */
	enum kill_dialect dialect;
	/* The second decision. Terminate: end the connection although its transaction changed. Cancel: what
	 * changed may have changed once, but not all of it: PostgreSQL the same statement in another
	 * transaction (a procedure that commits), MySQL and MariaDB another statement of the same transaction
	 * (a procedure). */
	bool whatever_transaction;
};

struct action_result {
	enum action_outcome outcome;
	struct err err;
	char sql[3072];    /* the statement as sent */
	int64_t rows_left; /* OUTCOME_ROLLING_BACK: rows still to undo; -1 unknown */
	unsigned signals;  /* so often the statement matched and the server took it: more than once where the
	                      server forgot a cancel between two statements of a procedure */
	bool other_work;   /* OUTCOME_MOVED_ON: the same session is there, with other work: it may be insisted
	                      on */
};

#endif
