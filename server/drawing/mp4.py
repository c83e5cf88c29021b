"""MP4 files through ffmpeg, which Arena does not bring along: the one on the path, or that of the package imageio-ffmpeg."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from arena.games import NotProvided
from arena.server.drawing.raster import Picture

SAID_AT_MOST = 400  # characters of what ffmpeg complains


def find_ffmpeg() -> str:
    """The program.

    Raises:
        NotProvided: there is none.
    """
    found = shutil.which("ffmpeg")
    if found is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        package = importlib.import_module("imageio_ffmpeg")
        try:
            found = str(package.get_ffmpeg_exe())
        except RuntimeError:  # the package without a program for this machine
            found = None
    if found is None:
        raise NotProvided(
            "MP4 files need ffmpeg, which is not installed: apt install ffmpeg, brew install ffmpeg, "
            "or pip install imageio-ffmpeg; GIF and SVG files need nothing more"
        )
    return found


def write_mp4(file: Path, pictures: Iterable[Picture], *, width: int, height: int, per_second: int) -> None:
    """Writes pictures of one even size as a film.

    Raises:
        NotProvided: ffmpeg is not installed, or does not do it; the message has its own words.
    """
    program = find_ffmpeg()
    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(per_second), "-i", "-"]
    made = ["-an", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(file)]
    command = [program, "-hide_banner", "-loglevel", "error", "-y", *given, *made]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:  # noqa: S603  our own words
        assert running.stdin is not None and running.stderr is not None
        try:
            for picture in pictures:
                running.stdin.write(picture.tobytes())
            running.stdin.close()
        except BrokenPipeError:  # it ended early: what it said says why
            pass
        except BaseException:
            running.kill()
            raise
        said = running.stderr.read().decode(errors="replace").strip()
    if running.returncode:
        raise NotProvided(f"{program} ended with code {running.returncode}: {said[-SAID_AT_MOST:] or 'no word of why'}")
