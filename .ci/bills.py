"""`make sbom`: writes which libraries we run on, and under which licences, into a folder.

`sbom.cdx.json` is for programs (CycloneDX 1.6), `licences.md` for people. Both hold what requirements.lock holds, and
nothing of this machine: no path, no package index. Fails, and says why, when a licence is unknown or may not be
shipped.
"""

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from cyclonedx import spdx
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"

_BSD_3 = "Redistribution and use in source and binary forms"
_NEVER = re.compile(r"(?<!L)GPL|GNU General Public|Affero", re.IGNORECASE)
"""Licences that would reach over to the whole program."""
_UNKNOWN = re.compile(r"UNKNOWN|^\s*$", re.IGNORECASE)
NOTES = {
    "LGPL": "Used unchanged, as a library of its own that may be replaced: its licence asks no more of the program.",
    "MPL|Mozilla": "Used unchanged: its licence covers its own files alone.",
}


def normal(name: str) -> str:
    """A project's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """Every library of requirements.lock with its version, by name."""
    found = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", LOCK.read_text("utf-8"), re.MULTILINE)
    return {normal(name): version for name, version in found}


def licences(names: list[str]) -> dict[str, tuple[str, str]]:
    """Version and licence of each library as it is installed here, by name."""
    asked = ["--format", "json", "--packages", *names]
    rows = json.loads(_run("piplicenses", *asked))
    return {normal(row["Name"]): (row["Version"], _in_a_word(row["License"])) for row in rows}


def _in_a_word(licence: str) -> str:
    """A licence's name; some libraries give its whole text instead."""
    if "\n" not in licence:
        return licence.strip()
    is_bsd_3 = _BSD_3 in licence and "Neither the name of" in licence
    return "BSD-3-Clause" if is_bsd_3 else "UNKNOWN"


def faults(wanted: dict[str, str], found: dict[str, tuple[str, str]]) -> list[str]:
    """What keeps the lists from being whole and right."""
    told = []
    for name, version in wanted.items():
        there, licence = found.get(name, ("", ""))
        if there != version:
            told.append(
                f"{name} {version} is wanted, and {there or 'none'} is installed: remove .venv and run this again"
            )
        elif _UNKNOWN.search(licence):
            told.append(f"{name}: its licence is not known")
        elif _NEVER.search(licence):
            told.append(f"{name}: {licence} may not be shipped with a program of another licence")
    return told


def needs(name: str, extras: set[str], known: set[str]) -> dict[str, set[str]]:
    """The libraries that one needs directly, with their extras, as far as they are among `known`."""
    found: dict[str, set[str]] = {}
    for text in metadata.requires(name) or []:
        one = Requirement(text)
        wanted = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if wanted and normal(one.name) in known:
            found.setdefault(normal(one.name), set()).update(one.extras)
    return found


def graph(direct: list[str], known: set[str]) -> dict[str, set[str]]:
    """Which library needs which, by names, for all that is reached from `direct`."""
    edges: dict[str, set[str]] = {name: set() for name in known}
    waiting = [(normal(one.name), frozenset(one.extras)) for one in map(Requirement, direct)]
    seen = set()
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            for name, extras in needs(one[0], set(one[1]), known).items():
                edges[one[0]].add(name)
                waiting.append((name, frozenset(extras)))
    return edges


def bill(wanted: dict[str, str], found: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The bill of materials: cyclonedx-py's, without what it adds of the package index, and with licences."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    options = ("--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--sv", "1.6")
    made: dict[str, Any] = json.loads(_run("cyclonedx_py", "requirements", *map(str, options), str(LOCK)))
    refs = {normal(one["name"]): one["purl"] for one in made["components"]}
    for one in made["components"]:
        one["bom-ref"] = one["purl"]
        one["licenses"] = [_licence(found[normal(one["name"])][1])]
        del one["description"]  # the very line of the lock file
        for reference in one["externalReferences"]:
            # The hashes of its files; where they lie is everybody's own index.
            reference["url"] = one["purl"]
            del reference["comment"]
    root = made["metadata"]["component"]
    root["version"] = re.findall(r'"(.+)"', ROOT.joinpath("bot", "__init__.py").read_text("utf-8"))[-1]
    root["bom-ref"] = root["purl"] = f"pkg:pypi/{root['name']}@{root['version']}"
    for tool in made["metadata"]["tools"]["components"]:
        tool.pop("externalReferences", None)
    direct = sorted({normal(Requirement(one).name) for one in project["dependencies"]})
    edges = graph(project["dependencies"], set(wanted))
    made["dependencies"] = [
        {"ref": root["purl"], "dependsOn": [refs[name] for name in direct]},
        *(
            {"ref": refs[name], "dependsOn": sorted(refs[one] for one in edges[name])}
            for name in sorted(edges)
        ),
    ]
    return made


def _licence(licence: str) -> dict[str, Any]:
    if spdx.is_supported_id(licence):
        return {"license": {"id": licence}}
    return {"expression": licence} if spdx.is_expression(licence) else {"license": {"name": licence}}


def table(found: dict[str, tuple[str, str]]) -> str:
    """The list for people."""
    lines = ["# Licences of the libraries that Vault Uploads runs on", ""]
    lines += ["| Library | Version | Licence |", "|---|---|---|"]
    lines += [f"| {name} | {version} | {licence} |" for name, (version, licence) in sorted(found.items())]
    for pattern, note in NOTES.items():
        if names := sorted(name for name, (_, licence) in found.items() if re.search(pattern, licence)):
            lines += ["", f"{', '.join(names)}: {note}"]
    return "\n".join(lines) + "\n"


def _run(module: str, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own tools, by this interpreter
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{module} failed:\n{done.stderr}")
    return done.stdout


def main(folder: Path) -> int:
    """Write both files; 1, and neither is written, when something is wrong with a library."""
    wanted = pins()
    found = licences(sorted(wanted))
    if told := faults(wanted, found):
        sys.stderr.write("\n".join(told) + "\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    made = json.dumps(bill(wanted, found), ensure_ascii=False, indent=1) + "\n"
    folder.joinpath("sbom.cdx.json").write_text(made, "utf-8")
    folder.joinpath("licences.md").write_text(table(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
