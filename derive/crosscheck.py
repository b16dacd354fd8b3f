"""Every gradient against finite differences of the forward pass, entry by entry, at random points and sizes.

Central differences with Richardson extrapolation over three steps, and complex steps where every function of the
network is analytic. One batched forward pass evaluates all the perturbed points.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from typing import Any

import numpy as np
import sympy

from derive.expr import ROW, Comp, Instant, Map, Opaque, Over, Var, postorder
from derive.jacobian import Jacobian
from derive.numeric import Evaluator, OpenValue, Point, point, smooth_function
from derive.sweep import Sweep
from derive.system import INDEX, LAST, NetworkError, System

Array = Any
STEPS = (4e-3, 2e-3, 1e-3)  # Richardson on three halvings: error ~ h^6, noise ~ 1e-13
TOLERANCE = {"complex step": 1e-10, "central differences": 1e-7}
KINK_DISTANCE = 0.05


class CrossCheckFailed(AssertionError):
    """A gradient that doesn't agree with the differences; the message names it, and the entry."""


@dataclass(frozen=True)
class Entry:
    """The worst entry of one gradient: where, both values, the relative error."""

    gradient: str
    index: tuple[int, ...]
    derived: float
    measured: float
    error: float
    method: str
    point: int = 0

    def __str__(self) -> str:
        place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return (
            f"gradient of {self.gradient}, entry {self.gradient}{place}, point {self.point}: derived {self.derived:.10g}, "
            f"{self.method} {self.measured:.10g}, relative error {self.error:.2e}"
        )


@dataclass
class Report:
    """Whether every entry agrees; the largest relative error over all, for each gradient, for each node's adjoint; where."""

    points: int
    seed: int
    method: str
    per_gradient: dict[str, float] = field(default_factory=dict)
    per_node: dict[str, float] = field(default_factory=dict)
    worst: dict[str, Entry] = field(default_factory=dict)
    sizes: list[dict[str, int]] = field(default_factory=list)
    lasts: list[int] = field(default_factory=list)

    @property
    def max_relative_error(self) -> float:
        return max([*self.per_gradient.values(), *self.per_node.values()], default=0.0)

    @property
    def passed(self) -> bool:
        return all(e.error <= TOLERANCE[e.method] for e in self.worst.values())

    @property
    def failures(self) -> list[Entry]:
        return [e for e in self.worst.values() if not e.error <= TOLERANCE[e.method]]

    def require(self) -> Report:
        """Raises CrossCheckFailed with the gradient, the entry, both values and the point."""
        if not self.passed:
            raise CrossCheckFailed("; ".join(str(e) for e in self.failures) + f" (seed {self.seed})")
        return self

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        head = (
            f"cross-check {verdict}: {self.points} points, largest relative error {self.max_relative_error:.1e} ({self.method})"
        )
        return "\n".join([head, *(f"  {k:10} {e:.1e}" for k, e in self.per_gradient.items()), *map(str, self.failures)])

    __repr__ = __str__


def crosscheck(sweep: Sweep, points: int = 5, seed: int = 0, keys: list[str] | None = None) -> Report:
    """Compare the derived adjoints with differences of the loss at `points` random points.

    keys: the gradients to compare; the adjoints of computed nodes are always compared.
    """
    system = sweep.system
    method = "complex step" if analytic(system) else "central differences"
    report = Report(points, seed, method)
    for k in range(points):
        at = random_point(system, np.random.default_rng([seed, k]))
        report.sizes.append({str(s): n for s, n in at.sizes.items()})
        report.lasts.append(at.last)
        compare(sweep, at, report, keys, k)
    return report


def compare(sweep: Sweep, at: Point, report: Report, keys: list[str] | None = None, number: int = 0) -> None:
    """Compare at one point, both methods where the network is analytic; keep the worst entry of each gradient."""
    system = sweep.system
    derived = Evaluator(at).forward().backward(sweep)
    methods = ["central differences", "complex step"] if report.method == "complex step" else ["central differences"]
    for key, v in system.nodes.items():
        computed = key not in system.independent
        if keys is not None and key not in keys and not computed:
            continue
        exact = np.asarray(derived.collect(v, bar=True), dtype=float)
        for method in methods:
            entry = _worst(key, exact, differences(sweep, at, v, method), method, number)
            old = report.worst.get(key)
            if old is None or _excess(entry) > _excess(old):
                report.worst[key] = entry
            if method == report.method:
                table = report.per_node if computed else report.per_gradient
                table[key] = max(table.get(key, 0.0), entry.error)


def _excess(e: Entry) -> float:
    return e.error / TOLERANCE[e.method] if np.isfinite(e.error) else float("inf")


def _worst(key: str, derived: Array, measured: Array, method: str, number: int) -> Entry:
    """The entry with the largest error, relative to the larger value; an absolute floor only excuses rounding."""
    scale = np.maximum(np.abs(derived), np.abs(measured))
    floor = 1e-2 * max(1.0, float(scale.max(initial=0.0)))
    error = np.abs(derived - measured) / np.maximum(scale, floor)
    error = np.where(np.isfinite(derived) & np.isfinite(measured), error, np.inf)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape)) if error.shape else ()
    return Entry(key, index, float(derived[index]), float(measured[index]), float(error[index]), method, number)


def differences(sweep: Sweep, at: Point, v: Var, method: str) -> Array:
    """The gradient with respect to v, measured on the forward pass alone."""
    if v.time is None or v.time.base != INDEX:
        return _of_one(sweep, at, v, method)
    instants = range(at.system.first, at.last + 1)
    return np.stack([_of_one(sweep, at, v.at(Instant("", t)), method) for t in instants])


def _of_one(sweep: Sweep, at: Point, v: Var, method: str) -> Array:
    base = at.given[v] if v in at.given else np.zeros(tuple(map(at.size, v.shape)))
    directions = np.eye(base.size).reshape(base.size, *base.shape)
    if method == "complex step":
        return np.imag(_losses(sweep, at, v, base + 1e-200j * directions)).reshape(base.shape) / 1e-200
    estimates = []
    for h in STEPS:
        both = _losses(sweep, at, v, np.concatenate([base + h * directions, base - h * directions]))
        estimates.append((both[: base.size] - both[base.size :]) / (2 * h))
    return _extrapolate(estimates).reshape(base.shape)


def _extrapolate(estimates: list[Array]) -> Array:
    """Richardson for halved steps of a formula with even error terms."""
    for k in count(1):
        if len(estimates) == 1:
            return estimates[0]
        estimates = [(4**k * fine - coarse) / (4**k - 1) for coarse, fine in pairwise(estimates)]
    raise AssertionError


def _losses(sweep: Sweep, at: Point, v: Var, batch: Array) -> Array:
    if v in at.given:
        moved, nudges = Point(at.system, {**at.given, v: batch}, at.sizes, at.last, at.functions), {}
    else:
        moved, nudges = at, {v: batch}
    loss = np.asarray(Evaluator(moved, nudges=nudges).forward().named[sweep.loss])
    return np.broadcast_to(loss, (len(batch),)) if loss.ndim == 0 else loss


# -- Jacobians ---------------------------------------------------------------------------------------------------


def check_jacobian(system: System, j: Jacobian, points: int = 3, seed: int = 0) -> float:
    """The largest relative error of a Jacobian against differences of the forward pass. Raises CrossCheckFailed where it is wrong."""
    method = "complex step" if analytic(system) else "central differences"
    worst = 0.0
    for k in range(points):
        entry = _jacobian_entry(system, j, random_point(system, np.random.default_rng([seed, k])), method, k)
        if not entry.error <= TOLERANCE[method]:
            raise CrossCheckFailed(str(entry).replace("gradient of", "Jacobian"))
        worst = max(worst, entry.error)
    return worst


def _jacobian_entry(system: System, j: Jacobian, at: Point, method: str, number: int) -> Entry:
    times = {INDEX: system.first + memory(system)}

    def placed(v: Var) -> Var:
        return v if v.time is None else v.at(Instant("", v.time.at({**times, LAST: at.last})))

    top, below = placed(j.top), placed(j.below)
    run = Evaluator(at).forward()
    exact = np.asarray(run.value(j.expr, times), dtype=float)
    base = np.asarray(run.named[below])
    directions = np.eye(base.size).reshape(base.size, *base.shape)

    def moved(batch: Array) -> Array:
        if j.direct:
            alone = Evaluator(at)
            alone.named = {**run.named, below: base + batch}
            return np.asarray(alone.value(system.by_name[top.name].right, {INDEX: top.time.offset} if top.time else {}))
        if below in at.given:
            return np.asarray(Evaluator(replace(at, given={**at.given, below: base + batch})).forward().named[top])
        return np.asarray(Evaluator(at, nudges={below: batch}).forward().named[top])

    if method == "complex step":
        measured = np.imag(moved(1e-200j * directions)) / 1e-200
    else:
        measured = _extrapolate([(moved(h * directions) - moved(-h * directions)) / (2 * h) for h in STEPS])
    measured = np.broadcast_to(measured, (base.size, *measured.shape[measured.ndim - len(j.top.shape) :]))
    columns = np.moveaxis(measured, 0, -1).reshape(exact.shape)
    return _worst(f"∂{j.top}/∂{j.below}", exact, columns, method, number)


# -- random points ------------------------------------------------------------------------------------------------


def analytic(system: System) -> bool:
    """Whether complex steps are valid: every function is analytic, and the open ones are ours."""
    nodes = [n for e in system.equations for n in postorder(e.right)]
    return all(n.fn.analytic for n in nodes if isinstance(n, Map)) and not any(
        isinstance(n, Comp) and n.record.kinks for n in nodes
    )


def memory(system: System) -> int:
    """The longest distance in time in the equations: for longer sequences every printed line is met."""
    nodes = [n for e in system.equations for n in postorder(e.right)]
    instants = [n.time for n in nodes if isinstance(n, Var | Opaque) and n.time is not None]
    instants += [i for n in nodes if isinstance(n, Over) for i in (n.lo, n.hi) if i.base]
    fixed = [abs(i.offset - system.first) for i in instants if not i.base]
    return max([1, *(abs(i.offset) for i in instants if i.base), *fixed])


def random_point(
    system: System, rng: np.random.Generator, last: int | None = None, sizes: tuple[int, int] = (2, 5), clear: bool = True
) -> Point:
    """Random values of moderate size, distinct dimensions of distinct random sizes, inside every domain, away from kinks.

    clear: False allows points on a kink.

    Raises NetworkError where no such point was found: the network leaves a domain (the log of something negative) almost everywhere.
    """
    symbols = sorted({s for v in system.quantities.values() for d in v.shape for s in d.free_symbols} - {ROW}, key=str)
    for attempt in range(400):
        pool = rng.permutation(np.arange(sizes[0], sizes[0] + max(len(symbols), sizes[1] - sizes[0] + 1)))
        chosen = {s: int(n) for s, n in zip(symbols, pool, strict=False)}
        final = last if last is not None else system.first + memory(system) + int(rng.integers(1, 3))
        scale = (0.3, 1.0) if attempt % 2 else (-1.0, 1.0)  # all positive on every second try: logarithms
        at = _draw(system, rng, chosen, final, scale)
        if _comfortable(at, clear):
            return at
    raise NetworkError(f"{system.name}: no random point keeps clear of the edges of its functions' domains")


def _draw(
    system: System, rng: np.random.Generator, sizes: dict[sympy.Symbol, int], last: int, scale: tuple[float, float]
) -> Point:
    values: dict[str, Any] = {}
    for key, v in system.independent.items():
        shape = tuple(int(d.xreplace(sizes)) for d in v.shape)
        if v.time is not None and v.time.base == INDEX:
            shape = (last - system.first + 1, *shape)
        values[key] = rng.uniform(*scale, shape)
    functions: dict[str, OpenValue] = {f.name: smooth_function(rng) for f in system.functions}
    return point(system, {**values, **functions}, last)


def _comfortable(at: Point, clear: bool = True) -> bool:
    """Whether every function is inside its domain and, if `clear`, clear of its kinks, so that a small step stays so."""
    with np.errstate(all="ignore"):
        try:
            evaluator = Evaluator(at).forward()
        except FloatingPointError:
            return False
    for memo in evaluator.memos.values():
        for node, value in memo.items():
            if not np.isfinite(value).all() or (isinstance(node, Map) and not _inside(node, memo[node.arg], clear)):
                return False
            if isinstance(node, Comp) and node.record.kinks and np.min(np.abs(value)) < KINK_DISTANCE:
                return False
    return not any(isinstance(n, Opaque) and n.order for memo in evaluator.memos.values() for n in memo)


def _inside(node: Map, x: Array, clear: bool = True) -> bool:
    fn = node.fn
    if fn.domain[0] > 0 and np.min(x) < KINK_DISTANCE:
        return False
    return not clear or all(np.min(np.abs(x - k)) >= KINK_DISTANCE for k in fn.kinks)
