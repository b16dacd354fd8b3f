"""Presentation rewrites: a table of rules (name, left, right, condition) and the engine that applies them.

The normal forms of `Lin` and `Ein` (like terms, numbers in front, transposes and ones absorbed) are done by the
constructors; the table holds what needs a reason. Every rule shortens, so the engine ends, and it stops at a size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import sympy

from derive.adjoint import derivative
from derive.blocks import picked
from derive.expr import (
    Block,
    Comp,
    Ein,
    Expr,
    Instant,
    Jac,
    Letters,
    Lin,
    Map,
    Opaque,
    Over,
    Var,
    apply,
    at_time,
    ein,
    is_ones,
    lin,
    ones,
    postorder,
    rebuild,
    var,
)
from derive.ops import exp, log, power, recip, softmax, sqrt, total
from derive.system import INDEX, System, align

PASSES = 20
BUDGET = 4000  # nodes of one expression; larger ones are left as they are


@dataclass(frozen=True)
class Rule:
    """left(a) = right(a) for every a that meets the condition; left is a pair of factors, or one call inside another."""

    name: str
    left: Callable[[Expr], Expr]
    right: Callable[[Expr], Expr]
    condition: str = ""


_EXPONENTS = [sympy.Rational(n) for n in ("-2", "-1", "-1/2", "1/2", "1", "2", "3")]
_PAIRS = [(m, n) for m, n in product(_EXPONENTS, _EXPONENTS) if m + n in (0, *_EXPONENTS) and (m, n) != (1, 1) and m <= n]


def _power_rule(m: sympy.Expr, n: sympy.Expr) -> Rule:
    spelled = {1: "a", -1: "1/a", sympy.S.Half: "√a", -sympy.S.Half: "1/√a", 2: "a²", 3: "a³", -2: "1/a²", 0: "1"}
    return Rule(
        f"{spelled[m]} · {spelled[n]} = {spelled[m + n]}", lambda a: power(a, m) * power(a, n), lambda a: power(a, m + n), "a > 0"
    )


PRODUCT_RULES: tuple[Rule, ...] = tuple(_power_rule(m, n) for m, n in _PAIRS)
NESTED_RULES: tuple[Rule, ...] = (
    Rule("exp(log a) = a", lambda a: exp(log(a)), lambda a: a, "a > 0"),
    Rule("log(exp a) = a", lambda a: log(exp(a)), lambda a: a),
    Rule("1/(1/a) = a", lambda a: recip(recip(a)), lambda a: a, "a > 0"),
    Rule("(√a)² = a", lambda a: power(sqrt(a), 2), lambda a: a, "a > 0"),
    Rule("1/a² = a^(-2)", lambda a: recip(power(a, 2)), lambda a: power(a, -2), "a > 0"),
    Rule("1ᵀ softmax(a) = 1", lambda a: total(softmax(a)), lambda a: ones(())),
)
RULES = PRODUCT_RULES + NESTED_RULES
CANCELLATIONS = {rule.name for rule in PRODUCT_RULES}


@dataclass
class Simplified:
    """The result, and the names of the rules that led to it, in order of use."""

    expr: Expr
    rules: tuple[str, ...]


def simplify(e: Expr) -> Simplified:
    """Apply the table bottom up until no rule fires. Every rule shortens; the number of passes is bounded all the same."""
    used: dict[str, None] = {}
    if sum(1 for _ in postorder(e)) > BUDGET:
        return Simplified(e, ())
    for _ in range(PASSES):
        fired: dict[str, None] = {}
        new = tidy_sum(rebuild(e, lambda node, fired=fired: _rewrite(node, fired)))  # type: ignore[misc]
        used.update(fired)
        if new is e:
            return Simplified(new, tuple(used))
        e = new
    return Simplified(e, tuple(used))


def _rewrite(node: Expr, used: dict[str, None]) -> Expr:
    if isinstance(node, Map):
        return _nested(node, used)
    if isinstance(node, Ein):
        return _product(node, used)
    if isinstance(node, Lin):
        return _multiplied_out(node, used)
    return node


def _multiplied_out(node: Lin, used: dict[str, None]) -> Expr:
    """(1 - y) p - y (1 - p) = p - y: products of sums multiplied out, where so much cancels that it gets shorter."""
    products = [
        t for _, t in node.terms if isinstance(t, Ein) and not t.summed and any(isinstance(f, Lin) for f, _ in factors_of(t))
    ]
    if len(products) < 2 or len(node.terms) > 8:
        return node
    order = {e: k for k, e in enumerate(postorder(node))}
    terms = [(c * weight, e) for c, t in node.terms for weight, e in _expanded(t, order)]
    result = leading_positive(lin(terms, node.shape))
    if size(result) >= size(node):
        return node
    used["multiplied out"] = None
    return result


def _expanded(e: Expr, order: dict[Expr, int]) -> list[tuple[sympy.Expr, Expr]]:
    """A product of sums as a sum of products, their factors in one order so that equal ones are one."""
    if not isinstance(e, Ein) or e.summed:
        return [(sympy.S.One, e)]
    choices = [
        [(c, t, letters) for c, t in f.terms] if isinstance(f, Lin) else [(sympy.S.One, f, letters)]
        for f, letters in factors_of(e)
    ]
    if sympy.Mul(*map(len, choices)) > 16:
        return [(sympy.S.One, e)]
    sizes = dict(enumerate(e.dims))
    found = []
    for chosen in product(*choices):
        factors = [(t, letters) for _, t, letters in sorted(chosen, key=lambda p: order.get(p[1], 0))]
        found.append((sympy.Mul(*(c for c, _, _ in chosen)), ein(factors, e.out, sizes)))
    return found


# -- one call inside another --------------------------------------------------------------------------------------

_WILD = var("_wild")
_WILD_VECTOR = var("_wild", (sympy.Symbol("_n", positive=True, integer=True),))
_NESTED = {
    (p.fn, p.arg.fn): rule for rule in NESTED_RULES if isinstance(p := rule.left(_WILD_VECTOR), Map) and isinstance(p.arg, Map)
}  # fmt: skip


def _nested(node: Map, used: dict[str, None]) -> Expr:
    rule = _NESTED.get((node.fn, node.arg.fn)) if isinstance(node.arg, Map) and not node.order and not node.arg.order else None
    if rule is None:
        return _weight_out(node)
    used[rule.name] = None
    return rule.right(node.arg.arg)


def _weight_out(node: Map) -> Expr:
    """(c a)^n as c^n a^n for a whole n and a number c: a normal form like that of sums, so that the rules see a."""
    inside = node.arg
    if node.order or node.fn.style != "power" or not isinstance(inside, Lin) or len(inside.terms) != 1:
        return node
    (weight, base), n = inside.terms[0], node.fn.parameters[0]
    if not n.is_Integer or not weight.is_Rational:
        return node
    return lin([(weight**n, node.with_children((base,)))], node.shape)


# -- products -----------------------------------------------------------------------------------------------------

_POWERS = {rule.left(_WILD): rule for rule in PRODUCT_RULES}


def _base(e: Expr) -> tuple[Expr, sympy.Expr]:
    """e as base^exponent."""
    if isinstance(e, Map) and not e.order and e.fn.style in ("power", "sqrt"):
        return e.arg, e.fn.parameters[0] if e.fn.parameters else sympy.S.Half
    return e, sympy.S.One


def factors_of(node: Ein) -> list[tuple[Expr, Letters]]:
    """The factors with inner products opened: (a ⊙ b) ⊙ c has three. Inner sums stay closed."""
    opened: list[tuple[Expr, Letters]] = []
    for e, letters in node.factors:
        if isinstance(e, Ein) and not e.summed and len(set(e.out)) == len(e.out):
            outer = dict(zip(e.out, letters, strict=True))
            opened.extend((child, tuple(outer[i] for i in ls)) for child, ls in factors_of(e))
        else:
            opened.append((e, letters))
    return opened


def _product(node: Ein, used: dict[str, None]) -> Expr:
    opened = factors_of(node)
    merged = _merge_powers(opened, used)
    if merged is not None:
        return _rewrite(ein(merged, node.out, dict(enumerate(node.dims))), used)
    if (single := _sum_to_one(node, opened, used)) is not None:
        return single
    return _picked(node, used) or _distribute(node, opened, used) or node


def _merge_powers(opened: list[tuple[Expr, Letters]], used: dict[str, None]) -> list[tuple[Expr, Letters]] | None:
    """The factors with one pair a^m a^n made one, or None where there is no such pair."""
    place: dict[tuple[Expr, Letters], int] = {}
    for k, (e, letters) in enumerate(opened):
        base, n = _base(e)
        first = place.setdefault((base, letters), k)
        if first == k:
            continue
        _, m = _base(opened[first][0])
        rule = _POWERS.get(power(_WILD, min(m, n)) * power(_WILD, max(m, n)))
        if rule is not None:
            used[rule.name] = None
            rest = [f for i, f in enumerate(opened) if i not in (first, k)]
            return [*rest[:first], (rule.right(base), letters), *rest[first:]]
    return None


def _sum_to_one(node: Ein, opened: list[tuple[Expr, Letters]], used: dict[str, None]) -> Expr | None:
    for k, (e, letters) in enumerate(opened):
        others = {i for m, (_, ls) in enumerate(opened) if m != k for i in ls}
        if isinstance(e, Comp) and e.record is softmax and len(letters) == 1 and not {*letters} & {*node.out, *others}:
            used["1ᵀ softmax(a) = 1"] = None
            rest = [f for m, f in enumerate(opened) if m != k]
            return ein(rest, node.out, dict(enumerate(node.dims)))
    return None


def _picked(node: Ein, used: dict[str, None]) -> Expr | None:
    """[I 0] [a; b] = a: the rows that a block's place picks out of a factor that shows them."""
    for k, (e, letters) in enumerate(node.factors):
        if not isinstance(e, Block) or letters[0] in node.out:
            continue
        here = [m for m, (_, ls) in enumerate(node.factors) if m != k and letters[0] in ls]
        if len(here) != 1 or (axes := node.factors[here[0]][1]).count(letters[0]) != 1:
            continue
        inner = picked(node.factors[here[0]][0], axes.index(letters[0]), e.before, e.shape[1])
        if inner is not None:
            used["[I 0] [a; b] = a"] = None
            swapped = (inner, tuple(letters[1] if i == letters[0] else i for i in axes))
            rest = [swapped if m == here[0] else f for m, f in enumerate(node.factors) if m != k]
            return ein(rest, node.out, dict(enumerate(node.dims)))
    return None


def _distribute(node: Ein, opened: list[tuple[Expr, Letters]], used: dict[str, None]) -> Expr | None:
    """p ⊙ (a ⊘ p + b) = a + p ⊙ b: multiply a sum out where a factor cancels in one of its terms."""
    for k, (e, letters) in enumerate(opened):
        if not isinstance(e, Lin) or not _cancels(e, letters, opened):
            continue
        rest = [f for m, f in enumerate(opened) if m != k]
        sizes = dict(enumerate(node.dims))
        attempt: dict[str, None] = {}
        parts = [(c, _rewrite(ein([*rest[:k], (t, letters), *rest[k:]], node.out, sizes), attempt)) for c, t in e.terms]
        result = lin(parts, node.shape)
        if attempt and size(result) <= size(node):
            used.update(attempt)
            return leading_positive(result)
    return None


def _cancels(total_: Lin, letters: Letters, opened: list[tuple[Expr, Letters]]) -> bool:
    inside: dict[Expr, sympy.Expr] = {}
    for _, term in total_.terms:
        parts = factors_of(term) if isinstance(term, Ein) else [(term, ())]
        inside.update(_base(e) for e, _ in parts)
    outside = [_base(e) for e, _ in opened if e is not total_]
    return any(base in inside and inside[base] * n < 0 for base, n in outside)


def leading_positive(e: Expr) -> Expr:
    """b - a for -a + b."""
    if not isinstance(e, Lin) or len(e.terms) < 2 or not e.terms[0][0].could_extract_minus_sign():
        return e
    lead = next((k for k, (c, _) in enumerate(e.terms) if not c.could_extract_minus_sign()), 0)
    return lin((e.terms[lead], *e.terms[:lead], *e.terms[lead + 1 :]), e.shape)


def tidy_sum(e: Expr) -> Expr:
    """A positive term first, and a weight that all terms share in front: (1/N) (p - y)."""
    e = leading_positive(e)
    if not isinstance(e, Lin) or len(e.terms) < 2:
        return e
    weight = e.terms[0][0]
    if weight in (1, -1) or any(c not in (weight, -weight) for c, _ in e.terms):
        return e
    return lin([(weight, lin([(c / weight, t) for c, t in e.terms], e.shape))], e.shape)


def size(e: Expr) -> int:
    """Number of symbols of the expression as it would be written, shared parts counted each time."""
    sizes: dict[Expr, int] = {}
    for node in postorder(e):
        sizes[node] = 0 if is_ones(node) else 1 + sum(sizes[c] for c in node.children())
    return sizes[e]


# -- derivatives of table functions -------------------------------------------------------------------------------


def open_derivatives(e: Expr, which: str = "all") -> Expr:
    """f'(x) by its formula, for the functions whose record says so (1/x for log', but σ' stays σ').

    which = "notation": only those that have no name to put a prime on, such as powers.
    """

    def change(node: Expr) -> Expr:
        if isinstance(node, Map) and node.order and node.fn.opened and (which == "all" or node.fn.style != "call"):
            return derivative(node.fn, node.order, node.arg)
        return node

    return rebuild(e, change)


# -- the network's own equations ----------------------------------------------------------------------------------


class Equations:
    """Right sides of a system, to be recognised inside other expressions at whatever instant."""

    def __init__(self, system: System):
        self.first = system.first
        self.named: dict[Expr, Var] = {}
        self.heads: set[object] = set()
        self.seen: dict[Expr, Var | None] = {}
        for equation in system.equations:
            right, lead = align(equation.right)
            if isinstance(right, Var) or not right.children():
                continue
            left = equation.left
            self.named.setdefault(right, left.at(left.time.shifted(-lead)) if left.time else left)
            self.heads.add(_head(right))

    def name_of(self, e: Expr, since: Instant | None = None) -> Var | None:
        """The node whose value e is by its equation, at an instant not before `since` (t, or the instant of a line)."""
        if _head(e) not in self.heads:
            return None
        if e not in self.seen:
            self.seen[e] = self._look_up(e)
        found = self.seen[e]
        if found is None or found.time is None:
            return found
        if not found.time.base:
            return found if found.time.offset >= self.first else None
        if since is None:
            return found
        earliest = since.offset if since.base == found.time.base else 0
        return found if found.time.offset >= earliest else None

    def _look_up(self, e: Expr) -> Var | None:
        bases = {v.time.base for v in postorder(e) if isinstance(v, Var | Opaque) and v.time}
        if len(bases) > 1 or any(isinstance(n, Over | Jac) for n in postorder(e)):
            return self.named.get(e)
        base = next(iter(bases), INDEX)
        aligned, lead = align(at_time(e, base, Instant(INDEX)))
        found = self.named.get(aligned)
        return found.at(Instant(base, found.time.offset + lead)) if found is not None and found.time else found

    def name_compositions(self, since: Instant | None, e: Expr) -> Expr:
        """e with compositions that are a node's right side replaced by the node: p for softmax(z)."""
        return self._outside(e, lambda node: self.name_of(node, since) or node if isinstance(node, Comp) else node)

    def rewrite(self, e: Expr, since: Instant | None, used: dict[Expr, Expr] | None = None) -> Expr:
        """e with known right sides replaced by their names, and f'(z) in the output where that has a name: h ⊙ (1 − h).

        used: receives what was used, as left = right: the rule of f', the equations.
        """
        noted = {} if used is None else used

        def change(node: Expr) -> Expr:
            if isinstance(node, Map) and node.order == 1:
                output = self.name_of(node.fn(node.arg), since)
                if output is None or not node.fn.analytic:
                    return node
                u = var("u")
                noted[apply(node.fn, u, 1)] = node.fn.derivative(u, node.fn(u))
                noted[output] = node.fn(node.arg)
                return node.fn.derivative(node.arg, output)
            named = self.name_of(node, since)
            if named is not None:
                noted[named] = node
            return named or node

        return self._outside(e, change)

    def _outside(self, e: Expr, change: Callable[[Expr], Expr]) -> Expr:
        """Apply a change everywhere but under sums over time that may start before the equations do."""
        early = {n for n in postorder(e) if isinstance(n, Over) and not (n.lo.base == "" and n.lo.offset >= self.first)}
        kept = {n for o in early for n in postorder(o)}
        return rebuild(e, lambda node: node if node in kept else change(node))


def _head(e: Expr) -> object:
    return e.fn if isinstance(e, Map) else (type(e), len(e.children()))
