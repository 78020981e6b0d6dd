#!/usr/bin/python3
"""exec → first paint: 50 instances of which 25 are black holes. The child takes the time just before exec; the
paint is there when the terminal has received the frame up to the name of the last instance."""
import sys

import field
import program

ROUNDS, INSTANCES, ROWS = 40, 50, 70


def main():
    rows = {row["name"]: row for row in field.lab().servers()}
    hole = field.BlackHole()
    alive = [field.url(rows["pg15"]), field.url(rows["maria1011"])]
    urls = [f"postgres://127.0.0.1:{hole.port}/app" if n % 2 else alive[n // 2 % 2] for n in range(INSTANCES)]
    first, full = [], []
    with field.config(urls) as path:
        for _ in range(ROUNDS):
            screen = program.Program([field.BINARY, "--config", path], rows=ROWS)
            byte = screen.wait_bytes([b"\033"], 5)
            done = byte and screen.wait_bytes([b"i-%03d" % (INSTANCES - 1)], 5)
            if not done:
                sys.exit("first_paint: no frame within 5 s:\n" + screen.tail.decode(errors="replace")[-800:])
            first.append(byte - screen.started)
            full.append(done - screen.started)
            screen.send(b"q")
            screen.wait_exit(3)
            screen.close()
    hole.close()
    field.table("exec → first paint, 50 instances of which 25 are black holes",
                f"{ROUNDS} starts on a 160x{ROWS} terminal; the other 25 are {len(alive)} real servers",
                [("", "median", "p95", "at most"),
                 ("first byte", field.ms(field.quantile(first, 0.5)), field.ms(field.quantile(first, 0.95)), ""),
                 ("whole frame", field.ms(field.quantile(full, 0.5)), field.ms(field.quantile(full, 0.95)), "25 ms")])


if __name__ == "__main__":
    main()
