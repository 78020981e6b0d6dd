"""PostgreSQL servers of the lab: data folders, settings, replicas."""
import os
import re
import secrets
import shutil
import signal
import socket
import struct

import processes
import template
from place import free_port, own, own_tree, password
from software import LabError

KINDS = ("pg10", "pg11", "pg12", "pg13", "pg14", "pg15", "pg16", "pg17", "pg18")
DEBIAN_BIN = "/usr/lib/postgresql/15/bin"
BASEBACKUP_MAX = 15               # pg_basebackup copies servers up to its own version
STOP_SIGNAL = signal.SIGINT       # fast: sessions are ended, a checkpoint is written
DISCARD_SIGNAL = signal.SIGQUIT   # immediate: no checkpoint, but shared memory is given back

SETUP = """
CREATE ROLE monitor LOGIN PASSWORD 'monitor-pw';
GRANT pg_monitor TO monitor;
CREATE ROLE actor LOGIN PASSWORD 'actor-pw';
GRANT pg_monitor, pg_signal_backend TO actor;
CREATE ROLE nobody LOGIN PASSWORD 'nobody-pw';
CREATE ROLE app LOGIN PASSWORD 'app-pw';
CREATE ROLE repl LOGIN REPLICATION PASSWORD 'repl-pw';
CREATE DATABASE app OWNER app;
CREATE EXTENSION pg_stat_statements;
\\connect app
CREATE EXTENSION pg_stat_statements;
SET ROLE app;
CREATE TABLE stock (sku int PRIMARY KEY, qty int);
INSERT INTO stock SELECT n, 100 FROM generate_series(1, 1000) n;
"""
HBA = """local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
host replication repl,dba 127.0.0.1/32 scram-sha-256
local replication repl,dba scram-sha-256
"""
TEMPLATE_SETTINGS = {"fsync": "off", "shared_buffers": "16MB", "wal_level": "logical",
                     "password_encryption": "scram-sha-256", "shared_preload_libraries": "pg_stat_statements",
                     "dynamic_shared_memory_type": "mmap"}
SETTINGS = {
    "listen_addresses": "127.0.0.1", "max_connections": "200", "max_prepared_transactions": "10",
    "max_wal_size": "256MB", "max_wal_senders": "10", "max_replication_slots": "10", "hot_standby": "on",
    "wal_retrieve_retry_interval": "500ms", "ssl": "on",
    "log_line_prefix": "%m [%p] %q%u@%d ", "timezone": "UTC", "log_timezone": "UTC", "lc_messages": "C",
}


def programs(lab, kind):
    """(folder of programs, exact version)."""
    if kind == "pg15":
        if not os.path.exists(f"{DEBIAN_BIN}/postgres"):
            raise LabError("PostgreSQL 15 is not installed: run tests/lab/install.sh")
        folder = DEBIAN_BIN
    else:
        folder = os.path.join(lab.software(kind), "package", "native", "bin")
    code, text = processes.run_as_lab([f"{folder}/postgres", "--version"], "/")
    if code != 0:
        raise LabError(f"{folder}/postgres does not run: {text.strip()}")
    return folder, re.search(r"PostgreSQL\) (\S+)", text).group(1)


def write_settings(data, settings):
    """Append to postgresql.conf: of several lines for one setting the last one counts."""
    with open(os.path.join(data, "postgresql.conf"), "a") as handle:
        for key, value in settings.items():
            value = str(value).replace("'", "''")
            handle.write(f"{key} = '{value}'\n")


def psql(sockets, port, database, text, user="dba"):
    return processes.run_as_lab(
        [f"{DEBIAN_BIN}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", sockets, "-p", str(port), "-U", user,
         "-d", database], sockets, stdin_text=text, env={"PGPASSWORD": password(user), "PGCONNECT_TIMEOUT": "10"})


def answers(port):
    """The server is past its startup: it asks for a password instead of saying 57P03."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as conn:
            body = struct.pack("!I", 196608) + b"user\0dba\0database\0postgres\0\0"
            conn.sendall(struct.pack("!I", len(body) + 4) + body)
            return conn.recv(1) == b"R"
    except OSError:
        return False


def build_template(bins, sockets, data):
    """initdb, the accounts, the application's database; the server is stopped cleanly at the end."""
    parent = os.path.dirname(data)
    secret = os.path.join(parent, "secret")
    with open(secret, "w") as handle:
        handle.write(password("dba"))
    own(secret)
    os.mkdir(data, 0o700)
    own(data)
    code, text = processes.run_as_lab(
        [f"{bins}/initdb", "-D", data, "-U", "dba", "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync"], data)
    os.unlink(secret)
    if code != 0:
        raise LabError(f"initdb failed:\n{text}")
    with open(os.path.join(data, "pg_hba.conf"), "w") as handle:
        handle.write(HBA)
    write_settings(data, TEMPLATE_SETTINGS)
    port, log = free_port(), os.path.join(parent, "template.log")
    child = processes.start([f"{bins}/postgres", "-D", data, "-k", sockets, "-p", str(port),
                             "-c", "listen_addresses=127.0.0.1"], log, data)
    try:
        wait_ready(child, port, log, "template")
        code, text = psql(sockets, port, "postgres", SETUP)
        if code != 0:
            raise LabError(f"setting up accounts failed:\n{text}")
    finally:
        processes.stop(child.pid, 0, STOP_SIGNAL, 20)
        child.wait()


def wait_ready(child, port, log, name, seconds=60):
    processes.wait_until(lambda: answers(port), child, log, name, seconds)


# ---- an identity of its own ----

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def renew_identity(data):
    """Give a copied data folder another system identifier, as initdb would have.

    The identifier opens pg_control, which ends in a CRC whose place depends on the version, and
    stands in the first page of each WAL segment (there without a CRC).
    """
    path = os.path.join(data, "global", "pg_control")
    with open(path, "r+b") as handle:
        control = handle.read(512)
        old = control[:8]
        length = next((n for n in range(200, 508, 4)
                       if struct.unpack_from("<I", control, n)[0] == crc32c(control[:n])), None)
        if length is None:
            raise LabError(f"{path}: no checksum found where one must be")
        new = struct.pack("<Q", (struct.unpack("<Q", old)[0] & ~0xFFFFFFFF) | secrets.randbits(32))
        changed = new + control[8:length]
        handle.seek(0)
        handle.write(changed + struct.pack("<I", crc32c(changed)))
    wal = os.path.join(data, "pg_wal")
    for segment in os.listdir(wal):
        if re.fullmatch(r"[0-9A-F]{24}", segment):
            with open(os.path.join(wal, segment), "r+b") as handle:
                handle.seek(24)
                if handle.read(8) == old:
                    handle.seek(24)
                    handle.write(new)


# ---- servers ----

def create(lab, kind, name, settings, primary=None):
    """Prepare the data folder of one server and start it; returns its row for servers.tsv."""
    bins, version = programs(lab, kind)
    base = lab.new_folder(name)
    data, sockets = os.path.join(base, "data"), os.path.join(base, "s")
    if primary:
        make_replica(lab, bins, data, name, primary)
    else:
        template.copy_of(kind, version, __file__, lambda work: build_template(bins, sockets, work), data)
        renew_identity(data)
    tls = lab.path("tls")
    write_settings(data, dict(SETTINGS, cluster_name=name, unix_socket_directories=sockets,
                              ssl_cert_file=f"{tls}/server.pem", ssl_key_file=f"{tls}/server.key",
                              ssl_ca_file=f"{tls}/ca.pem") | settings)
    own_tree(data)
    row = {"name": name, "engine": "postgres", "version": version, "host": "127.0.0.1", "socket": sockets,
           "role": "replica" if primary else "primary", "datadir": data, "kind": kind, "pid": 0, "started": 0,
           "port": 0, "primary": primary["name"] if primary else ""}
    return start(lab, row)


def start(lab, row):
    """Start a prepared server, on its port or on a free one; waits until it takes sessions."""
    bins, _ = programs(lab, row["kind"])
    log = lab.path(row["name"], "log")
    ended(row)
    for attempt in range(5):
        port = int(row["port"]) or free_port()
        child = processes.start([f"{bins}/postgres", "-D", row["datadir"], "-p", str(port)], log, row["datadir"])
        try:
            wait_ready(child, port, log, row["name"])
        except LabError as error:
            processes.stop(child.pid, 0, DISCARD_SIGNAL, 5)
            if "Address already in use" not in str(error) or attempt == 4:
                raise
            continue
        return dict(row, port=port, pid=child.pid, started=processes.start_time(child.pid))
    raise LabError(f"{row['name']}: no port")


def make_replica(lab, bins, data, name, primary):
    """A copy of the running primary (or of a replica of it) with a slot of its own."""
    slot = re.sub(r"[^a-z0-9_]", "_", name.lower())
    conninfo = f"host=127.0.0.1 port={primary['port']} user=repl"
    if int(primary["version"].split(".")[0]) > BASEBACKUP_MAX:
        copy_running(lab, data, name, slot, primary)
    else:
        code, text = processes.run_as_lab(
            [f"{DEBIAN_BIN}/pg_basebackup", "-D", data, "-d", conninfo, "-C", "-S", slot, "-c", "fast", "-X", "stream",
             "--no-sync"], lab.path(name), env={"PGPASSWORD": password("repl")})
        if code != 0:
            raise LabError(f"pg_basebackup of {primary['name']} failed:\n{text}")
    # Written here and not by pg_basebackup -R: its conninfo has options that an older libpq refuses.
    open(os.path.join(data, "standby.signal"), "w").close()
    write_settings(data, {"primary_slot_name": slot, "primary_conninfo": f"{conninfo} password={password('repl')}"})


def copy_running(lab, data, name, slot, primary):
    """What pg_basebackup does, for servers newer than ours: one session begins and ends the backup."""
    label = os.path.join(lab.path(name), "backup_label")
    os.mkdir(data, 0o700)
    own(data)
    tar = (f"cd {primary['datadir']} && tar --exclude=./postmaster.* --exclude=./pg_wal/* --exclude=./pg_replslot/* "
           f"--exclude=./pg_stat_tmp/* --exclude=./pg_dynshmem/* --warning=no-file-changed -cf - . | tar -xf - -C {data}")
    text = (f"SELECT pg_create_physical_replication_slot('{slot}', true);\n"
            f"SELECT pg_backup_start('{name}', true);\n\\! {tar}\n\\t on\n\\pset format unaligned\n"
            f"SELECT labelfile FROM pg_backup_stop(false) \\g {label}\n")
    code, out = psql(primary["socket"], primary["port"], "postgres", text)
    if code != 0 or not os.path.exists(label):
        raise LabError(f"copying {primary['name']} failed:\n{out}")
    shutil.move(label, os.path.join(data, "backup_label"))


def ended(row):
    """Clear what a killed server left: its shared segment, and locks that name a pid nobody has reaped."""
    try:
        with open(os.path.join(row["datadir"], "postmaster.pid")) as handle:
            lines = handle.read().splitlines()
    except OSError:
        return
    if processes.alive(int(lines[0])):
        return
    ipcrm = shutil.which("ipcrm")
    if ipcrm and len(lines) > 6 and lines[6].split():
        processes.run_as_lab([ipcrm, "-m", lines[6].split()[-1]], "/")
    os.unlink(os.path.join(row["datadir"], "postmaster.pid"))
    for leftover in os.listdir(row["socket"]):
        os.unlink(os.path.join(row["socket"], leftover))
