"""What stands between a client and its server: PgBouncer as a transaction pool, HAProxy as one address
in front of several servers. Spawned by tests with --set upstream=NAME[,NAME…]."""
import os
import signal
import socket

import postgres
import processes
from place import USERS, free_port, own, password, write_file
from software import LabError

KINDS = ("pgbouncer", "haproxy")
STOP_SIGNAL = signal.SIGTERM
DISCARD_SIGNAL = signal.SIGKILL
PGBOUNCER = {"pool_mode": "transaction", "auth_type": "scram-sha-256", "admin_users": "dba", "max_client_conn": "200",
             "default_pool_size": "5", "ignore_startup_parameters": "extra_float_digits", "client_tls_sslmode": "allow"}


def create(lab, kind, name, settings, primary=None):
    """Configure and start one; its row has the engine of its upstreams and the role "pooler"."""
    settings = dict(settings)
    upstreams = [lab.server(n) for n in settings.pop("upstream", "").split(",") if n]
    if not upstreams:
        raise LabError(f"{kind}: tell where it leads with --set upstream=NAME")
    base = lab.new_folder(name)
    row = {"name": name, "engine": upstreams[0]["engine"], "version": upstreams[0]["version"], "host": "127.0.0.1",
           "socket": f"{base}/s", "role": "pooler", "datadir": base, "kind": kind, "pid": 0, "started": 0, "port": 0,
           "primary": upstreams[0]["name"]}
    config = f"{base}/{kind}.cfg"
    port = free_port()
    if kind == "pgbouncer":
        users = f"{base}/users"
        write_file(users, "".join(f'"{u}" "{password(u)}"\n' for u in USERS), 0o600)
        own(users)
        tls = lab.path("tls")
        options = PGBOUNCER | {
            "listen_addr": "127.0.0.1", "listen_port": port, "unix_socket_dir": f"{base}/s", "auth_file": users,
            "client_tls_key_file": f"{tls}/server.key", "client_tls_cert_file": f"{tls}/server.pem"} | settings
        text = f"[databases]\n* = host=127.0.0.1 port={upstreams[0]['port']}\n[pgbouncer]\n"
        text += "".join(f"{key} = {value}\n" for key, value in options.items())
    else:
        options = {"balance": "roundrobin"} | settings
        text = "defaults\n mode tcp\n timeout connect 2s\n timeout client 1h\n timeout server 1h\n"
        text += f"listen lab\n bind 127.0.0.1:{port}\n" + "".join(f" {k} {v}\n" for k, v in options.items())
        text += "".join(f" server {u['name']} 127.0.0.1:{u['port']}\n" for u in upstreams)
    write_file(config, text, 0o644)
    return start(lab, dict(row, port=port))


def listens(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def start(lab, row):
    config = f"{row['datadir']}/{row['kind']}.cfg"
    programs = {"pgbouncer": ["/usr/sbin/pgbouncer", "-q", config], "haproxy": ["/usr/sbin/haproxy", "-db", "-f", config]}
    command, port, log = programs[row["kind"]], int(row["port"]), f"{row['datadir']}/log"
    if not os.path.exists(command[0]):
        raise LabError(f"{command[0]} is not installed: run tests/lab/install.sh test")
    child = processes.start(command, log, row["datadir"])
    ready = postgres.answers if row["kind"] == "pgbouncer" else listens
    processes.wait_until(lambda: ready(port), child, log, row["name"], 10)
    return dict(row, pid=child.pid, started=processes.start_time(child.pid))


def ended(row):
    """PgBouncer refuses to start over the socket of a killed one."""
    for name in os.listdir(row["socket"]) if os.path.isdir(row["socket"]) else []:
        os.unlink(os.path.join(row["socket"], name))
