-- probe: account   lane: slow   every: 60s   timeout: 800ms   rows: 1
-- versions: postgres 13-18
-- column: account label · statistics bool · replication bool · acts bool
--
-- What this login may: see others' sessions whole, see replication, cancel and terminate.
SELECT current_user::text AS account,
       pg_has_role('pg_read_all_stats', 'usage') AS statistics,
       pg_has_role('pg_read_all_stats', 'usage') AS replication,
       pg_has_role('pg_signal_backend', 'usage') AS acts
 LIMIT :rows
