/* The column vocabulary as probe files without real statements, so that fixtures use the real parser and the
 * tests of model and views do not wait for a server's dialect. */
#include "tests/support/fixture_probes.h"

static const struct fixture_probe probes[] = {
        {"server", "every: 5s  rows: 1\n"
                   "-- column: flavour label · version label · role state · writable bool · read_only bool\n"
                   "-- column: super_read_only bool · started time · uptime_ms duration · cluster_id label\n"
                   "-- column: server_id label · max_connections count · reserved_connections count\n"
                   "-- column: xid_age count · xid_limit count · mxid_age count · mxid_limit count\n"
                   "-- column: archive_failing bool · archive_failed counter · archive_age_ms duration\n"
                   "-- column: processes_ms duration · timeline count · lsn lsn\n"
                   "-- column: statement_timeout_ms duration\n"
                   "-- column: idle_xact_timeout_ms duration · lock_timeout_ms duration\n"
                   "-- column: client_check_ms duration · track_activity_size count · ps_enabled bool\n"},
        {"pulse",
                "every: 1s  rows: 1\n"
                "-- column: connections count · active count · idle count · idle_in_xact count\n"
                "-- column: waiting count · lock_waiters count · hidden count · background count\n"
                "-- column: oldest_xact_ms duration · oldest_idle_xact_ms duration · limit_name label\n"
                "-- column: limit_used count · limit_max count · xacts counter · commits counter\n"
                "-- column: rollbacks counter · queries counter · cache_hits counter · cache_reads counter\n"
                "-- column: deadlocks counter · temp_bytes counter · aborted counter · history_list count\n"},
        {"sessions", "every: 1s  rows: 2000  needs: pg_monitor | else: other users' statements are hidden\n"
                     "-- column: id count key · started time key · user label · db label · app label\n"
                     "-- column: client label · kind state · state state · command label · wait_type label\n"
                     "-- column: wait label · xact_ms duration · query_ms duration · state_ms duration\n"
                     "-- column: leader count · rows_locked count · rows_modified count · progress percent\n"
                     "-- column: phase label · query sqltext · query_bytes bytes · query_id label\n"
                     "-- column: xact_guard time · query_guard time · superuser bool · sync_wait bool\n"
                     "-- column: own bool · backend_xmin_age count\n"},
        {"blockers", "every: 1s  rows: 1000\n-- when: pulse.lock_waiters > 0\n"
                     "-- column: waiter count key · blocker count key · waiting_ms duration · kind label\n"
                     "-- column: object label\n"},
        {"locks", "every: 1s  rows: 12000\n-- when: pulse.lock_waiters > 0\n"
                  "-- column: queue label key · kind label · object label · id count key · gid label\n"
                  "-- column: held bool key · place count · mode label key · waiting_ms duration\n"
                  "-- column: blockers label · likely bool\n"},
        {"replication_brief",
                "every: 2s  rows: 100\n"
                "-- column: kind state key · peer label key · name label · state state · receiver state\n"
                "-- column: applier state · lag_ms duration · lag_bytes bytes · lag_source label\n"
                "-- column: paused bool · delay_ms duration · error label · replay_lsn lsn\n"},
        {"replication",
                "every: 2s  rows: 500\n"
                "-- column: kind key state · name key label · peer key label · peer_id label · state state\n"
                "-- column: receiver state · applier state · pid count · started time · own_id label\n"
                "-- column: lsn lsn · write_lsn lsn · flush_lsn lsn · replay_lsn lsn · write_ms duration\n"
                "-- column: flush_ms duration · replay_ms duration · replay_age_ms duration\n"
                "-- column: word_ms duration · word_limit_ms duration · lag_ms duration · lag_source label\n"
                "-- column: hop_ms duration · paused bool · delay_ms duration · timeline count\n"
                "-- column: sync_state state · sync_names label · sync_commit state · sync_clients count\n"
                "-- column: slot_name label · slot_type state · plugin label · db label · active bool\n"
                "-- column: wal_status state · retained_bytes bytes · limit_bytes bytes · safe_bytes bytes\n"
                "-- column: inactive_ms duration · invalidation label · failures label · conflict label · "
                "conflict_ms "
                "duration\n"
                "-- column: gtid label · received label · workers count · workers_busy count · mode label\n"
                "-- column: uses_gtid label · relay_bytes bytes · user label · app label · error label\n"
                "-- column: error_code count · receiver_error label · receiver_code count\n"},
        {"replication_local",
                "every: 2s  rows: 200\n"
                "-- column: kind key state · name key label · peer key label · state state · pid count\n"
                "-- column: own_id label · gtid label · received label · sync_state state\n"
                "-- column: sync_clients count · workers count · user label · members label · error label\n"},
        {"horizon", "every: 5s  rows: 200\n"
                    "-- column: kind key state · id key count · name key label · started time · user label\n"
                    "-- column: app label · client label · state state · xmin_age count · age_ms duration\n"
                    "-- column: held_ms duration · catalog bool · rows_modified count\n"},
        {"settings", "lane: slow  every: 60s  rows: 200\n-- column: name label key · value label\n"},
        {"statement", "lane: admin  rows: 11\n-- param: id int\n"
                      "-- column: id count key · started time key · query sqltext · query_bytes bytes\n"
                      "-- column: xact label · event count key · ago_ms duration · took_ms duration\n"
                      "-- column: rows_modified count\n"},
};

const struct fixture_probe *fixture_probes(size_t *n)
{
	*n = sizeof(probes) / sizeof(probes[0]);
	return probes;
}
