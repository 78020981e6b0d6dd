"""The folder of one running lab: who runs where, certificates, passwords, ports.

servers.tsv is the only thing other programs need to read; see lab.py for its format.
"""
import contextlib
import errno
import fcntl
import os
import random
import shutil
import socket
import subprocess

import processes
from software import LabError, fetch

COLUMNS = ("name", "engine", "version", "host", "port", "socket", "pid", "role", "datadir", "started", "kind",
           "primary", "owner")
USERS = ("dba", "monitor", "actor", "nobody", "app", "repl")
SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes, and PostgreSQL's lock file adds a suffix


def password(user):
    return f"{user}-pw"


class Lab:
    """A lab folder. Methods that change servers.tsv are called with the lock held."""

    def __init__(self, folder):
        self.dir = os.path.abspath(folder)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    @contextlib.contextmanager
    def locked(self):
        with open(self.path("lock"), "a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def servers(self):
        try:
            with open(self.path("servers.tsv")) as handle:
                lines = handle.read().splitlines()[1:]
        except FileNotFoundError:
            return []
        return [dict(zip(COLUMNS, line.split("\t"))) for line in lines]

    def server(self, name):
        for row in self.servers():
            if row["name"] == name:
                return row
        raise LabError(f"no server '{name}' in {self.dir}; there are: "
                       + (" ".join(r["name"] for r in self.servers()) or "none"))

    def save(self, rows):
        text = "\t".join(COLUMNS) + "\n" + "".join(
            "\t".join(str(row.get(c, "")) or "-" for c in COLUMNS) + "\n" for row in rows)
        write_file(self.path("servers.tsv"), text, 0o644)
        write_file(self.path("pgpass"), pgpass(rows), 0o600)
        write_file(self.path("my.cnf"), my_cnf(rows), 0o600)

    def put(self, row):
        rows = [r for r in self.servers() if r["name"] != row["name"]]
        self.save(sorted(rows + [row], key=lambda r: r["name"]))

    def forget(self, name):
        self.save([r for r in self.servers() if r["name"] != name])

    # ---- preparing the folder ----

    def prepare(self):
        """Create the folder, its certificates and empty tables; harmless when done before."""
        os.makedirs(self.dir, exist_ok=True)
        with self.locked():
            os.chmod(self.dir, 0o711)
            self.check_reachable()
            if not os.path.exists(self.path("ca.pem")):
                self.make_certificates()
            if not os.path.exists(self.path("servers.tsv")):
                self.save([])

    def check_reachable(self):
        if processes.lab_user() is None:
            return
        code, _ = processes.run_as_lab(["/usr/bin/test", "-x", self.dir], "/")
        if code != 0:
            raise LabError(f"{self.dir}: the servers run as an unprivileged user who cannot enter this folder; "
                           "choose one under /tmp")

    def make_certificates(self):
        tls = self.path("tls")
        os.makedirs(tls, mode=0o755, exist_ok=True)

        def openssl(*arguments):
            subprocess.run(("openssl",) + arguments, cwd=tls, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
                "-subj", "/CN=dbatop lab CA", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        write_file(os.path.join(tls, "ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n", 0o600)
        openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "30", "-extfile", "ext", "-out", "server.pem")
        os.chmod(os.path.join(tls, "server.key"), 0o600)
        own(os.path.join(tls, "server.key"))
        for name in ("ca.pem", "server.pem"):
            os.chmod(os.path.join(tls, name), 0o644)
        shutil.copy(os.path.join(tls, "ca.pem"), self.path("ca.pem"))

    def software(self, name):
        """Folder of a fetched server that the lab user can enter: the cache itself, or links to it."""
        folder = fetch(name)
        if folder is None or processes.lab_user() is None:
            return folder
        code, _ = processes.run_as_lab(["/usr/bin/test", "-x", folder], "/")
        if code == 0:
            return folder
        copy = self.path("software", name)
        with self.locked():
            if not os.path.isdir(copy):
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                link_tree(folder, copy)
        return copy

    def new_folder(self, name):
        """The folder of one server: D/NAME with data/ and s/ (sockets), owned by the lab user."""
        base = self.path(name)
        if len(os.path.join(base, "s", "mysql.sock")) > SOCKET_PATH_MAX:
            raise LabError(f"{self.dir}: path too long for a Unix socket; choose a shorter folder")
        shutil.rmtree(base, ignore_errors=True)
        os.makedirs(os.path.join(base, "s"))
        os.chmod(base, 0o711)
        own(base)
        own(os.path.join(base, "s"))
        return base


def own(path):
    who = processes.lab_user()
    if who:
        os.lchown(path, *who)


def own_tree(path):
    who = processes.lab_user()
    if who:
        subprocess.run(["chown", "-R", f"{who[0]}:{who[1]}", path], check=True)


def copy_tree(source, target):
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def link_tree(source, target):
    """Hard links where the file system allows (no space, no time), else a copy."""
    done = subprocess.run(["cp", "-al", source, target], stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        copy_tree(source, target)


def write_file(path, text, mode):
    fresh = f"{path}.{os.getpid()}.new"
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "w") as handle:
        handle.write(text)
    os.rename(fresh, path)


def pgpass(rows):
    lines = []
    for row in rows:
        if row["engine"] == "postgres":
            for user in USERS:
                for host in ("127.0.0.1", "localhost", row["socket"]):
                    lines.append(f"{host}:{row['port']}:*:{user}:{password(user)}\n")
    return "".join(lines)


def my_cnf(rows):
    """One option group per server and user: `--defaults-group-suffix=_maria1011_monitor`."""
    parts = []
    for row in rows:
        if row["engine"] != "postgres":
            for user in USERS:
                parts.append(f"[client_{row['name']}_{user}]\nhost={row['host']}\nport={row['port']}\nuser={user}\n"
                             f"password={password(user)}\n\n")
    return "".join(parts)


def free_port():
    """A loopback port nobody listens on, below the range that outgoing connections take theirs from."""
    for _ in range(200):
        port = random.randint(15000, 31999)
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port))
            return port
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        finally:
            probe.close()
    raise LabError("no free port found on 127.0.0.1")
