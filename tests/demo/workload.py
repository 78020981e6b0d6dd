#!/usr/bin/python3
"""The demo's life: traffic on the lab's servers and one incident after the other, until SIGTERM.

    workload.py --dir D                  D: the lab's folder; writes D/demo/incident and D/demo/incidents.log
    workload.py --dir D --hold           those that can stand beside each other at once, and they stay

D/demo/incident holds one line: "preparing", "calm", or for each incident that is there now a line of its
name, a tab and its sentence. It is written when the servers show the incident, not when it was asked for.
"""
import argparse
import datetime
import itertools
import os
import signal
import sys
import threading
import time

import shop as shops
import incidents
import traffic
from place import write_file

CALM = 15       # seconds between two incidents
VISIBLE = 10    # an incident must be there after so long
ATTEMPTS = 3    # to take an incident back
LAST = 5        # seconds for taking back the incident at the end


class Diary:
    """What happens now, for whoever wants to know."""

    def __init__(self, folder):
        self.folder = folder

    def note(self, text):
        now = datetime.datetime.now().strftime("%H:%M:%S")
        with open(os.path.join(self.folder, "incidents.log"), "a") as handle:
            handle.write(f"{now} {text}\n")

    def state(self, text):
        write_file(os.path.join(self.folder, "incident"), text + "\n", 0o644)


def appears(incident, stop):
    limit = time.monotonic() + VISIBLE
    while not incident.there():
        if time.monotonic() > limit or stop.wait(0.1):
            return False
    return True


def lives_through(incident, stop):
    """Until its time is over, or somebody has solved it, or we are told to end; how it ended."""
    limit = time.monotonic() + incident.seconds
    while time.monotonic() < limit:
        if stop.wait(0.5):
            return "interrupted"
        incident.grow()
        if not incident.there():
            return "solved by somebody"
    return "over"


def take_back(incident):
    """Tried more than once: on a replica a recovery conflict may cancel what we ask. Returns what to say of it."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            incident.end()
            return ""
        except traffic.ERRORS as error:
            if attempt == ATTEMPTS:
                return f"; not taken back: {str(error).strip()}"
    return ""


def play(incident, diary, stop):
    """One incident from its begin to its end; whatever happens, it is taken back."""
    outcome = "did not show"
    try:
        incident.begin()
        if appears(incident, stop):
            diary.note(f"{incident.name}: {incident.text}")
            diary.state(f"{incident.name}\t{incident.text}")
            outcome = lives_through(incident, stop)
    except traffic.ERRORS as error:
        outcome = f"failed: {str(error).strip()}"
    finally:
        outcome += take_back(incident)
    diary.note(f"{incident.name}: {outcome}")
    diary.state("calm")


def hold(all_of_them, diary, stop):
    """Incidents beside each other, until we are told to end; whatever happens, they are taken back."""
    begun = []
    try:
        for incident in all_of_them:
            begun.append(incident)
            incident.begin()
            if not appears(incident, stop):
                sys.exit(f"{incident.name} did not show")
            diary.note(f"{incident.name}: {incident.text}")
        diary.state("\n".join(f"{incident.name}\t{incident.text}" for incident in begun))
        while not stop.wait(0.5):
            for incident in begun:
                incident.grow()
    finally:
        for incident in reversed(begun):
            diary.note(f"{incident.name}: taken back{take_back(incident)}")
        diary.state("calm")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--hold", action="store_true")
    args = parser.parse_args()

    stop = threading.Event()

    def told(number, frame):
        if not stop.is_set():
            signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
            signal.alarm(LAST)
        stop.set()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told)
    folder = os.path.join(args.dir, "demo")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    diary = Diary(folder)
    diary.state("preparing")
    shop = shops.Shop(args.dir)
    shop.prepare()
    traffic.start(shop, stop)
    diary.state("calm")
    if args.hold:
        hold([kind(shop) for kind in incidents.TOGETHER], diary, stop)
    for kind in () if args.hold else itertools.cycle(incidents.ROTATION):
        play(kind(shop), diary, stop)
        if stop.wait(CALM):
            break
    sys.stdout.flush()
    os._exit(0)     # workers may sit in a call to a server that hangs


if __name__ == "__main__":
    main()
