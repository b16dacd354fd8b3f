"""A name with its scripts to a quantity: which script is part of the name, which a time, which an index, which an exponent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import sympy

from derive.expr import Expr, Instant, Over, Var, at_time, ein, jac, lin, var
from derive.reader import windows
from derive.reader.scope import LOSSES, Key, Named, Scope, flat, plain_tag
from derive.reader.syntax import (
    Commas,
    Fence,
    Fraction,
    Node,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Symbol,
    Words,
    unscripted,
)
from derive.reader.tokens import GREEK, Unreadable
from derive.reader.values import Chain, Value, entry, number, scale, sum_over, transposed

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

__all__ = ["Found", "find", "instant", "script_items", "value_of"]

MOST_SCRIPTS = 60  # signs in one subscript
WHOLE = Symbol(":")  # in the place of an index: a row or a column


@dataclass(frozen=True)
class Found:
    """A resolved name: its meaning, the instant, the indices that are left, the exponent that is left."""

    named: Named
    instant: Instant | None
    places: tuple[Node, ...]
    exponent: Node | None
    primes: int
    bar: bool

    @property
    def expr(self) -> Expr:
        return self.named.at(self.instant)


def script_items(node: Node | None) -> list[Node]:
    """The items of a script: those between commas, or the signs side by side."""
    match node:
        case None:
            return []
        case Commas():
            return [item for part in node.items for item in script_items(part)]
        case Product() if all(op == "" for op, _ in node.factors):
            return [item for _, part in node.factors for item in script_items(part)]
        case Fence(kind="paren" | "bracket") if isinstance(node.body, Commas):
            return script_items(node.body)
    return [node]


def instant(m: Meaning, node: Node) -> Instant | None:
    """t, t-1, T, 3: an instant; None where it isn't one."""
    match node:
        case Fence():
            return instant(m, node.body)
        case Number() if node.text.isdigit() and len(node.text) < 7:
            return Instant("", int(node.text))
        case Scripted(base=Symbol(head="t"), sup=None, primes=0) if isinstance(node.sub, Number) and node.sub.text.isdigit():
            return Instant("", int(node.sub.text))  # h_{t_1}
        case Symbol() if not node.accents and (len(node.head) == 1 or node.head in ("tau", "ell")) and node.head.isalpha():
            return Instant("T" if node.head in m.scope.last else "t" if node.head == m.scope.clock else node.head)
        case Sum() if (
            len(node.terms) == 1 and node.terms[0][0] == -1 and m.scope.system is not None and m.scope.system.first <= 0
        ):
            at = instant(m, node.terms[0][1])  # h_{-1}, where time begins at 0
            return Instant("", -at.offset) if at is not None and not at.base else None
        case Sum(terms=((-1, Number() as number_),)) if number_.text.isdigit() and len(number_.text) < 4:
            return Instant("", -int(number_.text))  # h_{-1}
        case Sum() if len(node.terms) == 2:
            (s1, a), (s2, b) = node.terms
            if s1 == 1 and isinstance(b, Number) and b.text.isdigit() and len(b.text) < 7:
                base = instant(m, a)
                return base.shifted(s2 * int(b.text)) if base is not None else None
            if s1 == 1 and s2 == 1 and isinstance(a, Number) and a.text.isdigit():
                base = instant(m, b)
                return base.shifted(int(a.text)) if base is not None and len(a.text) < 7 else None
    return None


def _time_like(m: Meaning, node: Node) -> bool:
    """Whether a script of one letter speaks of time by its letter: t, T, t-1."""
    when = instant(m, node)
    return when is not None and (
        when.base in m.scope.times or when.base in m.clocks or (when.base != "" and isinstance(node, Sum))
    )


def speaks_of_time(m: Meaning, node: Node) -> bool:
    """t, T and t-1 in scripts and limits."""
    if isinstance(node, Scripted):
        return any(
            _time_like(m, i)
            for s in (node.sub, node.sup)
            for i in ([s] if isinstance(s, Fence) else script_items(s))
            if not (s is node.sup and isinstance(i, Symbol) and i.head in ("T", "top"))
        )
    return isinstance(node, Symbol) and node.head in ("t", m.scope.clock)


def raises_time(m: Meaning, node: Node) -> bool:
    """Whether a sequence has its instant above, without brackets: a^l, a^{l-1}, a^1."""
    if m.scope.time != "both":
        return m.scope.time == "superscript"
    if not isinstance(node, Scripted) or not isinstance(node.base, Symbol) or flat(node.sup) in ("", "2", "T", "top"):
        return False
    if isinstance(node.sup, Fence) or not any(n.sequential for n in m.scope.candidates(node.base.head, node.base.accents)):
        return False
    when = instant(m, node.sup) if node.sup is not None else None
    return when is not None and (not when.base or when.base in (*m.scope.times, *m.scope.last, m.scope.clock, "t", "T"))


def find(m: Meaning, node: Node) -> Found | None:
    """The meaning of a symbol with scripts, or None where no reading of its scripts fits a known name."""
    if m.settled_names is not None:
        known = m.settled_names.get(id(node))
        if known is None:
            known = m.settled_names[id(node)] = (node, _carried(m, _found(m, node)))
        return known[1]
    return _carried(m, _found(m, node))


def _carried(m: Meaning, found: Found | None) -> Found | None:
    """u after u = e^{z_k} as u_k, in the reading that has it so."""
    if found is None or not m.reading.carried or not found.named.carried or found.places:
        return found
    return replace(found, places=tuple(map(Symbol, found.named.carried)))


def _found(m: Meaning, node: Node) -> Found | None:
    sub, sup, primes = (node.sub, node.sup, node.primes) if isinstance(node, Scripted) else (None, None, 0)
    power = isinstance(sup, Sum | Product | Scripted | Fraction) and sub is None and instant(m, sup) is None
    if power and isinstance(node, Scripted) and node.base == Symbol("e"):
        return None  # e^{-x}, though the network has an e
    if isinstance(node, Scripted) and sub == Words(""):
        return _found(m, replace(node, sub=None))  # z_{}
    base = unscripted(node)
    if not isinstance(base, Symbol):
        return None
    if isinstance(sub, Relation) and sub.ops == ("=",):
        sub = sub.parts[1]  # u_{w=o} is u_o
    if sub is None and isinstance(sup, Product) and _upper(m, base, sup):
        sub, sup = sup, None
    options: list[tuple[tuple[int, ...], Found]] = []
    for accents, bar in _accents(base.accents):
        for head_accents, left_primes in [(accents, primes)] + ([((*accents, "prime"), primes - 1)] if primes else []):
            for named in m.scope.candidates(base.head, head_accents):
                options += [
                    (
                        (*score[:2], -left_primes, *score[2:], _fitting(m, named, places)),
                        Found(named, when, places, exponent, left_primes, bar),
                    )
                    for score, when, places, exponent in _ways(m, named, sub, sup)
                ]
        if options and not bar:
            break
    if not options and isinstance(node, Scripted):
        for last in (False, True):
            if (moved := _example(sub, sup, last)) is not None:
                found = _found(m, replace(node, sub=moved[0], sup=moved[1]))
                if found is not None or sub is None:
                    return found
    if not options:
        options = _entries(m, base, sub, sup, primes)
    options = [o for o in options if o[0][-1] > -4 or not o[1].named.introduced]
    if base.head in LOSSES:  # L_i = log Σ_j e^{s_{ij}}, and the loss L
        options = [o for o in options if o[1].places or not (o[1].named.introduced and o[1].named.letters)]
    return max(options, key=lambda o: (o[0][-1] > -4, *o[0]))[1] if options else None


def _upper(m: Meaning, base: Symbol, sup: Product) -> bool:
    """A^{ij}: the indices of an entry stand above, where no name has these letters above it."""
    items = [n for op, n in sup.factors if not op]
    letters = [n.base if isinstance(n, Scripted) and n.primes and n.sub is None and n.sup is None else n for n in items]
    if len(items) != len(sup.factors) or not all(isinstance(n, Symbol) and n.head.islower() and not n.accents for n in letters):
        return False
    known = m.scope.candidates(base.head, base.accents)
    return any(len(n.expr.shape) == len(items) for n in known) and not any(n.tag for n in known)


def _example(sub: Node | None, sup: Node | None, last: bool) -> tuple[Node, Node | None] | None:
    """x^{(i)} and a^{[2](i)}: the number of an example stands above; read as the first or last index below. None where there is none."""
    parts = [n for _, n in sup.factors] if isinstance(sup, Product) else [sup] if sup is not None else []
    at = next(
        (k for k, n in enumerate(parts) if isinstance(n, Fence) and n.kind == "paren" and isinstance(n.body, Symbol | Number)),
        None,
    )
    if at is None:
        return None
    chosen = parts[at]
    assert isinstance(chosen, Fence)
    rest = parts[:at] + parts[at + 1 :]
    above = (
        None
        if not rest
        else rest[0]
        if len(rest) == 1
        else Product(tuple(("", n) for n in rest), start=rest[0].start, end=rest[-1].end)
    )
    items = (*script_items(sub), chosen.body) if last else (chosen.body, *script_items(sub))
    below: Node = chosen.body if sub is None else Commas(items, start=sub.start, end=sub.end)
    return below, above


def _entries(m: Meaning, base: Symbol, sub: Node | None, sup: Node | None, primes: int) -> list[tuple[tuple[int, ...], Found]]:
    """x_{nj} for the entries of X: a small letter with as many indices as the matrix of its capital has axes."""
    if len(base.head) != 1 or not base.head.islower() or base.head in m.scope.functions:
        return []
    found = []
    for named in m.scope.names.get((base.head.upper(), base.accents), []):
        for score, when, places, exponent in _ways(m, named, sub, sup):
            if len(places) == len(named.expr.shape) == 2:
                found.append(
                    (
                        (*score[:2], -primes, *score[2:], _fitting(m, named, places)),
                        Found(named, when, places, exponent, primes, False),
                    )
                )
    return found


def _may_index(node: Node) -> bool:
    """Whether a script can be an index: one Latin letter, a number, or something written with them."""
    return not isinstance(node, Symbol) or len(node.head) == 1 or node.head == "ell" or node.head.startswith("_")


def _fitting(m: Meaning, named: Named, places: tuple[Node, ...]) -> int:
    """How well indices fit a meaning: by what their letters run over elsewhere, and by the letters with which it was defined."""
    score = -2 if named.letters and not places else 0  # L_i, where L is another thing
    score -= 20 if m.reading.entries and named.axis is not None else 0
    shape = indexed_shape(named, places)
    for k, (place, size) in enumerate(zip(places, shape, strict=False)):
        if isinstance(place, Symbol) and not place.accents:
            known = m.label_sizes.get(place.head)
            if (hot := m.scope.onehot.get(place.head)) is not None and hot.expr.shape:
                known = hot.expr.shape[-1]
            score += 0 if known is None else 4 if known == size else -8
        letter = flat(place).rstrip("'")
        if k < len(named.letters):
            score += 1 if named.letters[k] == letter else -1 if named.axis is not None else 0
    return score


def indexed_shape(named: Named, places: tuple[Node, ...]) -> tuple:
    """The sizes that so many indices run over: of u_w, column w of U, the second; of an entry of R^{1 × n} the long one."""
    shape = named.expr.shape
    if len(places) == 1 and len(shape) == 2 and (named.axis == 1 or shape[0] == 1):
        return shape[1:]
    return shape


def _accents(accents: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bool]]:
    yield accents, False
    if accents and accents[-1] == "bar":
        yield accents[:-1], True
    elif "bar" in accents:
        yield tuple(a for a in accents if a != "bar"), True


def _ways(
    m: Meaning, named: Named, sub: Node | None, sup: Node | None
) -> Iterator[tuple[tuple[int, ...], Instant | None, tuple[Node, ...], Node | None]]:
    """Every division of the scripts into tag, time, indices and exponent that this meaning allows, with a score."""
    items = script_items(sub)
    rank = len(named.expr.shape)
    if len(items) > MOST_SCRIPTS:
        return
    for tag, when, exponent, fits in _sup_roles(m, named, sup, len(items)):
        for cut in range(len(items) + 1):
            head, rest = items[:cut], items[cut:]
            if WHOLE in head:
                break  # W_{:,i} is a column, and no row of a W_:
            written = plain_tag("".join(map(flat, head)))
            if named.tag not in (written + tag, tag + written) or (named.above and tag != named.above):
                continue
            weight = 0 if fits < 0 else len(named.tag)  # B^2 is the square of B, where there is a B
            yield from _rest(m, named, rest, when, exponent, (weight, fits), rank)
    if items and not named.tag and sup is None:
        return


def _sup_roles(
    m: Meaning, named: Named, sup: Node | None, indices: int = 0
) -> Iterator[tuple[str, Instant | None, Node | None, int]]:
    """(tag, time, exponent, score) that a superscript may be, beside so many signs in the subscript."""
    if sup is None:
        yield "", None, None, 0
        return
    fenced = isinstance(sup, Fence)
    when = instant(m, sup) if named.sequential and (fenced or flat(sup) != "-1") else None
    if isinstance(sup, Fence) and isinstance(sup.body, Commas):  # h^{(l, t)}
        for k, item in enumerate(sup.body.items):
            others = plain_tag("".join(flat(o) for j, o in enumerate(sup.body.items) if j != k))
            if named.sequential and (at := instant(m, item)) is not None:
                yield others, at, None, 3
    if isinstance(sup, Commas) or (isinstance(sup, Product) and len(sup.factors) == 2):
        parts = list(sup.items) if isinstance(sup, Commas) else [n for _, n in sup.factors]
        last = parts[-1]
        if flat(last) in ("T", "top") or (isinstance(last, Number) and isinstance(parts[0], Fence)):  # W^{(2)\top}, g^{(t)2}
            for tag, at, _, score in _sup_roles(m, named, parts[0], indices):
                if not (isinstance(parts[0], Symbol) and tag == "" and at is None):
                    yield tag, at, last, score + 1
    above = fenced or m.raised or flat(sup) != "T" or not indices  # h_k^T is the transpose of h_k
    if when is not None and above and (fenced or (_time_like(m, sup) and flat(sup) != "T") or named.tag == ""):
        yield "", when, None, 3 if fenced else 0 if flat(sup) == "2" and not m.raised else 1  # h_1^2 is a square
    text = plain_tag(flat(sup))
    if (text and text == named.tag) or (text and named.tag.endswith(text)) or (text and named.tag.startswith(text)):
        yield text, None, None, -1 if isinstance(sup, Number) else 2
    if (not fenced or _computed(sup)) and _may_be_exponent(m, sup, len(named.expr.shape) - (0 if named.tag else indices)):
        yield "", None, sup, 1 if flat(sup) in ("top", "T", "2", "-1") else 0


def _computed(sup: Node) -> bool:
    """w^{(1 - 1)}: an exponent that is worked out."""
    return isinstance(sup, Fence) and isinstance(sup.body, Sum) and all(isinstance(n, Number) for _, n in sup.body.terms)


def _may_be_exponent(m: Meaning, sup: Node, rank: int) -> bool:
    """Whether a superscript may be a power or a transpose: a letter that is nothing else is part of the name, and so is a word."""
    if isinstance(sup, Product) and flat(sup).isalpha() and len(flat(sup)) > 2 and all(not op for op, _ in sup.factors):
        return False  # W^{new}
    if isinstance(sup, Product) and all(isinstance(f, Fence) and not op for op, f in sup.factors):
        return False  # z^{[1](i)}
    if not isinstance(sup, Symbol):
        return True
    if rank == 1:
        return sup.head in ("top", "T", "H", "t", "tr", "dagger")
    if sup.head in ("top", "T", "H", "t", "tr", "n", "m", "k", "p", "N", "dagger", "star") and flat(sup) not in ("star",):
        return True
    return sup.head in m.scope.sizes or (sup.head, sup.accents) in m.scope.names


COUNTING = frozenset("alpha beta kappa nu rho omega".split())  # Greek letters that may count the entries of a vector


def _rest(
    m: Meaning, named: Named, rest: list[Node], when: Instant | None, exponent: Node | None, score: tuple[int, int], rank: int
) -> Iterator[tuple[tuple[int, ...], Instant | None, tuple[Node, ...], Node | None]]:
    """The items of a subscript after the tag: a time where one is missing, then indices."""
    if named.axis is not None and not rest:
        return  # u is no name where u_w is a column of U
    full = len(rest) == rank > 1 or (named.axis is not None and len(rest) == 1)  # h_{iα}: every place is said; u_ω
    full = full or (len(rest) == rank == 1 and isinstance(rest[0], Symbol) and rest[0].head in COUNTING)
    if not all(
        _may_index(r) or (isinstance(r, Symbol) and r.head in GREEK and not r.accents and (full or r.head in m.greek))
        for r in rest
    ):
        return
    if (
        named.sequential
        and when is None
        and m.timeless
        and rest
        and len(rest) <= rank
        and all(isinstance(r, Symbol) and not _time_like(m, r) for r in rest)
    ):
        yield (*score, 3, 0), None, tuple(rest), exponent  # y_k in a relation that speaks of no time: entry k
    if named.sequential and when is None and len(rest) == rank > 1 and all(isinstance(r, Symbol) and not _time_like(m, r) for r in rest):
        yield (*score, 2, 0), None, tuple(rest), exponent  # w_{jk} of a layer that isn't said
    if named.sequential and when is None:
        for k in [0, len(rest) - 1] if len(rest) > 1 else [0] if rest else []:
            at = instant(m, rest[k])
            if at is not None and at.base not in m.counted:
                places = tuple(rest[:k] + rest[k + 1 :])
                if len(places) <= rank:
                    yield (*score, 2 if _time_like(m, rest[k]) else 1, -k), at, places, exponent
    for spread in spread_digits(rest, rank):
        if len(spread) <= rank and not (named.sequential and when is None and rest and len(spread) == len(rest) and rank == 0):
            yield (*score, 1 if when is not None or not named.sequential else 0, 0), when, tuple(spread), exponent


def spread_digits(rest: list[Node], rank: int) -> Iterator[list[Node]]:
    """W_{12}: an entry of a matrix, written without a comma."""
    if len(rest) == 1 and isinstance(rest[0], Number) and len(rest[0].text) == 2 and rank == 2 and rest[0].text.isdigit():
        n = rest[0]
        yield [Number(n.text[0], start=n.start, end=n.start + 1), Number(n.text[1], start=n.start + 1, end=n.end)]
        return
    yield rest


# -- values -------------------------------------------------------------------------------------------------------


def value_of(m: Meaning, node: Node) -> Value:
    """The value of a name. Raises Unreadable where it has no meaning."""
    base = unscripted(node)
    assert isinstance(base, Symbol)
    if (base.head, base.accents) in m.local:
        value = m.local[base.head, base.accents]
        return m.scripted_value(value, node) if isinstance(node, Scripted) else value
    found = find(m, node)
    if found is not None:
        return finished(m, found, node)
    around = windows.member(m, node)
    if around is not None:
        return around
    special = _special(m, node, base)
    if special is not None:
        return special
    tangent = _tangent(m, node, base)
    if tangent is not None:
        return tangent
    error = _error(m, node, base)
    if error is not None:
        return error
    stranger = _stranger(m, node, base)
    if stranger is not None:
        return stranger
    tiled = _tiled(m, node)
    if tiled is not None:
        return tiled
    free = _free_scalar(m, node, base)
    if free is not None:
        return free
    raise unknown(m, node)


def _tiled(m: Meaning, node: Node) -> Value | None:
    """B in Y = X W + B, beside a vector b: b in every row of a batch, or in every column of one whose examples are columns."""
    if not isinstance(node, Symbol) or node.accents or not (len(node.head) == 1 and node.head.isupper()) or (node.head, ()) in m.local:
        return None
    if (node.head, ()) in m.scope.names or m.scope.system is None or node.head not in m.terms:
        return None
    small = [n.expr for n in m.scope.names.get((node.head.lower(), ()), []) if not n.tag and isinstance(n.expr, Var) and not n.introduced]
    shape = tuple(d for d in small[0].shape if d != 1) if len(small) == 1 and not small[0].bar else ()
    batches = [e.left.shape for e in m.scope.system.equations if len(e.left.shape) == 2]
    batches = [s for s in batches if len(shape) == 1 and (s[0] == shape[0]) != (s[1] == shape[0])]
    axis = next((k for k in (1, 0) if any(s[k] == shape[0] for s in batches)), None)
    if axis is None or small[0] not in m.scope.system.declared:
        return None
    m.notes.append(f"{m.text(node)} read as {small[0].name} in every {'row' if axis else 'column'}")
    every = tuple(range(len(small[0].shape)))
    return m.spread(Value(ein([(small[0], every)], tuple(k for k in every if small[0].shape[k] != 1))), "rows" if axis else "columns")


def _free_scalar(m: Meaning, node: Node, base: Symbol) -> Value | None:
    """A letter that nothing explains: any number. What holds for every number holds; what doesn't is not read."""
    sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
    if not base.head.isalnum():
        return None
    if (
        not m.free_scalars
        or base.head in ("I", "ones", "zero", "infty", "d", "top")
        or base.head.startswith("set ")
        or base.accents
        or sub is not None
    ):
        return None
    tagged = base.head.islower() and all(
        n.tag or n.axis is not None for n in m.scope.names.get((base.head, ()), ())
    )  # a, where layers have a^{[1]}
    if (any(head == base.head for head, _ in m.scope.names) and not tagged) or (len(base.head) > 1 and base.head not in GREEK):
        return None
    m.strangers.append(m.text(node))
    value = Value(var(f"free_{base.head}"))
    return m.scripted_value(value, node) if isinstance(node, Scripted) and (sup is not None or node.primes) else value


def _tangent(m: Meaning, node: Node, base: Symbol) -> Value | None:
    """\\dot X: any change of an input, and of what is computed the change that the changes of the inputs make."""
    if not base.accents or base.accents[-1] != "dot":
        return None
    plain = Symbol(base.head, base.accents[:-1])
    bare = (
        Scripted(plain, node.sub, node.sup, node.primes, start=node.start, end=node.end) if isinstance(node, Scripted) else plain
    )
    found = find(m, bare)
    if found is None or found.bar or found.named.sequential:
        return None
    value = Value(change(m, found.named.expr))
    if found.places:
        value = place(m, value, found.places, found.named.axis)
    return m.power(value, found.exponent, node) if found.exponent is not None else value


def open_loss(m: Meaning, node: Symbol) -> Var | None:
    """The output of a network without a loss, where the letter of a loss stands for any loss of it."""
    system = m.scope.system
    if (
        system is None
        or system.loss is not None
        or m.scope.loss is not None
        or node.head not in LOSSES
        or find(m, node) is not None
    ):
        return None
    return system.returned


def change(m: Meaning, e: Expr, only: frozenset[str] | None = None) -> Expr:
    """The differential of an expression: Σ ∂e/∂X dX over the inputs X (those of these names), each dX free."""
    system = m.scope.system
    inputs = m.varied or {v for v in e.atoms(Var) if not v.bar and (system is None or system.owner(v) is None)} | (
        set(system.independent.values()) if system else set()
    )
    if isinstance(e, Var) and e in inputs:
        return var(f"d_{e.name.removeprefix('dummy_')}", e.shape)
    parts = []
    for v in sorted(inputs, key=lambda v: v.name):
        if only is None or v.name in only:
            n, k = len(e.shape), len(v.shape)
            out, tail = tuple(range(n)), tuple(range(n, n + k))
            parts.append(
                (1, ein([(jac(e, v, False), out + tail), (var(f"d_{v.name.removeprefix('dummy_')}", v.shape), tail)], out))
            )
    return lin(parts, e.shape)


def _error(m: Meaning, node: Node, base: Symbol) -> Value | None:
    """δ with the scripts of a pre-activation, δ^{(l)} or δ_t: the adjoint of that pre-activation."""
    if base.head != "delta" or base.accents or not isinstance(node, Scripted) or m.scope.delta not in ("auto", "error"):
        return None
    if m.scope.errors is None and any(n.introduced for n in m.scope.names.get(("delta", ()), [])):
        return None
    for key in [m.scope.errors] if m.scope.errors is not None else [(h, ()) for h in PREACTIVATIONS]:
        found = error_of(m, node, key)
        if found is not None:
            m.notes.append(f"{m.text(node)} read as the adjoint of {found.expr}")
            value = finished(m, replace(found, bar=True), node)
            if m.reading.lying and value.chain is not None:
                return replace(value, chain=replace(value.chain, fixed=False))
            return value
    return None


def tagged(m: Meaning, text: str) -> bool:
    """Whether scripts are part of the names of the network: the o1 of net_{o1}, in δ_{o1}."""
    return len(text) > 1 and any(n.tag == text for found in m.scope.names.values() for n in found)


PREACTIVATIONS = ("z", "a", "net", "s", "u")


def error_families(scope: Scope) -> list[Key]:
    """The letters of computed quantities, those of pre-activations first."""
    system = scope.system
    if system is None:
        return []
    computed = [
        k for k, found in scope.names.items() if any(isinstance(n.expr, Var) and system.owner(n.expr) is not None for n in found)
    ]
    usual = [(h, ()) for h in PREACTIVATIONS if (h, ()) in computed]
    return usual + [k for k in computed if k not in usual and k[0] not in LOSSES]


def error_of(m: Meaning, node: Scripted, key: Key) -> Found | None:
    """The quantity of a family that carries the scripts of a δ; None where there is none that the network computes."""
    found = find(m, Scripted(Symbol(*key), node.sub, node.sup, 0, start=node.start, end=node.end))
    if found is None or not isinstance(found.named.expr, Var):
        return None
    if found.exponent is not None and flat(found.exponent) not in ("T", "top"):
        return None
    system = m.scope.system
    if system is None or system.owner(found.named.expr) is None:
        return None
    return found


def _stranger(m: Meaning, node: Node, base: Symbol) -> Value | None:
    """W_{fg} beside W_{fx} and W_{gx}: a name that the problem doesn't have, of the family of those that it has.

    It may be anything of their shape.
    """
    if not isinstance(node, Scripted) or node.sup is not None or node.primes:
        return None
    tag = plain_tag(flat(node.sub))
    family = [
        n
        for n in m.scope.candidates(base.head, base.accents)
        if len(n.tag) == len(tag) and isinstance(n.expr, Var) and not n.introduced
    ]
    alike = max((sum(a == b for a, b in zip(n.tag, tag, strict=True)) for n in family), default=0)
    family = [n for n in family if sum(a == b for a, b in zip(n.tag, tag, strict=True)) == alike]
    if (
        len(tag) < 2
        or not family
        or not alike
        or not tag.isalpha()
        or len({n.expr.shape for n in family}) > 1
        or any(n.sequential for n in family)
    ):
        return None
    m.notes.append(f"{m.text(node)} is no name of the problem")
    return Value(var(f"stranger_{base.head}_{tag}", family[0].expr.shape))


def unknown(m: Meaning, node: Node) -> Unreadable:
    text = m.text(node)
    base = unscripted(node)
    head = base.head if isinstance(base, Symbol) else text
    known = [n for n in m.scope.names if n[0] == head]
    hint = "; the name is known with other scripts" if known else ""
    return Unreadable(f"unknown name {text}{hint}", node.start, text)


def _inverse_first(node: Node) -> bool:
    """A^{-1}_{ij}, where the power is written before the indices."""
    if not isinstance(node, Scripted) or node.sup is None or node.sub is None:
        return False
    return flat(node.sup) == "-1" and node.sup.start < node.sub.start


def finished(m: Meaning, found: Found, node: Node) -> Value:
    """Instant, adjoint, indices and exponent applied."""
    when = found.instant
    if found.named.sequential and when is None:
        when = m.instant
    expr = found.named.at(when)
    chain = found.named.chain if not found.places and found.exponent is None else None
    if found.bar:
        chain = Chain(None, expr, 0, len(expr.shape), fixed=True) if not found.places and found.exponent is None else None
        expr = adjoint_of(m, expr)
    value = Value(expr, (), chain)
    if m.reading.summed and isinstance(expr, Var) and expr.bar and m.text(node)[:1] == "d":
        value = summed(m, value, expr.shape)
    exponent = found.exponent
    if len(found.places) == 2 == value.rank and WHOLE not in found.places and exponent is not None and flat(exponent) in ("top", "T"):
        value, exponent = transposed(value), None  # A^T_{ij} and A_{ij}^T are entries of the transpose
    elif (
        len(found.places) == 2 == value.rank
        and exponent is not None
        and _inverse_first(node)
        and value.shape[0] == value.shape[1]
    ):
        value, exponent = (
            m.power(value, exponent, node),
            None,
        )  # A^{-1}_{ij} is an entry of the inverse, A_{ij}^{-1} that of an entry
    if found.places:
        value = place(m, value, found.places, found.named.axis)
        if m.scope.vectors == "row" and value.rank == 1 and found.named.axis != 1 and len(found.places) == 1:
            value = transposed(value)  # x_n, row n of a batch, lies
    elif len(value.shape) == 1 and m.scope.vectors == "row" and value.chain is None:
        value = transposed(value)
    if exponent is not None:
        if found.named.chain is not None and not found.places and not found.bar:
            value = m.settled(Value(value.expr, value.labels, found.named.chain))
        value = m.power(value, exponent, node)
    if found.primes:
        if value.rank == 0:
            raise Unreadable(f"a prime on {m.text(node)}, which is not a function", node.start, m.text(node))
        for _ in range(found.primes):
            value = transposed(value)
    return value


def summed(m: Meaning, value: Value, shape: tuple) -> Value:
    """dZ of a batch as the derivative of the summed losses: m ∂J/∂Z where J is the mean over m examples."""
    size = batch_size(m)
    return value if size is None or size not in shape else Value(size * value.expr, value.labels, value.chain)


def batch_size(m: Meaning) -> sympy.Expr | None:
    """The m of a loss that is 1/m times a sum."""
    loss = m.scope.loss
    if loss is None or m.scope.system is None:
        return None
    e = m.scope.system.by_name[loss.name].right
    weights = [c for node in e.find(lambda n: hasattr(n, "terms")) for c, _ in node.terms]
    return next((s for c in weights for s in c.free_symbols if s not in (c * s).free_symbols), None)


def adjoint_of(m: Meaning, expr: Expr) -> Expr:
    """The adjoint of a quantity, or of an expression that the document gave a name."""
    if m.scope.objective is not None:
        return jac(m.scope.objective, expr, False)
    if isinstance(expr, Var):
        return expr.adjoint
    loss = m.scope.loss
    if loss is None:
        raise Unreadable("an adjoint of a name that the document introduced, without a loss")
    return jac(loss, expr, False)


def place(m: Meaning, value: Value, places: tuple[Node, ...], axis: int | None = None, skip: int = 0) -> Value:
    """The entries of a value at indices: labels, numbers, sizes, or one-hot labels."""
    if axis == 1 and len(places) == 1 and value.rank == 2:
        value = transposed(value)
    sizes = value.shape[skip:]
    wanted: list[str | sympy.Expr] = []
    hot: list[tuple[str, Node]] = []
    if all(n == WHOLE for n in places):
        return value
    lies = len(places) == 2 == value.rank and places[1] == WHOLE and m.reading.sliced
    while places and places[-1] == WHOLE:  # W_{i,:}
        places = places[:-1]
    if places[0] == WHOLE and len(places) == 2 and value.rank - skip == 2 and not skip:
        return place(m, transposed(value), places[1:])  # W_{:,j}
    for k, node in enumerate(places):
        size = sizes[k] if k < len(sizes) else None
        one = one_hot(m, node)
        if one is not None:
            label = m.fresh()
            hot.append((label, node))
            wanted.append(label)
        else:
            wanted.append(index(m, node, size))
    value = entry(value, wanted, skip)
    for label, node in hot:
        chosen = one_hot(m, node)
        assert chosen is not None
        value = sum_over(scale(value, entry(chosen, [label])), label)
    return transposed(value) if lies else value


def one_hot(m: Meaning, node: Node) -> Value | None:
    """A label index y_i as its one-hot vector over the classes."""
    key = flat(unscripted(node))
    named = m.scope.onehot.get(key) if key not in m.bound else None  # Σ_o runs over all of them
    if named is None:
        return windows.word(m, node) if m.scope.window else None
    value = Value(named.expr)
    if isinstance(node, Scripted) and node.sub is not None:
        value = place(m, value, tuple(script_items(node.sub)))
    return value


def holds_arrays(m: Meaning, body: Node) -> bool:
    """Whether brackets hold vectors or matrices, [h_{t-1}, x_t], and no indices, [i, j]."""
    for item in body.items if isinstance(body, Commas) else (body,):
        base = unscripted(item)
        letter = isinstance(item, Symbol) and (item.head in "ijklmnpqrsuv" or item.head in m.bound)
        if not isinstance(base, Symbol) or letter or one_hot(m, item) is not None:
            continue
        found = find(m, item)
        if found is not None and len(found.named.expr.shape) > len(found.places):
            return True
    return False


_NO_INDICES = "abfghxyz"  # W_h beside a quantity h: a name of its own, not column h of W
_INDICES = "ijkl"  # where a size has such a letter, too, x_k is its last entry in lists alone, x_1, …, x_k


def index(m: Meaning, node: Node, size: sympy.Expr | None) -> str | sympy.Expr:
    """An index: a label by its letter, a place by its number or by the name of the size."""
    match node:
        case Number() if node.text.isdigit() and len(node.text) < 7:
            return sympy.Integer(int(node.text) + 1 - m.scope.index_base)
        case Symbol() if not node.accents:
            latin = node.head in m.lettered and len(m.lettered) > 1  # ∂ŷ_a/∂v_b, though b is a quantity
            if node.head in _NO_INDICES and not latin and node.head not in m.bound and (node.head, ()) in m.scope.names:
                raise Unreadable(f"{node.head} is a quantity here, not an index", node.start, node.head)
            index_after_all = m.reading.counting or (node.head in _INDICES and m.listed is False)
            if size is not None and node.head not in m.bound and m.scope.sizes.get(node.head) == size and not index_after_all:
                return size
            return m.rename.get(node.head, node.head)
        case Scripted(primes=1) if isinstance(node.base, Symbol) and node.sub is None and node.sup is None:
            return node.base.head + "'"
        case Fence():
            return index(m, node.body, size)
        case Relation(ops=("=",)):  # u_{w=o}
            return index(m, node.parts[1], size)
        case Relation(ops=("≠",)):
            m.stated.append(node)
            return index(m, node.parts[0], size)
    raise Unreadable(f"{m.text(node)} is not an index", node.start, m.text(node))


def _special(m: Meaning, node: Node, base: Symbol) -> Value | None:
    """Sizes, constants, and the loss under another letter."""
    scripted = isinstance(node, Scripted)
    plain = not base.accents
    sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
    if plain and base.head in ("I", "ones", "zero"):
        return None
    if plain and base.head == "e" and sup is not None and sub is None:
        return m.exponential(sup)
    if plain and base.head in m.scope.sizes and sub is None:
        value = number(m.scope.sizes[base.head])
        return m.power(value, sup, node) if sup is not None else value
    if plain and scripted and sub is not None and sup is None:  # sizes with a tag, n_h
        size = m.scope.sizes.get(f"{base.head}_{plain_tag(flat(sub))}") or m.scope.sizes.get(base.head + plain_tag(flat(sub)))
        if size is not None:
            return number(size)
    if plain and base.head in m.scope.last and not scripted and m.scope.timed:
        return number(sympy.Symbol("T", positive=True, integer=True))
    if plain and base.head == "e" and not scripted:
        return number(sympy.E)
    if plain and base.head == "pi" and not scripted:
        return number(sympy.pi)
    if plain and base.head in LOSSES and m.scope.loss is not None:
        return _loss(m, sub, sup, node)
    return None


def _loss(m: Meaning, sub: Node | None, sup: Node | None, node: Node) -> Value | None:
    """L for what the problem calls E; L_t for the term of its sum over time."""
    loss = m.scope.loss
    assert m.scope.system is not None and loss is not None
    script = sub if sub is not None else sup
    if script is None:
        return Value(loss)
    right = m.scope.system.by_name[loss.name].right
    when = instant(m, script)
    terms = _terms_over_time(right)
    if when is not None and terms is not None:
        return Value(at_time(terms.body, terms.index, when))
    return None


def _terms_over_time(e: Expr) -> Over | None:
    while getattr(e, "terms", None) is not None and len(e.terms) == 1:
        e = e.terms[0][1]
    return e if isinstance(e, Over) and e.kind == "sum" else None
