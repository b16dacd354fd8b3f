"""Where a derivative is set to zero: normal equations and what follows from them, judged at points at which it is zero."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from derive.check import given
from derive.check.claims import Claim
from derive.check.lines import Line
from derive.check.numbers import evaluate
from derive.expr import DeriveError, Expr, Var, is_zero, lin, rebuild, zeros
from derive.reader import names
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import parse
from derive.reader.statements import Link
from derive.reader.syntax import Scripted, Symbol
from derive.reader.tokens import clean
from derive.system import System

if TYPE_CHECKING:
    from derive.check.checker import Checker

_POINT = r"(minim(um|a|i[sz]er)|maxim(um|a|i[sz]er)|optim(um|a)|extrem(um|a)|stationary|critical)"
_SET = re.compile(
    rf"\b(set(ting)?|put(ting)?|equat(e|ed|ing))\b[^.;]*\b(zero|0)\b|\b(set(ting)?|equating)\b"
    rf"|\b(at|in|for) (an?|the|any|every|its|this)? ?(\w+ )?{_POINT}\b"
    r"|\bstationarity\b|\bfirst[- ]order condition|\boptimality\b",
    re.IGNORECASE,
)
_SOLVED = re.compile(
    rf"{_SET.pattern}|\bnormal equations?\b|\bsolv(e|es|ed|ing)\b|\bsolution\b|\bclosed[- ]form\b|\boptimal\b|\b{_POINT}\b",
    re.IGNORECASE,
)
_NAME = r"\\?[a-zA-Z]+(?:[_^](?:\w|\{[^{}]*\}))*"
_BY = re.compile(
    rf"\\(?:partial|d)\s*({_NAME})\s*\}}|\\nabla_\{{?({_NAME})|\b(?:to|by|over|in)\s+(?:\$|\\\()({_NAME})(?:\$|\\\))"
)
_OTHERWISE = re.compile(r"\b(let|substitut\w+|initiali\w+|start\w*|write|writing|repara\w+)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!?]\s+(?=[A-Z$\\])")
DATA = frozenset("x X y Y t s z d p q target lambda lam eta mu epsilon".split())  # names by which nobody minimises
LATEST = 8  # lines after which nothing is stationary any longer
MOST = 6  # entries of what is solved for
STEP = 1e-4
NEAR = 1e-7


def said(before: str) -> bool:
    """Whether the sentence before a line sets something to zero."""
    return _SET.search(_SENTENCE.split(before)[-1]) is not None


def spoken(before: str) -> bool:
    """Whether the words before a line speak of a solution."""
    return _SOLVED.search(before) is not None and not _OTHERWISE.search(_SENTENCE.split(before)[-1])


def remember(checker: Checker, claim: Claim) -> None:
    """Note by what a line takes the derivative of the loss."""
    named = claim.left.atoms(Var) | claim.right.atoms(Var)
    checker.differentiated |= {v: len(checker.lines) for v in _inputs(checker) if v.adjoint in named}


def _inputs(checker: Checker) -> tuple[Var, ...]:
    system = checker.part.scope.system
    return system.declared if system is not None else ()


def _solving(checker: Checker) -> bool:
    return spoken(checker.said.before) or len(checker.lines) - checker.solved < LATEST


def where(checker: Checker, claims: list[Claim], line: Line) -> Line | None:
    """A line that holds where derivatives are zero, after words that set them to zero or speak of a solution."""
    system, zero = checker.part.scope.system, any(is_zero(e) for claim in claims[:1] for e in (claim.left, claim.right))
    told = zero and said(checker.said.before)
    bare = system is None or any(is_condition(claim, system) for claim in claims)
    if bare and not told:
        return None
    by = multiple(checker, claims) if told and not bare else None
    if by is not None:
        checker.solved = checker.differentiated[by] = len(checker.lines)
        return replace(line, verdict="agrees", reason=f"a multiple of the derivative by {by}, which is set to zero")
    if told and bare:
        checker.solved = len(checker.lines)
        for claim in claims:
            remember(checker, claim)
        return replace(line, verdict="definition", reason="a condition: something is set to zero")
    found = judged(checker, claims) if told or _solving(checker) else None
    if found is not None and found[0] == "agrees":
        checker.solved = len(checker.lines)
        return replace(line, verdict="agrees", reason=found[1], bound="1e-7, relative, in 2 points")
    if found is None and told:
        return replace(line, verdict="undecided", reason="a condition, of which no solution was found")
    return None


def solution(checker: Checker, link: Link, line: Line) -> Line | Claim | None:
    """w = (XᵀX)⁻¹Xᵀy, after words that speak of a solution: the derivative by w is zero there, or the claim is wrong."""
    if not isinstance(link.left, Symbol | Scripted) or not _solving(checker):
        return None
    claims = [c for c in checker.claims(link)[0] if c.left in _inputs(checker) and c.right.atoms(Var) and not c.strangers]
    found = judged(checker, claims[:1], claims[0].left) if claims and isinstance(claims[0].left, Var) else None
    if found is None:
        return None
    checker.solved = len(checker.lines)
    return replace(line, verdict="agrees", reason=found[1], bound="1e-7, relative, in 2 points") if found[0] == "agrees" else claims[0]


def is_condition(claim: Claim, system: System) -> bool:
    """∂L/∂w = 0: a side that vanishes with the derivatives by inputs, and zero."""
    left, right = claim.left, claim.right
    if is_zero(left):
        left, right = right, left
    if not is_zero(right):
        return False
    inputs = {v.adjoint for v in system.declared}
    put: Callable[[Expr], Expr] = lambda e: zeros(e.shape) if e in inputs else e  # noqa: E731
    return bool(left.atoms(Var) & inputs) and is_zero(rebuild(left, put))


def judged(checker: Checker, claims: list[Claim], left: Var | None = None) -> tuple[str, str] | None:
    """(verdict, reason) of a line at points where derivatives by inputs are zero; None where there is no telling."""
    system = checker.part.scope.system
    if system is None or system.loss is None or system.sequential:
        return None
    met = False
    for solved in _candidates(checker, claims, system, left):
        points = [_point(checker, system, solved, seed) for seed in (1, 2)]
        if any(p is None for p in points):
            continue
        met = True
        for claim in claims:
            if claim.strangers:
                return None
            sides = [[evaluate(checker.court(), e, p) for e in (claim.left, claim.right)] for p in points if p is not None]
            if all(x is not None and y is not None and np.allclose(x, y, rtol=NEAR, atol=NEAR) for x, y in sides):
                return "agrees", f"where the derivative by {', '.join(v.name for v in solved)} is zero"
            if any(x is None or y is None for x, y in sides):
                met = False
    return ("refuted", "the sides differ where the derivative is zero, too") if met else None


def _candidates(checker: Checker, claims: list[Claim], system: System, left: Var | None) -> Iterator[tuple[Var, ...]]:
    """What may have been solved for: the left side, by what derivatives were taken, or parameters that are named."""
    inputs = [v for v in system.declared if v.time is None]
    named = {n for claim in claims for side in (claim.left, claim.right) for n in side.atoms(Var)}
    spoken_of = _in_words(checker)
    taken = [
        v
        for v in inputs
        if v in spoken_of or v.adjoint in named or len(checker.lines) - checker.differentiated.get(v, -LATEST) < LATEST
    ]
    if left is not None:
        taken = [left, *(v for v in taken if v is not left)]
    found = taken or [v for v in inputs if v in named and v.name not in DATA]
    yield from ((v,) for v in found)
    both = (
        taken if left is None else [left, *(v for v in inputs if v is not left and v.name not in DATA)]
    )  # b may have been put in
    yield from (pair for pair in combinations(both, 2) if left is None or left in pair)


def _in_words(checker: Checker) -> set[Var]:
    """By what derivatives are taken in the words before a line: ∂L/∂w, ∇_w, "with respect to w"."""
    scope, found = checker.part.scope, set()
    for match in _BY.finditer(checker.said.before):
        try:
            node = parse(clean(next(t for t in match.groups() if t)), scope.words)
        except DeriveError:
            continue
        known = names.find(Meaning(scope, Reading(), checker.said.before), node) if isinstance(node, Symbol | Scripted) else None
        if known is not None and isinstance(known.expr, Var) and not known.bar:
            found.add(known.expr)
    return found


def multiple(checker: Checker, claims: list[Claim]) -> Var | None:
    """XᵀP − XᵀY = 0: by what a side is a multiple of the derivative of the loss, and the other zero."""
    system = checker.part.scope.system
    sizes = [s for v in system.declared for d in v.shape for s in d.free_symbols] if system is not None else []
    scales = [sympy.S.One, *(x for s in dict.fromkeys(sizes) for x in (s, 1 / s))]
    for claim in claims:
        side = claim.right if is_zero(claim.left) else claim.left
        for v in system.declared if system is not None else ():
            if v.name in DATA or v.shape != side.shape or not (is_zero(claim.left) or is_zero(claim.right)):
                continue
            for c in [sign * factor * k for factor in (1, 2, sympy.Rational(1, 2)) for k in scales for sign in (1, -1)]:
                if checker.left() > 0.3 and given.equal(checker, side, lin([(c, v.adjoint)], v.shape)):
                    return v
    return None


def _point(checker: Checker, system: System, solved: tuple[Var, ...], seed: int) -> dict[str, Any] | None:
    """Numbers for the inputs at which the derivatives by some of them are zero, by Newton's method."""
    rng = np.random.default_rng(seed)
    small = list(dict.fromkeys(s for v in solved for d in v.shape for s in d.free_symbols))
    others = [s for s in dict.fromkeys(s for v in system.declared for d in v.shape for s in d.free_symbols) if s not in small]
    sizes = {s: k + 2 for k, s in enumerate(small)} | {s: k + 5 for k, s in enumerate(others)}
    shapes = {v: tuple(int(d.xreplace(sizes)) for d in v.shape) for v in system.declared}
    if sum(int(np.prod(shapes[v])) for v in solved) > MOST or any(v.time is not None for v in system.declared):
        return None
    values: dict[Var, np.ndarray] = {
        v: np.round(rng.uniform(0.5, 1.5, shapes[v]) * rng.choice((-1, 1), shapes[v]), 3) for v in system.declared
    }
    values.update({v: np.abs(values[v]) for v in system.declared if not v.shape})

    def given(x: np.ndarray) -> dict[str, Any]:
        at, found = 0, dict(values)
        for v in solved:
            n = int(np.prod(shapes[v]))
            found[v] = x[at : at + n].reshape(shapes[v])
            at += n
        return {v.key: _exact(a) for v, a in found.items()}

    def slope(x: np.ndarray) -> np.ndarray | None:
        parts = [evaluate(checker.court(), v.adjoint, given(x)) for v in solved]
        return (
            None
            if any(p is None for p in parts) or checker.left() < 0.3
            else np.concatenate([np.ravel(p) for p in parts if p is not None])
        )

    start = np.concatenate([np.ravel(values[v]) for v in solved])
    for factor in (1.0, 0.5, 0.25, 2.0):
        x = _root(slope, factor * start)
        if x is not None:
            ends = given(x)
            return ends if all(np.abs(np.array(ends[v.key], dtype=float)).max() > NEAR for v in solved) else None
    return None


def _root(slope: Callable[[np.ndarray], np.ndarray | None], x: np.ndarray) -> np.ndarray | None:
    """Where a slope is zero, by Newton's method; None where it finds none."""
    for _ in range(12):
        g = slope(x)
        moved = [slope(x + STEP * e) for e in np.eye(len(x))] if g is not None else [None]
        if g is None or any(m is None for m in moved):
            return None
        if float(np.abs(g).max()) < NEAR / 100:
            return x
        curve = np.array([(m - g) / STEP for m in moved if m is not None]).T
        if not np.isfinite(curve).all() or np.linalg.cond(curve) > 1e8:
            return None
        x = x - np.linalg.solve(curve, g)
        if float(np.abs(x).max()) > 1e6:
            return None
    return None


def _exact(a: np.ndarray) -> Any:
    return [_exact(b) for b in a] if a.ndim else f"{float(a):.15f}"


__all__ = ["LATEST", "is_condition", "judged", "multiple", "remember", "said", "solution", "spoken", "where"]
