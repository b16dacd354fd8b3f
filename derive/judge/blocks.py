"""Blocks in canonical forms: E_ij is 1 where i = before + j, so that [h; x] is E₁h + E₂x.

Two atoms belong to them. "block" with the index (i, j) is an entry of E. "upto" with the index (i,) is 1 where i is at most a
bound: Σ_j E_ij E_kj is the identity on the rows of E, the difference of two of these, and the sum over all blocks is the
identity. Everything here holds entry by entry, for sizes as they stand in the claim; what can't be told of them is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sympy

from derive.judge.labelling import Atom, Coef, Factor, atom, place, place_of

if TYPE_CHECKING:
    from derive.judge.forms import Mono, Poly, Ring

MADE = ("fn", "exp", "sum", "sign")  # atoms that are functions of an entry
PLACED = ("block", "upto")


def at_most(a: Any, b: Any) -> bool:
    """Whether a <= b for all sizes."""
    return bool(sympy.expand(b - a).is_nonnegative)


def block(ring: Ring, size: Any, before: Any, width: Any, i: int, j: int) -> Poly:
    """The entry of E at these labels."""
    if width == 1:
        return ring.delta(i, place(sympy.expand(before + 1)), size)
    if j < 0:
        return ring.delta(i, place(sympy.expand(before + place_of(j))), size)
    if i < 0:
        inside = sympy.expand(place_of(i) - before)
        if at_most(inside, 0) or at_most(width + 1, inside):
            return {}
        if at_most(1, inside) and at_most(inside, width):
            return ring.delta(j, place(inside), width)
    return _single(atom("block", before, (size, width), positive=True), (i, j))


def upto(size: Any, bound: Any, i: int) -> Poly:
    """1 where i <= bound."""
    if bound == 0:
        return {}
    if bound == size:
        return _single(None, ())
    if i < 0:
        if at_most(place_of(i), bound):
            return _single(None, ())
        if at_most(bound + 1, place_of(i)):
            return {}
    return _single(atom("upto", bound, (size,), positive=True), (i,))


def _single(a: Atom | None, index: tuple[int, ...]) -> Poly:
    return {frozenset(((((a, index), 1),)) if a is not None else ()): 1}


def placed(ring: Ring, a: Atom, index: Any) -> Poly:
    """An atom of this file at these labels."""
    if a.kind == "block":
        return block(ring, a.space[0], a.data, a.space[1], *index)
    return upto(a.space[0], a.data, *index)


# -- products -----------------------------------------------------------------------------------------------------


def folded(ring: Ring, powers: dict[Factor, Coef]) -> Poly | None:
    """A product with the relation of two of its factors used; None where no two of them have one."""
    found = [f for f in powers if f[0].kind in PLACED]
    for m, first in enumerate(found):
        for second in found[m + 1 :]:
            for a, b in ((first, second), (second, first)):
                if (new := _met(ring, a, b)) is not None:
                    rest = {f: e for f, e in powers.items() if f not in (a, b)}
                    return ring.mul(new, {frozenset(rest.items()): 1})
    return None


def _met(ring: Ring, a: Factor, b: Factor) -> Poly | None:
    """The product of two factors as another one."""
    (one, index), (other, at) = a, b
    if one.kind == "upto":
        if other.kind == "upto" and index == at and at_most(one.data, other.data):
            return _single(one, index)
        return None
    (size, width), (i, j), before = one.space, index, one.data
    if other.kind == "upto":
        if at != (i,):
            return None
        if at_most(before + width, other.data):
            return _single(one, index)
        if at_most(other.data, before):
            return {}
        inside = sympy.expand(other.data - before)
        return ring.mul(_single(one, index), upto(width, inside, j)) if at_most(0, inside) and at_most(inside, width) else None
    (k, m), start, end = at, other.data, sympy.expand(other.data + other.space[1])
    if k == i:  # entries of one row
        if one is other:
            return ring.mul(_single(one, index), ring.delta(j, m, width))
        if at_most(before + width, start):
            return {}
        if at_most(before, start) and at_most(end, before + width):
            return ring.mul(_single(other, at), block(ring, width, sympy.expand(start - before), other.space[1], j, m))
    if m == j and one is other:
        return ring.mul(_single(one, index), ring.delta(i, k, size))
    if k == j:  # a block of a block
        return ring.mul(_single(other, at), block(ring, size, sympy.expand(before + start), other.space[1], i, m))
    return None


# -- sums ---------------------------------------------------------------------------------------------------------


def summed(ring: Ring, mono: Mono, bound: Mapping[int, Any], times: frozenset[int]) -> Poly | None:
    """The sum of a product with blocks over these labels, where a rule for them applies."""
    for factor, _ in mono:
        a, index = factor
        if a.kind not in PLACED:
            continue
        rest = [(f, e) for f, e in mono if f != factor]
        alone = [k for k in index if k in bound and not _has(rest, k)]
        if alone:
            k = alone[0]
            left = {n: size for n, size in bound.items() if n != k}
            if a.kind == "upto":
                value = ring.number(a.data)
            elif k == index[0]:
                value = _single(None, ())
            else:
                value = _rows(ring, a, index[0])
            return ring.contract(ring.mul(value, {frozenset(rest): 1}), left, times)
        if a.kind == "block" and index[0] in bound and (moved := _pushed(ring, factor, rest, bound)) is not None:
            return ring.contract(moved, {n: size for n, size in bound.items() if n != index[0] or _within(moved, n)}, times)
    return _split(ring, mono, bound, times)


def _split(ring: Ring, mono: Mono, bound: Mapping[int, Any], times: frozenset[int]) -> Poly | None:
    """Σ_i f([h; x]_i) block by block."""
    inside = [f for f, _ in mono if f[0].kind in MADE and f[0].deltas]
    for i in dict.fromkeys(k for a, index in inside for k in index[: len(a.space)] if k in bound):
        if (parts := partition(inside, i, bound[i])) is not None:
            total: Poly = {}
            for poly, new in _on_blocks(ring, {mono: 1}, i, bound[i], parts):
                for m, c in ring.contract(poly, {**{n: s for n, s in bound.items() if n != i}, **new}, times).items():
                    total[m] = total.get(m, 0) + c
            return {m: c for m, c in total.items() if c}
    return None


def _on_blocks(ring: Ring, terms: Poly, i: int, size: Any, parts: list[tuple[Any, Any]]) -> Iterable[tuple[Poly, dict[int, Any]]]:
    """Eᵀ of what the label i runs along, for each block; with the label that takes its place."""
    k = 1 + max((i, *(n for mono in terms for (_, index), _ in mono for n in index if isinstance(n, int))))
    for before, width in parts:
        yield ring.contract(ring.mul(block(ring, size, before, width, i, k), terms), {i: size}), {k: width}


def partition(factors: Iterable[Factor], label: int, size: Any) -> list[tuple[Any, Any]] | None:
    """The blocks (before, width) into which the factors cut what a label runs along; None where they don't, or in no clear order."""
    cuts = [sympy.S.Zero, size]
    for cut in _cuts(factors, label):
        later = [k for k, c in enumerate(cuts) if at_most(cut, c)]
        if not later or not all(at_most(c, cut) for c in cuts[: later[0]]):
            return None
        if cuts[later[0]] != cut:
            cuts.insert(later[0], cut)
    return [(a, sympy.expand(b - a)) for a, b in pairwise(cuts)] if len(cuts) > 2 else None


def _cuts(factors: Iterable[Factor], label: int) -> set[Any]:
    found: set[Any] = set()
    single: set[Any] = set()
    seen: set[tuple[Factor, int]] = set()
    stack = [(f, label) for f in factors]
    while stack:
        (a, index), here = stack.pop()
        if ((a, index), here) in seen or here not in index[: len(a.space)]:
            continue
        seen.add(((a, index), here))
        if a.kind == "block" and index[0] == here:
            found |= {a.data, sympy.expand(a.data + a.space[1])}
        elif a.kind == "upto":
            found.add(a.data)
        elif a.kind == "delta" and min(index) < 0:
            single |= {place_of(min(index)) - 1, place_of(min(index))}
        slots = [k for k, n in enumerate(index[: len(a.space)]) if n == here]
        stack += [(f, k) for _, powers in a.terms for f, _ in powers for k in slots]
    return found | single if found else found


def apart(ring: Ring, terms: Poly) -> list[Poly]:
    """A form on each of the blocks into which it cuts one of its axes; none where it cuts none."""
    factors = [f for mono in terms for f, _ in mono]
    labels: dict[int, Any] = {}
    if any(a.kind in PLACED or a.deltas for a, _ in factors):
        labels = {n: size for a, index in factors for n, size in zip(index, a.space, strict=False) if n >= 0}
    for i, size in sorted(labels.items()):
        if (parts := partition(factors, i, size)) is not None:
            return [poly for poly, _ in _on_blocks(ring, terms, i, size, parts)]
    return []


def _rows(ring: Ring, a: Atom, i: int) -> Poly:
    """Σ_j E_ij: 1 on the rows of the block."""
    total = dict(upto(a.space[0], sympy.expand(a.data + a.space[1]), i))
    for mono, c in upto(a.space[0], a.data, i).items():
        total[mono] = total.get(mono, 0) - c
    return {m: c for m, c in total.items() if c}


def _has(powers: Iterable[tuple[Factor, Coef]], label: int) -> bool:
    return any(label in index[: len(a.space)] for (a, index), _ in powers)


def _within(terms: Poly, label: int) -> bool:
    return any(_has(mono, label) for mono in terms)


def _pushed(ring: Ring, factor: Factor, rest: list[tuple[Factor, Coef]], bound: Mapping[int, Any]) -> Poly | None:
    """Σ_i E_ij f(u_i) as f(Σ_i E_ij u_i); where j isn't summed, Σ_i E_ij u_i v_i as the product of two sums. None: as it is."""
    i, j = factor[1]
    here = [(f, e) for f, e in rest if i in f[1][: len(f[0].space)]]
    if any(f[0].kind in ("con", "delta", *PLACED) for f, _ in here):
        return None
    parts: list[Poly] = []
    left: list[tuple[Factor, Coef]] = []
    for f, e in here:
        rooted = e < 0 or e != math.floor(e)
        if f[0].kind in MADE:
            inner = ring.contract(ring.mul(_single(*factor), ring.opened(*f)), {i: bound[i]})
            parts.append(ring.power(ring.made(f[0], inner), e))
        elif rooted or (j not in bound and (len(here) > 1 or e != 1)):
            parts.append(ring.power(ring.contract(ring.mul(_single(*factor), _single(*f)), {i: bound[i]}), e))
        else:
            left.append((f, e))
    if not parts:
        return None
    others = [(f, e) for f, e in rest if (f, e) not in here]
    own = [(factor, 1), *left] if left else []
    return ring.product([{frozenset([*others, *own]): 1}, *parts])


__all__ = ["PLACED", "apart", "block", "folded", "placed", "summed", "upto"]
