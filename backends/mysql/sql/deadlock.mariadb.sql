-- probe: deadlock   lane: slow   every: 30s   timeout: 800ms   rows: 20
-- versions: mariadb 10.5-11
-- needs: PROCESS | else: the last deadlock is unknown
-- when: pulse.deadlocks > 0
-- column: nr count key · at time · age_ms duration · id count · victim bool · object label · mode label
-- column: query sqltext
--
-- The last deadlock, a row for each transaction in it. InnoDB tells it as text only, which the driver reads
-- (innodb_text.c).
SHOW ENGINE INNODB STATUS
