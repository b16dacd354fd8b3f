"""Words around a word: w_{t+j} and v_{c+j} where j runs over a window, and names that are said to be of another word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sympy

from derive.expr import Var, var
from derive.reader.scope import Scope, flat, identifier
from derive.reader.syntax import Commas, Fence, Node, Number, Product, Relation, Scripted, Sum, Symbol, put, unscripted, walk
from derive.reader.values import Value, transposed

if TYPE_CHECKING:
    from derive.reader.meaning import Meaning

SLOT = Symbol("slot")  # where the index of a window stands in the scripts of a family
WORD = ("word", ())  # the family of one-hot vectors of words
WIDEST = 64  # words in a window with numbers for its limits


# -- limits -------------------------------------------------------------------------------------------------------


def size(scope: Scope, lo: Node | None, hi: Node | None, left_out: list[Node]) -> sympy.Expr | None:
    """The number of words in -m ≤ j ≤ m without 0, in 0 ≤ j ≤ 2m without m; None for limits of another kind."""
    if lo is None or hi is None or len(left_out) != 1:
        return None
    first, last, middle = (_whole(scope, n) for n in (lo, hi, left_out[0]))
    if first is None or last is None or middle is None or sympy.expand(first + last - 2 * middle) != 0:
        return None
    width = sympy.expand(last - first)
    letters = width.free_symbols
    if width.is_Integer:
        return width if 0 < width <= WIDEST else None
    if len(letters) != 1 or width != 2 * next(iter(letters)):
        return None
    scope.sizes.setdefault(next(iter(letters)).name, next(iter(letters)))
    return width


def _whole(scope: Scope, node: Node) -> sympy.Expr | None:
    """A whole number in letters: -m, 2m, c + m."""
    match node:
        case Number() if node.text.isdigit() and len(node.text) < 4:
            return sympy.Integer(int(node.text))
        case Symbol() if not node.accents and len(node.head) == 1 and (node.head, ()) not in scope.names:
            return scope.sizes.get(node.head, sympy.Symbol(node.head, positive=True, integer=True))
        case Fence():
            return _whole(scope, node.body)
        case Sum():
            terms = [_whole(scope, n) for _, n in node.terms]
            signed = [s * t for (s, _), t in zip(node.terms, terms, strict=True) if t is not None]
            return sympy.Add(*signed) if len(signed) == len(terms) else None
        case Product() if all(op in ("", "*", "·") for op, _ in node.factors):
            parts = [_whole(scope, n) for _, n in node.factors]
            return None if None in parts else sympy.Mul(*parts)
    return None


def distance(part: Relation) -> tuple[Symbol, Node] | None:
    """(j, m) of 0 < |j| ≤ m and 1 ≤ |j| ≤ m."""
    if len(part.parts) != 3 or not isinstance(part.parts[0], Number):
        return None
    if (part.parts[0].text, *part.ops) not in (("0", "<", "≤"), ("1", "≤", "≤")):
        return None
    inside = part.parts[1].body if isinstance(part.parts[1], Fence) and part.parts[1].kind == "abs" else None
    return (inside, part.parts[2]) if isinstance(inside, Symbol) else None


# -- families -----------------------------------------------------------------------------------------------------


def member(m: Meaning, node: Node) -> Value | None:
    """v_{c+j}: the vectors of the words in a window, free quantities beside the vector v_c of their family."""
    base = unscripted(node)
    if not isinstance(base, Symbol) or not isinstance(node, Scripted) or node.sub is None:
        return None
    key = (base.head, base.accents)
    kin = [n for n in m.scope.names.get(key, ()) if n.axis is None and not n.sequential and n.tag]
    if not kin or len({n.expr.shape for n in kin}) > 1 or columns(m.scope, key):
        return None
    value = _of_family(m, key, node.sub, kin[0].expr.shape)
    if value is None and _apart(m, node.sub, {n.tag for n in kin}):
        value = Value(var(f"{identifier(key, flat(node.sub))}_apart", kin[0].expr.shape))
    if value is None:
        return None
    if node.sup is not None:
        value = m.power(value, node.sup, node)
    return transposed(value) if node.primes % 2 else value


def word(m: Meaning, node: Node) -> Value | None:
    """w_{t+j} and c+j as an index: the one-hot vectors of the words in a window."""
    classes = vocabulary(m.scope)
    if classes is None or not isinstance(node, Sum | Scripted | Symbol):
        return None
    return _of_family(m, WORD, node, (classes,))


def is_word(m: Meaning, node: Node) -> bool:
    """Whether an argument is a word in a window, w_{t+j}: no quantity of the scope."""
    base = unscripted(node)
    unknown = not isinstance(base, Symbol) or (base.head, base.accents) not in m.scope.names
    return unknown and isinstance(node, Scripted | Sum) and _slot(m, WORD, node) is not None


def letter(m: Meaning, node: Node) -> tuple[str, sympy.Expr] | None:
    """The index of a word in a window, and how many words it runs over."""
    found = _slot(m, WORD, node)
    return (
        (m.rename.get(found[0], found[0]), m.scope.window[found[0]]) if found is not None and found[0] in m.scope.window else None
    )


def elsewhere(m: Meaning, node: Node) -> bool:
    """Whether a call is not what stands before its brackets: J(v_c, w_{t+j}, U) of a word around, J(v̄, w_c, U) of their mean."""
    if not m.scope.window or not isinstance(node, Product) or not isinstance(node.factors[-1][1], Fence):
        return False
    return any(is_word(m, i) or mean(m.scope, i) is not None for i in items(node.factors[-1][1]))


def items(fence: Fence) -> tuple[Node, ...]:
    """What brackets list."""
    return fence.body.items if isinstance(fence.body, Commas) else (fence.body,)


def mean(scope: Scope, node: Node) -> Var | None:
    """The quantity that a name stands for, where the network computes it from the words around."""
    key = (node.head, node.accents) if isinstance(node, Symbol) else None
    found = [n.expr for n in scope.names.get(key, ()) if n.introduced and not n.tag] if key is not None else []
    return next((v for v in found if isinstance(v, Var) and around(scope, v)), None)


def around(scope: Scope, v: Var) -> bool:
    """Whether a quantity is computed from those of the words around."""
    owner = scope.system.owner(v) if scope.system is not None else None
    return owner is not None and bool(owner.right.atoms(Var) & set(scope.families.values()))


def words(scope: Scope) -> list[Var]:
    """The one-hot vectors of words that the document has spoken of."""
    return [v for key, v in scope.families.items() if key[:2] == WORD]


def vocabulary(scope: Scope) -> sympy.Expr | None:
    """The number of words: of the classes of one-hot labels, or of the columns of the vectors of words."""
    classes = {n.expr.shape[-1] for n in scope.onehot.values() if n.expr.shape}
    classes = classes or {n.expr.shape[1] for found in scope.names.values() for n in found if n.axis == 1}
    return classes.pop() if len(classes) == 1 else None


def columns(scope: Scope, key: tuple[str, tuple[str, ...]]) -> bool:
    """Whether the vectors of a family are the columns of a matrix."""
    return any(n.axis == 1 for n in scope.names.get(key, ()))


def _of_family(m: Meaning, key: tuple[str, tuple[str, ...]], script: Node, shape: tuple) -> Value | None:
    found = _slot(m, key, script)
    if found is None:
        return None
    letter, pattern = found
    if (*key, pattern) not in m.scope.families:
        if letter not in m.bound:
            return None
        name = identifier(key, pattern.replace("+", "plus").replace("-", "minus"))
        m.scope.families[*key, pattern] = var(f"{name}_around", (m.scope.window[letter], *shape))
    return Value(m.scope.families[*key, pattern], (m.rename.get(letter, letter),))


def _slot(m: Meaning, key: tuple[str, tuple[str, ...]], script: Node) -> tuple[str, str] | None:
    """(the letter that runs over a window, the script with a slot in its place)."""
    if not m.scope.window:
        return None
    plain = isinstance(script, Symbol)
    letters = dict.fromkeys(n.head for n in walk(script) if isinstance(n, Symbol) and len(n.head) == 1 and not n.accents)
    for letter in sorted(letters, key=lambda n: (n not in m.bound, n not in m.scope.window)):
        pattern = flat(put(script, Symbol(letter), SLOT))
        if letter in m.bound and letter in m.label_sizes and m.scope.window.get(letter) == m.label_sizes[letter]:
            return letter, pattern
        if (not plain or letter in m.scope.window) and (*key, pattern) in m.scope.families and letter not in m.bound:
            return letter, pattern
    return None


# -- other words --------------------------------------------------------------------------------------------------


def apart(conditions: Iterable[Node]) -> frozenset[frozenset[str]]:
    """The pairs of letters that conditions say are different: w ≠ c."""
    relations = [r for c in conditions for r in walk(c) if isinstance(r, Relation)]
    return frozenset(frozenset(map(flat, r.parts)) for r in relations if r.ops == ("≠",))


def _apart(m: Meaning, script: Node, tags: set[str]) -> bool:
    """v_w beside v_c, where w ≠ c is said: the vector of any other word."""
    return isinstance(script, Symbol) and any(frozenset((script.head, tag)) in m.apart for tag in tags)
