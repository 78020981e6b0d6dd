#!/usr/bin/python3
"""Real database servers on loopback, for tests, demo and bench.

    lab.py fetch NAME…                           download what is not in Debian 12 into the cache
    lab.py where NAME                            folder of what was fetched
    lab.py up     --dir D [--only a,b,c]         start servers; returns when all are ready
    lab.py down   --dir D [--keep]               stop all of them and remove D
    lab.py run    --dir D [--only …] -- CMD…     up, CMD with DBATOP_LAB=D, down whatever happens
    lab.py urls   --dir D [--user monitor]       dbatop URLs, one a line
    lab.py list                                  the names `up` knows
    lab.py spawn  --dir D --kind K --name X [--set key=value]… [--replica-of Y]
    lab.py spawn  --dir D --kind pgbouncer|haproxy --name X --set upstream=Y[,Z]
    lab.py stop | kill | start | restart | remove --dir D --name X
    lab.py pause | resume                --dir D --name X

D/servers.tsv tells who runs where. The first line names the columns, then a line for each server,
fields separated by one tab, empty fields written as "-":
    name      as given to up or spawn
    engine    postgres | mysql | mariadb
    version   15.20, 10.11.19, 9.7.4 …
    host      127.0.0.1
    port
    socket    PostgreSQL: the folder of the Unix socket; MySQL, MariaDB: the socket itself
    pid       the first process, leader of its session; 0 while the server is stopped
    role      primary | replica | pooler: as it was set up (a later promotion is not written here)
    datadir
    started   start time of pid in /proc/PID/stat, to tell it from a later process with the same pid
    kind      what to give to spawn --kind for another one like it
    primary   the name of the server a replica was made from
    owner     lab: started by up or run, for everybody; test: spawned, its owner may stop or break it
The file is replaced atomically. D/ca.pem is the private CA every server's certificate (localhost,
127.0.0.1) is signed by; D/pgpass and D/my.cnf hold every password (PGPASSFILE=D/pgpass; groups
[client_NAME_USER]); D/NAME/log is what a server said.

Accounts, each with the password NAME-pw: dba (superuser), monitor, actor, nobody, app (owns the
database app with its table stock), repl. PostgreSQL's backends are not in their postmaster's process
group (each calls setsid), so pause, resume and kill walk the tree of processes.
"""
import argparse
import os
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mysql                                                # noqa: E402
import pooler                                               # noqa: E402
import postgres                                             # noqa: E402
import processes                                            # noqa: E402
from place import Lab                                       # noqa: E402
from software import LabError, fetch, say                   # noqa: E402

# name: (kind, the server it replicates)
SERVERS = {
    "pg13": ("pg13", None), "pg14": ("pg14", None), "pg15": ("pg15", None), "pg16": ("pg16", None),
    "pg17": ("pg17", None), "pg18": ("pg18", None),
    "pg15r": ("pg15", "pg15"), "pg15rr": ("pg15", "pg15r"),
    "maria1011": ("maria1011", None), "maria1011r": ("maria1011", "maria1011"),
    "maria118": ("maria118", None), "mysql97": ("mysql97", None),
}


def engine_of(kind):
    if kind in postgres.KINDS:
        return postgres
    if kind in mysql.KINDS:
        return mysql
    if kind in pooler.KINDS:
        return pooler
    raise LabError(f"unknown kind '{kind}'; known: {' '.join(postgres.KINDS + mysql.KINDS + pooler.KINDS)}")


def refuse_when_closing(lab):
    if os.path.exists(lab.path("closing")):
        raise LabError(f"{lab.dir} is being taken down")


def create(lab, kind, name, settings, primary_name=None, owner="lab"):
    """Make and start one server and write it down."""
    began = time.monotonic()
    primary = lab.server(primary_name) if primary_name else None
    row = dict(engine_of(kind).create(lab, kind, name, settings, primary), owner=owner)
    with lab.locked():
        closing = os.path.exists(lab.path("closing"))
        if not closing:
            lab.put(row)
    if closing:
        processes.stop(row["pid"], row["started"], engine_of(kind).DISCARD_SIGNAL)
        refuse_when_closing(lab)
    say(f"{name}: {row['engine']} {row['version']} on port {row['port']}, ready in {time.monotonic() - began:.1f} s")


def up(lab, names):
    """Start servers in parallel, a replica as soon as its primary is ready."""
    unknown = [n for n in names if n not in SERVERS]
    if unknown:
        raise LabError(f"unknown server: {' '.join(unknown)}; known: {' '.join(SERVERS)}")
    for name in list(names):
        primary = SERVERS[name][1]
        while primary and primary not in names:
            names.append(primary)
            primary = SERVERS[primary][1]
    lab.prepare()
    running = {row["name"] for row in lab.servers()}
    errors, ready = [], {name: threading.Event() for name in names}

    def work(name):
        kind, primary = SERVERS[name]
        try:
            if primary:
                ready[primary].wait()
            if name not in running and not errors:
                create(lab, kind, name, {}, primary)
        except (LabError, OSError, subprocess.SubprocessError) as error:
            errors.append(str(error))
        finally:
            ready[name].set()
    threads = [threading.Thread(target=work, args=(n,)) for n in sorted(set(names), key=list(SERVERS).index)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise LabError("\n".join(errors))


def end(lab, row, signal_name):
    """Stop one server's processes. signal_name: STOP_SIGNAL (orderly) or DISCARD_SIGNAL (data is thrown away)."""
    engine = engine_of(row["kind"])
    pid, started = int(row["pid"]), int(row["started"])
    if pid:
        processes.stop(pid, started, getattr(engine, signal_name), 30 if signal_name == "STOP_SIGNAL" else 6)
    engine.ended(row)


def down(lab, keep=False):
    if not os.path.isdir(lab.dir):
        return
    with lab.locked():
        open(lab.path("closing"), "w").close()
        rows = lab.servers()
    threads = [threading.Thread(target=end, args=(lab, row, "DISCARD_SIGNAL")) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    processes.sweep(lab.dir)
    if keep:
        with lab.locked():
            lab.save([])
            os.unlink(lab.path("closing"))
    else:
        remove_folder(lab.dir)


def remove_folder(path):
    """Gone for good, also when a process that dies just now still writes into it."""
    limit = time.monotonic() + 5
    while os.path.lexists(path) and time.monotonic() < limit:
        shutil.rmtree(path, ignore_errors=True)
        processes.sweep(path)


def urls(lab, user):
    for row in lab.servers():
        if row["engine"] == "postgres":
            print(f"postgres://{user}@{row['host']}:{row['port']}/app")
        else:
            print(f"mysql://{user}@{row['host']}:{row['port']}")


def pairs(texts):
    for text in texts:
        if "=" not in text:
            raise LabError(f"--set {text}: expected key=value")
    return dict(text.split("=", 1) for text in texts)


def one_server(lab, verb, name):
    """Verbs on one server that is already written down."""
    row = lab.server(name)
    engine = engine_of(row["kind"])
    pid, started = int(row["pid"]), int(row["started"])
    there = bool(pid) and processes.alive(pid, started)
    if verb in ("pause", "resume"):
        if not there:
            raise LabError(f"{name} does not run")
        (processes.pause if verb == "pause" else processes.resume)(pid)
        return
    if verb == "kill" and there:
        processes.kill_and_wait(pid, started)
    elif verb in ("stop", "restart"):
        end(lab, row, "STOP_SIGNAL")
    elif verb == "remove":
        end(lab, row, "DISCARD_SIGNAL")
        with lab.locked():
            lab.forget(name)
        shutil.rmtree(lab.path(name), ignore_errors=True)
        return
    row = dict(row, pid=0, started=0)
    if verb in ("start", "restart"):
        if verb == "start" and there:
            raise LabError(f"{name} runs already")
        row = engine.start(lab, row)
    with lab.locked():
        lab.put(row)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("fetch")
    one.add_argument("names", nargs="*", default=[])
    one.add_argument("--refresh", action="store_true")
    one = verbs.add_parser("where")
    one.add_argument("name")
    verbs.add_parser("list")
    for verb in ("up", "run", "down", "urls", "spawn", "stop", "kill", "start", "restart", "remove", "pause", "resume"):
        one = verbs.add_parser(verb)
        one.add_argument("--dir", required=True)
        if verb in ("up", "run"):
            one.add_argument("--only", default="pg15,pg15r,pg15rr,maria1011,maria1011r")
        if verb == "run":
            one.add_argument("--keep-logs", help="copy the servers' logs here when CMD fails")
            one.add_argument("command", nargs="+")
        if verb == "down":
            one.add_argument("--keep", action="store_true")
        if verb == "urls":
            one.add_argument("--user", default="monitor")
        if verb in ("spawn", "stop", "kill", "start", "restart", "remove", "pause", "resume"):
            one.add_argument("--name", required=True)
        if verb == "spawn":
            one.add_argument("--kind", required=True)
            one.add_argument("--set", action="append", default=[], metavar="key=value")
            one.add_argument("--replica-of")
    return parser.parse_args(argv)


def main(argv):
    args = parse(argv)
    os.umask(0o022)
    if args.verb == "fetch":
        for name in args.names or sorted({kind for kind, _ in SERVERS.values()} | {"libmysqlclient"}):
            fetch(name, args.refresh)
        return 0
    if args.verb == "where":
        print(fetch(args.name) or "/usr")
        return 0
    if args.verb == "list":
        print("\n".join(SERVERS))
        return 0
    lab = Lab(args.dir)
    names = [n for n in getattr(args, "only", "").split(",") if n]
    if args.verb == "up":
        try:
            up(lab, names)
        except BaseException:
            down(lab)
            raise
    elif args.verb == "run":
        import supervise
        return supervise.run(lab, names, args.command, args.keep_logs, up, down)
    elif args.verb == "down":
        down(lab, args.keep)
    elif args.verb == "urls":
        urls(lab, args.user)
    elif args.verb == "spawn":
        refuse_when_closing(lab)
        lab.prepare()
        if any(row["name"] == args.name for row in lab.servers()):
            raise LabError(f"{args.dir} has a server '{args.name}' already")
        create(lab, args.kind, args.name, pairs(args.set), args.replica_of, owner="test")
    else:
        one_server(lab, args.verb, args.name)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
