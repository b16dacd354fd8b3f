"""Functions and their arguments: tables' functions, derivatives of them, open functions, and the operators diag, tr, det, prod."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from derive import ops
from derive.adjoint import local_jacobian
from derive.expr import Expr, Instant, Map, Misread, ShapeError, Var, apply, at_time, ein, opaque, rebuild, stack, zeros
from derive.expr import var as make_var
from derive.ops import Composition, Function, power
from derive.reader import bigs, derivatives, events, names, objectives
from derive.reader.scope import Template, flat
from derive.reader.syntax import (
    Big,
    Commas,
    Dots,
    Fence,
    Fraction,
    Given,
    Node,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Symbol,
    Words,
    unscripted,
    walk,
)
from derive.reader.tokens import Unreadable
from derive.reader.values import Value, add, entry, inner, is_row_shape, number, scale, stacked, transposed
from derive.system import OpenFunction, open_functions

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

OPERATORS = frozenset(
    [
        "diag",
        "Diag",
        "tr",
        "Tr",
        "trace",
        "det",
        "prod",
        "max",
        "logaddexp",
        "sum",
        "mean",
        "min",
        "rank",
        "Var",
        "argmax",
        "vec",
        "rowsum",
        "colsum",
    ]
)
BARE = Symbol("bare")  # the argument of every function in a relation of functions alone
Rest = list[tuple[str, Node]]


def function_of(m: Meaning, node: Node) -> tuple[str, Any] | None:
    """The function that a symbol names, if it names one here: scripts that only say which (φ_1, σ^{(l)}) don't count."""
    base = unscripted(node)
    if not isinstance(base, Symbol) or base.accents:
        return None
    if base.head in OPERATORS and base.head not in m.scope.functions:
        return base.head, base.head
    if (base.head, ()) in m.local:
        return None
    if (base.head, ()) in m.scope.names:
        named = names.find(m, node)
        slope = named is not None and bool(named.primes) and isinstance(m.scope.functions.get(base.head), Template)
        if (
            named is not None
            and not slope
            and not (named.named.sequential and not isinstance(node, Scripted) and base.head in m.scope.functions)
        ):
            return None
    if isinstance(node, Scripted):
        for script in (node.sub, unscripted(node.sup)):
            tagged = m.scope.functions.get(f"{base.head}_{flat(script)}") if script is not None else None
            if tagged is not None:
                return base.head, tagged
    fn = m.scope.functions.get(base.head)
    return (base.head, fn) if fn is not None else None


def primed(m: Meaning, node: Node) -> Node:
    """Σ'(z) of a document that defines Σ' and no Σ: a function by that name."""
    if not isinstance(node, Scripted) or not node.primes or not isinstance(node.base, Symbol):
        return node
    name = Symbol(node.base.head + "'" * node.primes, node.base.accents, start=node.start, end=node.end)
    if name.head not in m.scope.functions:
        return node
    return replace(node, base=name, primes=0) if node.sub is not None or node.sup is not None else name


def applied(m: Meaning, node: Node, rest: Rest) -> tuple[Value, Rest] | None:
    """(f(x), what is left) where `node` names a function; a name followed by brackets that are an index or an instant, too."""
    first = (
        _indicator(m, node, rest)
        or events.applied(m, node, rest)
        or (objectives.applied(m, node, rest) if m.scope.window else None)
    )
    if first is not None:
        return first
    found = function_of(m, node)
    if found is None:
        return _bracketed(m, node, rest)
    head, fn = found
    if fn is None:
        return None
    if (BARE.head, ()) in m.local and fn not in OPERATORS:
        return call(m, fn, node, BARE), rest
    argument, scripts, left = _argument(m, rest) if not _of_itself(node, rest) else (None, None, rest)
    if argument is None:
        return _without_argument(m, node, fn), rest
    if fn in OPERATORS:
        return _scripts(m, _operator(m, head, argument, node), scripts), left
    value = call(m, fn, node, argument)
    return _scripts(m, value, scripts), left


def _scripts(m: Meaning, value: Value, scripts: Scripted | None) -> Value:
    return m.scripted_value(value, scripts) if scripts is not None else value


def _argument(m: Meaning, rest: Rest) -> tuple[Node | None, Scripted | None, Rest]:
    """The argument that follows a function: brackets, or the factors up to the next sign or function."""
    if not rest or rest[0][0]:
        return None, None, rest
    first = rest[0][1]
    if isinstance(first, Fence) and first.kind in ("paren", "bracket", "brace"):
        return first.body, None, rest[1:]
    if isinstance(first, Scripted) and isinstance(first.base, Fence) and first.base.kind in ("paren", "bracket", "brace"):
        return first.base.body, first, rest[1:]
    count = 0
    while count < len(rest) and (count == 0 or not rest[count][0]):
        node = rest[count][1]
        if count and (function_of(m, node) is not None or isinstance(node, Big | Words)):
            break
        if count and isinstance(node, Fraction) and derivatives.parts(m, node) is not None:
            break
        if count == 0 and function_of(m, node) is not None:
            nested, _, inner_rest = _argument(m, rest[1:])
            if nested is not None:
                count = len(rest) - len(inner_rest)
                break
        count += 1
        if isinstance(node, Fence):
            break
    taken = rest[:count]
    if not taken or isinstance(taken[0][1], Words):
        return None, None, rest
    node = taken[0][1] if len(taken) == 1 else Product(tuple(taken), start=taken[0][1].start, end=taken[-1][1].end)
    return node, None, rest[count:]


def learn(m: Meaning, node: Product) -> None:
    """What the functions in a product are taken of."""
    for (_, name), (op, fence) in pairwise(node.factors):
        if not op and isinstance(fence, Fence) and isinstance(unscripted(name), Symbol) and not _of_itself(name, [(op, fence)]):
            m.arguments.setdefault(unscripted(name), []).append(fence.body)


def _of_itself(node: Node, rest: Rest) -> bool:
    """σ (1 - σ): the brackets hold the function by itself, and are a factor."""
    body = rest[0][1].body if rest and not rest[0][0] and isinstance(rest[0][1], Fence) else None
    terms = [term for _, term in body.terms] if isinstance(body, Sum) else [body]
    return any(unscripted(t.factors[-1][1] if isinstance(t, Product) else t) == unscripted(node) for t in terms if t is not None)


def call(m: Meaning, fn: Any, node: Node, argument: Node) -> Value:
    """f(argument), with the primes and the power that stand at f."""
    primes, exponent = _marks(node)
    if isinstance(fn, Template):
        value = _template_slope(m, fn, argument, node) if primes else _template(m, fn, argument, node)
        if primes > 1:
            raise m.fail("a second derivative of a function of the document", node)
        return _powered(m, value, exponent, node)
    if isinstance(fn, OpenFunction):
        return _open(m, fn, node, argument, primes)
    exponent = _power(m, exponent)
    value = bigs.argument(m, argument)
    if isinstance(fn, Composition):
        if primes:
            raise m.fail(f"the derivative of {fn.name} is a matrix: write ∂{fn.name}/∂z", node)
        chosen = flat(node.sub) if isinstance(node, Scripted) and node.sub is not None else ""
        if fn is ops.softmax and not value.rank and chosen in value.labels:
            value = stacked(value, (chosen,))  # softmax_j(S_{ij})
        value = compose(fn, value)
        if (
            fn is ops.softmax
            and value.rank == 1
            and isinstance(node, Scripted)
            and node.sub is not None
            and _index_like(node.sub)
        ):
            value = names.place(m, value, (node.sub,))  # softmax_i(z)
        return _powered(m, value, exponent, node)
    if not isinstance(fn, Function):  # a family, by its usual member
        member = fn(value.expr)
        assert isinstance(member, Map)
        fn = member.fn
    result = Value(apply(fn, value.expr, primes) if primes else fn(value.expr), value.labels)
    if fn is ops.log and (base := _log_base(m, node)) is not None:
        result = Value(result.expr / ops.sympy.log(base), value.labels)
    return _powered(m, result, exponent, node)


def _marks(node: Node) -> tuple[int, Node | None]:
    """The primes at a function's name, and what stands above it."""
    primes, exponent = (node.primes, node.sup) if isinstance(node, Scripted) else (0, None)
    if isinstance(exponent, Scripted) and not exponent.sup and exponent.primes:
        primes, exponent = primes + exponent.primes, None
    if isinstance(exponent, Scripted) and isinstance(exponent.base, Fence):  # g^{[1]\\prime}
        primes, exponent = primes + exponent.primes, exponent.base
    return primes, exponent


def _power(m: Meaning, exponent: Node | None) -> Node | None:
    """Of what stands above a function's name, a power; σ^{(l)} is the function of a layer."""
    when = names.instant(m, exponent) if isinstance(exponent, Fence) else None
    layer = when is not None or (isinstance(exponent, Symbol) and exponent.head not in ("T", "top"))
    return None if layer else exponent


def _log_base(m: Meaning, node: Node) -> Any:
    """The base of a logarithm: the one written at it, or the document's; None for e."""
    name = unscripted(node)
    if isinstance(node, Scripted) and node.sub is not None:
        if isinstance(node.sub, Number) and node.sub.text.isdigit() and 1 < int(node.sub.text) < 1000:
            return ops.sympy.Integer(int(node.sub.text))
        if flat(node.sub) != "e":
            raise m.fail(f"the base {flat(node.sub)} of a logarithm", node)
        return None
    return m.scope.log if isinstance(name, Symbol) and name.head != "ln" else None


def compose(fn: Composition, value: Value) -> Value:
    """softmax and logsumexp of a vector, of every row of a matrix, of a vector at each index."""
    if fn is ops.softmax and not value.rank and len(value.labels) == 1:  # softmax(z_i): entry i of it
        (label,) = value.labels
        return entry(Value(fn(stacked(value, (label,)).expr)), [label])
    if fn in (ops.softmax, ops.logsumexp):
        if value.rank == 1 and len(value.labels) <= 1:
            return Value(fn(value.expr), value.labels)
        if is_row_shape(value.shape) and len(value.labels) <= 1:
            of = Value(fn(transposed(value).expr), value.labels)
            return transposed(of) if fn is ops.softmax else of
        if value.rank == 2 and not value.labels:
            return Value(fn(value.expr))
        raise Misread(f"{fn.name} takes a vector or a matrix")
    if value.labels:
        raise Misread(f"{fn.name} of something with free indices")
    return Value(fn(value.expr))


def _powered(m: Meaning, value: Value, exponent: Node | None, node: Node) -> Value:
    if exponent is None:
        return value
    if flat(exponent) in ("top", "T"):
        return transposed(value)
    if flat(exponent) == "-1":
        raise m.fail("an inverse function", node)
    return m.power(value, exponent, node)


def _open(m: Meaning, fn: OpenFunction, node: Node, argument: Node, primes: int) -> Value:
    """An open scalar function of a vector, ℓ_t(h_t)."""
    items = argument.items if isinstance(argument, Commas) else (argument,)
    values = [m.standing(i) for i in items]
    if len(values) > 1 and all(not v.rank and not v.labels for v in values):
        value = Value(stack([v.expr for v in values], (len(values),)))
    else:  # ℓ(o, y): what is compared with is part of the function
        value = next((v for v in values if v.expr.atoms()), values[0])
    if value.labels:
        raise m.fail(f"{fn.name} of something with free indices", node)
    script = (node.sub or node.sup) if isinstance(node, Scripted) else None
    when = names.instant(m, script) if script is not None else None
    if when is None and script is None:
        when = _usual_instant(m, fn, value)
    return Value(opaque(fn.name, when, value.expr, primes))


def _usual_instant(m: Meaning, fn: OpenFunction, value: Value) -> Instant | None:
    """The instant of an open function written without one, where the network gives it one for each t."""
    if m.scope.system is None:
        return None
    uses = [o for e in m.scope.system.equations for o in open_functions(e.right) if o.name == fn.name]
    if not uses or uses[0].time is None:
        return None
    return next((v.time for v in value.expr.atoms() if v.time is not None), None)


def _template(m: Meaning, fn: Template, argument: Node, node: Node) -> Value:
    given = argument.items if isinstance(argument, Commas) else (argument,)
    if len(given) != len(fn.parameters):
        raise m.fail(f"{len(given)} arguments for {len(fn.parameters)} parameters", node)
    values = [m.value(g) for g in given]
    saved, source = dict(m.local), m.source
    try:
        m.local.update(dict(zip(fn.parameters, values, strict=True)))
        m.source = fn.source
        try:
            return m.value(fn.body)
        except ShapeError:
            entries = _entry_by_entry(m, fn, values)
            if entries is None:
                raise
            return entries
    finally:
        m.local, m.source = saved, source


def _entry_by_entry(m: Meaning, fn: Template, values: list[Value]) -> Value | None:
    """φ(a) = a (1 - a) of arrays of one shape: the formula is one of scalars, and holds for every entry."""
    shapes = {v.shape for v in values if v.rank}
    if len(shapes) != 1 or any(is_row_shape(s) for s in shapes):
        return None
    fresh = tuple(m.fresh() for _ in next(iter(shapes)))
    single = [Value(v.expr, (*v.labels, *fresh)) if v.rank else v for v in values]
    m.local.update(dict(zip(fn.parameters, single, strict=True)))
    result = m.value(fn.body)
    return stacked(result, fresh) if not result.rank and set(fresh) <= set(result.labels) else None


def slope(m: Meaning, node: Scripted, body: Node) -> Value | None:
    """(1 / (1 + e^{-z}))': the derivative by the one variable in the brackets; None where they are a plain array."""
    found = {unscripted(n): n for n in walk(body) if isinstance(n, Symbol) and function_of(m, n) is None and n.head not in ("e", "pi")}
    curved = [n for n in walk(body) if _curved(n)]
    if len(found) != 1 or node.primes != 1 or not curved:
        return None
    by, value = m.value(next(iter(found.values()))), m.value(body)
    if by.rank and all(isinstance(n, Scripted) and isinstance(n.sup, Number) for n in curved):
        return None  # (x^2)' of a vector may lie down
    if not isinstance(by.expr, Var) or by.labels or value.labels or value.shape != by.shape or by.rank > 1:
        return None
    letters = tuple(range(by.rank))
    return Value(ein([(local_jacobian(value.expr, by.expr), letters + letters)], letters))


def _curved(node: Node) -> bool:
    """1/x, e^x and x²: what no transpose is written for with a prime."""
    if isinstance(node, Fraction):
        return any(isinstance(n, Symbol) for n in walk(node.bottom))
    return isinstance(node, Scripted) and (unscripted(node) == Symbol("e") or isinstance(node.sup, Number))


def _template_slope(m: Meaning, fn: Template, argument: Node, node: Node) -> Value:
    """φ'(z) of a function that the document defines: the diagonal of its Jacobian by its argument."""
    if len(fn.parameters) != 1:
        raise m.fail("the derivative of a function of several arguments", node)
    given = m.value(argument)
    by = make_var("argument_of_it", given.expr.shape)
    saved, source = dict(m.local), m.source
    try:
        m.local[fn.parameters[0]] = Value(by, given.labels)
        m.source = fn.source
        try:
            body = m.value(fn.body)
        except ShapeError:
            entries = _entry_by_entry(m, fn, [Value(by, given.labels)])
            if entries is None:
                raise
            body = entries
    finally:
        m.local, m.source = saved, source
    if body.expr.shape != by.shape:
        raise m.fail("the derivative of a function that is not entry by entry", node)
    letters = tuple(range(len(by.shape)))
    slope = ein([(local_jacobian(body.expr, by), letters + letters)], letters)
    return Value(rebuild(slope, lambda n: given.expr if n is by else n), given.labels)


def _without_argument(m: Meaning, node: Node, fn: Any) -> Value:
    """σ' by itself: of what σ is taken of beside it, or of its one argument in the network; L after L(a, y) = …: of its parameters."""
    primes, exponent = _marks(node)
    if isinstance(fn, Template) and not primes and len(fn.parameters) > 1:
        return _template(m, fn, Commas(tuple(Symbol(*p) for p in fn.parameters)), node)
    if isinstance(fn, OpenFunction) and m.scope.system is not None and not primes:
        return _open_without(m, node, fn)
    beside = dict.fromkeys(m.arguments.get(unscripted(node), ()))
    if isinstance(fn, Function) and len(beside) == 1 and all(isinstance(a, Symbol | Scripted) for a in beside):
        m.notes.append(f"{m.text(node)} taken at {m.text(next(iter(beside)))}")
        return call(m, fn, node, next(iter(beside)))
    variable = next(iter(m.local.values())) if len(m.local) == 1 else None
    if isinstance(fn, Function) and variable is not None and isinstance(variable.expr, Var) and not variable.expr.shape:
        m.notes.append(f"{m.text(node)} taken at the only variable")
        return _powered(m, Value(apply(fn, variable.expr, primes)), _power(m, exponent), node)
    if not isinstance(fn, Function) or m.scope.system is None:
        raise m.fail(f"{m.text(node)} without an argument", node)
    arguments = list(
        dict.fromkeys(n.arg for e in m.scope.system.equations for n in e.right.find(lambda n: isinstance(n, Map) and n.fn is fn))
    )
    if len(arguments) != 1:
        raise m.fail(f"{m.text(node)} without an argument, and the network has {len(arguments)} for it", node)
    m.notes.append(f"{m.text(node)} taken at {arguments[0]}")
    return _powered(m, Value(apply(fn, arguments[0], primes)), _power(m, exponent), node)


def _open_without(m: Meaning, node: Node, fn: OpenFunction) -> Value:
    """ℓ_t for ℓ_t(o_t), where the network takes ℓ_t of nothing else."""
    assert m.scope.system is not None
    found = {o for e in m.scope.system.equations for o in open_functions(e.right) if o.name == fn.name}
    if len(found) != 1:
        raise m.fail(f"{m.text(node)} without an argument, and the network has {len(found)} for it", node)
    only = found.pop()
    sub = node.sub if isinstance(node, Scripted) else None
    if only.time is None or not only.time.base:
        if sub is not None:
            raise m.fail(f"{m.text(node)} without an argument", node)
        return Value(only)
    when = names.instant(m, sub) if sub is not None else None
    if when is None:
        raise m.fail(f"{m.text(node)} without an argument, and without its instant", node)
    return Value(at_time(only, only.time.base, when.shifted(-only.time.offset)))


# -- operators ----------------------------------------------------------------------------------------------------


def _operator(m: Meaning, name: str, argument: Node, node: Node) -> Value:
    match name:
        case "prod":
            return _prod(m, argument, node)
        case "max" | "min" | "logaddexp":
            return _of_two(m, name, argument, node)
        case "diag" | "Diag" if isinstance(argument, Commas):
            return _diagonal_of(m, argument)
        case "sum" if isinstance(argument, Relation) and (axis := _axis(m, argument)) is not None:
            name, argument = axis
    v = m.value(argument)
    match name:
        case "diag" | "Diag":
            if not v.rank and len(v.labels) == 1:  # diag(p_i (1 - p_i)): the entries of the diagonal
                return Value(ops.diag(stacked(v, v.labels).expr))
            if v.labels and v.rank == 1:
                axes = tuple(range(len(v.expr.shape)))
                return Value(ein([(v.expr, axes)], (*axes, axes[-1])), v.labels)
            if v.labels:
                raise m.fail("diag of something with free indices", node)
            return Value(ops.diag((transposed(v) if is_row_shape(v.shape) else v).expr)) if v.rank else v
        case "tr" | "Tr" | "trace":
            if not v.rank:
                return v
            if v.labels:
                raise m.fail("the trace of something with free indices", node)
            return Value(ops.trace(v.expr))
        case "det":
            return Value(ops.det(v.expr)) if v.rank else v
        case "sum" if m.reading.batched:
            return _over_examples(m, v, node)
        case "sum":
            return Value(ops.total(v.expr)) if not v.labels else _unread(m, node)
        case "rowsum" | "colsum" if v.rank == 2 and not v.labels:
            return Value(ops.row_sums(v.expr), tall=True) if name == "rowsum" else Value(ops.column_sums(v.expr))
        case "mean":
            return Value(ops.mean(v.expr)) if not v.labels else _unread(m, node)
    return _unread(m, node)


def _over_examples(m: Meaning, v: Value, node: Node) -> Value:
    """Σ δ of a batch with one example in each row, or in each column: the sum of the examples."""
    size = names.batch_size(m)
    if v.labels or v.rank != 2 or [d == size for d in v.shape].count(True) != 1:
        raise m.fail("a sum over the examples of what has none", node)
    return Value(ops.column_sums(v.expr) if v.shape[0] == size else ops.row_sums(v.expr))


def _axis(m: Meaning, argument: Relation) -> tuple[str, Node] | None:
    """np.sum(X, axis=1, keepdims=True): which sum that is, and of what."""
    first = argument.parts[0]
    found = re.search(r",axis=([01])(,keepdims=[A-Za-z]+)?$", re.sub(r"\s|\\[,;!_]|\\(?=_)", "", m.text(argument)))
    if found is None or not isinstance(first, Commas):
        return None
    return "rowsum" if found[1] == "1" else "colsum", first.items[0]


def _unread(m: Meaning, node: Node) -> Value:
    raise m.fail(f"{m.text(node)} can't be read here", node)


def _diagonal_of(m: Meaning, argument: Commas) -> Value:
    from derive.reader import arrays

    v = arrays.listed(m, argument)
    return Value(ops.diag((transposed(v) if is_row_shape(v.shape) else v).expr))


def _prod(m: Meaning, argument: Node, node: Node) -> Value:
    """prod(a, b): the chain-rule product, with whatever transposes it needs."""
    if not isinstance(argument, Commas) or len(argument.items) != 2:
        raise m.fail("prod takes two arguments", node)
    a, b = m.raw(argument.items[0]), m.raw(argument.items[1])
    met = derivatives.meet(a, b)
    return met if met is not None else m.times(a, "", b)


_OF_TWO: dict[str, tuple[int, Callable[[Expr], Expr]]] = {
    "max": (1, ops.relu),
    "min": (-1, lambda e: ops.relu(-e)),
    "logaddexp": (1, ops.softplus),
}


def _of_two(m: Meaning, name: str, argument: Node, node: Node) -> Value:
    """max(0, z) is relu(z), and max(a, b) is b + relu(a - b); so for min, and logaddexp with softplus."""
    if not isinstance(argument, Commas) or len(argument.items) != 2:
        raise m.fail(f"{name} is only read of two numbers, as in {name}(0, z)", node)
    sign, fn = _OF_TWO[name]
    zero = next((k for k, i in enumerate(argument.items) if isinstance(i, Number) and float(i.text) == 0), None)
    if zero is not None:
        v = m.value(argument.items[1 - zero])
        return scale(number(sign), Value(fn(v.expr), v.labels))
    a, b = argument.items
    difference = m.value(Sum(((1, a), (-1, b)), start=a.start, end=b.end))
    return add([(1, m.value(b)), (sign, Value(fn(difference.expr), difference.labels))])


def _indicator(m: Meaning, node: Node, rest: Rest) -> tuple[Value, Rest] | None:
    """1(i = j), 1[z > 0], 1_{i=j}; δ_{ij}."""
    from derive.reader import arrays

    base = unscripted(node)
    one = (isinstance(base, Symbol) and base.head == "ones") or (isinstance(base, Number) and base.text == "1")
    if one and isinstance(node, Scripted):
        below = node.sub.body if isinstance(node.sub, Fence) else node.sub  # 1_{\{z > 0\}}
        if isinstance(below, Relation):
            return arrays.condition(m, below), rest
    if (
        one
        and not isinstance(node, Scripted)
        and rest
        and not rest[0][0]
        and isinstance(rest[0][1], Fence)
        and isinstance(rest[0][1].body, Relation)
    ):
        return arrays.condition(m, rest[0][1].body), rest[1:]
    if isinstance(base, Symbol) and base.head in ("delta", "ones") and isinstance(node, Scripted) and names.find(m, node) is None:
        items = [*names.script_items(node.sub), *names.script_items(node.sup)]
        if (
            len(items) == 2
            and m.scope.delta != "error"
            and not (base.head == "delta" and names.tagged(m, flat(node.sub)))
            and flat(items[1]) != "top"
            and not (base.head == "delta" and node.sub is not None and _timed(m, node.sup))
            and all(isinstance(i, Symbol | Number | Scripted) for i in items)
        ):
            return arrays.kronecker(m, items[0], items[1]), rest
    return None


def _timed(m: Meaning, sup: Node | None) -> bool:
    """Whether a superscript is an instant, or a layer: δ^l_j is an error."""
    if isinstance(sup, Symbol) and sup.head in ("l", "L", "ell"):
        return True
    when = names.instant(m, sup) if sup is not None and m.scope.timed else None
    return when is not None and when.base in ("t", "T")


def _bracketed(m: Meaning, node: Node, rest: Rest) -> tuple[Value, Rest] | None:
    """A name with brackets: W[i, j] is an entry, c(t) an instant, L(w) the loss, p(x) what the document says p is of."""
    base = unscripted(node)
    if not rest or rest[0][0] or not isinstance(base, Symbol):
        return None
    follow = rest[0][1]
    scripts = follow if isinstance(follow, Scripted) else None
    fence = unscripted(follow)
    if not isinstance(fence, Fence) or fence.kind not in ("paren", "bracket"):
        return None
    found = names.find(m, node)
    if found is None:
        return None
    template = m.scope.functions.get(base.head)
    if isinstance(template, Template) and isinstance(node, Symbol):
        items = fence.body.items if isinstance(fence.body, Commas) else (fence.body,)
        same = tuple((i.head, i.accents) for i in items if isinstance(i, Symbol)) == template.parameters
        value = names.finished(m, found, node) if same else call(m, template, node, fence.body)
        return _scripts(m, value, scripts), rest[1:]
    if fence.kind == "bracket" and not found.places and not found.exponent and len(found.named.expr.shape) > 0:
        items = fence.body.items if isinstance(fence.body, Commas) else (fence.body,)
        fits = len(items) <= len(found.named.expr.shape) and all(_index_like(i) for i in items)
        if fits and not names.holds_arrays(m, fence.body):
            value = names.finished(m, found, node)
            value = names.place(m, transposed(value) if is_row_shape(value.shape) else value, tuple(items))
            return _scripts(m, value, scripts), rest[1:]
    when = names.instant(m, fence)
    if (
        found.named.sequential
        and found.instant is None
        and when is not None
        and (when.base or fence.kind == "bracket" or when.offset < 100)
    ):
        from dataclasses import replace

        return _scripts(m, names.finished(m, replace(found, instant=when), node), scripts), rest[1:]
    if m.reading.multiplied and found.named.expr is not m.scope.loss and found.named.expr.shape:
        return None
    own = _arguments(m, fence.body) and (found.named.expr is m.scope.loss or _made_of(m, found.expr, fence.body))
    if not found.bar and (own or _listed(m, found, fence.body)):
        return _scripts(m, names.finished(m, found, node), scripts), rest[1:]
    return None


def _made_of(m: Meaning, e: Expr, arguments: Node) -> bool:
    """Whether brackets hold what a computed quantity is made of: f(x) then is f itself, not f times x."""
    system = m.scope.system
    if system is None or system.sequential or (isinstance(e, Var) and system.owner(e) is None):
        return False
    inside = derivatives.ancestors(m, e)
    found = [names.find(m, i) for i in (arguments.items if isinstance(arguments, Commas) else (arguments,))]
    return all(f is not None and not f.places and not f.bar and f.exponent is None and f.expr in inside for f in found)


def _listed(m: Meaning, found: names.Found, node: Node) -> bool:
    """Whether brackets after a scalar list arrays, with labels, words and dots beside them, J(v_c, o, U): that is no factor."""
    if found.expr.shape or found.places or not isinstance(node, Commas) or isinstance(node, Given):
        return False
    items = tuple(i for i in node.items if not isinstance(i, Dots))
    known = [names.find(m, i) for i in items if isinstance(i, Symbol | Scripted)]
    return _arguments(m, Commas(items)) and any(f is not None and bool(f.expr.shape) and not f.places for f in known)


def _arguments(m: Meaning, node: Node) -> bool:
    """Whether brackets hold names alone, as the arguments of a loss do."""
    items = node.items if isinstance(node, Commas) else (node,)
    return all(isinstance(i, Symbol | Scripted) and isinstance(unscripted(i), Symbol) for i in items)


def _index_like(node: Node) -> bool:
    if isinstance(node, Symbol):
        return not node.accents and len(node.head) == 1
    if isinstance(node, Scripted):
        return isinstance(node.base, Symbol) and node.sup is None
    return isinstance(node, Number) and node.text.isdigit()


_ = (inner, stack, zeros, make_var, power, Unreadable)
