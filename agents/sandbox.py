"""How far other people's programs are confined, in declared tiers: a tier holds as declared, or the program does not run.

========== ================================================================================================
tier       what holds
========== ================================================================================================
none       a session of its own; what `arena.agents.process.Limits` watches
limits     also bounds that the kernel keeps (memory, CPU time, processes, size of files, open files), an environment
           and a working folder of its own; run as root, a user of its own. It may read files and reach the network
bubblewrap also namespaces: no network, no other process, of the file system the runtime and the agent's own files to read,
           a home and /tmp in memory. ``bubblewrap-gpu``: GPUs too
========== ================================================================================================
"""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from arena.games.errors import SpecificationError, UnknownName

Tier = Literal["none", "limits", "bubblewrap", "bubblewrap-gpu"]
TIERS: tuple[Tier, ...] = get_args(Tier)

MEMORY_BYTES = 2 << 30  # that a process may ask for; what it and its children hold is watched besides
CPU_S = 4 * 3600  # of one process
PROCESSES, OPEN_FILES = 64, 256
FILE_BYTES = 64 << 20  # of one file; in a bubble of all files of the home, and of /tmp
FIRST_UID, UIDS = 60_000, 5_000  # nobody's: programs of a server that runs as root get one each
HOME = "/home/agent"
PATH = "/usr/local/bin:/usr/bin:/bin"
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
CONFIGURED = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")
GPU_DEVICES = ("/dev/nvidia*", "/dev/dri", "/dev/kfd")
PROBE_S = 10.0


class SandboxUnavailable(SpecificationError):
    """A tier that cannot hold on this machine, or a process in it that did not begin; nothing runs in a lower one instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """A command as it is run in a tier.

    ``rules``: what the warden sets before it runs the command (`arena.agents.launch`). ``environment``: None is that
    of this process. ``own_folder``: whether it works in a new folder, which goes with it.
    """

    command: tuple[str, ...]
    rules: str = ""
    environment: Mapping[str, str] | None = None
    own_folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command, with what it needs to read: ``files``, its own, and ``runtime``; ``environment``: what it needs besides.

    ``cpu_s``: that a process may compute, None where whoever asks it watches that; ``file_bytes``: that it may write.
    """

    command: tuple[str, ...]
    files: tuple[Path, ...] = ()
    runtime: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cpu_s: int | None = CPU_S
    file_bytes: int = FILE_BYTES


def confined(program: Program, tier: Tier) -> Confined:
    """The program in a tier.

    Raises:
        SandboxUnavailable: the tier does not hold here; one sentence says why and what to do.
    """
    require_tier(tier)
    if tier == "none":
        return Confined(command=program.command)
    first, *words = program.command
    command = (os.path.abspath(shutil.which(first) or first), *map(_absolute, words))
    limits = {"DATA": MEMORY_BYTES, "FSIZE": program.file_bytes, "NOFILE": OPEN_FILES}
    limits |= {} if program.cpu_s is None else {"CPU": program.cpu_s}
    environment = {"PATH": PATH, "LANG": "C.UTF-8", **program.environment}
    if tier == "limits":
        uid = {"UID": _free_uid()} if os.geteuid() == 0 else {}
        running = 0 if uid else _processes_of(os.geteuid())
        rules = _rules({**limits, "NPROC": running + PROCESSES, **uid})
        return Confined(command=command, rules=rules, environment=environment, own_folder=True)
    inside = (*_unprivileged(), _system("prlimit"), f"--nproc={PROCESSES}:{PROCESSES}", *command)
    bubble = _bubble(_readable(program, command), gpu=tier == "bubblewrap-gpu", room_bytes=program.file_bytes)
    return Confined(
        command=(*bubble, *inside),
        rules=_rules(limits),
        environment={**environment, "HOME": HOME, "TMPDIR": "/tmp"},  # noqa: S108  # its own, in memory
        own_folder=True,
    )


def require_tier(tier: Tier) -> None:
    """Raises `SandboxUnavailable` where a tier does not hold on this machine."""
    if tier == "none":
        return
    if sys.platform != "linux":
        raise SandboxUnavailable(f'sandbox = "{tier}" needs Linux; on {sys.platform} there is "none" alone')
    if tier != "limits":
        _require_bubbles(shutil.which("bwrap") or "")


def tier_named(name: str) -> Tier:
    """The tier of this name. Raises `UnknownName`."""
    for tier in TIERS:
        if tier == name:
            return tier
    raise UnknownName("sandbox", name, TIERS)


def tier_version(tier: Tier) -> str:
    """What confined the programs of a tier, for the record: its name, with the version of what makes it."""
    if not tier.startswith("bubblewrap"):
        return tier
    told = subprocess.run([_bwrap(), "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return f"{tier} ({told.stdout.strip() or 'unknown version'})"


def runtime_of(command: str) -> list[Path]:
    """What an interpreter or a program needs of the machine outside the system's folders: the installation it belongs to, or itself."""
    found = shutil.which(command)
    if found is None:
        return []
    needed: list[Path] = []
    for path in (Path(found).absolute(), Path(found).resolve()):
        prefix = path.parent.parent
        whole = (
            path.parent.name == "bin"
            and not Path.cwd().is_relative_to(prefix)
            and not Path.home().is_relative_to(prefix)
        )
        needed.append(prefix if whole else path)
    return needed


@functools.cache
def _require_bubbles(bwrap: str) -> None:
    """Tries a bubble, once for each bwrap."""
    instead = 'or declare sandbox = "limits" or "none", which hide neither files nor the network'
    if not bwrap:
        raise SandboxUnavailable(
            f'sandbox = "bubblewrap" needs the program bwrap: install the package bubblewrap, {instead}'
        )
    try:
        command = [
            *_bubble((), gpu=False, room_bytes=FILE_BYTES),
            *_unprivileged(),
            _system("prlimit"),
            f"--nproc={PROCESSES}",
            _system("true"),
        ]
        tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROBE_S)  # noqa: S603
        said = "" if tried.returncode == 0 else " ".join(tried.stderr.split()) or f"exit code {tried.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if said:
        raise SandboxUnavailable(
            f'sandbox = "bubblewrap" does not hold here: {bwrap} says {said[:300]!r}; allow unprivileged user namespaces '
            f"(sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0; in a container "
            f"the runtime must allow them), {instead}"
        )


def _bubble(readable: Iterable[Path], *, gpu: bool, room_bytes: int) -> list[str]:
    """bwrap with its options: a file system with these paths alone and so much room to write in, no network, no other process."""
    root = os.geteuid() == 0
    options = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--cap-drop", "ALL"]
    options += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
    options += ["--die-with-parent", "--new-session", "--hostname", "agent", "--ro-bind", "/usr", "/usr"]
    for folder in filter(os.path.exists, SYSTEM):
        options += (
            ["--symlink", os.readlink(folder), folder] if os.path.islink(folder) else ["--ro-bind", folder, folder]
        )
    options += ["--perms", "0755", "--dir", "/etc"]
    for path in CONFIGURED:
        options += ["--ro-bind-try", path, path]
    options += ["--proc", "/proc", "--dev", "/dev"]
    for device in (found for pattern in GPU_DEVICES if gpu for found in sorted(glob.glob(pattern))):
        options += ["--dev-bind", device, device]
    for folder in ("/tmp", HOME):  # noqa: S108
        options += ["--perms", "1777", "--size", str(room_bytes), "--tmpfs", folder]
    for needed in dict.fromkeys(readable):
        for parent in [*reversed(needed.parents)][1:]:  # which bwrap would make for itself alone
            options += ["--perms", "0755", "--dir", str(parent)]
        options += ["--ro-bind", str(needed), str(needed)]
    return [_bwrap(), *options, "--remount-ro", "/", "--chdir", HOME, "--"]


def _readable(program: Program, command: Sequence[str]) -> list[Path]:
    """What a bubble shows: the runtime, then the agent's own files as far as they are no part of it."""
    runtime = [*runtime_of(command[0]), *program.runtime]
    named = [path for word in command if (path := Path(word)).is_absolute() and path.is_file()]
    shown: list[Path] = []
    for path in [*runtime, *map(Path.absolute, program.files), *named]:
        if not any(path.is_relative_to(other) for other in (Path("/usr"), *shown)):
            shown.append(path)
    return shown


def _rules(values: Mapping[str, int]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _unprivileged() -> tuple[str, ...]:
    """What gives up root's rights within a bubble: the kernel bounds no processes of root."""
    if os.geteuid() != 0:
        return ()
    uid = _free_uid()
    return (_system("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs")


def _free_uid() -> int:
    """A user that nobody is: another one for each program of this process, as far as they go."""
    return FIRST_UID + int.from_bytes(os.urandom(4)) % UIDS


def _processes_of(uid: int) -> int:
    """How many processes a user has: the kernel counts them all, whoever started them."""
    count = 0
    for path in glob.iglob("/proc/[0-9]*"):
        try:
            count += os.stat(path).st_uid == uid
        except OSError:  # gone meanwhile
            continue
    return count


def _absolute(word: str) -> str:
    """A word that names a file of the working folder, from anywhere."""
    return os.path.abspath(word) if (os.path.sep in word and os.path.exists(word)) or os.path.isfile(word) else word


def _bwrap() -> str:
    return shutil.which("bwrap") or "bwrap"


def _system(name: str) -> str:
    """A program of the system's own folders, which every bubble has."""
    return shutil.which(name, path=PATH) or name
