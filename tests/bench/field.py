"""What the benchmarks run against: private servers of the lab, many sessions, black holes, a configuration."""
import concurrent.futures
import contextlib
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import threading

import psycopg2
import pymysql

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lab"))
import processes                                            # noqa: E402
from place import Lab, password                             # noqa: E402

BINARY = os.environ.get("DBATOP_BENCH_BINARY", os.path.join(ROOT, "build", "release", "dbatop"))
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def lab():
    return Lab(os.environ["DBATOP_LAB"])


def lab_verb(*arguments):
    subprocess.run([sys.executable, os.path.join(ROOT, "tests", "lab", "lab.py"), arguments[0],
                    "--dir", os.environ["DBATOP_LAB"], *arguments[1:]], check=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def servers(**kinds):
    """name=(kind, {setting: value}): private servers for one benchmark; their rows by name."""
    started = []
    try:
        for name, (kind, settings) in kinds.items():
            pairs = [f"{key}={value}" for key, value in settings.items()]
            lab_verb("spawn", "--kind", kind, "--name", name, *[part for pair in pairs for part in ("--set", pair)])
            started.append(name)
        rows = {row["name"]: row for row in lab().servers()}
        yield {name: rows[name] for name in kinds}
    finally:
        for name in started:
            lab_verb("remove", "--name", name)


def connect(row, user="dba", **options):
    if row["engine"] == "postgres":
        return psycopg2.connect(host=row["host"], port=row["port"], dbname="app", user=user, password=password(user),
                                sslmode="disable", **{"application_name": "bench", **options})
    return pymysql.connect(host=row["host"], port=int(row["port"]), user=user, password=password(user), database="app",
                           autocommit=True, **options)


def sessions(row, number):
    """That many idle sessions of the application."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda n: connect(row, "app", **(
            {"application_name": f"worker-{n % 12}"} if row["engine"] == "postgres" else {})), range(number)))


def close_all(conns):
    for conn in conns:
        try:
            conn.close()
        except (psycopg2.Error, pymysql.err.Error, OSError):
            pass


@contextlib.contextmanager
def paused(rows):
    """SIGSTOP for every process of these servers."""
    try:
        for row in rows:
            processes.pause(int(row["pid"]))
        yield
    finally:
        for row in rows:
            processes.resume(int(row["pid"]))


class Busy:
    """Sessions of one PostgreSQL as an application has them: most idle, some in a transaction, some at work,
    nine that wait for a row that an idle transaction holds."""

    def __init__(self, row, number, working=20, open_transactions=30, waiters=9):
        self.stop = threading.Event()
        self.conns = sessions(row, number)
        rest = iter(self.conns)
        for _ in range(open_transactions):
            next(rest).cursor().execute("SELECT qty FROM stock WHERE sku = 5")
        next(rest).cursor().execute("UPDATE stock SET qty = qty WHERE sku = 6")
        for _ in range(waiters):
            threading.Thread(target=self.wait, args=(next(rest),), daemon=True).start()
        for _ in range(working):
            threading.Thread(target=self.work, args=(next(rest),), daemon=True).start()

    def wait(self, conn):
        with contextlib.suppress(psycopg2.Error):
            conn.cursor().execute("UPDATE stock SET qty = qty WHERE sku = 6")

    def work(self, conn):
        with contextlib.suppress(psycopg2.Error):
            conn.autocommit = True
            while not self.stop.is_set():
                conn.cursor().execute("SELECT pg_sleep(%s), count(*) FROM stock", (random.uniform(0.5, 4),))

    def end(self, row):
        self.stop.set()
        with contextlib.suppress(psycopg2.Error):
            connect(row).cursor().execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
        close_all(self.conns)


class BlackHole:
    """A port where connecting never ends: the queue of those who wait to be accepted is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fill = []
        for _ in range(4):
            conn = socket.socket()
            conn.setblocking(False)
            conn.connect_ex(("127.0.0.1", self.port))
            self.fill.append(conn)

    def close(self):
        for conn in self.fill + [self.listener]:
            conn.close()


def url(row):
    return f"postgres://127.0.0.1:{row['port']}/app" if row["engine"] == "postgres" else f"mysql://127.0.0.1:{row['port']}"


@contextlib.contextmanager
def config(urls, user="monitor", login=None):
    """A configuration with one instance for each URL, in clusters of ten; its path."""
    with tempfile.TemporaryDirectory(prefix="dbatop-bench.") as folder:
        secret = os.path.join(folder, "password")
        fields = {"user": user, "password_file": secret, **(login or {})}
        text = f"state_dir: {folder}\nclusters:\n"
        for index, address in enumerate(urls):
            if index % 10 == 0:
                text += (f"  - name: c{index // 10:02}\n    tags: [lab]\n    login: {{"
                         + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}\n    instances:\n")
            text += f"      - name: i-{index:03}\n        url: {address}\n"
        for path, what in ((secret, password(user) + "\n"), (os.path.join(folder, "dbatop.yaml"), text)):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as handle:
                handle.write(what)
        yield os.path.join(folder, "dbatop.yaml")


def ms(seconds):
    return "never" if seconds is None else f"{seconds * 1000:.1f} ms"


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def table(title, how, rows):
    """rows of the same length, the first is the head; printed with the command that repeats it."""
    print(f"\n{title}\n  {how}\n  again: tests/bench/run {os.path.basename(sys.argv[0]).removesuffix('.py')}\n")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    sys.stdout.flush()
