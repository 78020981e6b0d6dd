-- probe: b   lane: admin   rows: 10
-- versions: mariadb 10.5-11
-- column: kind state key from 'up' · peer label from A:B · lag_ms duration from C*1000
SHOW ALL REPLICAS STATUS
