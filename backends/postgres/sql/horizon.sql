-- probe: horizon   lane: fast   every: 5s   timeout: 800ms   rows: 200
-- versions: postgres 13-18     needs: pg_monitor | else: what other users' sessions hold back is hidden
-- column: kind key state · id key count · name key label · started time · user label · app label · client label
-- column: state state · xmin_age count · age_ms duration · held_ms duration · catalog bool
--
-- Everything that keeps VACUUM from removing dead rows, the oldest first: transactions, standbys that feed their
-- horizon back, slots, prepared transactions. age_ms is that of the transaction or of the slot's idleness.
-- held_ms is how long the horizon has been held at least: a transaction that has written, or idles with a
-- snapshot, has held it since it began; of one that only reads, each statement may have taken a new one. A
-- VACUUM itself, unless FULL, holds nothing back.
-- Sessions come last, so that a leak of them never pushes a slot out of the answer; dbatop puts them in order.
-- From the functions, not the views: those wait for a lock on pg_database.
SELECT h.kind, h.id, h.name, h.started, h.user, h.app, h.client, h.state, h.xmin_age, h.age_ms, h.held_ms, h.catalog
  FROM (SELECT CASE WHEN a.backend_type = 'walsender' THEN 'feedback' ELSE 'session' END AS kind,
               a.pid AS id, NULL::text AS name, a.backend_start::text AS started,
               pg_get_userbyid(a.usesysid)::text AS user, NULLIF(a.application_name, '') AS app,
               coalesce(host(a.client_addr) || ':' || a.client_port, CASE WHEN a.client_port = -1 THEN 'local' END) AS client,
               a.state,
               greatest(age(a.backend_xmin), age(a.backend_xid))::bigint AS xmin_age,
               (date_part('epoch', clock_timestamp() - a.xact_start) * 1000)::bigint AS age_ms,
               (date_part('epoch', clock_timestamp() - CASE
                    WHEN a.backend_type = 'walsender' THEN NULL
                    WHEN a.backend_xid IS NOT NULL OR starts_with(a.state, 'idle in') THEN a.xact_start
                    ELSE a.query_start END) * 1000)::bigint AS held_ms,
               false AS catalog
          FROM pg_stat_get_activity(NULL) a
         WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.pid <> pg_backend_pid()
           AND coalesce(a.leader_pid, a.pid) NOT IN (SELECT v.pid FROM pg_stat_get_progress_info('VACUUM') v)
        UNION ALL
        SELECT 'slot', l.active_pid, l.slot_name::text, NULL, NULL, NULL, NULL,
               CASE WHEN l.active THEN 'active' ELSE 'inactive' END,
               greatest(age(l.xmin), age(l.catalog_xmin))::bigint,
               CASE WHEN NOT l.active THEN (date_part('epoch', clock_timestamp()
                        - (to_jsonb(l) ->> 'inactive_since')::timestamptz) * 1000)::bigint END,
               CASE WHEN NOT l.active THEN (date_part('epoch', clock_timestamp()
                        - (to_jsonb(l) ->> 'inactive_since')::timestamptz) * 1000)::bigint END,
               l.xmin IS NULL
          FROM pg_get_replication_slots() l
         WHERE l.xmin IS NOT NULL OR l.catalog_xmin IS NOT NULL
        UNION ALL
        SELECT 'prepared', NULL, p.gid, NULL, pg_get_userbyid(p.ownerid)::text, NULL, NULL, 'prepared',
               age(p.transaction)::bigint,
               (date_part('epoch', clock_timestamp() - p.prepared) * 1000)::bigint,
               (date_part('epoch', clock_timestamp() - p.prepared) * 1000)::bigint, false
          FROM pg_prepared_xact() p) h
 ORDER BY h.kind = 'session', h.xmin_age DESC NULLS LAST, h.age_ms DESC NULLS LAST
 LIMIT :rows
