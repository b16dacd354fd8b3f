"""Names that a derivation introduces: quantities, functions by a formula, numbers."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from derive import ops
from derive.check import around, samples
from derive.check.numbers import is_numeric, is_plain
from derive.check.readings import readings
from derive.expr import DeriveError, Expr, Instant, Map, ShapeError, Var, at_time, time_indices
from derive.reader import bigs, calls, events, names
from derive.reader.fillers import Filler
from derive.reader.meaning import Meaning, Reading
from derive.reader.reversing import linear
from derive.reader.scope import LOSSES, Key, Named, Scope, declare, flat, identifier, plain_tag, size_named
from derive.reader.statements import Link
from derive.reader.syntax import Big, Commas, Fence, Node, Product, Root, Scripted, Sum, Symbol, children, put, unscripted, walk
from derive.reader.tokens import Unreadable
from derive.reader.values import Chain, Value, is_row_shape, stacked, transposed, unlabelled

if TYPE_CHECKING:
    from derive.check.checker import Checker


def defines(scope: Scope, link: Link) -> bool:
    """Whether the left side is a name that has no meaning yet, or an input that is given its number."""
    if events.undefined(scope, Meaning(scope, Reading(), link.source), link):
        return True
    node, arguments = _head(link.left)
    base = unscripted(node)
    if not isinstance(base, Symbol):
        return _change(scope, link)
    if _span(link):
        return True
    m = Meaning(scope, Reading(), link.source)
    m.learn(link.left)
    m.learn(link.right)
    if isinstance(node, Scripted) and flat(node.sup) in ("-1", "-T", "-top"):
        return False  # H⁻¹ = … says something of H
    if calls.function_of(m, node) is None and names.find(m, node) is not None and _pointwise(m, arguments, link):
        return True
    if arguments is None and calls.function_of(m, node) is not None and not isinstance(node, Scripted):
        return _deviation(scope, m, node, link)
    if arguments is not None and calls.function_of(m, node) is not None:
        return False
    if isinstance(node, Scripted) and node.primes:
        return _named_with_prime(m, node, base, arguments, link)
    found = names.find(m, node)
    if found is not None and _free_name(scope, found, link) and not any(n == node for n in walk(link.right)):
        return (found.named.given and not found.named.worked and is_plain(link.right)) or not is_numeric(link.right)
    if found is not None:
        return _given(scope, m, node, link)
    if base.head in ("delta", "ones") and calls._indicator(m, node, []) is not None:
        return False
    if (
        base == Symbol("delta")
        and scope.errors is not None
        and isinstance(node, Scripted)
        and names.error_of(m, node, scope.errors)
    ):
        return False
    if base.head in ("I", "ones", "zero", "partial", "nabla", "infty", "d") and not isinstance(node, Scripted):
        return False
    if base.head == "e" and isinstance(node, Scripted) and node.sub is None and not isinstance(node.sup, Fence | None):
        return False  # e^x is a power
    plain = Symbol(base.head, tuple(a for a in base.accents if a != "bar"))
    if (
        "bar" in base.accents
        and scope.candidates(plain.head, plain.accents)
        and any(not n.tag for n in scope.candidates(plain.head, plain.accents))
    ):
        return False
    try:
        if base.head not in ("e", "pi") and names._special(m, node, base) is not None:
            return False
    except (Unreadable, DeriveError):
        return False
    return not (isinstance(base, Symbol) and base.head.startswith("set "))


def _deviation(scope: Scope, m: Meaning, node: Node, link: Link) -> bool:
    """σ = √(v + ε) of a network without any σ(z): the standard deviation, whose letter that is, too."""
    if node != Symbol("sigma") or scope.system is None or any(n.fn is ops.sigmoid for e in scope.system.equations for n in e.right.atoms(Map)):
        return False
    rooted = any(isinstance(n, Root) for n in walk(link.right))
    return rooted and not is_numeric(link.right) and _known(scope, m, link.right)


def _known(scope: Scope, m: Meaning, node: Node) -> bool:
    """Whether everything in a formula has a meaning already."""
    if isinstance(node, Symbol | Scripted) and names.find(m, node) is not None:
        return True
    if isinstance(node, Symbol):
        return node.head in scope.sizes or node.head in ("sqrt", "i", "j", "k")
    return all(_known(scope, m, n) for n in children(node))


_NEXT = re.compile(r"\d?\(?(new|next|[tkniN]\+1|\+)\)?|")
_NOW = re.compile(r"\d?\(?(old|prev|cur|current|[tkniN])\)?|")


def named(checker: Checker, link: Link) -> str | None:
    """What a relation names or updates, which from here on has this meaning; None where it does neither."""
    scope = checker.part.scope
    if steps(scope, link):
        return "an update of a quantity"
    if defines(scope, link):
        return define(checker, link)
    if average(checker, link):
        return "a mean, which a bar over this letter is from here on"
    last = naming(scope, link)
    return define(checker, last) if last is not None else None


def steps(scope: Scope, link: Link) -> bool:
    """w_{new} = w_{old} - η …, w' = w - η …, w^{(k+1)} = w^{(k)} - η …, of an input: an update."""
    left, right = link.left, link.right
    if not isinstance(left, Scripted) or not isinstance(left.base, Symbol) or not isinstance(right, Sum) or len(right.terms) < 2:
        return False
    known = [n for n in scope.candidates(left.base.head, left.base.accents) if isinstance(n.expr, Var) and not n.introduced]
    inputs = scope.system.declared if scope.system is not None else ()
    found = names.find(Meaning(scope, Reading(), link.source), left)
    if found is not None and not found.primes and not any(isinstance(p, Sum) for p in found.places):
        return False
    if not any(n.expr in inputs and not n.sequential for n in known):
        return False
    before = right.terms[0][1]
    if unscripted(before) != left.base or right.terms[0][0] < 0:
        return False
    scripts = [flat(left.sub), flat(left.sup)]
    now = [flat(before.sub), flat(before.sup)] if isinstance(before, Scripted) else ["", ""]
    fits = all(_NEXT.fullmatch(s) for s in scripts) and all(_NOW.fullmatch(s) for s in now)
    return fits and (any(scripts) or left.primes == 1) and not (isinstance(before, Scripted) and before.primes)


def _named_with_prime(m: Meaning, node: Scripted, base: Symbol, arguments: tuple[Node, ...] | None, link: Link) -> bool:
    """Σ'(z) = diag(σ'(z)) of a Σ that is nothing else."""
    plain = node.sub is None and node.sup is None and not base.accents
    known = (
        (base.head, ()) in m.scope.names or base.head in m.scope.functions or base.head + "'" * node.primes in m.scope.functions
    )
    return (
        plain and not known and arguments is not None and len(arguments) == 1 and any(n == arguments[0] for n in walk(link.right))
    )


def _pointwise(m: Meaning, arguments: tuple[Node, ...] | None, link: Link) -> bool:
    """p(x) = φ(wᵀx) for one x that nothing else speaks of, beside a p of all examples."""
    if not arguments or not isinstance(link.left, Product) or getattr(link.left.factors[1][1], "kind", "") != "paren":
        return False
    if not _parameters(arguments, link):
        return False
    return all(isinstance(a, Symbol) and names.find(m, a) is None and a.head not in m.scope.sizes for a in arguments)


def average(checker: Checker, link: Link) -> bool:
    """x̄ = (Σ x_i)/n: then a bar over this letter is a mean and no adjoint; the name is put into the scope."""
    scope, node = checker.part.scope, link.left
    base = unscripted(node)
    if not isinstance(base, Symbol) or base.accents != ("bar",) or (base.head, base.accents) in scope.names:
        return False
    m = Meaning(scope, Reading(), link.source)
    of = names.find(m, Symbol(base.head))
    if of is None or of.bar or not isinstance(of.expr, Var) or not of.expr.shape:
        return False
    with suppress(DeriveError):
        value, x = _value(checker, link), of.expr
        expr = unlabelled(value, value.labels) if value.labels else value.expr
        if expr.atoms(Var) != {x}:
            return False
        means = [ops.mean(x)]
        if len(x.shape) == 2:
            means += [ops.row_sums(x) / x.shape[1], ops.column_sums(x) / x.shape[0]]
        if any(expr.shape == mean.shape and checker.court().quick(expr, mean) is True for mean in means):
            letters = tuple(value.labels)
            scope.add((base.head, base.accents), Named("", expr, introduced=True, letters=letters))
            return True
    return False


def naming(scope: Scope, link: Link) -> Link | None:
    """Bᵀ ∂L/∂C = ζ: the relation that says what a new name at the end of a chain is; None where no new name stands there."""
    node = link.right
    if (
        not isinstance(node, Symbol | Scripted)
        or isinstance(link.left, Symbol)
        or (isinstance(node, Scripted) and node.sup is not None)
    ):
        return None
    letters = {n.head for n in walk(unscripted(node)) if isinstance(n, Symbol)}
    if letters & {n.head for n in walk(link.left) if isinstance(n, Symbol)}:
        return None
    m = Meaning(scope, Reading(), link.source)
    m.learn(link.left)
    m.learn(node)
    if (
        isinstance(node, Scripted)
        and node.base == Symbol("delta")
        and any(names.error_of(m, node, k) for k in names.error_families(scope))
    ):
        return None  # ∂C/∂b^l = δ^l: an error signal says which adjoint it is
    turned = replace(link, left=node, right=link.left)
    return turned if names.find(m, node) is None and defines(scope, turned) else None


def _change(scope: Scope, link: Link) -> bool:
    """Δw = −η ∂L/∂w names a change."""
    left = link.left
    return (
        isinstance(left, Product)
        and len(left.factors) == 2
        and left.factors[0][1] == Symbol("Delta")
        and ("Delta", ()) not in scope.names
    )


def _free_name(scope: Scope, found: names.Found, link: Link) -> bool:
    """A name that was declared and nothing more: the document may say what it is."""
    v = found.named.expr
    if found.named.given:
        return not found.bar and found.exponent is None and not (found.places and is_numeric(link.right))
    if found.named.introduced or found.bar or found.exponent is not None or not all(isinstance(p, Symbol) for p in found.places):
        return False
    return isinstance(v, Var) and (scope.system is None or scope.system.quantities.get(v.name) is None)


def _given(scope: Scope, m: Meaning, node: Node, link: Link) -> bool:
    """An update w = w − η ∂L/∂w, and a number for an input, say nothing that could be false."""
    found = names.find(m, node)
    assert found is not None
    if found.bar or not isinstance(found.expr, Var) or scope.system is None:
        return False
    if found.expr.key not in scope.system.independent and found.expr.name not in {v.name for v in scope.system.declared}:
        return False
    if is_numeric(link.right):
        return False
    terms = [term for _, term in link.right.terms] if isinstance(link.right, Sum) else []
    return any(term == node for term in terms)


def _head(node: Node) -> tuple[Node, tuple[Node, ...] | None]:
    """The name on the left, and its arguments: f(x), Z[i, j]."""
    if isinstance(node, Product) and len(node.factors) == 2 and not node.factors[1][0]:
        fence = node.factors[1][1]
        if isinstance(fence, Fence) and fence.kind in ("paren", "bracket"):
            return node.factors[0][1], fence.body.items if isinstance(fence.body, Commas) else (fence.body,)
    return node, None


def define(checker: Checker, link: Link) -> str:
    """Put the new name into the scope; what is said of it. Raises Unreadable where its value can't be read."""
    scope = checker.part.scope
    if events.undefined(scope, Meaning(scope, Reading(), link.source), link):
        _value(checker, events.turned(link))
        events.define(scope, link)
        return "a probability that is given a formula"
    node, arguments = _head(link.left)
    base = unscripted(node)
    if not isinstance(base, Symbol):
        _value(checker, link)
        return "a change that is given a name"
    if _span(link):
        return "a name for a whole sequence"
    if isinstance(node, Scripted) and node.primes and arguments:
        letter = Symbol("_argument")
        template = calls.Template((("_argument", ()),), put(link.right, arguments[0], letter), link.source)
        scope.functions[base.head + "'" * node.primes] = template
        return "a new function"
    key = (base.head, base.accents)
    m = Meaning(scope, Reading(), link.source)
    m.learn(link.left)
    m.learn(link.right)
    if _counts(scope, link):
        return "a value of an index"
    known = names.find(m, node)
    if known is not None and _pointwise(m, arguments, link):
        scope.functions.setdefault(
            base.head, calls.Template(tuple((a.head, a.accents) for a in arguments or ()), link.right, link.source)
        )
        return "a new function"
    if known is not None and not _free_name(scope, known, link):
        return "an update of a quantity"
    brackets = (
        isinstance(link.left, Product)
        and isinstance(link.left.factors[1][1], Fence)
        and link.left.factors[1][1].kind == "bracket"
    )
    if arguments and not brackets and not isinstance(node, Scripted) and _parameters(arguments, link):
        template = calls.Template(tuple((a.head, a.accents) for a in arguments if isinstance(a, Symbol)), link.right, link.source)
        if any(names.find(m, a) is None for a in arguments):
            scope.functions[base.head] = template
            return "a new function"
        with suppress(DeriveError):  # f(x) = xᵀAx of a known x: the quantity f, and a function
            scope.add(key, Named("", _arranged(_value(checker, link), ()), introduced=True))
        scope.functions[base.head] = template
        return "a new function"
    samples.drawn(checker, link)
    value = _value(checker, link)
    if isinstance(value, Filler):
        sizes = {s for part in (value, value.more) if part is not None for s in _sizes(part.expr)}
        if len(sizes) != 1:
            scope.unsized[key] = value
            return "a new name"
        size = next(iter(sizes))  # I - 11ᵀ/N is N × N
        value = value.fill((size, size), m)
    scripts = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
    value = _in_time(checker, link, scripts, value) if scope.timed else value
    clock, tag, labels, shift = _scripts(m, scripts, value, arguments if brackets else None)
    sequential, expr = bool(clock), _arranged(value, labels)
    if sequential and (shift or clock != "t"):
        expr = at_time(expr, clock, Instant("t", -shift))
    chain = value.chain
    if chain is not None and (chain.top_rank or not isinstance(value.expr, Var)) and labels:
        chain = None
    if chain is not None and labels:
        chain = Chain(None, chain.below, 0, len(expr.shape))
    if not labels and not sequential and chain is None and scope.families:
        expr = around.computed(scope, identifier(key, tag), expr)
        around.same_loss(checker, expr)
    if base.head in LOSSES and not base.accents and not tag and not sequential and not expr.shape:
        scope.objective = expr
    if known is not None:
        scope.names[key] = [n for n in scope.names[key] if n is not known.named]  # it was declared and nothing more
    letters = tuple(n.rstrip("'") for n in labels)
    if not sequential and value.chain is None:
        scope.stages[key, tag] = (link, tuple(labels))
    given, worked = is_numeric(link.right), not is_plain(link.right)
    carried = tuple(n for n in value.labels if n not in labels) if not labels else ()
    named = Named(tag, expr, sequential, introduced=True, chain=chain, letters=letters, carried=carried, given=given, worked=worked)
    scope.add(key, named)
    return "a new name"


def _span(link: Link) -> bool:
    """x_{1:T} = (x_1, …, x_T)."""
    sub = link.left.sub if isinstance(link.left, Scripted) else None
    listed = isinstance(link.right, Fence) and isinstance(link.right.body, Commas)
    return sub is not None and listed and any(n == Symbol(":") for n in walk(sub))


def _counts(scope: Scope, link: Link) -> bool:
    """t = T - 1, j = t, i = 1: which instant or entry is spoken of."""
    if not isinstance(link.left, Symbol) or (link.left.head, link.left.accents) in scope.names:
        return False
    found = linear(link.right)
    letters = {k.head for k in found if isinstance(k, Symbol)} if found is not None else set()
    if link.left.head in scope.times:
        return found is not None and letters <= {*scope.times, *scope.last, *"ijklmns"}
    return link.left.head in "ijkl" and bool(letters) and letters <= {*scope.times, *scope.last, *"ijkl"}


def _sizes(e: Expr) -> set[sympy.Symbol]:
    return {s for n in e.find(lambda n: hasattr(n, "terms")) for c, _ in n.terms for s in c.free_symbols}


def _parameters(arguments: tuple[Node, ...], link: Link) -> bool:
    """Whether the arguments are plain names that the right side is made of, so that the definition is one of a function."""
    inside = {n for n in walk(link.right) if isinstance(n, Symbol)}
    return all(isinstance(a, Symbol) and a in inside for a in arguments)


def _in_time(checker: Checker, link: Link, scripts: tuple[Node | None, Node | None], value: Value) -> Value:
    """D_k = diag(1 - h_k²): the letter of the name is no index of its value, so that it counts the instants."""
    for item in (i for script in scripts for i in names.script_items(script)):
        if not isinstance(item, Symbol) or len(item.head) > 1 or item.head in {*value.labels, *time_indices(value.expr)}:
            continue
        for elementwise in (False, True):
            with suppress(DeriveError):
                at = _value(checker, link, item.head, elementwise)
                if item.head in time_indices(at.expr) and not at.labels:
                    return at
    return value


def _value(checker: Checker, link: Link, clock: str = "", elementwise: bool = False) -> Value:
    """What the right side is; `clock` counts instants. Raises DeriveError."""
    failure: DeriveError | None = None
    for usual in readings(checker.part.scope, link):
        reading = replace(usual, elementwise=elementwise)
        m = Meaning(checker.part.scope, reading, link.source, free_scalars=True)
        m.clocks |= {clock} - {""}
        m.learn(link.left)
        m.learn(link.right)
        try:
            value = m.raw(link.right)
            plain = isinstance(value, Filler) and value.more is None and value.kind not in ("rows", "columns")
            if isinstance(value, Filler) and (plain or isinstance(link.left, Scripted)):
                raise Unreadable("a vector of ones whose size nothing says")
            if not reading.whole and _summed(link.right) & {*value.labels}:
                raise ShapeError("an index that stands inside a sum and after it")  # J = Σ_i a_i + b_i
            return value
        except DeriveError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _summed(node: Node) -> set[str]:
    """The indices that sums bind."""
    return {flat(i) for n in walk(node) if isinstance(n, Big) and n.kind == "sum" for i in bigs.indices(n)}


def _scripts(
    m: Meaning, scripts: tuple[Node | None, Node | None], value: Value, places: tuple[Node, ...] | None
) -> tuple[str, str, tuple[str, ...], int]:
    """(the letter of its time where it is a sequence, its tag, its indices, the shift of its time) from the scripts on the left."""
    labels: list[str] = [flat(p) for p in places or () if flat(p) in value.labels]
    tag: list[str] = []
    clock, shift = "", 0
    bases = time_indices(value.expr)
    for script in scripts:
        for item in [script] if isinstance(script, Fence) else names.script_items(script):
            when = names.instant(m, item)
            text = flat(item)
            if text in value.labels and text not in labels:
                labels.append(text)
            elif when is not None and when.base and when.base in bases and not clock:
                if when.base == "t" or (bases == {when.base} and when.base not in m.scope.last):  # D_k = diag(1 - h_k²)
                    clock, shift = when.base, when.offset
                else:
                    tag.append(text)
            elif text not in ("*",):
                tag.append(text)
    return clock, plain_tag("".join(tag)), tuple(labels), shift


def _arranged(value: Value, labels: tuple[str, ...]) -> Expr:
    v = value
    if is_row_shape(v.shape) and not labels:
        v = Value(v.expr, v.labels)
        return transposed(v).expr if False else v.expr
    rest = [n for n in v.labels if n not in labels]
    if rest and not labels and not v.rank:  # V = (v_{ji}): the matrix of these entries
        return stacked(v, tuple(v.labels)).expr
    if rest:
        raise ShapeError(f"the index {rest[0]} is on the right side only")
    return unlabelled(v, labels)


_SPACE = re.compile(r"set [RNZ]|R")


def declared(scope: Scope, link: Link) -> None:
    """x ∈ R^{n × d}: a quantity, where nothing else says what x is."""
    right = link.right
    base, sup = (right.base, right.sup) if isinstance(right, Scripted) else (right, None)
    if not isinstance(base, Symbol) or not _SPACE.fullmatch(base.head):
        return
    written = link.source[sup.start : sup.end].strip("{} ") if sup is not None else ""
    try:
        shape: tuple[sympy.Expr, ...] = tuple(
            size_named(re.sub(r"[{}\s\\]", "", s), scope) for s in re.split(r"\\times|×", written) if s.strip()
        )
    except DeriveError:
        return
    m = Meaning(scope, Reading(), link.source)
    for item in link.left.items if isinstance(link.left, Commas) else (link.left,):
        if isinstance(item, Scripted) and item.base == Symbol("delta") and any(names.error_of(m, item, k) for k in names.error_families(scope)):
            continue  # δ^{(l)} is an error signal
        if isinstance(item, Symbol | Scripted) and names.find(m, item) is None:
            try:
                declare(scope, link.source[item.start : item.end], shape)
            except DeriveError:
                continue


_: Key | None = None
