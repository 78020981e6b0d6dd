-- probe: a   lane: fast   every: 1s   timeout: 800ms   rows: 10
-- versions: postgres 14-18   needs: pg_monitor | else: x
-- column: id count key · a_ms duration · q sqltext
-- param: who text
SELECT pid::int AS id, $x$:rows$x$, e'\'', "q" /* c */ FROM a WHERE u = :who LIMIT :rows;
