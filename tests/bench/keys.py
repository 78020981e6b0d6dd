#!/usr/bin/python3
"""key → paint: 20 instances with 1,000 sessions each, asked every second, half of them stopped. 20 URLs on four
private servers (two of each engine) with 1,000 idle sessions each; one of each engine is stopped by SIGSTOP.

Cursor keys must bring bytes (what they change depends on the row); each letter typed into the filter must be
painted itself. Keys come at random moments, so some meet the paint of new data."""
import random
import sys
import time

import field
import program

SESSIONS, URLS, KEYS, LETTERS = 1000, 20, 400, 200


def press(screen, key, wanted):
    while screen.read(0):
        pass
    sent = screen.send(key)
    if wanted is None:
        return (time.monotonic() if screen.read(2) else None), sent
    return screen.wait_bytes([wanted], 2), sent


def measure(screen, keys):
    """Delays of the keys; a key without an answer within 2 s ends the benchmark."""
    took = []
    for key, wanted in keys:
        screen.pump(random.uniform(0.02, 0.12))
        seen, sent = press(screen, key, wanted)
        if seen is None:
            sys.exit(f"keys: no paint after {key!r}:\n" + screen.tail.decode(errors="replace")[-1500:])
        took.append(seen - sent)
    return took


def letters():
    """Letters for the filter line, typed and deleted again so that it stays short."""
    for number in range(LETTERS):
        letter = b"%c" % (ord("A") + number % 26)
        yield letter, letter
        yield b"\177", None


def report(name, took):
    return (name, f"{len(took)}", field.ms(field.quantile(took, 0.5)), field.ms(field.quantile(took, 0.99)),
            field.ms(max(took)))


def main():
    postgres, mariadb = {"max_connections": SESSIONS + 60}, {"max_connections": SESSIONS + 60, "table_open_cache": 100}
    with field.servers(bpg1=("pg15", postgres), bpg2=("pg15", postgres), bmy1=("maria1011", mariadb),
                       bmy2=("maria1011", mariadb)) as rows:
        conns = [conn for row in rows.values() for conn in field.sessions(row, SESSIONS)]
        urls = [field.url(list(rows.values())[n % 4]) for n in range(URLS)]
        with field.config(urls, login={"tls": "disable"}) as path:
            screen = program.Program([field.BINARY, "--config", path, "--view", "sessions"], rows=50, cols=180)
            screen.pump(8)
            with field.paused([rows["bpg2"], rows["bmy2"]]):
                screen.pump(3)
                screen.send(b"i")   # idle sessions too: all thousands of rows
                screen.pump(2)
                began, cpu = time.monotonic(), screen.cpu()
                moves = measure(screen, [(b"j" if n % 20 < 10 else b"k", None) for n in range(KEYS)])
                share = (screen.cpu() - cpu) / (time.monotonic() - began)
                screen.send(b"/")
                screen.pump(0.5)
                typed = measure(screen, letters())
                rss, threads = screen.rss(), screen.threads()
                screen.send(b"\033")
                screen.pump(0.3)
                sent = screen.send(b"q")
                gone = screen.wait_exit(5)
            screen.close()
        field.close_all(conns)
    field.table("key → paint, 20 instances × 1,000 sessions at 1 s, half of them stopped",
                "20 URLs on 2 PostgreSQL and 2 MariaDB with 1,000 idle sessions each, all shown; one of each stopped",
                [("", "keys", "median", "p99", "max", "p99 at most"),
                 report("cursor", moves) + ("8 ms",), report("typed letter", typed) + ("8 ms",),
                 ("quit then", "", field.ms(gone and gone - sent), "", "", "300 ms"),
                 ("meanwhile", "", f"CPU {share:.1%}", f"{rss:.0f} MB", f"{threads} threads", "")])


if __name__ == "__main__":
    main()
