"""Starting, watching, pausing and ending servers as trees of processes.

A server is more than its first process: PostgreSQL's backends each call setsid(), so a signal to
the process group reaches the postmaster only. Everything here therefore walks the tree of children.
A pid is only believed together with its start time: pids are reused.
"""
import ctypes
import os
import pwd
import signal
import subprocess
import time

from software import LabError

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option, value):
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def lab_user():
    """(uid, gid) servers run as: ourselves, or an unprivileged account when we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            continue
    raise LabError("no unprivileged account to run the servers as")


def as_lab_user():
    """Arguments for subprocess that drop root, if we are root."""
    who = lab_user()
    return {"user": who[0], "group": who[1], "extra_groups": []} if who else {}


def environment():
    env = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return env


def start(command, log, cwd):
    """Start a server in a session of its own, its output appended to log."""
    with open(log, "ab") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                 start_new_session=True, env=environment(), **as_lab_user())
    return child


def run_as_lab(command, cwd, stdin_text=None, env=None):
    """Run a short program as the lab user; (exit code, output)."""
    done = subprocess.run(command, input=stdin_text, stdin=None if stdin_text is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd, text=True, errors="replace",
                          env=dict(environment(), **(env or {})), **as_lab_user())
    return done.returncode, done.stdout


def stat_fields(pid):
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as handle:
            text = handle.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2:].split()  # [0]=state [1]=ppid [2]=pgrp [19]=start time


def start_time(pid):
    fields = stat_fields(pid)
    return int(fields[19]) if fields else 0


def alive(pid, started=0):
    """The process is there, is the one that was started, and is not a zombie."""
    fields = stat_fields(pid)
    return bool(fields) and fields[0] not in "ZX" and (not started or int(fields[19]) == started)


def there(pid, started):
    """alive(), or a zombie that nobody has collected yet: a server's lock file still counts that as running."""
    fields = stat_fields(pid)
    return bool(fields) and int(fields[19]) == started


def descendants(pid):
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def pause(pid):
    """SIGSTOP the first process, then its children until no new one appears."""
    send(pid, signal.SIGSTOP)
    seen = set()
    while True:
        fresh = [p for p in descendants(pid) if p not in seen]
        if not fresh:
            return
        for child in fresh:
            send(child, signal.SIGSTOP)
            seen.add(child)


def resume(pid):
    for child in descendants(pid):
        send(child, signal.SIGCONT)
    send(pid, signal.SIGCONT)


def kill_tree(pid):
    """SIGKILL everything, stopped or not; nothing gets to clean up."""
    pause(pid)
    for victim in descendants(pid) + [pid]:
        send(victim, signal.SIGKILL)


def sweep(folder):
    """Kill what still works for a lab that is gone: servers and their tools that stand in its folder.

    They are known by name, so that a shell somebody left there is not touched.
    """
    known = ("postgres", "initdb", "pg_basebackup", "psql", "mariadbd", "mysqld", "mariadb", "ld-linux",
             "pgbouncer", "haproxy")
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            here = os.readlink(f"/proc/{entry}/cwd")
            with open(f"/proc/{entry}/comm") as handle:
                name = handle.read().strip()
        except OSError:
            continue
        if (here + "/").startswith(folder + "/") and name.startswith(known):
            if name == "postgres":  # gives back its shared memory when it is asked
                send(int(entry), signal.SIGQUIT)
                wait_gone(int(entry), 0, 1)
            kill_tree(int(entry))


def wait_gone(pid, started, seconds):
    limit = time.monotonic() + seconds
    while alive(pid, started):
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def kill_and_wait(pid, started, seconds=10):
    """kill_tree(), and until all of it has been collected: the next start finds nobody."""
    family = [(p, start_time(p)) for p in descendants(pid)] + [(pid, started)]
    kill_tree(pid)
    limit = time.monotonic() + seconds
    while any(there(*one) for one in family) and time.monotonic() < limit:
        time.sleep(0.01)


def stop(pid, started, number, seconds=10):
    """Ask with a signal, insist after the deadline; nothing of the tree is left afterwards."""
    if not alive(pid, started):
        return
    family = [(p, start_time(p)) for p in descendants(pid)]
    send(pid, number)
    resume(pid)
    if not wait_gone(pid, started, seconds):
        family = [(p, start_time(p)) for p in descendants(pid)]
        kill_tree(pid)
        wait_gone(pid, started, 5)
    for child, child_started in family:
        if not wait_gone(child, child_started, 2):
            send(child, signal.SIGKILL)
            wait_gone(child, child_started, 2)


def wait_until(ready, child, log, name, seconds):
    """Poll a condition until the deadline; an end of the process is an error with its log."""
    limit = time.monotonic() + seconds
    while not ready():
        dead = child.poll() is not None
        if dead or time.monotonic() > limit:
            with open(log, errors="replace") as handle:
                tail = "".join(handle.readlines()[-15:])
            raise LabError(f"{name}: " + ("ended at start" if dead else f"not ready after {seconds} s") + f"\n{tail}")
        time.sleep(0.02)
