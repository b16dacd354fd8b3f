"""What an assumption on signs, z1 < 0, forces: which nodes are known, which gradients are zero whatever the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from derive.adjoint import pulls
from derive.crosscheck import random_point
from derive.expr import Expr, Instant, Map, Var, constant_value, is_zero, ones, rebuild, var, zeros
from derive.numeric import Evaluator
from derive.simplify import open_derivatives, simplify
from derive.sweep import Sweep
from derive.system import INDEX, NetworkError, System


@dataclass(frozen=True)
class Assumption:
    """A node whose every entry is negative, or positive."""

    node: Var
    sign: int

    def __str__(self) -> str:
        return f"{self.node} {'<' if self.sign < 0 else '>'} 0"


@dataclass(frozen=True)
class Forced:
    """One gradient under the assumption: zero, with the equalities that force it; or an example where it isn't; or neither."""

    gradient: str
    zero: bool
    reasons: tuple[tuple[Expr, Expr], ...] = ()
    example: float | None = None

    def __str__(self) -> str:
        if self.zero:
            return f"{self.gradient}: zero, because " + ", ".join(f"{a} = {b}" for a, b in self.reasons)
        if self.example is None:
            return f"{self.gradient}: undecided, no reason for a zero was found and no point where it isn't"
        return f"{self.gradient}: not forced to be zero; an example has {self.example:.4g}"


def assumption(system: System, text: str) -> Assumption:
    """Read `name < 0` or `name > 0`; of a sequence it is assumed at every instant of the equations."""
    found = re.fullmatch(r"\s*(\w+(?:\[\w+\])?)\s*(<|>)\s*0\s*", text)
    if not found:
        raise NetworkError(f"an assumption is `name < 0` or `name > 0`, not {text!r}")
    return Assumption(system.find(found[1]), -1 if found[2] == "<" else 1)


def forced_zeros(sweep: Sweep, given: list[str]) -> dict[str, Forced]:
    """For each gradient: whether the assumptions alone make it zero, and why; for the others a value that isn't."""
    assumed = [assumption(sweep.system, text) for text in given]
    facts = _Facts(assumed, sweep.system)
    for equation in sweep.system.ordered:
        facts.learn(equation.left, [equation.right])
    for name in (*(e.name for e in reversed(sweep.system.ordered)), *sweep.system.independent):
        adjoint = sweep.adjoints[name]
        facts.learn(adjoint.node.adjoint, [line.formula for line in adjoint.lines], only_zero=True)
    examples = _examples(sweep, assumed)
    result = {}
    for key, v in sweep.system.independent.items():
        if v.adjoint in facts.known:
            result[key] = Forced(key, True, facts.reasons(v.adjoint))
        else:
            sizes = [float(np.max(np.abs(e.collect(v, bar=True)))) for e in examples]
            result[key] = Forced(key, False, (), max(sizes, default=0.0) or None)
    return result


class _Facts:
    """Nodes and adjoints with a known constant value, and what each follows from. A sequence's holds at every instant."""

    def __init__(self, assumed: list[Assumption], system: System):
        self.first = system.first
        self.signs = {a.node: a.sign for a in assumed}
        self.known: dict[Expr, Expr] = {}
        self.because: dict[Expr, tuple[Expr, list[Expr]]] = {}

    def learn(self, node: Var, formulas: list[Expr], only_zero: bool = False) -> None:
        """A node is known where all its formulas, boundary cases included, come to the same constant."""
        used: list[Expr] = []
        values = [simplify(rebuild(f, lambda n: self._apply(n, used))).expr for f in formulas]
        value = values[0]
        constant = is_zero(value) or (not only_zero and constant_value(value) is not None)
        if constant and all(v is value for v in values):
            self.known[node] = value
            self.because[node] = (formulas[0], list(dict.fromkeys(used)))

    def _generic(self, v: Var) -> Var | None:
        """The node whose fact holds for this occurrence; None before the equations start, where a given value stands."""
        if v.time is None or v in self.signs or v in self.known:
            return v
        begins = self.first if not v.time.base else 0
        return v.at(Instant(INDEX)) if v.time.offset >= begins else None

    def _apply(self, n: Expr, used: list[Expr]) -> Expr:
        if isinstance(n, Var):
            node = self._generic(n)
            if node is not None and node in self.known:
                used.append(node)
                return self.known[node]
        if isinstance(n, Map) and isinstance(n.arg, Var) and n.fn.pieces is not None:
            node = self._generic(n.arg)
            if node is not None and node in self.signs:
                value = piece_of(n, self.signs[node])
                self.known.setdefault(n, value)
                used.append(n)
                return value
        return n

    def reasons(self, node: Expr) -> tuple[tuple[Expr, Expr], ...]:
        """The formula that is zero, and the known factors in it, back to the assumption."""
        found: dict[tuple[Expr, Expr], None] = {}
        stack = [node]
        while stack:
            here = stack.pop()
            if here not in self.because:
                found[here, self.known[here]] = None
                continue
            formula, used = self.because[here]
            if (here, formula) not in found:
                found[here, formula] = None
                stack.extend(reversed(used))
        return tuple(found)


def piece_of(n: Map, sign: int) -> Expr:
    """A function, or a derivative of it, on the side of the kink where its argument is known to be."""
    assert n.fn.pieces is not None
    z, cot = var("_z", n.shape), var("_cot", n.shape)
    piece = n.fn.pieces[sign > 0](z)
    for _ in range(n.order):
        slope = next((p.value for p in pulls(piece, cot) if p.leaf is z), zeros(n.shape))
        piece = open_derivatives(rebuild(slope, lambda e: ones(n.shape) if e is cot else e))
    return rebuild(piece, lambda e: n.arg if e is z else e)


def _examples(sweep: Sweep, assumed: list[Assumption], wanted: int = 5, tries: int = 600) -> list[Evaluator]:
    """Random points at which the assumptions hold, evaluated forwards and backwards; small sizes make them likely."""
    found: list[Evaluator] = []
    for seed in range(tries):
        at = random_point(sweep.system, np.random.default_rng([17, seed]), sizes=(1, 2) if seed % 2 else (2, 5), clear=False)
        run = Evaluator(at).forward()
        if all(np.all(a.sign * run.collect(a.node) > 0) for a in assumed):
            found.append(run.backward(sweep))
            if len(found) == wanted:
                break
    if not found:
        raise NetworkError(f"no point was found where {' and '.join(map(str, assumed))}: can that be?")
    return found


__all__ = ["Assumption", "Forced", "assumption", "forced_zeros", "piece_of"]
