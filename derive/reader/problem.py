"""A problem in LaTeX, declarations and equations, to a system."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy

from derive import ops
from derive.expr import DeriveError, Expr, Instant, ShapeError, Var, at_time, constant_value, is_row, show_shape, transpose, var
from derive.reader import calls, names
from derive.reader.document import Formula, read_document
from derive.reader.fillers import Filler
from derive.reader.meaning import Meaning, Reading
from derive.reader.scope import Key, Named, Scope, flat, identifier, plain_tag, size_named
from derive.reader.statements import Broken, Chain, Link, statements
from derive.reader.syntax import Big, Commas, Fence, Node, Number, Product, Scripted, Symbol, children, unscripted, walk
from derive.reader.tokens import Unreadable, clean
from derive.reader.values import Value, is_row_shape, unlabelled
from derive.system import INDEX, Equation, NetworkError, OpenFunction, System, occurrences

_DIRECTIVE = re.compile(r"^[ \t]*%[ \t]*(loss|time|scalars|title|vectors)[ \t]*:(.*)$", re.MULTILINE)
_TIME = re.compile(
    r"^\$?\s*([a-zA-Z])\s*=\s*(\d{1,4})\s*(?:\.\.+|\\dots|\\ldots|,\s*\\ldots\s*,|,\s*\\dots\s*,|…)\s*\{?([A-Za-z]|\d{1,4})\}?\s*\$?$"
)
_FUNCTION = re.compile(
    r"^(?P<name>.*?)\s*(?::|\\colon)\s*(?P<from>.*?)\\(?:to|rightarrow|longrightarrow)\s*(?P<to>.*)$", re.DOTALL
)
_SPACE = re.compile(r"\\mathbb\s*\{?\s*[RNZ]\s*\}?")


SECONDS = 10  # for the equations of a problem


@dataclass
class Problem:
    """A system with the way in which it was written: its scope names things as the document does."""

    system: System
    scope: Scope
    time: str = "superscript"


@dataclass
class _Draft:
    scope: Scope
    place: str
    first: int = 1
    sequential: set[tuple[Key, str]] = field(default_factory=set)
    declared: dict[str, Var] = field(default_factory=dict)
    initial: dict[str, Var] = field(default_factory=dict)
    functions: list[OpenFunction] = field(default_factory=list)
    equations: dict[str, Equation] = field(default_factory=dict)
    lefts: set[tuple[Key, str, bool]] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)  # those that are indices somewhere
    tags: set[str] = field(default_factory=set)  # those that are part of declared names, W_u, and no indices
    timed: bool = False
    scalars: bool = False
    subscripts: bool = False


def read_problem(text: str, name: str = "problem", title: str = "") -> Problem:
    """The network that a text declares. Raises NetworkError with the place and what would be right."""
    directives = {m[1]: m[2].strip() for m in _DIRECTIVE.finditer(text)}
    document = read_document(_DIRECTIVE.sub("", text), latex=True)
    problems: list[DeriveError] = []
    orders = [directives["vectors"]] if directives.get("vectors") in ("row", "column") else ["column", "row"]
    for vectors in orders:
        draft = _draft(directives, name, vectors, _IMPLIED.search(text) is not None)
        try:
            return _read(draft, document.formulas, document.words, directives, name, title)
        except ShapeError as error:
            problems.append(error)
        except NetworkError as error:
            if problems:
                break
            raise error
    raise problems[0]


def _draft(directives: dict[str, str], name: str, vectors: str, timed: bool) -> _Draft:
    scope = Scope(vectors=vectors)
    draft = _Draft(scope, name)
    draft.timed = "time" not in directives and timed
    draft.scalars = directives.get("scalars", "").strip() == "all"
    if "time" in directives:
        found = _TIME.match(directives["time"].strip())
        if found is None:
            raise NetworkError(f"{name}: % time: {directives['time']!r}: write it as t = 1..T")
        scope.clock, draft.first = found[1], int(found[2])
        scope.first = draft.first
        scope.times.add(found[1])
        scope.last.discard("T") if found[3] != "T" else None
        scope.last.add(found[3])
        draft.timed = True
    return draft


_IMPLIED = re.compile(r"(?:_|\^)\{?\(?\s*t\s*-\s*1\s*\)?\}?|_\{\s*t\s*=\s*1\s*\}\s*\^\s*\{?\s*T")


def _read(draft: _Draft, formulas: list[Formula], words: set[str], directives: dict[str, str], name: str, title: str) -> Problem:
    links: list[Link] = []
    for formula in formulas:
        if not _declared_function(draft, formula):
            _statements(draft, formula, words, links)
    _find_sequences(draft, links)
    _declarations(draft, [k for k in links if k.op == "∈"])
    equations = [k for k in links if k.op == "="]
    if not equations:
        raise NetworkError(
            f"{name}: no equation found: a problem needs declarations ($x \\in \\mathbb{{R}}^{{n}}$) and equations in displays"
        )
    _elaborate(draft, equations)
    return _finished(draft, directives, name, title)


def _statements(draft: _Draft, formula: Formula, words: set[str], links: list[Link]) -> None:
    for s in statements(formula.tex, [*draft.scope.words, *words], Chain()):
        if isinstance(s, Broken):
            if formula.display is None and "mathbb" not in formula.tex:
                continue
            raise NetworkError(f"{draft.place}: {s.tex[:300]}: {s.error} (column {s.error.column})")
        if s.op == "∈" or (s.op == "=" and formula.display is not None):
            links.append(s)


# -- declarations -------------------------------------------------------------------------------------------------


def _declared_function(draft: _Draft, formula: Formula) -> bool:
    """f : R → R is an open pointwise function, ℓ : R^n → R an open scalar function of a vector."""
    found = _FUNCTION.match(formula.tex.strip()) if len(formula.tex) < 1_000 else None
    if found is None or not _SPACE.search(found["to"]):
        return False
    for written in found["name"].split(","):
        base = clean(written).strip().strip("\\").split("_")[0].split("^")[0].strip("{} ")
        if not base.replace("mathcal", "").isalnum():
            raise NetworkError(f"{draft.place}: {written.strip()!r} is not a name of a function")
        if "^" in found["from"] or "times" in found["from"] or "×" in found["from"]:
            draft.functions.append(OpenFunction(base))
            draft.scope.functions[base] = OpenFunction(base)
        else:
            draft.scope.functions[base] = ops.open_function(base, "\\" + base if len(base) > 1 else base)
    return True


def _find_sequences(draft: _Draft, links: list[Link]) -> None:
    """Names that carry the time index somewhere are sequences."""
    if not draft.timed:
        return
    m = Meaning(draft.scope, Reading())
    for link in links:
        for node in (*walk(link.left), *walk(link.right)):
            if not isinstance(node, Scripted) or not isinstance(node.base, Symbol):
                continue
            for script, raised in ((node.sup, True), (node.sub, False)):
                items = [script] if isinstance(script, Fence) else names.script_items(script)
                for item in items:
                    when = names.instant(m, item)
                    if when is not None and when.base == INDEX:
                        tag = _tag_without(m, node, item)
                        draft.sequential.add(((node.base.head, node.base.accents), tag))
                        draft.subscripts |= not raised


def _tag_without(m: Meaning, node: Scripted, item: Node) -> str:
    """The scripts of a name that are neither its time nor an index: letters that are no index stay in the name."""
    below = [
        n
        for n in ([node.sub] if isinstance(node.sub, Fence) else names.script_items(node.sub))
        if n is not item and not _is_index(n)
    ]
    above = [n for n in ([node.sup] if isinstance(node.sup, Fence) else names.script_items(node.sup)) if n is not item]
    return plain_tag("".join(flat(n) for n in (*below, *above) if flat(n) not in ("top", "T", "2", "-1")))


def _is_index(node: Node) -> bool:
    return isinstance(node, Symbol) and node.head in "ijklmnpqrsuv" and len(node.head) == 1 and not node.accents


def _declarations(draft: _Draft, links: list[Link]) -> None:
    for link in links:
        shape = _shape(draft, link)
        if shape is None:
            continue
        items = link.left.items if isinstance(link.left, Commas) else (link.left,)
        for item in items:
            _declare(draft, item, shape, link)


def _shape(draft: _Draft, link: Link) -> tuple[sympy.Expr, ...] | None:
    """The shape that a set says; None for a set that is none (a word)."""
    node = link.right
    base, sup = (node.base, node.sup) if isinstance(node, Scripted) else (node, None)
    text = link.source[node.start : node.end]
    if not (isinstance(base, Symbol) and (base.head.startswith("set ") or base.head in ("R", "N"))) and not isinstance(
        base, Fence
    ):
        raise NetworkError(
            f"{draft.place}: {link.tex}: a set such as \\mathbb{{R}}^{{n \\times d}} is needed, not {text.strip()}"
        )
    if sup is None:
        return ()
    written = link.source[sup.start : sup.end].strip().strip("{}")
    try:
        return tuple(
            size_named(_size_text(part), draft.scope) for part in re.split(r"\\times|×|\*|,", written) if part.strip(" {}")
        )
    except DeriveError as error:
        raise NetworkError(f"{draft.place}: {link.tex}: {error}") from None


def _size_text(part: str) -> str:
    part = re.sub(r"\\[cl]?dot\b", "·", part)
    return re.sub(r"\\(?:mathrm|text|mathit|operatorname|left|right)\s*|[{}\s\\]", "", part)


def _declare(draft: _Draft, item: Node, shape: tuple[sympy.Expr, ...], link: Link) -> None:
    node = item.body if isinstance(item, Fence) else item
    base = unscripted(node)
    if not isinstance(base, Symbol):
        raise NetworkError(f"{draft.place}: {link.tex}: {link.source[item.start : item.end]} is not a name")
    key = (base.head, base.accents)
    m = Meaning(draft.scope, Reading())
    sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
    for script in (sup, sub):
        for part in [script] if isinstance(script, Fence) else names.script_items(script):
            when = names.instant(m, part)
            tag = _tag_without(m, node, part) if isinstance(node, Scripted) else ""
            if (
                when is not None
                and (key, tag) in draft.sequential
                and (when.base == INDEX or (not when.base and when.offset < draft.first))
            ):
                if when.base:
                    _add(draft, key, tag, shape, True, isinstance(sup, Fence) and script is not sup)
                else:
                    v = var(identifier(key, tag), shape, Instant("", when.offset))
                    draft.initial[v.key] = v
                return
    tag = plain_tag(flat(sub) + flat(sup))
    _add(draft, key, tag, shape, (key, tag) in draft.sequential, isinstance(sup, Fence))


def _add(draft: _Draft, key: Key, tag: str, shape: tuple, sequential: bool, raised: bool) -> Var:
    v = var(identifier(key, tag, raised), shape, Instant(INDEX) if sequential else None)
    if v.name in draft.declared and draft.declared[v.name] is not v:
        raise NetworkError(f"{draft.place}: {v.name} is declared twice")
    draft.declared[v.name] = v
    draft.scope.add(key, Named(tag, v, sequential))
    return v


# -- equations ----------------------------------------------------------------------------------------------------


@dataclass
class _Left:
    """The left side of an equation: its name, whether it is a sequence, and its indices."""

    key: Key
    tag: str
    raised: bool
    sequential: bool
    labels: tuple[str, ...]
    when: Instant | None


def _left(draft: _Draft, link: Link) -> _Left:
    node = link.left
    m = Meaning(draft.scope, Reading())
    labels: tuple[str, ...] = ()
    product = getattr(node, "factors", None)
    if product and len(product) == 2 and isinstance(product[1][1], Fence):  # L(w), Z[i, j]
        inside = product[1][1].body
        if product[1][1].kind == "bracket":
            labels = tuple(flat(n) for n in (inside.items if isinstance(inside, Commas) else (inside,)))
        node = product[0][1]
    base = unscripted(node)
    if not isinstance(base, Symbol) or (isinstance(node, Scripted) and node.primes):
        raise NetworkError(f"{draft.place}: {link.tex}: the left side of an equation is one name")
    key = (base.head, base.accents)
    sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
    tag_parts: list[str] = []
    when: Instant | None = None
    if _spelled(sub) and not any(flat(n) in draft.letters for n in names.script_items(sub)):
        tag_parts, sub = [flat(sub)], None  # net_{h1}
    for script in (sub, sup):
        for part in [script] if isinstance(script, Fence) else names.script_items(script):
            at = names.instant(m, part) if draft.timed else None
            if at is not None and at.base == INDEX and when is None:
                when = at
            elif (
                script is sub
                and flat(part) not in draft.tags
                and not _is_tag(draft, m, part, link)
                and (_is_index(part) or flat(part) in draft.letters or _indexes(part, link))
            ):
                labels = (*labels, flat(part))
            else:
                tag_parts.append(flat(part))
    tag = plain_tag("".join(tag_parts))
    if labels and plain_tag("".join(labels)) and _used_as_tag(draft, key, labels, link):
        tag, labels = plain_tag("".join([*tag_parts, *labels])), ()
    return _Left(key, tag, isinstance(sup, Fence) and when is None, when is not None, labels, when)


def _spelled(script: Node | None) -> bool:
    """h1 and o2: a letter with its number; total: a word."""
    items = names.script_items(script) if isinstance(script, Product) else []
    if len(items) > 2 and flat(script).isalpha() and set(flat(script)) & set("aeou"):
        return True
    return len(items) > 1 and isinstance(items[0], Symbol) and all(isinstance(n, Number) for n in items[1:])


def _is_tag(draft: _Draft, m: Meaning, part: Node, link: Link) -> bool:
    """Whether a letter of a left side is part of names on the right: the u of a_u = W_u x + b_u."""
    for n in walk(link.right):
        if isinstance(n, Scripted) and isinstance(n.sub, Symbol) and n.sub == part:
            found = names.find(m, n)
            if found is not None and flat(part) in found.named.tag:
                return True
    return False


def _index_letters(links: list[Link]) -> set[str]:
    """Letters that are indices somewhere: bound by a sum, or one of several in a script."""
    found: set[str] = set()
    for link in links:
        for n in (*walk(link.left), *walk(link.right)):
            if isinstance(n, Big) and n.sub is not None:
                found |= {flat(x) for x in walk(n.sub) if isinstance(x, Symbol)}
            elif isinstance(n, Scripted) and n.sub is not None:
                items = names.script_items(n.sub) if not _spelled(n.sub) else []
                found |= {flat(i) for i in items if len(items) > 1 and isinstance(i, Symbol)}
    return {x for x in found if len(x) == 1}


def _indexes(part: Node, link: Link) -> bool:
    """Whether a letter that is no usual index is one here: it stands as an item of a script on the right side."""
    if not isinstance(part, Symbol) or len(part.head) != 1 or part.accents:
        return False

    def places(n: Node) -> list[Node]:
        """The places that x_{ij} and x[i] speak of."""
        if isinstance(n, Scripted) and n.sub is not None:
            items = names.script_items(n.sub)
            return items if len(items) > 1 else []
        return names.script_items(n.body) if isinstance(n, Fence) and n.kind == "bracket" else []

    return any(flat(item) == part.head for n in walk(link.right) for item in places(n))


def _used_as_tag(draft: _Draft, key: Key, labels: tuple[str, ...], link: Link) -> bool:
    """Whether the letters of a left side are part of its name, as in z_i for an input gate: the right side doesn't have them as indices."""
    used = {
        n.head
        for node in walk(link.right)
        if isinstance(node, Scripted)
        for script in (node.sub, node.sup)
        for n in names.script_items(script)
        if isinstance(n, Symbol)
    }
    brackets = {
        n.head
        for node in walk(link.right)
        if isinstance(node, Fence) and node.kind == "bracket"
        for n in walk(node)
        if isinstance(n, Symbol)
    }
    return not set(labels) <= used | brackets


def _elaborate(draft: _Draft, links: list[Link]) -> None:
    """Equations in any order: each when everything in it is known; recurrences by trying the shapes that there are."""
    draft.letters = _index_letters(links)
    draft.tags = {
        n.tag for found in draft.scope.names.values() for n in found if len(n.tag) == 1 and n.tag.isalpha()
    } - draft.letters
    draft.scope.until = time.process_time() + SECONDS
    waiting = [(link, _left(draft, link)) for link in links]
    draft.lefts = {(left.key, left.tag, left.sequential) for _, left in waiting}
    _initial_equations(draft, waiting)
    while waiting:
        if time.process_time() > draft.scope.until:
            raise NetworkError(f"{draft.place}: its {len(links)} equations take more than {SECONDS} seconds to put in order")
        progress = False
        failures: list[tuple[Link, DeriveError]] = []
        for entry in list(waiting):
            link, left = entry
            try:
                value = _meaning(draft, link).value(link.right)
                if isinstance(value, Filler):
                    value = _filled(draft, link, left, value, waiting)
            except Unreadable as error:
                failures.append((link, error))
                continue
            except ShapeError as error:
                raise _located(draft, link, error) from None
            _define(draft, link, left, value)
            waiting.remove(entry)
            progress = True
        if not progress and not _scalars(draft, failures) and not _guess(draft, waiting):
            failed, reason = failures[0]
            raise _located(draft, failed, reason)


def _located(draft: _Draft, link: Link, error: DeriveError) -> DeriveError:
    message = f"{draft.place}: {link.tex}: {error}"
    if isinstance(error, ShapeError):
        return ShapeError(message)
    if isinstance(error, Unreadable) and "unknown name" in str(error):
        return NetworkError(
            f"{message}: it is neither declared ($… \\in \\mathbb{{R}}^{{n}}$) nor defined by an equation (or write `% scalars: all`)"
        )
    return NetworkError(message)


def _initial_equations(draft: _Draft, waiting: list[tuple[Link, _Left]]) -> None:
    """h_0 = 0: an initial value stays an input."""
    for entry in list(waiting):
        link, left = entry
        m = Meaning(draft.scope, Reading())
        node = link.left
        scripts = [s for s in ((node.sub, node.sup) if isinstance(node, Scripted) else ()) if s is not None]
        at = [names.instant(m, s) for s in scripts]
        if (
            draft.timed
            and any(a is not None and not a.base and a.offset < draft.first for a in at)
            and (left.key, "") in draft.sequential
        ):
            waiting.remove(entry)
            found = names.find(m, link.right) if isinstance(link.right, Symbol | Scripted) else None
            instant = next(a for a in at if a is not None and not a.base)
            if (
                found is not None and isinstance(found.expr, Var) and found.expr.name in draft.declared
            ):  # a^0 = x: the input is it
                given = draft.declared.pop(found.expr.name)
                v = var(identifier(left.key, ""), given.shape, instant)
                draft.initial[v.key] = v
                base = unscripted(link.right)
                assert isinstance(base, Symbol)
                draft.scope.add((base.head, base.accents), Named(found.named.tag, v))


def _meaning(draft: _Draft, link: Link) -> Meaning:
    m = Meaning(draft.scope, Reading(), link.source)
    m.learn(link.left)
    m.learn(link.right)
    return m


def _define(draft: _Draft, link: Link, left: _Left, value: Value) -> None:
    try:
        expr = _arranged(value, left)
        _store(draft, link, left, expr)
    except ShapeError as error:
        raise _located(draft, link, error) from None


def _arranged(value: Value, left: _Left) -> Expr:
    if set(value.labels) - set(left.labels):
        raise ShapeError(f"the index {next(iter(set(value.labels) - set(left.labels)))} is on the right side only")
    if set(left.labels) - set(value.labels):
        raise ShapeError(f"the index {next(iter(set(left.labels) - set(value.labels)))} is on the left side only")
    v = value
    if is_row_shape(v.shape):
        from derive.reader.values import transposed

        v = transposed(v)
    return unlabelled(v, left.labels) if left.labels else (transpose(v.expr) if is_row(v.expr) else v.expr)


def _store(draft: _Draft, link: Link, left: _Left, expr: Expr) -> None:
    if left.when is not None and left.when.offset:
        expr = at_time(expr, INDEX, Instant(INDEX, -left.when.offset))
    named = _known(draft.scope, left)
    known = named.expr if named is not None else None
    if isinstance(known, Var):
        if known.name in draft.equations:
            raise NetworkError(f"{draft.place}: {link.tex}: {known.name} is defined twice")
        if known.shape != expr.shape:
            raise ShapeError(f"the left side is in {show_shape(known.shape)}, the right one in {show_shape(expr.shape)}")
        v = known
        draft.declared.pop(v.name, None)
    else:
        v = var(_free_name(draft, left), expr.shape, Instant(INDEX) if left.sequential else None)
        if v.name in draft.equations:
            raise NetworkError(f"{draft.place}: {link.tex}: {v.name} is defined twice")
        draft.scope.add(left.key, Named(left.tag, v, left.sequential))
    draft.equations[v.name] = Equation(v, expr, link.tex)


def _free_name(draft: _Draft, left: _Left) -> str:
    """The identifier of a new name; L_t beside L needs one of its own."""
    name = identifier(left.key, left.tag, left.raised)
    taken = {
        n.expr.name for n in draft.scope.names.get(left.key, []) if isinstance(n.expr, Var) and n.sequential != left.sequential
    }
    return f"{name}_each" if name in taken or (left.sequential and (left.key, left.tag, False) in draft.lefts) else name


def _guess(draft: _Draft, waiting: list[tuple[Link, _Left]]) -> bool:
    """A recurrence whose shape nothing says: the one shape among those in use with which its equation comes out."""
    shapes = _shapes(draft) | {()}
    for size in draft.scope.sizes.values():
        shapes.add((size,))
    loops = [
        (link, left)
        for link, left in waiting
        if left.sequential and not any(n.sequential and n.tag == left.tag for n in draft.scope.names.get(left.key, []))
    ]
    for _link, left in sorted(loops, key=lambda pair: _initial_shape(draft, pair[1]) is None):
        given = _initial_shape(draft, left)
        for shape in [given] if given is not None else sorted(shapes, key=lambda s: (-len(s) if len(s) < 2 else 1, str(s))):
            if time.process_time() > draft.scope.until:
                return False
            trial = draft.scope.copy()
            v = var(_free_name(draft, left), shape, Instant(INDEX))
            trial.add(left.key, Named(left.tag, v, True))
            if _comes_out(draft, trial, waiting, left, shape):
                draft.scope.add(left.key, Named(left.tag, v, True))  # its own equation confirms the shape
                return True
    return False


def _filled(draft: _Draft, link: Link, left: _Left, value: Filler, waiting: list[tuple[Link, _Left]]) -> Value:
    """B = v 1ᵀ and M = I in the one shape with which the other equations come out. Raises ShapeError."""
    m, known = _meaning(draft, link), _known(draft.scope, left)
    if known is not None:
        return value.fill(known.expr.shape, m)
    if value.kind == "ones" and not _constant(value):
        return value  # a number, perhaps
    sizes = sorted({s for v in _shapes(draft) for s in v}, key=str)
    given = value.expr.shape
    shapes = {"rows": [(s, *given) for s in sizes], "columns": [(*given, s) for s in sizes], "identity": [(s, s) for s in sizes]}
    fitting = []
    for shape in shapes.get(value.kind, [(s,) for s in sizes]):
        trial = draft.scope.copy()
        trial.add(
            left.key,
            Named(left.tag, var(_free_name(draft, left), shape, Instant(INDEX) if left.sequential else None), left.sequential),
        )
        if _comes_out(draft, trial, waiting, left, shape):
            fitting.append(shape)
    if len(fitting) != 1:
        raise ShapeError(
            "the size of the ones or of the identity is said nowhere: declare the left side, $… \\in \\mathbb{R}^{n}$"
        )
    return value.fill(fitting[0], m)


def _constant(value: Value) -> bool:
    return not value.labels and constant_value(value.expr) is not None


def _known(scope: Scope, left: _Left) -> Named | None:
    return next((n for n in scope.names.get(left.key, []) if n.tag == left.tag and n.sequential == left.sequential), None)


def _shapes(draft: _Draft) -> set[tuple]:
    return {v.shape for v in (*draft.declared.values(), *draft.initial.values(), *(e.left for e in draft.equations.values()))}


def _initial_shape(draft: _Draft, left: _Left) -> tuple | None:
    """The shape that a declared initial value gives a state."""
    name = identifier(left.key, left.tag, left.raised)
    return next((v.shape for v in draft.initial.values() if v.name == name), None)


def _comes_out(draft: _Draft, trial: Scope, waiting: list[tuple[Link, _Left]], wanted: _Left, shape: tuple) -> bool:
    """Whether the equations, with this shape assumed for the states, give each state the shape that was assumed for it."""
    rest = list(waiting)
    verified = False
    while rest:
        progress = False
        for entry in list(rest):
            link, left = entry
            m = Meaning(trial, Reading(), link.source)
            m.learn(link.left)
            m.learn(link.right)
            known = _known(trial, left)
            try:
                value = m.value(link.right)
                if isinstance(value, Filler) and known is not None:
                    value = value.fill(known.expr.shape, m)
                expr = _arranged(value, left)
            except Unreadable:
                continue
            except ShapeError:
                return False
            if known is not None and known.expr.shape != expr.shape:
                return False
            if known is None:
                trial.add(
                    left.key,
                    Named(
                        left.tag,
                        var(_free_name(draft, left), expr.shape, Instant(INDEX) if left.sequential else None),
                        left.sequential,
                    ),
                )
            verified = verified or left is wanted
            rest.remove(entry)
            progress = True
        if not progress:
            unknown = next(
                (
                    x
                    for _, x in rest
                    if x.sequential and not any(n.sequential for n in trial.names.get(x.key, []) if n.tag == x.tag)
                ),
                None,
            )
            if unknown is None:
                break
            given = _initial_shape(draft, unknown)
            trial.add(
                unknown.key,
                Named(unknown.tag, var(_free_name(draft, unknown), shape if given is None else given, Instant(INDEX)), True),
            )
    return verified


def _scalars(draft: _Draft, failures: list[tuple[Link, DeriveError]]) -> bool:
    """% scalars: all declares what is neither declared nor defined."""
    if not draft.scalars:
        return False
    m = Meaning(draft.scope, Reading())
    for link, _ in failures:
        for node in _names(link.right):
            base = unscripted(node)
            assert isinstance(base, Symbol)
            if (
                names.find(m, node) is not None
                or base.head in draft.scope.functions
                or base.head in _NO_NAMES
                or base.head in draft.scope.sizes
            ):
                continue
            sub, sup = (node.sub, node.sup) if isinstance(node, Scripted) else (None, None)
            parts = [p for s in (sub, sup) for p in ([s] if isinstance(s, Fence) else names.script_items(s))]
            timed = [p for p in parts if (i := names.instant(m, p)) is not None and i.base == INDEX] if draft.timed else []
            tag = plain_tag("".join(flat(p) for p in parts if p not in timed and not (p is sup and isinstance(p, Number))))
            key = (base.head, base.accents)
            if any((key, tag, sequential) in draft.lefts for sequential in (True, False)):
                continue
            instants = [p for p in parts if names.instant(m, p) is not None]
            if any((key, plain_tag("".join(flat(q) for q in parts if q is not p)), True) in draft.lefts for p in instants):
                continue  # h_T of a sequence that an equation defines
            _add(draft, key, tag, (), bool(timed), False)
            return True
    return False


_NO_NAMES = frozenset("e pi I ones zero top infty".split()) | calls.OPERATORS


def _names(node: Node) -> Iterator[Symbol | Scripted]:
    """The names in an expression, without the letters of their scripts and of sums' limits."""
    match node:
        case Symbol():
            yield node
        case Scripted() if isinstance(node.base, Symbol):
            yield node
        case Big():
            yield from _names(node.body)
        case Scripted():
            yield from _names(node.base)
        case Product():
            for k, (_, factor) in enumerate(node.factors):
                if not (k and isinstance(factor, Fence) and factor.kind == "bracket"):
                    yield from _names(factor)
        case _:
            for child in children(node):
                yield from _names(child)


# -- the system ---------------------------------------------------------------------------------------------------


def _finished(draft: _Draft, directives: dict[str, str], name: str, title: str) -> Problem:
    equations = tuple(draft.equations.values())
    needed = _needed_initial(draft, equations)
    loss = _loss(draft, directives.get("loss", ""), equations)
    returned = loss or (equations[-1].left if equations else None)
    system = System(
        name,
        directives.get("title", "") or title or name.replace("_", " "),
        tuple(draft.declared.values()),
        needed,
        tuple(draft.functions),
        equations,
        draft.first,
        loss,
        returned,
    )
    _ = system.stages  # a cycle is said here
    draft.scope.system, draft.scope.until = system, math.inf
    return Problem(system, draft.scope, "subscript" if draft.subscripts else "superscript")


def _needed_initial(draft: _Draft, equations: tuple[Equation, ...]) -> tuple[Var, ...]:
    found: dict[str, Var] = dict(draft.initial)
    for equation in equations:
        for v in occurrences(equation.right):
            if v.time is None or v.name not in draft.equations:
                continue
            if v.time.base == INDEX and v.time.offset < 0:
                for k in range(v.time.offset, 0):
                    at = v.at(Instant("", draft.first + k))
                    found.setdefault(at.key, at)
            elif not v.time.base and v.time.offset < draft.first:
                found.setdefault(v.key, v)
    return tuple(found.values())


def _loss(draft: _Draft, wanted: str, equations: tuple[Equation, ...]) -> Var | None:
    if wanted.lower() == "none":
        return None
    if wanted:
        m = Meaning(draft.scope, Reading())
        from derive.reader.parser import parse

        found = names.find(m, parse(wanted.strip("$ "), draft.scope.words))
        if found is None or not isinstance(found.expr, Var) or found.expr.name not in draft.equations:
            raise NetworkError(f"{draft.place}: % loss: {wanted}: no equation defines it")
        if found.expr.shape or found.expr.time is not None:
            raise NetworkError(f"{draft.place}: % loss: {wanted} is not a scalar")
        return found.expr
    used = {v.name for e in equations for v in e.right.atoms(Var)}  # a variance on the way to a vector is no loss
    last = [e.left for e in equations if not e.left.shape and e.left.time is None and e.name not in used]
    return last[-1] if last else None
