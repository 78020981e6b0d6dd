"""Run a command with a lab around it, and take the lab down however that ends.

Three ends are covered: the command ends; we are told to end (Ctrl-C, SIGTERM, SIGHUP); we are
killed outright. For the last one a watchdog process holds the reading end of a pipe whose only
writer is us: when it reads the end of file without the word "done", it takes the lab down itself.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys

import processes
from software import say

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
GRACE = 15  # seconds a command gets after it was told to end


class Told(BaseException):
    """A signal asked us to end."""


def watchdog(lab, down):
    """Fork the watchdog; returns the pipe to say "done" into and its pid."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reader)
        return writer, pid
    os.close(writer)
    os.setsid()
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    said = b""
    while True:
        piece = os.read(reader, 16)
        if not piece:
            break
        said += piece
    code = 0
    if said != b"done":
        try:
            down(lab)
        except Exception as error:
            say(f"watchdog: {error}")
            code = 1
    os._exit(code)


def command_process(command, lab):
    """Start the command; it is told to end when we die without a word."""
    libc = ctypes.CDLL(None)

    def before_exec():
        libc.prctl(processes.PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return subprocess.Popen(command, env=dict(os.environ, DBATOP_LAB=lab.dir), preexec_fn=before_exec)


def wait_for(child):
    """Wait for the command, reaping orphaned servers on the way so that none stays a zombie."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode


def end_command(child):
    """Not by child.send_signal(): where Ctrl-C has ended both of us, that reaps the child unseen, and
    wait_for would wait for ever."""
    if child is None or child.returncode is not None:
        return
    try:
        os.kill(child.pid, signal.SIGTERM)
    except ProcessLookupError:
        return  # it ended, and was reaped, at the very moment we were told to end
    signal.signal(signal.SIGALRM, lambda number, frame: processes.kill_tree(child.pid))
    signal.alarm(GRACE)
    wait_for(child)
    signal.alarm(0)


def run(lab, names, command, keep_logs, up, down):
    """Returns the exit code to leave with: the command's, 128 + signal, or 1 when the lab did not start."""
    processes.prctl(processes.PR_SET_CHILD_SUBREAPER, 1)
    writer, dog = watchdog(lab, down)
    told = []

    def tell(number, frame):
        told.append(number)
        if len(told) == 1:
            raise Told()
    for number in STOPPING:
        signal.signal(number, tell)
    child, code = None, 1
    try:
        up(lab, names)
        child = command_process(command, lab)
        code = wait_for(child)
        code = 128 - code if code < 0 else code
    except Told:
        code = 128 + told[0]
    finally:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        end_command(child)
        if code and keep_logs:
            save_logs(lab, keep_logs)
        down(lab)
        os.write(writer, b"done")
        os.close(writer)
        try:
            os.waitpid(dog, 0)
        except ChildProcessError:
            pass
    sys.stdout.flush()
    return code


def save_logs(lab, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for row in lab.servers():
        try:
            shutil.copy(lab.path(row["name"], "log"), os.path.join(folder, row["name"] + ".log"))
        except OSError:
            continue
