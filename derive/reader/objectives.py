"""The loss of one pair of words, J(v_c, w_{t+j}, U): the network's own at another word, or an open function of what stands in the brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from derive.adjoint import local_jacobian
from derive.expr import Expr, ShapeError, Var, rebuild, var, zeros
from derive.ops import exp
from derive.reader import derivatives, names, windows
from derive.reader.scope import LOSSES, flat
from derive.reader.syntax import Fence, Node, Scripted, Symbol
from derive.reader.values import Value, add, inner

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

Rest = list[tuple[str, Node]]


def applied(m: Meaning, node: Node, rest: Rest) -> tuple[Value, Rest] | None:
    """(the loss of a pair, what is left) where a call has a word in a window among its arguments."""
    if not isinstance(node, Symbol | Scripted) or not rest or rest[0][0] or not isinstance(rest[0][1], Fence):
        return None
    items = windows.items(rest[0][1])
    words = [i for i in items if windows.is_word(m, i)]
    if not words and _is_loss(m, node) and (found := _at_mean(m, items)) is not None:
        return found, rest[1:]
    words = words or [i for i in items if flat(node) in m.scope.pairs and _single(m, i)]
    if len(words) != 1 or not (_is_loss(m, node) or names.find(m, node) is None) or m.function_of(node) is not None:
        return None
    m.scope.pairs.add(flat(node))
    given = [m.standing(i) for i in items if i is not words[0]]
    target = windows.word(m, words[0])
    found = _at_word(m, given, target) if target is not None and _is_loss(m, node) else None
    return found if found is not None else _open(m, node, given, words[0]), rest[1:]


def _single(m: Meaning, node: Node) -> bool:
    """w_c as an argument: one word, not one of a window."""
    return (
        isinstance(node, Scripted) and isinstance(node.base, Symbol) and (node.base.head, node.base.accents) not in m.scope.names
    )


def _is_loss(m: Meaning, node: Node) -> bool:
    found = names.find(m, node)
    if found is not None:
        return found.expr is m.scope.loss
    return isinstance(node, Symbol) and node.head in LOSSES and m.scope.loss is not None


def _at_word(m: Meaning, given: list[Value], word: Value) -> Value | None:
    """The network's loss with another word for its target; None where the loss isn't linear in a one-hot target."""
    system, loss = m.scope.system, m.scope.loss
    hot = {n.expr for n in m.scope.onehot.values()}
    if system is None or loss is None or system.sequential or len(hot) != 1:
        return None
    target = hot.pop()
    if not isinstance(target, Var) or target not in (inputs := derivatives.ancestors(m, loss)) or len(target.shape) != 1:
        return None
    if any(not isinstance(v.expr, Var) or v.expr not in inputs for v in given):
        return None
    aside = tuple(e.left for e in system.equations if target not in derivatives.ancestors(m, e.left))
    formula = derivatives.explicit(m, loss, aside)
    slope = local_jacobian(formula, target)
    if target in slope.atoms(Var):
        return None
    rest = rebuild(formula, lambda n: zeros(target.shape) if n is target else n)
    return add([(1, inner(Value(slope), word)), (1, Value(rest))])


def _at_mean(m: Meaning, items: tuple[Node, ...]) -> Value | None:
    """The network's loss with the mean v̄ of the words around for the vector v_c of its family."""
    system, loss = m.scope.system, m.scope.loss
    for item in items:
        mean = windows.mean(m.scope, item)
        if mean is not None and isinstance(item, Symbol) and system is not None and loss is not None:
            inputs = derivatives.ancestors(m, loss)
            kin = {n.expr for n in m.scope.names.get((item.head, ()), ()) if n.expr in inputs and n.expr.shape == mean.shape}
            if len(kin) == 1:
                name = kin.pop()
                formula = derivatives.explicit(m, loss, ())
                return Value(rebuild(formula, lambda n, name=name, mean=mean: mean if n is name else n))  # type: ignore[misc]
    return None


def _open(m: Meaning, node: Node, given: list[Value], word: Node) -> Value:
    """An open function of arguments, and of whatever else the network takes.

    It is exp of a free linear form: what is linear in a function and its derivatives and holds for these holds for every one.
    """
    label = windows.letter(m, word)
    arguments: list[Expr] = [v.expr for v in given if not v.labels]
    if len(arguments) < len(given):
        raise m.fail("a loss of a quantity with indices", node)
    inputs = m.scope.system.independent.values() if m.scope.system is not None else ()
    arguments += [v for v in inputs if v.time is None and v not in arguments]
    name = f"{flat(node)}_{flat(word)}" if label is None else f"{flat(node)}_around"
    terms = []
    for k, e in enumerate(arguments):
        slope = var(f"slope_{''.join(c for c in name if c.isalnum())}_{k}", (*((label[1],) if label else ()), *e.shape))
        terms.append((1, inner(Value(slope, (label[0],) if label else ()), Value(e))))
    if not terms:
        raise ShapeError("a loss of nothing")
    form = add(terms)
    return Value(exp(form.expr), form.labels)
