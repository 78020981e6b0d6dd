"""The demo's shop: who its servers are, its accounts and tables, and how its programs connect.

Cluster orders is PostgreSQL (primary, replica, cascading replica), cluster billing is MariaDB (primary,
replica). The applications share one password; nobody but the lab's folder knows these servers.
"""
import os
import sys

import psycopg2
import pymysql

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from place import Lab, password                             # noqa: E402

# cluster: ((name on the screen, name in the lab), …), the primary first
CLUSTERS = {
    "orders": (("orders-pg-1", "pg15"), ("orders-pg-2", "pg15r"), ("orders-pg-3", "pg15rr")),
    "billing": (("billing-my-1", "maria1011"), ("billing-my-2", "maria1011r")),
}
USERS = ("checkout", "search", "billing", "reporting", "cron", "migrate")
SECRET = "shop-pw"

POSTGRES_SETUP = """
CREATE TABLE catalog (sku int PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL);
INSERT INTO catalog SELECT n, md5(n::text) || ' shoe', (n % 900) / 7.0 FROM generate_series(1, 20000) n;
CREATE INDEX catalog_name ON catalog (name text_pattern_ops);
CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL, city text NOT NULL);
INSERT INTO customers SELECT n, 'c' || n || '@example.com', 'city ' || n % 97 FROM generate_series(1, 30000) n;
CREATE TABLE orders (id bigserial PRIMARY KEY, sku int NOT NULL, customer int NOT NULL, qty int NOT NULL,
                     status text NOT NULL DEFAULT 'new', placed timestamptz NOT NULL DEFAULT now());
INSERT INTO orders (sku, customer, qty, placed)
  SELECT 1 + n % 1000, 1 + n % 30000, 1 + n % 5, now() - n * interval '1 second' FROM generate_series(1, 60000) n;
CREATE INDEX orders_placed ON orders (placed);
ANALYZE;
"""
MARIADB_SETUP = """
CREATE TABLE invoices (id bigint AUTO_INCREMENT PRIMARY KEY, customer int NOT NULL, cents int NOT NULL,
                       status varchar(12) NOT NULL DEFAULT 'open', made timestamp NOT NULL DEFAULT current_timestamp,
                       KEY made (made)) ENGINE=InnoDB;
INSERT INTO invoices (customer, cents, made)
  SELECT 1 + seq % 30000, seq % 9973, now() - INTERVAL seq SECOND FROM seq_1_to_40000;
CREATE TABLE payouts (day int PRIMARY KEY, cents bigint NOT NULL) ENGINE=InnoDB;
INSERT INTO payouts SELECT seq, seq * 1000 FROM seq_1_to_400;
"""


class Shop:
    """The servers of one lab folder, by their name on the screen."""

    def __init__(self, folder):
        self.lab = Lab(folder)
        rows = {row["name"]: row for row in self.lab.servers()}
        self.rows = {name: rows[there] for members in CLUSTERS.values() for name, there in members}

    def connect(self, name, user, app=None, **options):
        """A session of one of the shop's programs; dba is the lab's superuser."""
        row = self.rows[name]
        secret = password(user) if user == "dba" else SECRET
        if row["engine"] == "postgres":
            return psycopg2.connect(host=row["host"], port=row["port"], dbname="app", user=user, password=secret,
                                    application_name=app or user, connect_timeout=5, sslmode="disable", **options)
        return pymysql.connect(host=row["host"], port=int(row["port"]), user=user, password=secret, database="app",
                               connect_timeout=5, program_name=app or user, **options)

    def prepare(self):
        """Accounts, tables and a few rows; replication carries them to the replicas."""
        conn = self.connect("orders-pg-1", "dba")
        with conn, conn.cursor() as cursor:
            for user in USERS:
                cursor.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{SECRET}' IN ROLE app")
            cursor.execute("SET ROLE app")
            cursor.execute(POSTGRES_SETUP)
        conn.close()
        conn = self.connect("billing-my-1", "dba", autocommit=True)
        with conn.cursor() as cursor:
            for user in USERS:
                cursor.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{SECRET}'")
                cursor.execute(f"GRANT ALL PRIVILEGES ON app.* TO {user}@'%'")
            for statement in MARIADB_SETUP.split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        conn.close()


def config(shop, folder):
    """Write dbatop's configuration for the shop, with its password file; returns the path."""
    secret = os.path.join(folder, "password")
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(password("actor") + "\n")
    lines = [f"state_dir: {folder}", "clusters:"]
    for cluster, members in CLUSTERS.items():
        lines += [f"  - name: {cluster}", "    tags: [lab]",
                  f"    login: {{user: actor, password_file: {secret}}}", "    instances:"]
        for name, _ in members:
            row = shop.rows[name]
            url = f"postgres://{row['host']}:{row['port']}/app" if row["engine"] == "postgres" else \
                f"mysql://{row['host']}:{row['port']}"
            lines += [f"      - name: {name}", f"        url: {url}"]
    path = os.path.join(folder, "dbatop.yaml")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write("\n".join(lines) + "\n")
    return path
