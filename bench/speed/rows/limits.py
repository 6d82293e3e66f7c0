"""How fast C++ could be: gunzip alone, a full parse, and the fields of EVENTS taken on demand into column buffers."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from bench.speed.corpus import Window
from bench.speed.rows.peers_of_read import PATHS_OF
from bench.speed.taken import Taken

SOURCE = Path(__file__).parents[1] / "limits" / "limits.cpp"
GUNZIP, FULL, FIELDS = "C++: gunzip alone", "C++: gunzip, full parse", "C++: gunzip, fields on demand"
MODES = {GUNZIP: "gunzip", FULL: "full", FIELDS: "fields"}


def built(folder: Path) -> Path | str:
    """Return the program, built in this folder where it is not; or what is missing to build it."""
    program = folder / "limits"
    if program.exists():
        return program
    if shutil.which("g++") is None:
        return "there is no g++"
    command = ["g++", "-O3", "-march=native", "-std=c++17", "-o", str(program), str(SOURCE), "-lsimdjson", "-ldeflate"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    if ran.returncode:
        return "cannot be built: install libsimdjson-dev and libdeflate-dev"
    return program


def measured(program: Path, contender: str, window: Window, keys: list[str]) -> Taken:
    """Return what the program took on these objects, on one core; the fields are compared with the drawn ones."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as paths:
        paths.write("".join(f"{window.trail / key}\n" for key in keys))
        paths.flush()
        pinned = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if shutil.which("taskset") else []
        ran = subprocess.run(
            [*pinned, str(program), MODES[contender], paths.name], check=True, stdout=subprocess.PIPE, text=True
        )
    said = json.loads(ran.stdout)
    agrees = None if contender == GUNZIP else _agrees(contender, said, window, keys)
    return Taken(said["seconds"], said["cpu"], agrees=agrees, figures={"json_mb": said["bytes"] / 1e6})


def _agrees(contender: str, said: dict[str, Any], window: Window, keys: list[str]) -> bool:
    """Whether each column has as many texts, and as many bytes, as the drawn events have."""
    drawn = window.drawn.filter(pl.col("log.file.path").is_in(keys))
    if said["records"] != drawn.height:
        return False
    texts = [name for name in PATHS_OF if drawn.schema.get(name) == pl.String and contender == FIELDS]
    counted = drawn.select(pl.concat_list(pl.col(name).count(), pl.col(name).str.len_bytes().sum()) for name in texts)
    return all(said["columns"][name] == counted[name][0].to_list() for name in texts)
