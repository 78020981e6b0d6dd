#!/usr/bin/python3
"""200 instances with 400 connections: memory, CPU and threads in clear text, with TLS and a private CA, and with
TLS and the public bundle (with the private CA added to it). 200 URLs on four PostgreSQL and four MariaDB: so each
of the 200 sees fifty sessions of dbatop itself, which a real fleet does not have, and holds them in memory."""
import os
import time

import field
import program

URLS, SECONDS, LIMIT = 200, 20, 60
PUBLIC = "/etc/ssl/certs/ca-certificates.crt"


def connections(rows):
    """How many sessions of dbatop the servers have."""
    count = 0
    for row in rows:
        conn = field.connect(row)
        with conn.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'monitor'"
                           if row["engine"] == "postgres" else
                           "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'monitor'")
            count += cursor.fetchone()[0]
        conn.close()
    return count


def measure(rows, login):
    urls = [field.url(rows[n % len(rows)]) for n in range(URLS)]
    with field.config(urls, login=login) as path:
        screen = program.Program([field.BINARY, "--config", path], rows=60)
        began = time.monotonic()
        while connections(rows) < 2 * URLS and time.monotonic() - began < LIMIT:
            screen.pump(0.5)
        there, ready = connections(rows), time.monotonic() - began
        screen.pump(5)
        cpu, now = screen.cpu(), time.monotonic()
        screen.pump(SECONDS)
        found = {"connections": there, "ready": ready, "cpu": (screen.cpu() - cpu) / (time.monotonic() - now),
                 "rss": screen.rss(), "anon": screen.status("RssAnon") / 1024, "threads": screen.threads()}
        screen.send(b"q")
        screen.wait_exit(5)
        screen.close()
    return found


def line(name, found, target):
    return (name, f"{found['rss']:.1f} MB", f"{found['anon']:.1f} MB", f"{found['connections']}",
            f"{found['ready']:.1f} s", f"{found['cpu']:.1%}", f"{found['threads']}", target)


def main():
    folder = field.lab().dir
    ca, bundle = os.path.join(folder, "ca.pem"), os.path.join(folder, "bundle.pem")
    if os.path.exists(PUBLIC):
        with open(bundle, "w") as handle:
            handle.write(open(PUBLIC).read() + open(ca).read())
    settings = {"max_connections": 400}
    kinds = {f"bench{n}": (kind, settings) for n, kind in enumerate(["pg15", "maria1011"] * 4)}
    with field.servers(**kinds) as servers:
        rows = list(servers.values())
        lines = [("", "memory", "of it private", "connections", "all there", "CPU of a core", "threads", "at most"),
                 line("clear text", measure(rows, {"tls": "disable"}), "50 MB"),
                 line("TLS, private CA", measure(rows, {"tls": "verify-full", "ca": ca}), "90 MB")]
        if os.path.exists(bundle):
            lines.append(line("TLS, public bundle", measure(rows, {"tls": "verify-full", "ca": bundle}), "reported"))
            os.unlink(bundle)
    field.table("200 instances, 400 connections", f"200 URLs on four PostgreSQL and four MariaDB; CPU over {SECONDS} s",
                lines)


if __name__ == "__main__":
    main()
