"""Prepared data folders, kept in the cache, so that a server starts in a second.

A template is keyed by the server's version and by the text of the module that makes it: a change of
either makes a new one. Copies must not pass for each other, so an engine gives each copy an
identity of its own after copying.
"""
import hashlib
import os
import shutil
import time

from place import copy_tree, own_tree
from software import cache_root, locked

KEEP_DAYS = 7


def key_of(kind, version, module_file):
    with open(module_file, "rb") as handle:
        digest = hashlib.sha256(handle.read()).hexdigest()[:10]
    return f"{kind}-{version}-{digest}".replace("/", "_")


def copy_of(kind, version, module_file, build, target):
    """Copy the template's data folder to target, making the template first when it is missing.

    build(folder) fills the folder it is given and must leave no server running.
    """
    folder = os.path.join(cache_root(), "templates")
    os.makedirs(folder, exist_ok=True)
    ready = os.path.join(folder, key_of(kind, version, module_file))
    if not os.path.isdir(ready):
        with locked("template-" + kind):
            if not os.path.isdir(ready):
                drop_old(folder, kind)
                work = f"{target}.template"
                shutil.rmtree(work, ignore_errors=True)
                build(work)
                shutil.rmtree(ready + ".new", ignore_errors=True)
                copy_tree(work, ready + ".new")
                os.rename(ready + ".new", ready)
                shutil.rmtree(work)
    os.utime(ready)
    copy_tree(ready, target)
    own_tree(target)


def drop_old(folder, kind):
    limit = time.time() - KEEP_DAYS * 86400
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(kind + "-") and os.stat(path).st_mtime < limit:
            shutil.rmtree(path, ignore_errors=True)
