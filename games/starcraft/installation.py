"""Where StarCraft II is, which version, and which maps it has; and the stand-in as such a folder."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from arena.games.errors import GameMissing, UnknownName
from arena.games.starcraft.pysc2_repair import repair_pysc2, require_pysc2

DOWNLOADS = "https://github.com/Blizzard/s2client-proto#downloads"
SMACV2 = "pip install --no-deps git+https://github.com/oxwhirl/smacv2"
STANDIN_MARK = b"arena.games.starcraft.standin"
_FOLDER = re.compile(r"Base(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """``base``: the folder with ``Versions`` and ``Maps``; ``program``: the executable in it. ``version``: as people say it.

    ``data_version``: what the program must be told to play an older version; '' for its own.
    """

    base: Path
    program: Path
    version: str
    data_version: str = ""


def find_installation(version: str = "") -> Installation:
    """StarCraft II on this machine: of this version, else the newest one.

    Raises:
        GameMissing: it is not there, or not in this version; the message says what to do.
    """
    base = Path(os.environ.get("SC2PATH", "~/StarCraftII")).expanduser()
    builds = _builds(base)
    if not builds:
        raise GameMissing(
            f"StarCraft II is not in {base}: there is no Versions/Base*/SC2_x64. Download it from {DOWNLOADS}, and set "
            "SC2PATH to its folder; or try the stand-in, which is not StarCraft: sc2-standin:MoveToBeacon"
        )
    build, program, data_version, said = _chosen(builds, version, base)
    with program.open("rb") as file:
        if STANDIN_MARK in file.read(4096):
            raise GameMissing(
                f"SC2PATH names {base}, which holds the stand-in and not StarCraft II; games on it are called sc2-standin:..."
            )
    return Installation(base=base, program=program, version=said or f"build {build}", data_version=data_version)


def standin_installation() -> Installation:
    """The stand-in, laid out in a folder of its own below the system's for temporary files.

    Raises:
        GameMissing: the packages of its protocol are not installed.
    """
    require_pysc2()
    from arena.games.starcraft.standin import install

    program, content = install.program(), install.maps()
    digest = hashlib.sha256(program + b"".join(content[path] for path in sorted(content))).hexdigest()[:12]
    base = Path(tempfile.gettempdir(), f"arena-standin-{os.getuid()}-{digest}")
    return Installation(base=base, program=install.install(base), version=f"stand-in {install.RELEASE}")


def maps_of(installation: Installation) -> dict[str, str]:
    """The name of each map -> its path below ``Maps``."""
    folder = installation.base / "Maps"
    return {path.stem: path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.SC2Map"))}


def find_map(installation: Installation, name: str) -> str:
    """The path of a map below ``Maps``, named without its ending; capitals do not matter.

    Raises:
        GameMissing: there are no maps.
        UnknownName: none is called so; the message has the nearest ones.
    """
    found = maps_of(installation)
    if not found:
        raise GameMissing(
            f"{installation.base / 'Maps'} has no maps; unpack those that you want to play on there, from {DOWNLOADS}, "
            "the mini-games from https://github.com/google-deepmind/pysc2#get-the-maps"
        )
    by_lower = {one.lower(): path for one, path in found.items()}
    if name.lower() not in by_lower:
        raise UnknownName("map", name, found)
    return by_lower[name.lower()]


def _builds(base: Path) -> dict[int, Path]:
    found = {}
    for program in base.glob("Versions/Base*/SC2_x64"):
        match = _FOLDER.fullmatch(program.parent.name)
        if match is not None and os.access(program, os.X_OK):
            found[int(match[1])] = program
    return found


def _chosen(builds: dict[int, Path], version: str, base: Path) -> tuple[int, Path, str, str]:
    """(build, program, data version, name) of a version, or of the newest one."""
    repair_pysc2()
    from pysc2.run_configs.lib import VERSIONS

    known = {one.build_version: one for one in VERSIONS.values() if one.build_version in builds}
    if not version:
        newest = max(builds)
        return newest, builds[newest], "", known[newest].game_version if newest in known else ""
    for build, one in known.items():
        if one.game_version == version:
            return build, builds[build], one.data_version or "", version
    here = ", ".join(known[build].game_version if build in known else f"build {build}" for build in sorted(builds))
    raise GameMissing(f"{base} has no StarCraft II {version}; there: {here}. Leave version out for the newest")
