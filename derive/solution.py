"""The solution of a network: the value object that everything after the sweep reads."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import Any

from derive.assume import Forced, forced_zeros
from derive.crosscheck import Report, crosscheck
from derive.expr import Expr, Instant, Var, at_time, rebuild
from derive.jacobian import Jacobian, Paths, jacobian, paths
from derive.numeric import Evaluator, Values, point
from derive.printing import Style, write
from derive.program import Program, straight_line
from derive.simplify import open_derivatives, simplify, size
from derive.sweep import Adjoint, Step, Sweep, differentiate
from derive.system import INDEX, NetworkError, System

CLOSED_FORM_LIMIT = 120  # symbols: a longer closed form explains nothing


class Solution:
    """Every adjoint with its steps, the gradients, their closed forms, their values, their check.

    adjoints, gradients: name -> expression, at generic t for what is indexed by time; keys are the network's own names.
    """

    def __init__(self, system: System, wrt: list[str] | None = None, sweep: Sweep | None = None, style: Style | None = None):
        self.system = system
        self.style = style or Style()
        self.sweep = sweep or differentiate(system)
        self.wrt = [system.find(name).key for name in wrt] if wrt is not None else list(system.independent)

    # -- formulas -------------------------------------------------------------------------------------------

    @cached_property
    def adjoints(self) -> dict[str, Expr]:
        return _Formulas({name: a.formula for name, a in self.sweep.adjoints.items()})

    @cached_property
    def gradients(self) -> dict[str, Expr]:
        return _Formulas({name: self.adjoints[name] for name in self.wrt})

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for a in self.sweep.adjoints.values() for line in a.lines for step in line.steps)

    def adjoint(self, name: str) -> Adjoint:
        """The adjoint's record: its terms, steps, boundary cases."""
        return self.sweep.adjoints[self.system.find(name).key]

    def boundary(self, name: str) -> dict[str, Expr]:
        """The formulas at the ends of time, by instant: {"T": …}."""
        return {str(when): line.formula for when, line in self.adjoint(name).boundary}

    @cached_property
    def closed_forms(self) -> dict[str, Expr | None]:
        """Gradients with every adjoint put in, those of recurrent states excepted; None where that is too long to read."""
        closing = _Closing(self.sweep)
        return {name: closing.close(name) for name in self.wrt}

    def jacobian(self, top: str, below: str, direct: bool = False) -> Jacobian:
        """∂top/∂below; names as in h, h[t], h[t-1]."""
        return jacobian(self.system, instant_of(self.system, top), instant_of(self.system, below), direct)

    def paths(self, parameter: str) -> Paths:
        """The gradient of a shared parameter as the double sum over t and k."""
        return paths(self.sweep, parameter)

    def zeros(self, *given: str) -> dict[str, Forced]:
        """Which gradients an assumption such as "z1 < 0" makes zero, and why."""
        return forced_zeros(self.sweep, list(given))

    # -- numbers --------------------------------------------------------------------------------------------

    def run(self, values: Values, T: int | None = None) -> Evaluator:
        """Both passes at these values."""
        return Evaluator(point(self.system, values, T)).forward().backward(self.sweep)

    def evaluate(self, values: Values, T: int | None = None) -> dict[str, Any]:
        """Every gradient at these values, as arrays; a sequence has one entry per t along its first axis."""
        done = self.run(values, T)
        return {name: done.collect(self.system.nodes[name], bar=True) for name in self.wrt}

    def program(self, sizes: dict[str, int] | None = None, T: int | None = None) -> Program:
        """The value and the gradients as scalar operations, for these sizes and this T."""
        keys = [w for w in self.wrt if w in self.system.independent]
        return straight_line(self.system, sizes or {}, T if T is not None else self.system.first, self.sweep, keys)

    def crosscheck(self, points: int = 5, seed: int = 0) -> Report:
        """Every gradient against differences of the forward pass."""
        return crosscheck(self.sweep, points, seed, [w for w in self.wrt if w in self.system.independent])

    # -- shows itself ---------------------------------------------------------------------------------------

    def lines(self, language: str = "text", style: Style | None = None) -> list[tuple[str, str]]:
        """(left, right) of every adjoint, boundary cases included."""
        style = style or replace(self.style, loss=self.sweep.loss.name)
        return [
            (write(line.node.adjoint, language, style), write(line.formula, language, style))
            for a in self.sweep.adjoints.values()
            for line in a.lines
        ]

    def __str__(self) -> str:
        lines = self.lines()
        wide = max(len(left) for left, _ in lines)
        head = f"{self.system.title}: adjoints of {self.sweep.loss.name}"
        return "\n".join([head, *(f"  {left:>{wide}} = {right}" for left, right in lines)])

    __repr__ = __str__

    def to_latex(self) -> str:
        """The adjoints as an align* environment (needs amsmath)."""
        rows = " \\\\\n".join(f"{left} &= {right}" for left, right in self.lines("latex"))
        return f"\\begin{{align*}}\n{rows}\n\\end{{align*}}"

    def _repr_latex_(self) -> str:
        rows = " \\\\\n".join(f"{left} &= {right}" for left, right in self.lines("latex"))
        return f"$$\\begin{{aligned}}\n{rows}\n\\end{{aligned}}$$"

    def to_html(self) -> str:
        """The adjoints as a table of MathML, without a script."""
        rows = "".join(
            f"<tr><td style='text-align:right'><math>{left}</math></td><td style='text-align:left'><math><mo>=</mo>{right}</math></td></tr>"
            for left, right in ((left[6:-7], right[6:-7]) for left, right in self.lines("mathml"))
        )
        return f"<table class='derive-solution'>{rows}</table>"

    _repr_html_ = to_html


def instant_of(system: System, name: str) -> Var:
    """The node of a name with an instant: h, h[t], h[t-1], h[T], h[0]."""
    found = re.fullmatch(r"(\w+)(?:\[(?:([tT])([+-]\d+)?|(-?\d+))\])?", name.replace(" ", ""))
    v = system.quantities.get(found[1]) if found else None
    if found is None or v is None:
        raise NetworkError(
            f"{system.name} has no quantity {name!r}; it has {', '.join(system.nodes)}, and an instant is t, t-1, T or a number"
        )
    base, offset, fixed = found[2], found[3], found[4]
    if base is None and fixed is None:
        return v
    if v.time is None:
        raise NetworkError(f"{name!r}: {v.name} is not a sequence")
    return v.at(Instant(base or "", int(fixed or offset or 0)))


class _Formulas(dict):
    """Expressions by name; a name that isn't there is answered with those that are."""

    def __missing__(self, name: str) -> Expr:
        raise KeyError(f"{name!r} is not among {', '.join(self)}")


class _Closing:
    """Substitution of adjoints into adjoints, in the order of the sweep, stopped at recurrent states and at a size."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.states = {v.name for v in sweep.system.initial}
        self.memo: dict[str, Expr | None] = {}

    def close(self, name: str) -> Expr | None:
        for earlier in self.sweep.adjoints:  # reverse order of computation: what a formula needs is closed first
            if earlier not in self.memo:
                self.memo[earlier] = self._close(earlier)
            if earlier == name:
                break
        return self.memo[name]

    def _close(self, name: str) -> Expr | None:
        formula = self.sweep.adjoints[name].formula
        needed = {v.name for v in formula.atoms(Var) if v.bar}
        if any(n not in self.states and self._long(n) for n in needed):
            return None

        def put_in(n: Expr) -> Expr:
            if not isinstance(n, Var) or not n.bar or n.name in self.states or n.name not in self.memo:
                return n
            if n.time is not None and (n.time.base != INDEX or self.sweep.adjoints[n.name].boundary):
                return n
            known = self.memo[n.name]
            assert known is not None
            return at_time(known, INDEX, n.time) if n.time is not None else known

        closed = simplify(open_derivatives(rebuild(formula, put_in))).expr
        return closed if size(closed) <= CLOSED_FORM_LIMIT else None

    def _long(self, name: str) -> bool:
        return name in self.memo and self.memo[name] is None


__all__ = ["Solution", "instant_of"]
