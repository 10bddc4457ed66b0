"""Importing any module of `bot` does nothing: no look at the environment, no file, no socket."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib, json, os, pkgutil, sys

import bot

PACKAGE = os.path.dirname(bot.__file__)
done = []


def asker():
    frame = sys._getframe(2)
    while frame and (frame.f_code.co_filename == os.__file__ or frame.f_globals.get("__name__") == "collections.abc"):
        frame = frame.f_back
    name = frame.f_code.co_filename if frame else ""
    return name if name.startswith(PACKAGE) else ""


class Watched(type(os.environ)):
    def __getitem__(self, key):
        if asker():
            done.append(f"environment {key} read by {asker()}")
        return super().__getitem__(key)

    def __iter__(self):
        if asker():
            done.append(f"environment listed by {asker()}")
        return super().__iter__()


def hook(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        done.append(f"opened for writing: {arguments[0]}")
    elif event in ("os.mkdir", "os.remove", "os.rename", "socket.connect", "socket.bind", "subprocess.Popen"):
        done.append(event)


os.environ.__class__ = Watched
sys.addaudithook(hook)
before = dict(os.environ._data)
names = [found.name for found in pkgutil.walk_packages(bot.__path__, "bot.")]
for name in names:
    importlib.import_module(name)
if dict(os.environ._data) != before:
    done.append("environment changed")
print(json.dumps({"names": names, "done": done, "threads": len(sys._current_frames())}))
"""


def test_import__of_every_module_with_an_empty_environment_does_nothing(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-I", "-B", "-c", PROGRAM],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found = json.loads(finished.stdout)
    assert found["done"] == []
    assert found["threads"] == 1
    assert finished.stderr == ""
    assert list(tmp_path.iterdir()) == []
    assert {
        "bot.cli",
        "bot.serving",
        "bot.config",
        "bot.__main__",
        "bot.model.uploads",
        "bot.demo.workspace",
    } <= set(found["names"])
    assert len(found["names"]) > 60
