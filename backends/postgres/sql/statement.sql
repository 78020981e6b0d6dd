-- probe: statement   lane: admin   timeout: 2s   rows: 1
-- versions: postgres 13-18     needs: pg_monitor | else: other users' statements are hidden
-- param: id int
-- column: id key count · started key time · query sqltext · query_bytes bytes
SELECT s.pid AS id, s.backend_start::text AS started,
       CASE WHEN s.backend_type IS NOT NULL
            THEN encode(substring(textsend(s.query), 1, 1000000), 'escape') END AS "query@bytes",
       CASE WHEN s.backend_type IS NOT NULL THEN octet_length(s.query) END AS query_bytes
  FROM pg_stat_get_activity(:id::int) s
 LIMIT :rows
