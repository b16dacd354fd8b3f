"""What an assumption on signs, z1 < 0, forces: which nodes are known, which gradients are zero whatever the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from derive.crosscheck import random_point
from derive.expr import Expr, Map, Var, at_time, constant_value, is_zero, lin, rebuild, zeros
from derive.numeric import Evaluator
from derive.simplify import simplify
from derive.sweep import Sweep
from derive.system import NetworkError, System


@dataclass(frozen=True)
class Assumption:
    """A node whose every entry is negative, or positive."""

    node: Var
    sign: int

    def __str__(self) -> str:
        return f"{self.node} {'<' if self.sign < 0 else '>'} 0"


@dataclass(frozen=True)
class Forced:
    """One gradient under the assumption: zero, with the equalities that force it, or an example where it isn't."""

    gradient: str
    zero: bool
    reasons: tuple[tuple[Expr, Expr], ...] = ()
    example: float | None = None

    def __str__(self) -> str:
        if self.zero:
            return f"{self.gradient}: zero, because " + ", ".join(f"{a} = {b}" for a, b in self.reasons)
        return f"{self.gradient}: not forced to be zero; an example has {self.example:.4g}"


def assumption(system: System, text: str) -> Assumption:
    """Read `name < 0` or `name > 0`."""
    found = re.fullmatch(r"\s*(\w+(?:\[\w+\])?)\s*(<|>)\s*0\s*", text)
    if not found:
        raise NetworkError(f"an assumption is `name < 0` or `name > 0`, not {text!r}")
    return Assumption(system.find(found[1]), -1 if found[2] == "<" else 1)


def forced_zeros(sweep: Sweep, given: list[str]) -> dict[str, Forced]:
    """For each gradient: whether the assumptions alone make it zero, and why; for the others a value that isn't."""
    assumed = [assumption(sweep.system, text) for text in given]
    facts = _Facts(assumed)
    for equation in sweep.system.ordered:
        facts.learn(equation.left, equation.right)
    for name in (*(e.name for e in reversed(sweep.system.ordered)), *sweep.system.independent):
        adjoint = sweep.adjoints[name]
        facts.learn(adjoint.node.adjoint, adjoint.formula, only_zero=True)
    example = _example(sweep, assumed)
    result = {}
    for key, v in sweep.system.independent.items():
        zero = v.adjoint in facts.known
        value = None if zero else float(np.max(np.abs(example.collect(v, bar=True))))
        if not zero and value == 0.0:
            raise NetworkError(f"the gradient of {key} vanished at a random point, but no reason was found: undecided")
        result[key] = Forced(key, zero, facts.reasons(v.adjoint, sweep) if zero else (), value)
    return result


class _Facts:
    """Nodes and adjoints with a known constant value, and what each follows from."""

    def __init__(self, assumed: list[Assumption]):
        self.signs = {a.node: a.sign for a in assumed}
        self.known: dict[Expr, Expr] = {}
        self.because: dict[Expr, tuple[Expr, list[Expr]]] = {}

    def learn(self, node: Var, formula: Expr, only_zero: bool = False) -> None:
        used: list[Expr] = []
        value = simplify(rebuild(formula, lambda n: self._apply(n, used))).expr
        if is_zero(value) or (not only_zero and constant_value(value) is not None):
            self.known[node] = value
            self.because[node] = (formula, list(dict.fromkeys(used)))

    def _apply(self, n: Expr, used: list[Expr]) -> Expr:
        if n in self.known:
            used.append(n)
            return self.known[n]
        if isinstance(n, Map) and n.arg in self.signs and n.fn.pieces is not None:
            piece = n.fn.pieces[self.signs[n.arg] > 0](n.arg)
            value = piece if not n.order else _slope(piece, n)
            if value is not n:
                self.known.setdefault(n, value)
                used.append(n)
            return value
        return n

    def reasons(self, node: Expr, sweep: Sweep) -> tuple[tuple[Expr, Expr], ...]:
        """The formula that is zero, and the known factors in it, back to the assumption."""
        formula, used = self.because[node]
        found: list[tuple[Expr, Expr]] = [(node, formula)]
        for u in used:
            if u in self.because:
                found.extend(self.reasons(u, sweep))
            else:
                found.append((u, self.known[u]))
        return tuple(dict.fromkeys(found))


def _slope(piece: Expr, n: Map) -> Expr:
    """The derivative of a piece: of 0 it is 0, of x it is 1, of a x it is a."""
    from derive.adjoint import derivative, local_jacobian
    from derive.expr import ones, var

    if n.order != 1:
        return n
    if is_zero(piece):
        return zeros(n.shape)
    z = var("_z")
    scalar = rebuild(piece, lambda e: z if e is n.arg else e) if not n.shape else None
    if scalar is not None:
        return local_jacobian(scalar, z) if z not in local_jacobian(scalar, z).atoms(Var) else derivative(n.fn, 1, n.arg)
    return ones(n.shape) if piece is n.arg else lin([(constant_value(piece) or 1, ones(n.shape))], n.shape)


def _example(sweep: Sweep, assumed: list[Assumption]) -> Evaluator:
    """A random point at which the assumptions hold, forwards and backwards; the one with the fewest accidental zeros."""
    best: Evaluator | None = None
    fewest = 10**9
    for seed in range(400):
        at = random_point(sweep.system, np.random.default_rng([17, seed]))
        run = Evaluator(at).forward()
        if all(np.all(a.sign * run.collect(a.node) > 0) for a in assumed):
            run.backward(sweep)
            zeros_ = sum(not np.any(run.collect(v, bar=True)) for v in sweep.system.independent.values())
            if zeros_ < fewest:
                best, fewest = run, zeros_
    if best is None:
        raise NetworkError(f"no point was found where {' and '.join(map(str, assumed))}")
    return best


__all__ = ["Assumption", "Forced", "assumption", "at_time", "forced_zeros"]
