"""What goes wrong in the demo: each incident is made by real sessions on the real servers, says what it is,
knows whether it is really there, and takes everything back at its end, also when somebody solved it first.
"""
import os
import threading
import time

import processes
from traffic import ERRORS

LONG = 45       # seconds an incident lasts
HUNG = 20
PILE = 8        # sessions that wait for one row
LEAK = 80       # forgotten sessions at most


class Session:
    """One session of an incident; statements that wait run in a thread of their own."""

    def __init__(self, shop, server, user, app):
        self.postgres = shop.rows[server]["engine"] == "postgres"
        self.conn = shop.connect(server, user, app)
        self.thread = None

    def run(self, *statements):
        with self.conn.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def begin(self, *statements):
        def work():
            try:
                self.run(*statements)
            except ERRORS:
                pass    # cancelled or ended: by the incident's end, or by the person at the screen
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def end(self, seconds=3):
        """Give what it waits for a moment, cancel it, close."""
        try:
            if self.thread:
                self.thread.join(seconds)
                if self.thread.is_alive() and self.postgres:
                    self.conn.cancel()
                    self.thread.join(seconds)
            self.conn.rollback()
            self.conn.close()
        except ERRORS:
            pass


class Incident:
    """One kind of trouble. begin() makes it, grow() is called again and again while it lasts, there() asks the
    servers for it, end() takes it back."""

    name = text = ""
    seconds = LONG

    def __init__(self, shop):
        self.shop = shop
        self.sessions = []

    def session(self, server, user, app):
        self.sessions.append(Session(self.shop, server, user, app))
        return self.sessions[-1]

    def ask(self, server, statement):
        """The first value of the answer, asked as dba; None when there is no answer."""
        conn = self.shop.connect(server, "dba", "demo")
        try:
            with conn.cursor() as cursor:
                cursor.execute(statement)
                row = cursor.fetchone() if cursor.description else None
                return row[0] if row else None
        finally:
            conn.close()

    def grow(self):
        pass

    def end(self):
        for session in self.sessions:
            session.end()
        self.sessions = []


class RowLocks(Incident):
    name = "row locks"
    text = "a checkout left its transaction open on orders-pg-1; others wait for its row"

    def begin(self):
        holder = self.session("orders-pg-1", "checkout", "checkout-api")
        holder.run("UPDATE stock SET qty = qty - 1 WHERE sku = 7")
        middle = self.session("orders-pg-1", "checkout", "shipping")
        middle.run("UPDATE stock SET qty = qty - 1 WHERE sku = 8")
        middle.begin("UPDATE stock SET qty = qty - 1 WHERE sku = 7")
        self.session("orders-pg-1", "reporting", "stock-report").begin("SELECT * FROM stock WHERE sku = 8 FOR UPDATE")
        for _ in range(PILE):
            self.session("orders-pg-1", "checkout", "checkout-api").begin(
                "UPDATE stock SET qty = qty - 1 WHERE sku = 7")

    def there(self):
        return self.ask("orders-pg-1", "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                       "AND query LIKE '%stock%'") > PILE


class Convoy(Incident):
    name = "DDL convoy"
    text = "an ALTER TABLE on orders-pg-1 waits behind a reader; everybody else waits behind the ALTER"

    def begin(self):
        reader = self.session("orders-pg-1", "reporting", "price-report")
        reader.run("SELECT count(*), avg(price) FROM catalog")
        self.session("orders-pg-1", "migrate", "flyway").begin("ALTER TABLE catalog ALTER COLUMN name SET NOT NULL")
        limit = time.monotonic() + 5
        while not self.alter_waits() and time.monotonic() < limit:
            time.sleep(0.05)
        for _ in range(PILE - 2):
            self.session("orders-pg-1", "search", "search-api").begin("SELECT price FROM catalog WHERE sku = 77")

    def alter_waits(self):
        return self.ask("orders-pg-1", "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                       "AND query LIKE 'ALTER TABLE catalog%'") > 0

    def there(self):
        return self.ask("orders-pg-1", "SELECT count(*) FROM pg_locks WHERE NOT granted "
                                       "AND relation = 'catalog'::regclass") > 1


class Runaway(Incident):
    name = "runaway query"
    text = "a report on orders-pg-1 joins everything with everything"

    def begin(self):
        session = self.session("orders-pg-1", "reporting", "ad-hoc")
        try:    # it must not take the processor away from the screen
            os.setpriority(os.PRIO_PROCESS, session.conn.get_backend_pid(), 19)
        except OSError:
            pass
        session.run("SET max_parallel_workers_per_gather = 0")
        session.begin("SELECT count(*) FROM orders a, orders b, customers c WHERE a.sku + b.sku > c.id")

    def there(self):
        return self.ask("orders-pg-1", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ad-hoc' "
                                       "AND state = 'active'") > 0

    def end(self):
        for session in self.sessions:
            session.end(0)
        self.sessions = []


class Leak(Incident):
    name = "connection leak"
    text = "invoicing opens transactions on billing-my-1 and forgets them"

    def begin(self):
        self.grow()

    def grow(self):
        if len(self.sessions) < LEAK:
            self.session("billing-my-1", "billing", "invoicing").run("SELECT cents FROM payouts WHERE day = 1")

    def there(self):
        forgotten = self.ask("billing-my-1", "SELECT count(*) FROM information_schema.INNODB_TRX x "
                                             "JOIN information_schema.PROCESSLIST p ON p.ID = x.trx_mysql_thread_id "
                                             "WHERE p.COMMAND = 'Sleep' AND p.TIME >= 1")
        return forgotten > 0


class PausedReplay(Incident):
    name = "paused replay"
    text = "somebody paused replay on orders-pg-3: it falls behind"

    def begin(self):
        self.ask("orders-pg-3", "SELECT pg_wal_replay_pause()")

    def there(self):
        return self.ask("orders-pg-3", "SELECT pg_get_wal_replay_pause_state()") == "paused"

    def end(self):
        self.ask("orders-pg-3", "SELECT pg_wal_replay_resume()")


class StoppedApplier(Incident):
    name = "stopped applier"
    text = "billing-my-2 has a row it must not have: its applier stopped with error 1062"

    def on_replica(self, *statements):
        conn = self.shop.connect("billing-my-2", "dba", "demo", autocommit=True)
        try:
            with conn.cursor() as cursor:
                for statement in ("SET sql_log_bin = 0",) + statements:
                    cursor.execute(statement)
        finally:
            conn.close()

    def has_table(self):
        return self.ask("billing-my-2", "SELECT count(*) FROM information_schema.TABLES "
                                        "WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 'payouts'") > 0

    def begin(self):
        limit = time.monotonic() + 10
        while not self.has_table() and time.monotonic() < limit:
            time.sleep(0.1)
        self.on_replica("REPLACE INTO app.payouts VALUES (9999, 0)")
        session = self.session("billing-my-1", "cron", "payouts")
        session.run("DELETE FROM payouts WHERE day = 9999")
        session.conn.commit()
        self.on_replica("REPLACE INTO app.payouts VALUES (9999, 0)")
        session.run("INSERT INTO payouts VALUES (9999, 1)")
        session.conn.commit()

    def there(self):
        conn = self.shop.connect("billing-my-2", "dba", "demo")
        try:
            with conn.cursor() as cursor:
                cursor.execute("SHOW SLAVE STATUS")
                names = [column[0] for column in cursor.description]
                return dict(zip(names, cursor.fetchone()))["Slave_SQL_Running"] == "No"
        finally:
            conn.close()

    def end(self):
        super().end()
        self.on_replica("DELETE FROM app.payouts WHERE day = 9999", "START SLAVE SQL_THREAD")
        self.ask("billing-my-1", "DELETE FROM app.payouts WHERE day = 9999")


class Hung(Incident):
    name = "hung server"
    text = "orders-pg-2 hangs: it is there and does not answer"
    seconds = HUNG

    def begin(self):
        self.pid = int(self.shop.rows["orders-pg-2"]["pid"])
        processes.pause(self.pid)

    def there(self):
        fields = processes.stat_fields(self.pid)
        return bool(fields) and fields[0] == "T"

    def end(self):
        processes.resume(self.pid)


# Their order, and again from the beginning.
ROTATION = (RowLocks, PausedReplay, Leak, Convoy, Hung, StoppedApplier, Runaway)
# What can stand side by side, to be shown in one picture.
TOGETHER = (PausedReplay, StoppedApplier, Leak, Convoy, RowLocks)
