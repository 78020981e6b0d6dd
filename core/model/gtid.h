/* Sets of transactions as MySQL ("uuid:1-5:7,uuid:tag:1-3") and MariaDB ("domain-server-sequence,…") write
 * them: what one server has and another has not. Pure functions of texts; a text that is no set counts as
 * unknown (-1), never as empty. */
#ifndef DBATOP_MODEL_GTID_H
#define DBATOP_MODEL_GTID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

/* How many transactions of `set` are not in `other`. `but`: source ids (uuids) that do not count, as text
 * separated by blanks; NULL: all count. out: the difference as MySQL writes it, NULL when not wanted. */
int64_t gtid_missing(const char *set, const char *other, const char *but, struct buf *out);
int64_t gtid_count(const char *set);

/* MariaDB: `state` is gtid_binlog_state or a position; the sum over the domains of the highest sequence. */
int64_t gtid_maria_sum(const char *state);
/* How many transactions `mine` is behind `theirs`, domain by domain; domains only one of them has count when
 * it is theirs. */
int64_t gtid_maria_behind(const char *mine, const char *theirs);
/* Transactions this server (id `server`) wrote by itself that `theirs` has not: mine and theirs are
 * gtid_binlog_state, `applied` this one's gtid_slave_pos. */
int64_t gtid_maria_errant(
        const char *mine, const char *applied, const char *theirs, const char *server, struct buf *out);

#endif
