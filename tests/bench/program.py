"""A program on a pseudo-terminal of its own, and what it costs.

Times are CLOCK_MONOTONIC in seconds. The moment of exec is taken by the child itself, just before. Bytes
are those the program wrote to its terminal. Everything is read by whoever calls pump() or a wait: nothing
is drained behind the caller's back.
"""
import fcntl
import os
import select
import signal
import struct
import termios
import time


def readable(fds, seconds):
    """Those that have something to read, or have ended; poll() because select() ends at descriptor 1,023."""
    waiting = select.poll()
    for fd in fds:
        waiting.register(fd, select.POLLIN)
    return [fd for fd, _ in waiting.poll(max(0, seconds) * 1000)]


class Program:
    def __init__(self, argv, rows=60, cols=160, env=None):
        self.bytes, self.tail, self.code = 0, b"", None
        reader, writer = os.pipe()
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        env = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8", **(env or {}))
        env.pop("NO_COLOR", None)
        env.pop("COLORTERM", None)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for number in range(3):
                os.dup2(slave, number)
            os.closerange(3, min(reader, writer, master, slave))
            for fd in (reader, master, slave):
                os.close(fd)
            os.set_inheritable(writer, False)
            os.write(writer, struct.pack("d", time.monotonic()))
            os.execvpe(argv[0], argv, env)
        os.close(slave)
        os.close(writer)
        self.fd = master
        os.set_blocking(master, False)
        self.pidfd = os.pidfd_open(self.pid)
        self.started = struct.unpack("d", os.read(reader, 8))[0]
        os.close(reader)

    def read(self, seconds):
        """What came until the deadline, as soon as something came; b"" at the deadline or the end."""
        if self.fd not in readable([self.fd], seconds):
            return b""
        try:
            data = os.read(self.fd, 1 << 18)
        except (BlockingIOError, OSError):
            return b""
        self.bytes += len(data)
        self.tail = (self.tail + data)[-65536:]
        return data

    def pump(self, seconds):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if not self.read(limit - time.monotonic()):
                time.sleep(min(0.005, max(0, limit - time.monotonic())))

    def wait_bytes(self, wanted, seconds):
        """The moment when all of these have been written since the call; None at the deadline."""
        seen, limit = b"", time.monotonic() + seconds
        while time.monotonic() < limit:
            data = self.read(limit - time.monotonic())
            now = time.monotonic()
            seen = (seen + data)[-(1 << 20):]
            if all(text in seen for text in wanted):
                return now
            if not data:
                time.sleep(0.0005)
        return None

    def send(self, text):
        """The moment just before the bytes were sent."""
        now = time.monotonic()
        os.write(self.fd, text)
        return now

    def signal(self, number):
        now = time.monotonic()
        os.kill(self.pid, number)
        return now

    def wait_exit(self, seconds, drain=True):
        """The moment of the end; None at the deadline."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            ready = readable([self.pidfd] + ([self.fd] if drain else []), limit - time.monotonic())
            if self.pidfd in ready:
                now = time.monotonic()
                self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                return now
            if ready and not self.read(0):
                drain = False
        return None

    def close(self):
        if self.code is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self.code = -9
        for fd in (self.fd, self.pidfd):
            os.close(fd)

    # ---- what it costs ----

    def cpu(self):
        """Seconds on a processor so far, all threads, in nanosecond steps (threads that ended are not counted)."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/schedstat") as handle:
                    total += int(handle.read().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def status(self, key):
        with open(f"/proc/{self.pid}/status") as handle:
            for line in handle:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        return 0

    def rss(self):
        """Resident memory in MB, shared libraries included."""
        return self.status("VmRSS") / 1024

    def threads(self):
        return self.status("Threads")

    def sockets(self):
        count = 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                count += os.readlink(f"/proc/{self.pid}/fd/{fd}").startswith("socket:")
            except OSError:
                pass
        return count
