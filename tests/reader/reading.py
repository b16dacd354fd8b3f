"""What LaTeX means in a problem, for tests: the expression that it is read as."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import derive
from derive.check.settings import parts
from derive.expr import Expr
from derive.network import Network
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import parse
from derive.reader.problem import read_problem
from derive.reader.scope import Scope
from derive.reader.values import Value, unlabelled


def network_of(problem: str) -> Network:
    """A network of the gallery by its name, or a problem in LaTeX."""
    if problem.isidentifier():
        return derive.load(problem)
    read = read_problem(problem)
    return Network(read.system, read.scope)


@lru_cache
def scope_of(problem: str = "", settings: tuple[tuple[str, Any], ...] = ()) -> Scope:
    """The names of a problem, or of declarations written "x: n, W: n x d", with the settings of a scope file."""
    tables: dict[str, Any] = {k: dict(v) if isinstance(v, tuple) else v for k, v in settings}
    if ":" in problem and "\n" not in problem:
        tables["declare"] = dict(tuple(map(str.strip, piece.split(":"))) for piece in problem.split(","))
        return parts(tables)[0].scope
    return parts(tables, problem=network_of(problem) if problem else None)[0].scope


def value(tex: str, scope: Scope, **reading: Any) -> Value:
    """The value of an expression, its labels in front."""
    m = Meaning(scope, Reading(**reading), tex)
    node = parse(tex, scope.words)
    m.learn(node)
    return m.value(node)


def read(tex: str, scope: Scope, labels: str = "", **reading: Any) -> Expr:
    """The expression that is meant, with an axis in front for each free index, in the order of `labels`."""
    return unlabelled(value(tex, scope, **reading), tuple(labels))


def frozen(settings: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """The tables of a scope file, hashable."""
    return tuple((k, tuple(v.items()) if isinstance(v, dict) else tuple(v) if isinstance(v, list) else v) for k, v in settings.items())
