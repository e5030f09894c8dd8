# SPDX-License-Identifier: Apache-2.0
"""scripts/sweep.sbatch on a real Slurm of one node, which this test starts (munged, slurmctld, slurmd) and stops.

A part that is killed leaves the others merged and is named; the same command again completes the results, which are
then, byte for byte, those of a sweep in one piece. Skipped (77) where Slurm is not installed or does not start; with
MANTISSA_NEED_SLURM=1 that is a failure. Debian: apt-get install slurm-wlm munge
"""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import kill_sweep

BINARY = pathlib.Path(sys.argv[1]).resolve()
SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "sweep.sbatch"
PATIENCE_S = 120
CGROUP_PLUGINS = ("disabled", "cgroup/v1", "autodetect")  # "disabled": since 23.02; the others need what machines lack
CONFIGURATION = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
SchedulerParameters=sched_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# The program, but for part 3 as long as there is a file `broken`: killed without a word, as on a node that goes down.
WRAPPER = """#!/bin/sh
case "$*" in *--dry-run*) ;; *"--shard 3/4"*) [ ! -e "{folder}/broken" ] || kill -KILL $$ ;; esac
exec "{binary}" "$@"
"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(1 if os.environ.get("MANTISSA_NEED_SLURM") == "1" else 77)


def write(path, text, mode=0o644):
    pathlib.Path(path).write_text(text, encoding="utf-8")
    os.chmod(path, mode)


def call(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S).stdout


def wait_for(condition, processes=()):
    """Whether the condition comes true in time, and before one of the processes ends."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end or any(p.poll() is not None for p in processes):
            return False
        time.sleep(0.1)
    return True


class Slurm:
    """The daemons, with all their files in one folder. They end with this process, even if it is killed."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        write(f"{folder}/munge.key", os.urandom(512).hex(), 0o600)
        for name in ("state", "spool"):
            os.mkdir(f"{folder}/{name}")
        self.host = socket.gethostname().split(".")[0]
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
            for each in sockets:
                each.bind(("127.0.0.1", 0))
            ports = [each.getsockname()[1] for each in sockets]
        user = pwd.getpwuid(os.getuid()).pw_name
        write(f"{folder}/slurm.conf", CONFIGURATION.format(host=self.host, ports=ports, user=user, folder=folder))
        os.environ["SLURM_CONF"] = f"{folder}/slurm.conf"

    def start_daemon(self, *command):
        with open(f"{self.folder}/{command[0]}.log", "w", encoding="utf-8") as log:
            daemon = ["setpriv", "--pdeathsig", "TERM", *command]
            self.processes.append(subprocess.Popen(daemon, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder))
        return self.processes[-1]

    def log(self, name):
        path = pathlib.Path(f"{self.folder}/{name}.log")
        return "".join(path.read_text(errors="replace").splitlines(True)[-5:]) if path.exists() else ""

    def start(self):
        files = [f"--{name}={self.folder}/munge.{end}" for name, end in
                 (("key-file", "key"), ("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"), ("seed-file", "seed"))]
        munged = self.start_daemon("munged", "--foreground", *files)
        if not wait_for(lambda: os.path.exists(f"{self.folder}/munge.socket"), [munged]):
            skip("munged does not start:\n" + self.log("munged") + self.log("munge"))
        slurmctld = self.start_daemon("slurmctld", "-D")
        for plugin in CGROUP_PLUGINS:
            write(f"{self.folder}/cgroup.conf", f"CgroupPlugin={plugin}\n")
            slurmd = self.start_daemon("slurmd", "-D")
            if wait_for(self.is_idle, [slurmctld, slurmd]):
                return
            if slurmctld.poll() is not None:
                skip("slurmctld does not start:\n" + self.log("slurmctld"))
            slurmd.terminate()
            slurmd.wait()
        skip("slurmd does not start:\n" + self.log("slurmd"))

    def is_idle(self):
        found = subprocess.run(["sinfo", "-h", "-o", "%t"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               check=False)
        return found.stdout.strip() == "idle"

    def stop(self):
        if len(self.processes) > 1:
            with contextlib.suppress(subprocess.SubprocessError, OSError):
                subprocess.run(["scancel", "--signal=KILL", "--full", "--state=RUNNING"], timeout=10, check=False)
                subprocess.run(["scancel", "--state=PENDING"], timeout=10, check=False)
                wait_for(lambda: call("squeue", "-h") == "", self.processes[1:2])
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run_array():
    """Submits the sweep in four parts; gives the final states of the parts and of the merge, and the merge's log."""
    said = call(SCRIPT, "--time=10", "sweep.yaml", "4")
    match = re.fullmatch(r"submitted 4 parts as job (\d+) and their merge into sweep\.db as job (\d+)\n", said)
    assert match, said

    def state(job):
        return re.search(r"JobState=(\w+)", call("scontrol", "-o", "show", "job", job))[1]

    def ended():
        return state(match[2]) in ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT")

    if not wait_for(ended):
        raise AssertionError(call("squeue") + call("scontrol", "show", "job", match[2]))
    parts = [state(f"{match[1]}_{i}") for i in range(1, 5)]
    logs = [pathlib.Path(f"sweep-{match[1]}_{i}.log").read_text(encoding="utf-8") for i in range(1, 5)]
    return parts, logs, state(match[2]), pathlib.Path(f"sweep-merge-{match[2]}.log").read_text(encoding="utf-8")


def check(folder):
    os.chdir(folder)
    write("layer.yaml", kill_sweep.LAYER)
    write("sweep.yaml", kill_sweep.SWEEP)
    write("mantissa", WRAPPER.format(folder=folder, binary=BINARY), 0o755)
    write("broken", "")
    os.environ["MANTISSA"] = "./mantissa"
    call(BINARY, "sweep", "sweep.yaml", "--db", "whole.db", "--csv", "whole.csv")
    whole = pathlib.Path("whole.csv").read_bytes()
    assert whole.count(b"\n") == 65 and b"error:" not in whole, whole

    parts, logs, merge, log = run_array()
    assert parts == ["COMPLETED", "COMPLETED", "FAILED", "COMPLETED"], (parts, logs)
    assert merge == "FAILED", (merge, log)
    assert log == ("sweep.sbatch: part 3 of 4 (sweep.3-of-4.db) has 0 of its 16 points\n"
                   "sweep.db: sweep, 48 points, 0 of them failed\n"
                   "sweep.sbatch: error: sweep.db lacks 16 points; submit the sweep again to run them\n"), log
    shown = call(BINARY, "show", "whole.db", "--csv", "-").splitlines()
    assert shown == whole.decode().splitlines()
    rest = [line for i, line in enumerate(shown) if i == 0 or (i - 1) % 4 != 2]
    assert len(rest) == 49 and call(BINARY, "show", "sweep.db", "--csv", "-").splitlines() == rest

    os.remove("broken")
    parts, logs, merge, log = run_array()
    assert parts == ["COMPLETED"] * 4 and merge == "COMPLETED", (parts, logs, merge, log)
    assert log == "sweep.db: sweep, 64 points, 0 of them failed\n", log
    for i, text in enumerate(logs, 1):
        assert text.endswith(f"sweep.{i}-of-4.db: 16 points, {16 if i == 3 else 0} of them new\n"), text
    assert call(BINARY, "show", "sweep.db", "--csv", "-").splitlines() == shown
    assert "sweep.db: 64 points, 0 of them new" in call(BINARY, "sweep", "sweep.yaml", "--db", "sweep.db", "--csv", "merged.csv")
    assert pathlib.Path("merged.csv").read_bytes() == whole


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for name in list(os.environ):
        if name.startswith(("SLURM", "SBATCH")):
            del os.environ[name]
    for program in ("munged", "slurmctld", "slurmd", "sbatch", "setpriv"):
        if not shutil.which(program):
            skip(f"there is no {program} on this machine; Debian: apt-get install slurm-wlm munge")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="slurm") as folder:  # short, for the socket's name
        os.chmod(folder, 0o755)
        slurm = Slurm(folder)
        try:
            slurm.start()
            check(folder)
        finally:
            os.chdir("/")
            slurm.stop()


if __name__ == "__main__":
    main()
