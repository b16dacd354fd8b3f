"""For the tests of other projects: compare a network's symbolic gradients with numeric ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.crosscheck import CrossCheckFailed, Report, compare
from derive.network import Network, load, network
from derive.numeric import point
from derive.solution import Solution

__all__ = ["assert_gradients"]


def assert_gradients(
    net: Network | str | Any,
    values: dict[str, Any] | None = None,
    gradients: dict[str, Any] | None = None,
    *,
    points: int = 5,
    seed: int = 0,
    rtol: float = 1e-7,
) -> Report | None:
    """Fail, naming the gradient, the point, the entry, both values and the relative error, where two gradients differ.

    net: a Network, a gallery name, or a function to be read as one.
    Without values: the derived gradients against differences of the forward pass at `points` random points.
    With values: at that point. With gradients too (name -> array, from your own code or an autodiff library): yours
    against the derived ones, entry by entry, to the relative tolerance rtol.
    """
    solution = _solution(net)
    if values is None:
        if gradients is not None:
            raise TypeError("gradients are compared at a point: give its values too")
        return solution.crosscheck(points, seed).require()
    if gradients is None:
        report = Report(1, seed, "central differences")
        compare(solution.sweep, point(solution.system, values), report)
        return report.require()
    _compare(solution.evaluate(values), gradients, rtol)
    return None


def _solution(net: Any) -> Solution:
    if isinstance(net, str):
        net = load(net)
    return (net if isinstance(net, Network) else network(net)).solve()


def _compare(derived: dict[str, Any], given: dict[str, Any], rtol: float) -> None:
    unknown = sorted(set(given) - set(derived))
    if unknown:
        raise KeyError(f"no gradient of {', '.join(unknown)}; there are {', '.join(derived)}")
    for name, theirs in given.items():
        ours, mine = np.asarray(derived[name], dtype=float), np.asarray(theirs, dtype=float)
        if ours.shape != mine.shape:
            raise CrossCheckFailed(f"gradient of {name}: its shape is {ours.shape}, not {mine.shape}")
        scale = np.maximum(np.abs(ours), np.abs(mine))
        error = np.abs(ours - mine) / np.maximum(scale, 1e-12 + 1e-6 * scale.max(initial=0.0))
        error = np.where(np.isfinite(mine), error, np.inf)
        if error.size and error.max() > rtol:
            where = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape)) if error.shape else ()
            place = f"[{', '.join(map(str, where))}]" if where else ""
            raise CrossCheckFailed(
                f"gradient of {name}, entry {name}{place}: derived {ours[where]:.10g}, given {mine[where]:.10g}, "
                f"relative error {error[where]:.2e} (tolerance {rtol:.0e})"
            )
