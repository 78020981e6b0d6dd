#!/usr/bin/python3
"""One PostgreSQL with 500 sessions, asked every second, by dbatop and by pg_activity in the same run, each on its
own terminal of the same size. Two tables: without waiters, and with nine that wait for a row lock: dbatop then asks
every second who blocks whom, which pg_activity's screen does not show. pg_activity runs twice: with its process figures (a role that may see where the
data folder is) and without. Time in the server is that of pg_stat_statements, planning included, by role; on a
busy machine it is mostly waiting, so the processor time of the backends (Linux' schedstat: parsing and sending
included) stands beside it."""
import os
import shutil
import sys
import time

import field
import program

SESSIONS, SECONDS, WAITERS, ROWS, COLS = 500, 40, 9, 50, 180
ROLES = {"dbatop": "bench_dbatop", "with": "bench_with", "without": "bench_without"}


def roles(row):
    conn = field.connect(row)
    with conn, conn.cursor() as cursor:
        for role in ROLES.values():
            cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}-pw'")
        cursor.execute(f"GRANT pg_monitor TO {ROLES['dbatop']}, {ROLES['with']}")
        cursor.execute(f"GRANT pg_read_all_stats TO {ROLES['without']}")
    conn.close()


def ran(pid):
    """Milliseconds a process has run."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as handle:
        return int(handle.read().split()[0]) / 1e6


def in_server(row):
    """role: (statements, milliseconds, milliseconds on the processor) so far."""
    conn = field.connect(row)
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT r.rolname, sum(s.calls), sum(s.total_exec_time + s.total_plan_time) "
                       "FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid GROUP BY 1")
        found = {name: (float(calls), float(spent)) for name, calls, spent in cursor.fetchall()}
        cursor.execute("SELECT usename, pid FROM pg_stat_activity WHERE usename = ANY(%s)", (list(ROLES.values()),))
        on_cpu = {}
        for name, pid in cursor.fetchall():
            on_cpu[name] = on_cpu.get(name, 0.0) + ran(pid)
    conn.close()
    return {key: (*found.get(role, (0.0, 0.0)), on_cpu.get(role, 0.0)) for key, role in ROLES.items()}


def start(row, path):
    dsn = f"host=127.0.0.1 port={row['port']} dbname=app sslmode=disable"
    screens = {"dbatop": program.Program([field.BINARY, "--config", path, "--view", "sessions"], ROWS, COLS)}
    for key in ("with", "without"):
        argv = [shutil.which("pg_activity"), "--refresh", "1", f"{dsn} user={ROLES[key]}"]
        screens[key] = program.Program(argv, ROWS, COLS, env={"PGPASSWORD": ROLES[key] + "-pw"})
    return screens


def pump_all(screens, seconds):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        for screen in screens.values():
            while screen.read(0):
                pass
        time.sleep(0.02)


def measure(row, screens):
    """What SECONDS of each cost: {key: {figure: value}}."""
    pump_all(screens, 6)
    before = {key: (s.cpu(), s.bytes) for key, s in screens.items()}
    server = in_server(row)
    began = time.monotonic()
    pump_all(screens, SECONDS)
    passed = time.monotonic() - began
    server = {key: tuple(b - a for a, b in zip(server[key], after)) for key, after in in_server(row).items()}
    return {key: {"cpu": (s.cpu() - before[key][0]) / passed * 1000, "bytes": (s.bytes - before[key][1]) / passed,
                  "rss": s.rss(), "calls": server[key][0] / passed, "server": server[key][1] / passed,
                  "backends": server[key][2] / passed}
            for key, s in screens.items()}


def rows_of(found):
    figures = (("CPU, ms a second", "cpu", "1/30 and 1/3"), ("memory, MB", "rss", "1/2"),
               ("bytes to the terminal a second", "bytes", "1/5"), ("time in the server, ms a second", "server", "1/2"),
               ("its backends' CPU, ms a second", "backends", ""),
               ("statements a second", "calls", ""))
    yield ("", "dbatop", "pg_activity", "without process figures", "dbatop is 1/", "and 1/", "at most")
    for name, key, target in figures:
        ours, full, plain = (found[who][key] for who in ("dbatop", "with", "without"))
        yield (name, f"{ours:.2f}", f"{full:.2f}", f"{plain:.2f}", f"{full / ours:.1f}" if ours else "-",
               f"{plain / ours:.1f}" if ours else "-", target)


def run(waiters, path, row):
    busy = field.Busy(row, SESSIONS, waiters=waiters)
    screens = start(row, path)
    found = measure(row, screens)
    for screen in screens.values():
        screen.send(b"q")
        screen.wait_exit(3)
        screen.close()
    busy.end(row)
    field.table("one PostgreSQL, 500 sessions, every second: dbatop and pg_activity in the same run",
                f"{SECONDS} s on terminals of {COLS}x{ROWS}; 20 sessions at work, 31 in a transaction, {waiters} waiting",
                list(rows_of(found)))


def main():
    if not shutil.which("pg_activity"):
        sys.exit("pg_activity: not installed; run tests/lab/install.sh matrix")
    settings = {"max_connections": SESSIONS + 60, "pg_stat_statements.track_planning": "on"}
    with field.servers(bpg1=("pg15", settings)) as rows:
        row = rows["bpg1"]
        roles(row)
        secret = os.path.join(field.lab().dir, "bench.password")
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(ROLES["dbatop"] + "-pw\n")
        login = {"user": ROLES["dbatop"], "tls": "disable", "password_file": secret}
        with field.config([field.url(row)], login=login) as path:
            for waiters in (0, WAITERS):
                run(waiters, path, row)
        os.unlink(secret)


if __name__ == "__main__":
    main()
