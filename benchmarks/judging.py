"""The judge and the checker: processor seconds for a line and for a document, and SymPy's simplify(a - b) on the same lines."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import sympy

import derive
from derive.check.checker import Checker
from derive.check.lines import Line
from derive.check.settings import Part, parts, read_settings
from derive.expr import Expr, Var, rebuild
from derive.judge import Court, Verdict
from derive.network import Network
from derive.printing import write

CORPUS = Path(__file__).parent.parent / "tests" / "corpus"
LIMIT = 20.0  # seconds for SymPy on one line


# -- lines of the gallery -----------------------------------------------------------------------------------------


def gallery_lines(net: Network) -> list[tuple[Expr, Expr]]:
    """Every adjoint and every step."""
    if net.system.loss is None:
        return []
    solution = net.solve()
    adjoints = [(line.node.adjoint, line.formula) for a in solution.sweep.adjoints.values() for line in a.lines]
    return [*adjoints, *((step.before, step.after) for step in solution.steps)]


def judged_lines() -> list[float]:
    """Seconds for each line of the gallery, as expressions, in a court that has seen it."""
    found = []
    for name in derive.gallery():
        net = derive.load(name)
        court = Court(net.system)
        for left, right in gallery_lines(net):
            court.judge(left, right, explain=False)
            start = time.process_time()
            court.judge(left, right, explain=False)
            found.append(time.process_time() - start)
    return found


def read_lines() -> list[float]:
    """Seconds for each line of the gallery, from LaTeX to its verdict, with the court of the line before."""
    found = []
    for name in derive.gallery():
        net, courts = derive.load(name), dict[int, Court]()
        style = replace(net.style, loss=net.system.loss.name) if net.system.loss is not None else net.style
        for left, right in gallery_lines(net):
            checker = Checker(parts({}, problem=net), explain=False)
            checker.courts = courts
            start = time.process_time()
            checker.text(f"$${write(left, 'latex', style)} = {write(right, 'latex', style)}$$")
            found.append(time.process_time() - start)
    return found


# -- documents ----------------------------------------------------------------------------------------------------


def seeds() -> list[str]:
    return sorted(p.name.removesuffix(".lines.toml") for p in CORPUS.glob("seed_*.lines.toml"))


def document(name: str) -> str:
    """The formulas of a seed, each a display, with the words that tell its parts."""
    lines = tomllib.loads((CORPUS / f"{name}.lines.toml").read_text(encoding="utf-8"))["line"]
    return "".join((f"\n\n{line['before']}\n\n" if line.get("before") else "") + f"$${line['tex']}$$\n\n" for line in lines)


def pieces(name: str) -> list[Part]:
    path = CORPUS / f"{name}.toml"
    return parts(read_settings(path), str(path), path.parent)


class Timed(Checker):
    """A checker that says how long each relation took."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.times: list[float] = []

    def relation(self, *args: Any) -> Line:
        start = time.process_time()
        line = super().relation(*args)
        self.times.append(time.process_time() - start)
        return line


def relations(name: str, seen: bool = True) -> list[float]:
    """Seconds for each relation of a seed without explanations, in courts that have seen the document or haven't."""
    text, warm = document(name), Checker(pieces(name), False)
    if seen:
        warm.text(text, latex=False)
    kept = {
        id(part.scope.system): court for part, court in ((p, warm.courts.get(id(p.scope.system))) for p in warm.pieces) if court
    }
    checker = Timed(pieces(name), False)
    checker.courts = kept
    checker.text(text, latex=False)
    return checker.times


def whole(name: str) -> tuple[int, float]:
    """(relations, seconds) of `derive check` on a seed, slips and counterexamples included."""
    text = document(name)
    start = time.process_time()
    report = Checker(pieces(name)).text(text, latex=False)
    return len(report.lines), time.process_time() - start


# -- SymPy --------------------------------------------------------------------------------------------------------

CLAIMS = (
    ("log_regression", "z"), ("log_regression", "w2"), ("relu_sparsity", "z3"), ("residual", "h"), ("residual", "z"), ("residual", "x"),
    ("residual", "b1"), ("residual", "W2"), ("mlp", "p"), ("mlp", "z3"), ("mlp", "W3"), ("mlp", "h2"), ("mlp", "z2"), ("mlp", "W1"),
    ("mlp_batch", "Z3"),
)  # fmt: skip


def sample() -> list[tuple[str, Expr, Expr]]:
    """(network, v̄, its formula): claims about networks. Steps that need no network are the same expression in SymPy already."""
    found = []
    for name, node in CLAIMS:
        adjoint = derive.load(name).solve().adjoint(node)
        found.append((name, adjoint.node.adjoint, adjoint.short))
    return found


def explicit(name: str, left: Expr, right: Expr) -> tuple[Any, Any]:
    """Both sides entry by entry, every size 2, opened to the inputs; adjoints are SymPy's own derivatives of the loss."""
    net = derive.load(name)
    system = net.system
    values: dict[Any, Any] = {}
    for equation in system.ordered:  # forwards: every node in the inputs
        shown = _listed(entries(net, equation.right))
        values.update(zip(_listed(entries(net, equation.left)), (e.xreplace(values) for e in shown), strict=True))
    slopes: dict[Any, Any] = {}
    for bar in {n for e in (left, right) for n in e.atoms(Var) if n.bar}:
        v = system.nodes[bar.name]
        inside = rebuild_but(net, v)
        for symbol, entry in zip(_listed(entries(net, bar)), _listed(entries(net, v)), strict=True):
            slopes[symbol] = sympy.diff(inside, entry).xreplace(values)

    def put_in(e: Any) -> Any:
        return e.xreplace({**values, **slopes})

    return put_in(entries(net, left)), put_in(entries(net, right))


def rebuild_but(net: Network, stop: Var) -> Any:
    """The loss in the entries of one node and the inputs."""
    e: Expr = net.system.require_loss()
    for equation in reversed(net.system.ordered):
        if equation.left is not stop:
            e = rebuild(e, lambda n, equation=equation: equation.right if n is equation.left else n)  # type: ignore[misc]
    return entries(net, e)


def entries(net: Network, e: Expr) -> Any:
    names = {str(s) for v in net.system.quantities.values() for d in v.shape for s in d.free_symbols}
    return e.to_sympy({**dict.fromkeys(names, 2), "T": 2})


def _listed(e: Any) -> list[Any]:
    return list(e) if isinstance(e, sympy.MatrixBase) else [e]


def simplified(k: int) -> None:
    """In a process of its own: build line k of the sample, say so, simplify, say how long it took and what came out."""
    a, b = explicit(*sample()[k])
    differences = [x - y for x, y in zip(_listed(a), _listed(b), strict=True)]
    used = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used + int(LIMIT), used + int(LIMIT) + 5))
    print("ready", flush=True)
    start = time.process_time()
    zero = all(sympy.simplify(d) == 0 for d in differences)
    print(json.dumps([time.process_time() - start, zero]), flush=True)


def by_sympy(k: int) -> tuple[float, bool] | None:
    """(seconds, whether it was shown), or None where the time was up."""
    command = [sys.executable, "-c", f"from benchmarks.judging import simplified; simplified({k})"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            out, _ = process.communicate(timeout=10 * LIMIT)  # of the clock, where the machine is busy
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    if not out:
        return None
    seconds, zero = json.loads(out)
    return seconds, zero


def by_judge(name: str, left: Expr, right: Expr) -> tuple[float, float, Verdict]:
    """(seconds in a new court, seconds in one that has seen the line, verdict), for every size."""
    court = Court(derive.load(name).system)
    times = []
    for _ in range(2):
        start = time.process_time()
        verdict = court.judge(left, right, explain=False)
        times.append(time.process_time() - start)
    return times[0], times[1], verdict
