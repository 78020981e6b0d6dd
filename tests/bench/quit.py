#!/usr/bin/python3
"""Quit while every server hangs; SIGTERM while the terminal takes no bytes. Both with both engines, 20 URLs."""
import signal
import time

import field
import program

ROUNDS, URLS = 10, 20


def start(path):
    screen = program.Program([field.BINARY, "--config", path], rows=60)
    screen.pump(1.5)
    return screen


def hung(path, rows, how):
    """how(screen) asks it to end while all servers are stopped; seconds until the process is gone."""
    took = []
    for _ in range(ROUNDS):
        screen = start(path)
        with field.paused(rows):
            screen.pump(1.2)
            sent = how(screen)
            gone = screen.wait_exit(5)
        took.append(gone - sent if gone else None)
        screen.close()
    return took


def deaf(path):
    """Nothing is read from the terminal until it is full, then SIGTERM."""
    took = []
    for _ in range(ROUNDS):
        screen = start(path)
        for _ in range(400):    # each key repaints; nobody reads
            try:
                screen.send(b"?\033")
            except BlockingIOError:
                break
            time.sleep(0.002)
        sent = screen.signal(signal.SIGTERM)
        gone = screen.wait_exit(5, drain=False)
        took.append(gone - sent if gone else None)
        screen.close()
    return took


def report(name, took):
    good = [seconds for seconds in took if seconds is not None]
    late = len(took) - len(good)
    return (name, str(len(took)), field.ms(field.quantile(good, 0.5) if good else None),
            field.ms(max(good) if good and not late else None), "300 ms")


def main():
    with field.servers(bpg1=("pg15", {}), bmy1=("maria1011", {})) as rows:
        urls = [field.url(list(rows.values())[n % 2]) for n in range(URLS)]
        with field.config(urls) as path:
            quits = hung(path, rows.values(), lambda screen: screen.send(b"q"))
            terms = hung(path, rows.values(), lambda screen: screen.signal(signal.SIGTERM))
            silent = deaf(path)
    field.table("quit with every server hung; SIGTERM with a terminal that takes no bytes",
                "20 URLs on one PostgreSQL and one MariaDB; hung: SIGSTOP for every process of both",
                [("", "rounds", "median", "max", "at most"), report("q, all servers hung", quits),
                 report("SIGTERM, all servers hung", terms), report("SIGTERM, terminal takes nothing", silent)])


if __name__ == "__main__":
    main()
