"""MySQL and MariaDB servers of the lab: data folders, settings, replicas."""
import glob
import os
import re
import signal
import socket
import zlib

import processes
import template
from place import free_port, own, own_tree, password, write_file
from software import LabError

KINDS = ("maria1011", "maria118", "mysql97")
CLIENT = "/usr/bin/mariadb"
STOP_SIGNAL = signal.SIGTERM
DISCARD_SIGNAL = signal.SIGKILL

MARIADB_SETUP = """
CREATE USER dba@'%' IDENTIFIED BY 'dba-pw';
GRANT ALL PRIVILEGES ON *.* TO dba@'%' WITH GRANT OPTION;
CREATE USER monitor@'%' IDENTIFIED BY 'monitor-pw';
GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.* TO monitor@'%';
CREATE USER actor@'%' IDENTIFIED BY 'actor-pw';
GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR, CONNECTION ADMIN ON *.* TO actor@'%';
CREATE USER nobody@'%' IDENTIFIED BY 'nobody-pw';
CREATE USER app@'%' IDENTIFIED BY 'app-pw';
CREATE USER repl@'%' IDENTIFIED BY 'repl-pw';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
CREATE DATABASE app;
GRANT ALL PRIVILEGES ON app.* TO app@'%';
CREATE TABLE app.stock (sku int PRIMARY KEY, qty int) ENGINE=InnoDB;
USE app;
INSERT INTO app.stock SELECT seq, 100 FROM seq_1_to_1000;
ALTER USER root@localhost IDENTIFIED BY 'root-pw';
RESET MASTER;
"""
MYSQL_SETUP = """
CREATE USER dba@'%' IDENTIFIED BY 'dba-pw';
GRANT ALL PRIVILEGES ON *.* TO dba@'%' WITH GRANT OPTION;
CREATE USER monitor@'%' IDENTIFIED BY 'monitor-pw';
GRANT PROCESS, REPLICATION CLIENT ON *.* TO monitor@'%';
GRANT SELECT ON performance_schema.* TO monitor@'%';
CREATE USER actor@'%' IDENTIFIED BY 'actor-pw';
GRANT PROCESS, REPLICATION CLIENT ON *.* TO actor@'%';
GRANT SELECT ON performance_schema.* TO actor@'%';
GRANT CONNECTION_ADMIN ON *.* TO actor@'%';
CREATE USER nobody@'%' IDENTIFIED BY 'nobody-pw';
CREATE USER app@'%' IDENTIFIED BY 'app-pw';
CREATE USER repl@'%' IDENTIFIED BY 'repl-pw';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
CREATE DATABASE app;
GRANT ALL PRIVILEGES ON app.* TO app@'%';
CREATE TABLE app.stock (sku int PRIMARY KEY, qty int) ENGINE=InnoDB;
INSERT INTO app.stock SELECT a.n * 100 + b.n * 10 + c.n + 1, 100 FROM
 (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
  UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) a,
 (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
  UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) b,
 (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
  UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) c;
ALTER USER root@localhost IDENTIFIED BY 'root-pw';
RESET BINARY LOGS AND GTIDS;
"""
COMMON = {
    "bind_address": "127.0.0.1", "skip_name_resolve": "ON", "max_connect_errors": "1000000", "max_connections": "200",
    "innodb_buffer_pool_size": "32M", "innodb_flush_log_at_trx_commit": "0", "innodb_doublewrite": "OFF",
    "innodb_flush_method": "nosync", "sync_binlog": "0", "log_bin": "binlog",
    "character_set_server": "utf8mb4", "default_time_zone": "+00:00",
}
MARIADB = {"log_slave_updates": "ON", "innodb_log_file_size": "16M", "log_warnings": "1", "aria_pagecache_buffer_size": "8M",
           "loose_innodb_log_file_mmap": "OFF"}
MYSQL = {"mysqlx": "0", "secure_file_priv": "NULL", "innodb_redo_log_capacity": "16M", "gtid_mode": "ON",
         "enforce_gtid_consistency": "ON"}
SYSTEM_TABLES = ("system_tables", "performance_tables", "system_tables_data")


class Programs:
    """How to run one kind of server: the command that starts it and where its files are."""

    def __init__(self, lab, kind):
        self.kind = kind
        self.flavour = "mysql" if kind.startswith("mysql") else "mariadb"
        if kind == "maria1011":
            if not os.path.exists("/usr/sbin/mariadbd"):
                raise LabError("MariaDB is not installed: run tests/lab/install.sh")
            self.share, self.command = "/usr/share/mysql", ["/usr/sbin/mariadbd"]
            self.paths = {}
        else:
            root = lab.software(kind)
            self.share = f"{root}/usr/share/{self.flavour}"
            libs = glob.glob(f"{root}/usr/lib/*-linux-gnu")[0]
            loader = glob.glob(f"{libs}/ld-linux-*.so.*")[0]
            private = f"{root}/usr/lib/mysql/private"
            binary = f"{root}/usr/sbin/" + ("mysqld" if self.flavour == "mysql" else "mariadbd")
            self.command = [loader, "--library-path", f"{libs}:{private}", binary]
            plugins = glob.glob(f"{root}/usr/lib/mysql/plugin") + [f"{libs}/libmariadb3/plugin"]
            self.paths = {"lc_messages_dir": self.share, "character_sets_dir": f"{self.share}/charsets",
                          "plugin_dir": plugins[0]}
        code, text = processes.run_as_lab(self.command + ["--no-defaults", "--version"], "/")
        found = re.search(r"Ver (\d+\.\d+\.\d+)", text)
        if code != 0 or not found:
            raise LabError(f"{' '.join(self.command)} does not run: {text.strip()[-400:]}")
        self.version = found.group(1)

    def settings(self):
        return COMMON | (MYSQL if self.flavour == "mysql" else MARIADB) | self.paths


def answers(port):
    """The server greets; or it refuses this host (1130), as one without its accounts yet does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as conn:
            greeting = conn.recv(7, socket.MSG_WAITALL)
            return len(greeting) == 7 and (greeting[4] == 10 or greeting[4:] == b"\xff\x6a\x04")
    except OSError:
        return False


def query(row, text, user="dba", database=None):
    """Run statements through the Unix socket; (exit code, output)."""
    command = [CLIENT, "--no-defaults", "-N", "-B", "-S", row["socket"], "-u", user] + ([database] if database else [])
    return processes.run_as_lab(command, os.path.dirname(row["socket"]), stdin_text=text,
                                env={"MYSQL_PWD": password(user)} if user != "root" else {})


def write_config(path, settings):
    text = "[server]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items())
    write_file(path, text, 0o644)


# ---- template ----

def build_template(programs, base, data):
    os.mkdir(data, 0o700)
    own(data)
    config, log, sock = f"{base}/template.cnf", f"{base}/template.log", f"{base}/s/t.sock"
    port = free_port()
    settings = programs.settings() | {"datadir": data, "socket": sock, "port": port, "server_id": 1,
                                      "pid_file": f"{base}/s/pid"}
    write_config(config, settings)
    if programs.flavour == "mysql":
        code, text = processes.run_as_lab(
            programs.command + [f"--defaults-file={config}", "--initialize-insecure", "--log-error=stderr"], data)
    else:
        code, text = bootstrap_mariadb(programs, config, data)
    if code != 0:
        raise LabError(f"initialising {programs.kind} failed:\n{text[-3000:]}")
    child = processes.start(programs.command + [f"--defaults-file={config}"], log, data)
    try:
        processes.wait_until(lambda: answers(port), child, log, "template", 120)
        setup = MYSQL_SETUP if programs.flavour == "mysql" else MARIADB_SETUP
        code, text = query({"socket": sock}, setup, user="root")
        if code != 0:
            raise LabError(f"setting up accounts failed:\n{text}")
    finally:
        processes.stop(child.pid, 0, STOP_SIGNAL, 60)
        child.wait()
    if os.path.exists(f"{data}/auto.cnf"):  # MySQL's server_uuid: each copy draws its own
        os.unlink(f"{data}/auto.cnf")


def bootstrap_mariadb(programs, config, data):
    """What mariadb-install-db does, without running programs built for another libc."""
    parts = ["create database if not exists mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n"
             "SET @skip_auth_anonymous=1;\n"]
    for table in SYSTEM_TABLES:
        found = [p for p in (f"{programs.share}/mysql_{table}.sql", f"{programs.share}/mariadb_{table}.sql")
                 if os.path.exists(p)]
        if not found:
            return 1, f"{programs.share} has no {table}.sql"
        with open(found[0], errors="surrogateescape") as handle:
            parts.append(handle.read())
    for name in ("maria_add_gis_sp_bootstrap.sql", "mysql_sys_schema.sql", "mariadb_sys_schema.sql"):
        path = f"{programs.share}/{name}"
        if os.path.exists(path):
            with open(path, errors="surrogateescape") as handle:
                parts.append(handle.read())
    return processes.run_as_lab(
        programs.command + [f"--defaults-file={config}", "--bootstrap", "--skip-log-bin", "--enforce-storage-engine=",
                            "--max_allowed_packet=8M", "--net_buffer_length=16K", "--log-warnings=0"],
        data, stdin_text="\n".join(parts))


# ---- servers ----

def create(lab, kind, name, settings, primary=None):
    """Prepare the data folder of one server and start it; returns its row for servers.tsv."""
    programs = Programs(lab, kind)
    base = lab.new_folder(name)
    data, sock = f"{base}/data", f"{base}/s/mysql.sock"
    template.copy_of(kind, programs.version, __file__, lambda work: build_template(programs, base, work), data)
    own_tree(data)
    tls = lab.path("tls")
    config = programs.settings() | {
        "datadir": data, "socket": sock, "pid_file": f"{base}/s/pid", "tmpdir": f"{base}/s",
        "server_id": zlib.crc32(f"{lab.dir}/{name}".encode()) & 0x7FFFFFFF or 1,
        "ssl_ca": f"{tls}/ca.pem", "ssl_cert": f"{tls}/server.pem", "ssl_key": f"{tls}/server.key",
        "report_host": "127.0.0.1"}
    if primary:
        config["read_only"] = "ON"
    write_config(f"{base}/server.cnf", config | settings)
    row = {"name": name, "engine": programs.flavour, "version": programs.version, "host": "127.0.0.1",
           "socket": sock, "role": "replica" if primary else "primary", "datadir": data, "kind": kind, "pid": 0,
           "started": 0, "port": 0, "primary": primary["name"] if primary else ""}
    row = start(lab, row)
    if primary:
        try:
            follow(row, primary)
        except LabError:
            processes.stop(row["pid"], row["started"], DISCARD_SIGNAL, 5)
            raise
    return row


def start(lab, row):
    """Start a prepared server, on its port or on a free one; waits until it takes sessions."""
    programs = Programs(lab, row["kind"])
    log, config = lab.path(row["name"], "log"), lab.path(row["name"], "server.cnf")
    ended(row)
    for attempt in range(5):
        port = int(row["port"]) or free_port()
        child = processes.start(programs.command + [f"--defaults-file={config}", f"--port={port}",
                                                    f"--report-port={port}"], log, row["datadir"])
        try:
            processes.wait_until(lambda: answers(port), child, log, row["name"], 90)
        except LabError as error:
            processes.stop(child.pid, 0, DISCARD_SIGNAL, 5)
            if "already in use" not in str(error) or attempt == 4:
                raise
            continue
        return dict(row, port=port, pid=child.pid, started=processes.start_time(child.pid))
    raise LabError(f"{row['name']}: no port")


def follow(row, primary):
    """Both began as copies of one template with empty binary logs: the replica reads from the start."""
    if row["engine"] == "mariadb":
        text = (f"SET GLOBAL gtid_slave_pos='';\nCHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary['port']}, "
                f"MASTER_USER='repl', MASTER_PASSWORD='{password('repl')}', MASTER_CONNECT_RETRY=1, "
                "MASTER_USE_GTID=slave_pos;\nSTART SLAVE;\n")
    else:
        text = (f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={primary['port']}, "
                f"SOURCE_USER='repl', SOURCE_PASSWORD='{password('repl')}', SOURCE_CONNECT_RETRY=1, SOURCE_SSL=1, "
                "SOURCE_AUTO_POSITION=1;\nSTART REPLICA;\n")
    code, out = query(row, text)
    if code != 0:
        raise LabError(f"{row['name']}: following {primary['name']} failed:\n{out}")


def ended(row):
    """Clear the locks of a killed server: they may name a pid nobody has reaped."""
    folder = os.path.dirname(row["socket"])
    try:
        with open(os.path.join(folder, "pid")) as handle:
            if processes.alive(int(handle.read().strip() or 0)):
                return
    except (OSError, ValueError):
        pass
    for name in ("pid", "mysql.sock", "mysql.sock.lock"):
        if os.path.lexists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
