#!/usr/bin/python3
"""Runs inside a lab (DBATOP_LAB names its folder): starts the demo's workload, then dbatop on all of it.

    run.py BINARY            dbatop on this terminal, until it quits
    run.py BINARY --once     every view once as text, at a moment when incidents are there, for each view one at least

The workload ends with us, however we end; the lab around us takes the servers down. Exits with dbatop's
code.
"""
import os
import re
import signal
import subprocess
import sys
import termios
import time

import shop as shops
import processes

READY = 45          # seconds until the workload runs, or until its incidents are there
FINDING = 6         # seconds a pile-up must last before dbatop calls it a finding, and one more
LEAVE = 6           # seconds the workload gets to take back its incident
SIZE = "132x43"


def with_us():
    """A child that is told to end when we are killed without a word."""
    processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGTERM)


def start_workload(lab, folder, hold):
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, os.path.join(here, "workload.py"), "--dir", lab] + (["--hold"] if hold else [])
    with open(os.path.join(folder, "workload.log"), "ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=with_us,
                                start_new_session=True)


def wait_for_workload(child, folder, incident):
    """Until it runs, or until its incidents are there."""
    limit = time.monotonic() + READY
    while time.monotonic() < limit and child.poll() is None:
        try:
            with open(os.path.join(folder, "incident")) as handle:
                now = handle.read().strip()
        except OSError:
            now = "preparing"
        if "\t" in now if incident else now != "preparing":
            return
        time.sleep(0.05)
    with open(os.path.join(folder, "workload.log"), errors="replace") as handle:
        sys.exit("demo: the workload did not start\n" + "".join(handle.readlines()[-15:]))


def end(child, seconds):
    if child is None or child.poll() is not None:
        return
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def views(binary):
    """dbatop is the only one who knows its views: it names them when it does not know one."""
    said = subprocess.run([binary, "once", "--view", "?"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.search(r"none of (.*)", said.stdout)
    if not found:
        sys.exit(f"demo: {binary} does not tell its views: {said.stdout.strip()}")
    return found.group(1).replace(",", " ").split()


def print_views(binary, config, folder):
    with open(os.path.join(folder, "incident")) as handle:
        for line in handle:
            print("demo: " + line.strip().replace("\t", ": "))
    for view in views(binary):
        print(f"\n== dbatop once --view {view}\n", flush=True)
        code = subprocess.run([binary, "once", "--config", config, "--view", view, "--size", SIZE],
                              preexec_fn=with_us).returncode
        if code:
            return code
    return 0


def foreground(binary, config, lab):
    """dbatop on our terminal. When it suspends itself the whole job stops, as a shell expects."""
    before = termios.tcgetattr(0)
    child = subprocess.Popen([binary, "--config", config], preexec_fn=with_us)
    running.append(child)
    while True:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        os.kill(0, signal.SIGSTOP)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode < 0:    # killed: it could not put the terminal back itself
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        sys.stdout.write("\033[?1049l\033[?25h\033[0m\n")
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


running = []


def told(number, frame):
    """Our own end is dbatop's end: it puts the terminal back."""
    signal.signal(number, signal.SIG_IGN)
    for child in running:
        end(child, 2)
    sys.exit(128 + number)


def main():
    binary, once = os.path.abspath(sys.argv[1]), "--once" in sys.argv[2:]
    lab = os.environ["DBATOP_LAB"]
    folder = os.path.join(lab, "demo")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told)
    workload = start_workload(lab, folder, once)
    try:
        wait_for_workload(workload, folder, once)
        config = shops.config(shops.Shop(lab), folder)
        if once:
            time.sleep(FINDING)
            return print_views(binary, config, folder)
        print(f"demo: what happens is told in {folder}/incidents.log")
        return foreground(binary, config, lab)
    finally:
        end(workload, LEAVE)


if __name__ == "__main__":
    sys.exit(main())
