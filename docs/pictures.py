#!/usr/bin/python3
"""Makes the README's pictures: dbatop on the demo's servers, drawn by its own key P.

    docs/pictures.py [BINARY]        build/release/dbatop unless named; takes about two minutes

Starts the demo's servers and the incidents that can stand side by side, lets the figures of a minute gather, takes a
picture of every view, and stops everything again.
"""
import fcntl
import glob
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SERVERS = "pg15,pg15r,pg15rr,maria1011,maria1011r"
COLUMNS, ROWS = 150, 30
GATHER = 70         # seconds: the sparklines show sixty
sys.path[:0] = [os.path.join(ROOT, "tests", "demo"), os.path.join(ROOT, "tests", "lab")]


def drain(terminal, seconds):
    """Takes what dbatop paints, so that it goes on painting."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                os.read(terminal, 65536)
            except OSError:     # it has gone
                return


def picture(terminal, folder, keys, name):
    for key in keys:
        os.write(terminal, key.encode())
        drain(terminal, 1.5)
    before = set(glob.glob(f"{folder}/screen-*.svg"))
    os.write(terminal, b"P")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        drain(terminal, 0.3)
        new = set(glob.glob(f"{folder}/screen-*.svg")) - before
        if new:
            shutil.copyfile(new.pop(), os.path.join(HERE, name))
            os.chmod(os.path.join(HERE, name), 0o644)
            return
    sys.exit(f"pictures: dbatop did not write {name}")


def take(binary, config, folder):
    environment = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(binary, [binary, "--config", config], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    drain(terminal, GATHER)
    picture(terminal, folder, [], "fleet.svg")
    picture(terminal, folder, ["2"], "sessions.svg")
    picture(terminal, folder, ["!"], "locks.svg")
    picture(terminal, folder, ["4"], "replication.svg")
    picture(terminal, folder, ["5"], "tree.svg")
    os.write(terminal, b"q")
    drain(terminal, 1)
    os.close(terminal)
    os.waitpid(pid, 0)


def in_lab(binary):
    import run
    import shop
    lab = os.environ["DBATOP_LAB"]
    folder = os.path.join(lab, "demo")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    workload = run.start_workload(lab, folder, True)
    try:
        run.wait_for_workload(workload, folder, True)
        take(binary, shop.config(shop.Shop(lab), folder), folder)
    finally:
        run.end(workload, run.LEAVE)


def main():
    if "DBATOP_LAB" in os.environ:
        return in_lab(sys.argv[1])
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/release/dbatop"))
    with tempfile.TemporaryDirectory(prefix="dbatop-pictures.") as folder:
        os.chmod(folder, 0o711)
        return subprocess.run([os.path.join(ROOT, "tests/lab/lab.py"), "run", "--dir", os.path.join(folder, "lab"),
                               "--only", SERVERS, "--", os.path.abspath(__file__), binary]).returncode


if __name__ == "__main__":
    sys.exit(main())
