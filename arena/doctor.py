"""What `arena doctor` looks at: one function a check, each says what it found and, where that is not well, what mends it.

A check is *broken* where something does not work that was asked for, by an option, a setting or by being there at all; it is
*absent* where something is not here that nobody asked for.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx
import sqlalchemy as sa

from arena.agents.confined_process import ConfinedProcess, DataFile
from arena.agents.sandbox import SandboxUnavailable, require_tier, tier_version
from arena.artifacts import ArtifactStore, saved_bytes
from arena.connection import identify, locate, newer, shown
from arena.database import lost_artifacts
from arena.games import ArenaError, SpecificationError, load_game, uniform_policy
from arena.games.starcraft.installation import SMACV2, find_installation, maps_of, standin_installation
from arena.games.starcraft.mini_games import MINI_GAMES
from arena.ledger import Ledger
from arena.ledger_schema import REVISION, tournaments
from arena.origin import demanded, demanded_tier
from arena.server.assets import FOLDER
from arena.server.settings import ServerSettings
from arena.solvers import save_policy

State = Literal["good", "absent", "broken"]

LEAST_FREE = 1 << 30  # bytes
MOST_AHEAD_S = 120
ANSWER_S = 5
READ_BYTES = 64 << 20
"""Of artifacts, against their hashes: a moment."""
TRIED_GAME = "openspiel:kuhn_poker"
"""For which files are made that confined processes must be able to read."""
ASSETS = (
    "arena.css",
    "arena.js",
    "icon.svg",
    "vendor/htmx.min.js",
    "vendor/swagger-ui-bundle.js",
    "vendor/swagger-ui.css",
)
PACKAGES = {
    "open_spiel": "games openspiel:",
    "pettingzoo": "games pettingzoo:",
    "torch": "networks",
    "numba": "native games",
    "psycopg": "ledgers on PostgreSQL: pip install 'minimax-arena[postgres]'",
    "ray": "clusters: pip install 'minimax-arena[ray]'",
    "pysc2": "StarCraft II: pip install 'minimax-arena[sc2]'",
    "smacv2": f"games smac2:, {SMACV2}",
    "transformers": "language models that are trained: pip install 'minimax-arena[lm]'",
    "openskill": "ratings by OpenSkill: pip install 'minimax-arena[openskill]'",
    "pyarrow": "votes as Parquet: pip install 'minimax-arena[parquet]'",
    "matplotlib": "figures for papers: pip install 'minimax-arena[figures]'",
}
NEEDED = ("open_spiel", "pettingzoo", "torch", "numba")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one look found. ``mend``: what to do, '' where all is well."""

    name: str
    state: State
    said: str
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked at: a ledger (None: as everywhere), and a server of these settings; ``named``: which somebody wrote into a file."""

    db: str | None
    settings: ServerSettings
    named: bool


def examine(asked: Asked) -> Iterator[Check]:
    """All checks, one after the other. One that breaks down is broken, and the others go on."""
    for name, look in CHECKS.items():
        try:
            yield from look(asked)
        except Exception as error:  # noqa: BLE001  # the doctor is asked where things do not work
            yield Check(name=name, state="broken", said=f"the look itself failed: {type(error).__name__}: {error}")


def machine(_: Asked) -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    said = f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {cores} cores"
    yield Check(name="machine", state="good", said=said)
    yield Check(name="minimax-arena", state="good", said=importlib.metadata.version("minimax-arena"))


def packages(_: Asked) -> Iterator[Check]:
    for name, use in PACKAGES.items():
        try:
            yield Check(name=name, state="good", said=importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            if importlib.util.find_spec(name) is not None:
                yield Check(name=name, state="good", said="from a folder that Python searches")
                continue
            state: State = "broken" if name in NEEDED else "absent"
            yield Check(name=name, state=state, said="not installed", mend=use)
    node = shutil.which("node")
    use = "" if node else "agents written in JavaScript need it"
    yield Check(name="node", state="good" if node else "absent", said=node or "not found", mend=use)


def database(asked: Asked) -> Iterator[Check]:
    try:
        found = identify(url := locate(asked.db))
    except ArenaError as error:
        yield Check(name="database", state="broken", said=str(error))
        return
    if found.state != "ledger":
        mend = "arena tournament run makes it, for a new server arena account add NAME --admin"
        yield Check(name="database", state="absent", said=f"no ledger at {shown(url)} yet", mend=mend)
        return
    if found.revision != REVISION:
        mend = "upgrade minimax-arena" if newer(found.revision) else "arena db upgrade"
        said = f"{shown(url)} has revision {found.revision}, this release reads {REVISION}"
        yield Check(name="database", state="broken", said=said, mend=mend)
        return
    with Ledger.open(asked.db, create=False) as ledger:
        with ledger.reading() as connection:
            newest = connection.scalar(sa.select(sa.func.max(tournaments.c.alive_at)))
        try:
            with ledger.writing() as connection:
                connection.execute(sa.select(1))
        except ArenaError as error:
            yield Check(name="database", state="broken", said=str(error), mend="let this user write the ledger")
        else:
            yield Check(name="database", state="good", said=f"{shown(url)}, revision {REVISION}")
        yield _artifacts(ledger)
    if newest:
        yield _clock(newest)


def _artifacts(ledger: Ledger) -> Check:
    """All must be there; as many as a moment allows are read, the others `arena db check` reads."""
    store, seen, read, left = ledger.artifacts, 0, 0, READ_BYTES

    def find(content_hash: str) -> Path:
        nonlocal seen, read, left
        seen += 1
        path = store.place(content_hash)
        size = path.stat().st_size
        if size > left:
            return path
        read, left = read + 1, left - size
        return store.path(content_hash)

    lost = list(lost_artifacts(ledger, find=find))
    if lost:
        said = f"{len(lost)} lost or damaged in {store.folder}; the first: {lost[0]}"
        return Check(name="artifacts", state="broken", said=said, mend="`arena db check` lists all")
    how = "and were read" if read == seen else f"{read:,} of the {seen:,} were read; `arena db check` reads all"
    said = f"all that agents, matches and jobs need are in {store.folder}, {how}"
    return Check(name="artifacts", state="good", said=said)


def _clock(newest: str) -> Check:
    """Against the ledger, which several machines may write: whoever lives in the future seems to be alive for long."""
    ahead = (datetime.fromisoformat(newest) - datetime.now(UTC)).total_seconds()
    if ahead > MOST_AHEAD_S:
        said = f"the ledger was written {ahead:,.0f} s in the future of this machine's clock"
        return Check(name="clock", state="broken", said=said, mend="set the clocks of all machines, by NTP")
    return Check(name="clock", state="good", said=datetime.now(UTC).isoformat(timespec="seconds"))


def disk(asked: Asked) -> Iterator[Check]:
    url = locate(asked.db)
    places = {"artifacts": ArtifactStore.beside(url).folder}
    if url.get_backend_name() == "sqlite":
        places = {"ledger": Path(str(url.database)), **places}
    for name, path in places.items():
        there = next(place for place in (path, *path.parents) if place.exists())
        free = shutil.disk_usage(there).free
        writable = os.access(there, os.W_OK)
        said = f"{free / 2**30:,.1f} GiB free at {there}"
        if not writable:
            yield Check(
                name=f"disk, {name}", state="broken", said=f"{there} cannot be written", mend="let this user write it"
            )
        elif free < LEAST_FREE:
            yield Check(name=f"disk, {name}", state="broken", said=said, mend="make room: a full disk ends every write")
        else:
            yield Check(name=f"disk, {name}", state="good", said=said)


def gpu(_: Asked) -> Iterator[Check]:
    import torch

    there = sorted(Path("/dev").glob("nvidia[0-9]*"))
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        yield Check(name="gpu", state="good", said=", ".join(names))
    elif there:
        mend = f"torch {torch.__version__} cannot use it: install a build with CUDA, and look at the driver"
        yield Check(name="gpu", state="broken", said=f"{len(there)} in this machine, none usable", mend=mend)
    else:
        yield Check(name="gpu", state="absent", said="none in this machine", mend="all is computed on the CPU")


def cluster(asked: Asked) -> Iterator[Check]:
    if not asked.settings.executor.startswith("ray://"):
        return
    from arena.ray_cluster import join

    try:
        join(asked.settings.executor)
    except ArenaError as error:
        yield Check(name="Ray cluster", state="broken", said=str(error))
        return
    import ray

    nodes = sum(node["Alive"] for node in ray.nodes())
    yield Check(
        name="Ray cluster", state="good", said=f"{asked.settings.executor}, {nodes} nodes, {ray.cluster_resources()}"
    )
    ray.shutdown()


def sandbox(asked: Asked) -> Iterator[Check]:
    try:
        require_tier("bubblewrap")
    except SandboxUnavailable as error:
        needed = asked.settings.uploaded_programs != "off"
        yield Check(name="sandbox", state="broken" if needed else "absent", said=str(error))
    else:
        yield Check(name="sandbox", state="good", said=tier_version("bubblewrap"))
    with demanded(asked.settings.uploads_sandbox):
        try:
            tier = demanded_tier()
            for file in _tried_files():
                ConfinedProcess(file, game=TRIED_GAME, name=f"a {file.scheme} of the doctor", tier=tier).close()
        except SpecificationError as error:
            mend = "`arena serve` takes no uploads before this is mended"
            yield Check(name="uploads", state="broken", said=str(error), mend=mend)
        else:
            said = f"policies and networks from elsewhere are read and play in {tier}: one of each was read"
            yield Check(name="uploads", state="good", said=said)


def _tried_files() -> Iterator[DataFile]:
    """A file of each kind that confined processes read, as somebody could send it."""
    from arena.agents import mlp, save_network  # late: torch is slow to import

    info = load_game(TRIED_GAME).info
    policy = saved_bytes(lambda path: save_policy(uniform_policy(TRIED_GAME), path), ending=".json")
    yield DataFile(scheme="policy", name="doctor.json", content=policy)
    network = mlp([info.tensor_width or 0, info.num_actions], seed=0)
    content = saved_bytes(lambda path: save_network(network, path, game=info), ending=".safetensors")
    yield DataFile(scheme="checkpoint", name="doctor.safetensors", content=content)


def starcraft(_: Asked) -> Iterator[Check]:
    try:
        found = find_installation()
        maps = maps_of(found)
        there = sum(name in maps for name in MINI_GAMES)
        said = f"{found.version} in {found.base}, {len(maps)} maps, {there} of the {len(MINI_GAMES)} mini-games"
        mend = "" if maps else f"unpack maps into {found.base / 'Maps'}"
        yield Check(name="StarCraft II", state="good" if maps else "broken", said=said, mend=mend)
    except ArenaError as error:
        yield Check(name="StarCraft II", state="broken" if "SC2PATH" in os.environ else "absent", said=str(error))
    try:
        standin = standin_installation()
    except ArenaError as error:
        yield Check(name="its stand-in", state="absent", said=str(error))
        return
    yield Check(name="its stand-in", state="good", said=f"{len(maps_of(standin))} maps in {standin.base}")


def assets(_: Asked) -> Iterator[Check]:
    missing = [name for name in ASSETS if not (FOLDER / name).is_file() or not (FOLDER / name).stat().st_size]
    if missing:
        said = f"missing in {FOLDER}: {', '.join(missing)}"
        yield Check(name="browser assets", state="broken", said=said, mend="install minimax-arena again")
    else:
        yield Check(name="browser assets", state="good", said=f"{len(ASSETS)} files in {FOLDER}")


def server(asked: Asked) -> Iterator[Check]:
    """The settings, as far as one can see from here what would go wrong with them."""
    settings = asked.settings
    where = f"{settings.host} port {settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            yield Check(name="port", state="good", said=f"{where} is free")
        except OSError as error:
            if _serves(settings):
                yield Check(name="port", state="good", said=f"{where}: a server of Arena answers there")
            else:
                said = f"{where} cannot be had: {error.strerror or error}"
                yield Check(name="port", state="broken" if asked.named else "absent", said=said, mend="choose another")
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.public_url.startswith("https:"):
        said = "passwords and sessions go to this server unencrypted"
        mend = "put a proxy with TLS before it, and set public_url to https://..."
        yield Check(name="encryption", state="broken", said=said, mend=mend)
    apart = f"{settings.requests_per_minute:,} requests and {settings.writes_per_minute:,} writes"
    together = f"{settings.sign_ins_per_minute:,} sign-ins a minute of one address, {settings.wrong_passwords_per_hour:,} wrong passwords an hour for one name"
    said = f"{apart} a minute of one address, to each process that serves this ledger: they count apart; to all of them {together}"
    yield Check(name="rate limits", state="good", said=said)


def _serves(settings: ServerSettings) -> bool:
    """Whether it is Arena that listens at the address of these settings."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  compared, not bound
    url = httpx.URL(scheme="http", host=host, port=settings.port, path="/healthz")
    try:
        return "games" in httpx.get(url, timeout=ANSWER_S, trust_env=False).json()
    except (httpx.HTTPError, ValueError, TypeError):  # whoever else answers there, with whatever
        return False


CHECKS: dict[str, Callable[[Asked], Iterator[Check]]] = {
    "machine": machine,
    "packages": packages,
    "database": database,
    "disk": disk,
    "gpu": gpu,
    "Ray cluster": cluster,
    "sandbox": sandbox,
    "StarCraft II": starcraft,
    "browser assets": assets,
    "server": server,
}
