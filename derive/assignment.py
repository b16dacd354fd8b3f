"""Assignments: a TOML file of problems to a sheet.

title = "Homework 1"
[[problem]]
network = "residual"              # or source = \"\"\"def net(…): …\"\"\", read like a network, never executed
title = "…"
task = "…"
wrt = ["x", "W1"]
paths = "W"                       # the double sum over t and k for this parameter
expand = 3                        # and its terms for this T
given = ["z1 < 0"]                # which gradients this makes zero
values = { x = 1.5, … }
[[problem.jacobian]]
of = "y"
wrt = "x"
direct = false
layout = "both"
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from derive.export import key_of, named_values
from derive.expr import DeriveError
from derive.network import Network, load, network
from derive.printing import Style
from derive.sheet import DETAILS, Problem, Sheet

_SHEET_KEYS = {"title", "subtitle", "detail", "notation", "time", "layers", "problem"}
_PROBLEM_KEYS = {"network", "source", "title", "task", "wrt", "paths", "expand", "given", "values", "jacobian", "T"}
_JACOBIAN_KEYS = {"of", "wrt", "direct", "layout"}
_CHOICES = {
    "detail": DETAILS, "notation": ("bar", "delta", "partial"), "time": ("superscript", "subscript"),
    "layers": ("superscript", "subscript"), "layout": ("numerator", "both"),
}  # fmt: skip


_KINDS = {str: "text", int: "a whole number", bool: "true or false", list: 'a list, such as ["W2"]', dict: "a table"}


class AssignmentError(DeriveError):
    """An assignment that can't be used; the message names the file, the problem and the key."""


def read_assignment(path: Path) -> Sheet:
    """The sheet of an assignment file, solved but not yet cross-checked."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AssignmentError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AssignmentError(f"{path}: not TOML: {error}") from None
    _only(data, _SHEET_KEYS, str(path))
    problems = _expect(data, "problem", list, str(path), [])
    if not problems or not all(isinstance(p, dict) for p in problems):
        raise AssignmentError(f"{path}: an assignment has at least one [[problem]]")
    style = Style(_choice(data, "time", path), _choice(data, "layers", path), _choice(data, "notation", path, "bar"))
    return Sheet(
        _expect(data, "title", str, str(path), path.stem.replace("_", " ")),
        [read_problem(p, f"{path}, problem {k + 1}") for k, p in enumerate(problems)], style,
        _choice(data, "detail", path, "steps"), _expect(data, "subtitle", str, str(path), "worked solution"),
    )  # fmt: skip


def gallery_problem(name: str) -> Problem:
    """A gallery network with what `networks/asked.toml` asks of it."""
    text = (Path(__file__).parent / "networks" / "asked.toml").read_text(encoding="utf-8")
    return read_problem({"network": name, **tomllib.loads(text).get(name, {})}, name)


def read_problem(data: dict[str, Any], place: str) -> Problem:
    """One problem from its table. Raises AssignmentError with the place and the key."""
    _only(data, _PROBLEM_KEYS, place)
    try:
        net = _network(data, place)
        jacobians = [
            _jacobian(net, j, f"{place}, jacobian {k + 1}") for k, j in enumerate(_expect(data, "jacobian", list, place, []))
        ]
        wrt = _expect(data, "wrt", list, place, None)
        asked = net.system.loss is not None or wrt is not None or not jacobians
        keys = [key_of(net.system, str(w)) for w in wrt] if wrt is not None else None
        solution = net.solve(keys) if asked else None
        problem = Problem(
            net.system,
            solution,
            _expect(data, "title", str, place, ""),
            _expect(data, "task", str, place, ""),
            jacobians,
            wrt=keys,
        )
        if "paths" in data and solution is not None:
            problem.paths = solution.paths(_expect(data, "paths", str, place, ""))
        problem.expand = _expect(data, "expand", int, place, None)
        problem.given = [str(g) for g in _expect(data, "given", list, place, [])]
        if problem.given and solution is not None:
            problem.zeros = {k: z for k, z in solution.zeros(*problem.given).items() if k in solution.wrt}
        if "values" in data and solution is not None:
            values = named_values(net.system, _expect(data, "values", dict, place, {}))
            problem.run = solution.run(values, _expect(data, "T", int, place, None))
    except AssignmentError:
        raise
    except DeriveError as error:
        raise AssignmentError(f"{place}: {error}") from None
    return problem


def _network(data: dict[str, Any], place: str) -> Network:
    if ("network" in data) == ("source" in data):
        raise AssignmentError(f"{place}: give either network (a gallery name or a .py file) or source (its text)")
    if "source" in data:
        return network(_expect(data, "source", str, place, ""))
    return load(_expect(data, "network", str, place, ""))


def _jacobian(net: Network, data: Any, place: str) -> tuple[Any, str]:
    if not isinstance(data, dict):
        raise AssignmentError(f"{place}: a table with of and wrt is needed")
    _only(data, _JACOBIAN_KEYS, place)
    for key in ("of", "wrt"):
        if key not in data:
            raise AssignmentError(f"{place}: {key} is missing")
    direct = _expect(data, "direct", bool, place, False)
    return net.jacobian(_expect(data, "of", str, place, ""), _expect(data, "wrt", str, place, ""), direct), _choice(
        data, "layout", place, "numerator"
    )


def _only(data: dict[str, Any], keys: set[str], place: str) -> None:
    unknown = sorted(set(data) - keys)
    if unknown:
        raise AssignmentError(f"{place}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(keys))}")


def _expect(data: dict[str, Any], key: str, kind: type, place: str, default: Any) -> Any:
    if key not in data:
        return default
    if not isinstance(data[key], kind) or (kind is int and isinstance(data[key], bool)):
        raise AssignmentError(f"{place}: {key} should be {_KINDS[kind]}, not {data[key]!r}")
    return data[key]


def _choice(data: dict[str, Any], key: str, place: Any, default: str = "superscript") -> str:
    value = data.get(key, default)
    if value not in _CHOICES[key]:
        raise AssignmentError(f"{place}: {key} is one of {', '.join(_CHOICES[key])}, not {value!r}")
    return str(value)
