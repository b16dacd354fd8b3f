"""A solution as JSON, and values from JSON: names go by the LaTeX of their symbols."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from derive.crosscheck import Report
from derive.expr import Var
from derive.numeric import ValueProblem
from derive.printing import Style, write
from derive.solution import Solution
from derive.system import INDEX, NetworkError, System


def symbol(v: Var, style: Style = Style()) -> str:
    """The LaTeX of a name, without blanks; a sequence goes by its name alone, an initial value by h^{(0)}."""
    plain = v.at(None) if v.time is not None and v.time.base == INDEX else v
    return write(plain, "latex", style).replace(" ", "")


def aliases(system: System, style: Style = Style()) -> dict[str, str]:
    """Every spelling by which a name may be called: w_ix, w_{ix}, W1, W^{(1)}, x^{(t)}, h[0], h^{(0)}, h_0."""
    known: dict[str, str] = {f.name: f.name for f in system.functions}
    for key, v in system.nodes.items():
        for s in (style, replace(style, time="subscript"), replace(style, time="superscript"), *_STYLES):
            for spelled in (symbol(v, s), write(v, "latex", s).replace(" ", "")):
                known.setdefault(_bare(spelled), key)
        known[key] = key
    return known


_STYLES = (Style(), Style(time="subscript"), Style(layers="subscript"), Style(time="subscript", layers="subscript"))
_FONT = re.compile(
    r"\\(mathbf|boldsymbol|bm|mathcal|mathscr|mathfrak|mathrm|mathsf|mathtt|mathit|text|textrm|operatorname)(?![a-zA-Z])"
)


def _bare(name: str) -> str:
    return re.sub(r"[\s{}\\]", "", _FONT.sub("", name))


def key_of(system: System, name: str, style: Style = Style()) -> str:
    """The network's own name for a spelling. Raises NetworkError with the names there are."""
    known = aliases(system, style)
    found = known.get(name) or known.get(_bare(name))
    if found is None:
        names = ", ".join(symbol(v, style) for v in system.nodes.values())
        raise NetworkError(f"{system.name} has no quantity {name!r}; it has {names}")
    return found


def read_values(system: System, path: Path, style: Style = Style()) -> dict[str, Any]:
    """Values by the network's own names, from a JSON file. Raises ValueProblem with the file and what is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueProblem(f"{path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise ValueProblem(f"{path}: not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueProblem(f'{path}: a JSON object of values is needed, {{"x": [1, 2], …}}')
    try:
        return named_values(system, data, style)
    except NetworkError as error:
        raise ValueProblem(f"{path}: {error}") from None


def named_values(system: System, data: dict[str, Any], style: Style = Style()) -> dict[str, Any]:
    """The same values under the network's own names."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        key = key_of(system, name, style)
        if key not in system.independent and key not in {f.name for f in system.functions}:
            raise NetworkError(f"{name!r} is computed by its equation, and can't be given")
        if key in found:
            raise NetworkError(f"{name!r} is given twice")
        found[key] = value
    return found


def _plain(value: Any) -> Any:
    return np.asarray(value, dtype=float).tolist()


def solution_json(
    solution: Solution, report: Report, values: dict[str, Any] | None = None, style: Style | None = None
) -> dict[str, Any]:
    """The object that `derive solve --format json` prints; see the README for its fields."""
    system, sweep = solution.system, solution.sweep
    style = replace(style or Style(), loss=sweep.loss.name)
    run = solution.run(values) if values is not None else None

    def latex(e: Any) -> str:
        return write(e, "latex", style)

    def node(name: str) -> dict[str, Any]:
        equation = system.by_name[name]
        adjoint = sweep.adjoints[name]
        entry: dict[str, Any] = {
            "symbol": symbol(equation.left, style), "shape": [str(d) for d in equation.left.shape], "equation": latex(equation.right),
            "adjoint": latex(adjoint.formula),
        }  # fmt: skip
        if adjoint.boundary:
            entry["boundary"] = {str(when): latex(line.formula) for when, line in adjoint.boundary}
        return entry

    def gradient(name: str) -> dict[str, Any]:
        v, closed = system.nodes[name], solution.closed_forms[name]
        entry = {
            "symbol": symbol(v, style), "shape": [str(d) for d in v.shape], "latex": latex(solution.gradients[name]),
            "closed_form": latex(closed if closed is not None else solution.gradients[name]),
        }  # fmt: skip
        if run is not None:
            entry["value"] = _plain(run.collect(v, bar=True))
        return entry

    result: dict[str, Any] = {
        "network": system.name,
        "loss": symbol(sweep.loss, style),
        "nodes": [node(e.name) for e in system.equations],
        "gradients": [gradient(name) for name in solution.wrt],
        "crosscheck": {
            "passed": report.passed,
            "points": report.points,
            "max_relative_error": report.max_relative_error,
            "per_gradient": {symbol(system.nodes[k], style): e for k, e in report.per_gradient.items()},
        },
    }
    if run is not None:
        result["forward"] = {symbol(e.left, style): _plain(run.collect(e.left)) for e in system.equations}
    return result
