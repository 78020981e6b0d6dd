"""The shop's applications: small transactions all the time, reports, a nightly job, a migration tool.

Each worker is one session in a thread of its own that reconnects when somebody ends it. The rates are
low on purpose: the demo shares the machine with what it shows.
"""
import random
import threading

import psycopg2
import pymysql

ERRORS = (psycopg2.Error, pymysql.err.Error, OSError)
IDLE_POOL = 3   # sessions every application keeps open and does not use


class Worker(threading.Thread):
    """One session of an application: connects, repeats its step, connects again after an error."""

    def __init__(self, shop, stop, server, user, app, step, pause):
        super().__init__(daemon=True)
        self.shop, self.stop = shop, stop
        self.server, self.user, self.app = server, user, app
        self.step, self.pause = step, pause

    def run(self):
        while not self.stop.is_set():
            try:
                conn = self.shop.connect(self.server, self.user, self.app)
                while not self.stop.wait(random.expovariate(1.0 / self.pause)):
                    if self.step:
                        self.step(conn, self.stop)
                        conn.rollback()
            except ERRORS:
                self.stop.wait(1 + random.random())


def execute(conn, *statements):
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(*statement) if isinstance(statement, tuple) else cursor.execute(statement)


def buy(conn, stop):
    sku, customer = random.randint(1, 1000), random.randint(1, 30000)
    execute(conn, ("SELECT qty FROM stock WHERE sku = %s", (sku,)),
            ("UPDATE stock SET qty = CASE WHEN qty > 0 THEN qty - 1 ELSE 100 END WHERE sku = %s", (sku,)),
            ("INSERT INTO orders (sku, customer, qty) VALUES (%s, %s, 1)", (sku, customer)))
    conn.commit()


def ship(conn, stop):
    execute(conn, "UPDATE orders SET status = 'shipped' WHERE id IN (SELECT id FROM orders WHERE status = 'new' "
                  "AND placed > now() - interval '1 minute' ORDER BY placed LIMIT 5 FOR UPDATE SKIP LOCKED)")
    conn.commit()


def search(conn, stop):
    execute(conn, ("SELECT sku, name, price FROM catalog WHERE name LIKE %s ORDER BY name LIMIT 20",
                   (f"{random.randint(0, 255):02x}%",)))


def sales_report(conn, stop):
    """A real aggregate, then an export whose reader is slow: the server waits for its client."""
    execute(conn, "SELECT c.city, count(*), sum(o.qty * k.price) FROM orders o JOIN customers c ON c.id = o.customer "
                  "JOIN catalog k ON k.sku = o.sku GROUP BY c.city ORDER BY 3 DESC LIMIT 20")
    conn.rollback()

    class SlowReader:
        def write(self, data):
            if not random.getrandbits(8) and stop.wait(0.5):
                raise OSError("ending")
    with conn.cursor() as cursor:
        cursor.copy_expert("COPY (SELECT * FROM orders ORDER BY placed) TO STDOUT", SlowReader())


def invoice(conn, stop):
    with conn.cursor() as cursor:
        cursor.execute("INSERT INTO invoices (customer, cents) VALUES (%s, %s)",
                       (random.randint(1, 30000), random.randint(100, 99999)))
        cursor.execute("UPDATE invoices SET status = 'paid' WHERE id = %s", (cursor.lastrowid - random.randint(5, 50),))
    conn.commit()


def statement_of_account(conn, stop):
    execute(conn, ("SELECT id, cents, status FROM invoices WHERE made > now() - INTERVAL %s SECOND LIMIT 50",
                   (random.randint(1, 30),)))


def revenue_report(conn, stop):
    """Reads row by row with pauses, as an export to a spreadsheet does."""
    with conn.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute("SELECT customer, sum(cents), count(*) FROM invoices GROUP BY customer ORDER BY 2 DESC")
        for number, _ in enumerate(cursor):
            if number % 1000 == 0 and stop.wait(0.4):
                break


def nightly(conn, stop):
    """What keeps the demo small: old rows go."""
    if isinstance(conn, pymysql.connections.Connection):
        execute(conn, "DELETE FROM invoices WHERE made < now() - INTERVAL 12 HOUR LIMIT 5000")
    else:
        execute(conn, "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE placed < now() - interval '17 hours' "
                      "LIMIT 5000)")
    conn.commit()


def migrate(conn, stop):
    """Moves a table in batches, builds an index beside the traffic, and takes it all back."""
    conn.autocommit = True
    execute(conn, "SET lock_timeout = '3s'", "DROP TABLE IF EXISTS customers_v2",
            "CREATE TABLE customers_v2 (LIKE customers INCLUDING DEFAULTS, migrated timestamptz DEFAULT now())")
    for first in range(1, 30000, 500):
        execute(conn, ("INSERT INTO customers_v2 SELECT c.*, now() FROM customers c WHERE id BETWEEN %s AND %s",
                       (first, first + 499)))
        if stop.wait(0.5):
            return
    execute(conn, "CREATE INDEX CONCURRENTLY customers_v2_email ON customers_v2 (email)", "DROP TABLE customers_v2")


# server, user, application, step, mean pause in seconds, sessions
PROGRAMS = (
    ("orders-pg-1", "checkout", "checkout-api", buy, 0.15, 8),
    ("orders-pg-1", "checkout", "shipping", ship, 1.0, 2),
    ("orders-pg-1", "cron", "nightly", nightly, 20, 1),
    ("orders-pg-1", "migrate", "flyway", migrate, 20, 1),
    ("orders-pg-2", "search", "search-api", search, 0.12, 5),
    ("orders-pg-2", "reporting", "sales-report", sales_report, 15, 1),
    ("orders-pg-3", "search", "search-eu", search, 0.3, 3),
    ("billing-my-1", "billing", "invoicing", invoice, 0.2, 6),
    ("billing-my-1", "cron", "nightly", nightly, 25, 1),
    ("billing-my-2", "billing", "portal", statement_of_account, 0.4, 4),
    ("billing-my-2", "reporting", "revenue-report", revenue_report, 10, 1),
)


def start(shop, stop):
    for server, user, app, step, pause, sessions in PROGRAMS:
        for _ in range(sessions):
            Worker(shop, stop, server, user, app, step, pause).start()
        if sessions > 1:
            for _ in range(IDLE_POOL):
                Worker(shop, stop, server, user, app, None, 3600).start()
