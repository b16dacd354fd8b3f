"""Scope files: what a document's names mean, and which network which part of it speaks of."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from derive import ops
from derive.check.spelled import near, stranger
from derive.expr import DeriveError, Instant, Var, at_time
from derive.judge.case import FARTHEST
from derive.judge.given import array
from derive.network import Network, load
from derive.reader import calls, names
from derive.reader.document import MOST_BYTES, read_bytes
from derive.reader.meaning import Meaning, Reading
from derive.reader.parser import _TIMES, parse
from derive.reader.scope import FUNCTIONS, Named, Scope, declare, flat, name_of, network_scope, plain_tag, shape_of, size_named
from derive.reader.syntax import Fence, Node, Number, Scripted, Symbol, unscripted, walk
from derive.reader.tokens import Unreadable, clean
from derive.system import OpenFunction, System

if TYPE_CHECKING:
    from derive.check.assumptions import Case

KEYS = {
    "problem": str, "vectors": str, "layout": str, "elementwise": list, "delta": str, "log": str, "index_base": int, "time": str, "alias": dict,
    "declare": dict, "columns": dict, "rows": dict, "values": dict, "onehot": dict, "functions": dict, "part": list, "from": str,
    "title": str, "sums": str, "assume": list,
}  # fmt: skip
LONGEST_ENTRY = 2_000  # characters of a name or of what it stands for
KINDS = {str: "a text", int: "a whole number, without quotes", list: "a list", dict: "a table"}
CHOICES = {
    "vectors": ("column", "row"), "layout": ("auto", "gradient", "jacobian", "denominator"), "delta": ("auto", "error", "kronecker", "partial"),
    "time": ("both", "subscript", "superscript"), "sums": ("explicit", "repeated"),
}  # fmt: skip


@dataclass(frozen=True)
class Macro:
    """A text that stands for another, as the scope writes it."""

    name: str
    pattern: re.Pattern[str]
    target: str


@dataclass
class Part:
    """A part of a document: from which text on it holds, its network, its names, texts that stand for others."""

    start: str
    network: Network | None
    scope: Scope
    macros: list[Macro] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    repeated: bool = False
    cases: list[Case] = field(default_factory=list)  # special cases that the document takes
    assumed: list[tuple[str, str]] = field(default_factory=list)  # what the scope assumes, and where it says so
    strangers: dict[tuple[str, str], str | None] = field(
        default_factory=dict
    )  # entries of the scope: what in them has no meaning
    said: dict[str, int] = field(default_factory=dict)  # numbers that the document gives: how many lines stood before them

    @property
    def last(self) -> int | None:
        """The T that the given numbers say."""
        if isinstance(self.values.get("T"), int):
            return self.values["T"]
        system = self.scope.system
        if system is None or not system.sequential:
            return None
        inputs = {v.name for v in system.declared if v.time is not None}
        instants = [int(k[k.index("[") + 1 : -1]) for k in self.values if k.endswith("]") and k.split("[")[0] in inputs]
        whole = [system.first + len(v) - 1 for k, v in self.values.items() if k in inputs and isinstance(v, list)]
        last = max([*instants, *whole], default=None)
        return last if last is not None and last <= system.first + FARTHEST else None

    @property
    def point(self) -> dict[str, Any]:
        """The given numbers, where a sequence that has all its entries up to T, each by itself, is a list."""
        system, last = self.scope.system, self.last
        if system is None or last is None:
            return self.values
        found = dict(self.values)
        for v in system.declared:
            keys = [f"{v.name}[{k}]" for k in range(system.first, last + 1)]
            if v.time is not None and v.name not in found and all(k in found for k in keys):
                found[v.name] = [found.pop(k) for k in keys]
        return found


def read_settings(path: Path) -> dict[str, Any]:
    """The tables of a scope file. Raises DeriveError with the file, the place and what would be right."""
    try:
        data = read_bytes(path)
    except OSError as error:
        raise DeriveError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # a null byte
        raise DeriveError(f"{str(path)!r} is not a path: {error}") from None
    if len(data) > MOST_BYTES:
        raise DeriveError(f"{path}: more than {MOST_BYTES} bytes, which is what is read")
    try:
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n"))
    except UnicodeDecodeError:
        raise DeriveError(f"{path}: not a text file in UTF-8") from None
    except ValueError as error:  # a number of thousands of digits isn't even a TOMLDecodeError
        raise DeriveError(f"{path}: not TOML: {str(error).partition(';')[0]}") from None
    except RecursionError:
        raise DeriveError(f"{path}: not TOML that can be read: lists in lists, too deep") from None


def parts(
    data: Mapping[str, Any], place: str = "scope", folder: Path | None = None, problem: Network | None = None
) -> list[Part]:
    """The parts of a document; one without a beginning where the settings name none. `problem` overrides every other."""
    _known(data, place)
    common = {k: v for k, v in data.items() if k != "part"}
    pieces = data.get("part", [])
    if not isinstance(pieces, list) or not all(isinstance(p, dict) for p in pieces):
        raise DeriveError(f"{place}: parts are written as [[part]]")
    said = frozenset(
        (k, v)
        for t in ("alias", "functions", "declare", "columns", "rows", "onehot")
        for k, v in common.get(t, {}).items()
        if isinstance(v, str)
    )
    found = [_part(common, "", place, folder, problem, said if pieces else frozenset())]
    for k, piece in enumerate(pieces):
        where = f"{place}, part {k + 1}"
        _known(piece, where)
        if "part" in piece:
            raise DeriveError(f"{where}: a part has no parts")
        if not isinstance(piece.get("from"), str):
            raise DeriveError(f'{where}: a part needs from = "the text where it begins"')
        merged = {**common}
        for key, value in piece.items():
            merged[key] = (
                {**common.get(key, {}), **value} if isinstance(value, dict) and isinstance(common.get(key, {}), dict) else value
            )
        found.append(_part(merged, piece["from"], where, folder, problem, said))
    return found


def _known(data: Mapping[str, Any], place: str) -> None:
    for key, value in data.items():
        if key not in KEYS:
            raise DeriveError(f"{place}: {key!r} is not a setting; there are {', '.join(sorted(KEYS))}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise DeriveError(f"{place}: {key} takes {KINDS[KEYS[key]]}, not {value!r}")
        if key == "index_base" and value not in (0, 1):
            raise DeriveError(f"{place}: index_base is 0 or 1, the first index of an entry, not {value!r}")
        if key in CHOICES and value not in CHOICES[key]:
            raise DeriveError(f"{place}: {key} is one of {', '.join(CHOICES[key])}, not {value!r}")


def _part(
    data: Mapping[str, Any],
    start: str,
    place: str,
    folder: Path | None,
    problem: Network | None,
    common: frozenset[tuple[str, str]] = frozenset(),
) -> Part:
    network = problem
    if network is None and "problem" in data:
        network = _load(data["problem"], folder)
    scope = scope_of(network)
    _conventions(scope, data)
    for table in ("declare", "functions", "alias", "columns", "rows", "onehot"):
        if not all(isinstance(v, str) for v in data.get(table, {}).values()):
            raise DeriveError(f"{place}, {table}: every value is a text")
        for name, text in data.get(table, {}).items():
            if not (name.strip() and (text.strip() or table == "alias")):
                raise DeriveError(f"{place}, {table}: {name!r} = {text!r} has an empty side")
            if max(len(name), len(text)) > LONGEST_ENTRY:
                raise DeriveError(f"{place}, {table}: {name[:20]!r} = {text[:20]!r} …: at most {LONGEST_ENTRY} characters")
    for name, text in data.get("declare", {}).items():
        if (name, text) in common and _known_name(scope, name):
            continue  # said for the whole document: this part's problem says more
        _declare(scope, name, text, place)
    strangers: dict[tuple[str, str], str | None] = {}
    for axis, table in ((1, "columns"), (0, "rows")):
        for name, target in data.get(table, {}).items():
            strangers[name, target] = None
            if (name, target) in common and not _known_name(scope, target):
                strangers[name, target] = target
                continue
            key, node = name_of(name)
            tag = plain_tag(flat(node.sub) + flat(node.sup)) if isinstance(node, Scripted) else ""
            scope.add(key, Named(tag, _meant(scope, target, place).expr, axis=axis))
    for name, target in data.get("onehot", {}).items():
        strangers[name, target] = None
        if (name, target) in common and not _known_name(scope, target):
            strangers[name, target] = target
            continue
        scope.onehot[name.split("_")[0].replace("\\", "").strip("{} ")] = _meant(scope, target, place)
    macros: list[Macro] = []
    plain: list[str] = []  # aliases that are names
    aliases = {**data.get("functions", {}), **data.get("alias", {})}
    for name, target in aliases.items():
        try:
            macro = _alias(scope, name, target, place)
        except DeriveError:
            if (name, target) not in common:
                raise
            continue  # said for the whole document: another part has the name
        if macro is not None:
            macros.append(macro)
        else:
            plain.append(name)
    strangers |= {(name, target): stranger(scope, target) for name, target in aliases.items()}
    macros.sort(key=lambda m: -len("".join(m.name.split())))
    for name in plain:
        expanded = put_in(macros, name)
        if expanded != name:  # δ_{\\log σ²}, where \\log σ² is s: that is how the document is read
            with suppress(DeriveError):
                _alias(scope, expanded, aliases[name], place)
    values = _values(scope, data.get("values", {}), place)
    if _single(scope, values):
        scope.elementwise |= {""}  # vectors of one entry: their products are those of numbers
    assumed = [(put_in(macros, clean(str(text))), place) for text in data.get("assume", [])]
    return Part(start, network, scope, macros, values, data.get("sums") == "repeated", assumed=assumed, strangers=strangers)


def put_in(macros: list[Macro], tex: str, met: set[str] | None = None) -> str:
    """A text with what its aliases stand for, longer ones first. met: takes the names of those that it has."""
    for macro in macros:
        tex, count = macro.pattern.subn(lambda _, target=macro.target: target, tex)  # type: ignore[misc]
        if count and met is not None:
            met.add(macro.name)
    return tex


def unmet(pieces: list[Part], met: set[str]) -> list[str]:
    """What is said of aliases that stand nowhere in a document; met: those that do."""
    named = {name for part in pieces for name, _ in part.strangers if name not in {macro.name for macro in part.macros}}
    others = dict.fromkeys(macro.name for part in pieces for macro in part.macros if macro.name not in met | named)
    return [f"the scope's '{name}' stands nowhere in the document, whose own macros are put in before" for name in others]


def _single(scope: Scope, values: Mapping[str, Any]) -> bool:
    """Whether every array that there is has been given one entry."""
    known = scope.system.declared if scope.system is not None else [n.expr for found in scope.names.values() for n in found]
    arrays = [v for v in known if isinstance(v, Var) and v.shape]
    return bool(arrays) and all(
        v.key in values and np.shape(values[v.key])[-len(v.shape) :] == (1,) * len(v.shape) for v in arrays
    )


def _known_name(scope: Scope, name: str) -> bool:
    try:
        return names.find(Meaning(scope, Reading(), name), parse(clean(name), scope.words)) is not None
    except Unreadable:
        return False


def _load(problem: str, folder: Path | None) -> Network:
    if problem.endswith((".py", ".tex")) and folder is not None and not Path(problem).is_absolute():
        return load(folder / problem)
    return load(problem)


def scope_of(network: Network | None) -> Scope:
    """The names of a network: as its LaTeX wrote them, or as they print."""
    if network is None:
        return Scope()
    return network.scope.copy() if network.scope is not None else network_scope(network.system)


def _conventions(scope: Scope, data: Mapping[str, Any]) -> None:
    scope.vectors = data.get("vectors", scope.vectors)
    scope.layout = data.get("layout", scope.layout)
    scope.delta = data.get("delta", scope.delta)
    scope.time = data.get("time", scope.time)
    scope.index_base = data.get("index_base", scope.index_base)
    signs = set(scope.elementwise)
    for text in data.get("elementwise", []):
        sign = str(text).strip()
        if sign in ("juxtaposition", ""):
            signs.add("")
            continue
        name = sign if len(sign) == 1 else f"command {sign.lstrip(chr(92))}"
        if name not in _TIMES:
            raise DeriveError(f"elementwise: {text!r} is not a sign of a product")
        signs.add(_TIMES[name])
    scope.elementwise = frozenset(signs)
    if data.get("log", "e") not in ("e", ""):
        if not re.fullmatch(r"[1-9][0-9]{0,2}", str(data["log"])) or str(data["log"]) == "1":
            raise DeriveError(f"log: a base is e, 2 or 10, not {data['log']!r}")
        scope.log = sympy.Integer(int(data["log"]))


def _declare(scope: Scope, name: str, text: str, place: str) -> None:
    try:
        if text.strip() == "function":
            (head, _), _ = name_of(name)
            scope.functions[head] = ops.open_function(head, "\\" + head if len(head) > 1 else head)
        elif text.strip() == "loss function":
            (head, _), _ = name_of(name)
            scope.functions[head] = OpenFunction(head)
        elif text.strip() == "size":
            scope.sizes[name] = size_named(name, scope)
        else:
            shape = shape_of(text.replace("sequence of", ""), scope)
            declare(scope, name, shape, text.strip().startswith("sequence"))
    except DeriveError as error:
        raise DeriveError(f"{place}, declare {name}: {error}") from None


# -- aliases ------------------------------------------------------------------------------------------------------


def _alias(scope: Scope, name: str, target: str, place: str) -> Macro | None:
    """A name for another; where one of the two is more than a name, a text that stands for another."""
    target = target.strip()
    bare = target.lstrip("\\")
    try:
        key, node = name_of(clean(name))
    except DeriveError:
        return _macro(name, target)
    if bare in FUNCTIONS or bare in scope.functions:
        function = scope.functions.get(bare) or FUNCTIONS[bare]
        tag = flat(node.sub) or flat(node.sup) if isinstance(node, Scripted) else ""
        scope.functions[f"{key[0]}_{tag}" if tag else key[0]] = function
        scope.names.pop(key, None) if not tag and key[0] not in (n for n, _ in scope.names) else None
        return None
    if bare in calls.OPERATORS:
        return _macro(name, rf"\mathrm{{{bare}}}")
    if bare in scope.onehot or not bare or _part_of_a_name(scope, node, target):
        return _macro(name, target)
    if bare in scope.sizes and not isinstance(node, Scripted):
        scope.sizes[key[0]] = scope.sizes[bare]
        return None
    try:
        meant = _meant(scope, target, place)
    except DeriveError:
        if not _speaks(scope, target) and not _one_symbol(target):
            raise
        return _macro(name, target)
    tag, sequential = _tag(scope, node, meant)
    shift = _offset(scope, parse(clean(target), scope.words)) - _offset(scope, node) if sequential else 0
    expr = at_time(meant.expr, "t", Instant("t", shift)) if shift else meant.expr  # h_{reset, t-1} = m_t
    example = isinstance(node, Scripted) and node.sub is not None and isinstance(node.sup, Fence) and isinstance(node.sup.body, Symbol)
    above = plain_tag(flat(node.sup)) if isinstance(node, Scripted) and example else ""  # z_1^{(i)} is not z_{1,i}
    scope.add(key, Named(tag, expr, sequential, meant.axis, above=above if tag.endswith(above) else ""))
    return None


def _part_of_a_name(scope: Scope, node: Node, target: str) -> bool:
    """G', and e^2 where it is a formula, and V_{:,c}, of a G, an e and a V that there are: parts of them, no names."""
    base = unscripted(node)
    if not isinstance(node, Scripted) or not isinstance(base, Symbol) or (base.head, base.accents) not in scope.names:
        return False
    if node.primes or (node.sub is not None and names.WHOLE in walk(node.sub)):
        return True
    return node.sup in (Number("2"), Number("3")) and not re.fullmatch(r"\\?[A-Za-z]+\d*", target.strip())


def _offset(scope: Scope, node: Node) -> int:
    """How far from t the instant in the scripts of a name is."""
    m = Meaning(scope, Reading())
    scripts = [node.sub, node.sup] if isinstance(node, Scripted) else []
    found = [names.instant(m, item) for script in scripts for item in names.script_items(script)]
    return next((when.offset for when in found if when is not None and when.base == "t"), 0)


def _one_symbol(target: str) -> bool:
    """A letter that the document may define itself."""
    return bool(re.fullmatch(r"\\?[a-zA-Z]+", target))


def _speaks(scope: Scope, target: str) -> bool:
    """Whether a target that is no plain name can be read all the same: it is made of names of the problem."""
    try:
        node = parse(clean(target), scope.words)
    except Unreadable:
        return False
    heads = {n.head for n in walk(node) if isinstance(n, Symbol)}
    known = {head for head, _ in scope.names} | set(scope.functions) | set(scope.sizes) | {"L"}
    return bool(heads & known)


def _tag(scope: Scope, node: object, meant: Named) -> tuple[str, bool]:
    """The scripts of an alias without its time and indices."""
    if not isinstance(node, Scripted):
        return "", meant.sequential
    m = Meaning(scope, Reading())
    rest = []
    for script in (node.sub, node.sup):
        for item in names.script_items(script):
            when = names.instant(m, item)
            if meant.sequential and when is not None and when.base == "t":
                continue
            rest.append(flat(item))
    return plain_tag("".join(rest)), meant.sequential


def _meant(scope: Scope, target: str, place: str) -> Named:
    """The quantity that a name stands for: by its LaTeX, or by its name in the network."""
    system = scope.system
    if system is not None and target in system.quantities:
        v = system.quantities[target]
        return Named("", v, v.time is not None)
    if system is not None and target in system.nodes:
        return Named("", system.nodes[target])
    try:
        node = parse(clean(target), scope.words)
        m = Meaning(scope, Reading(), target)
        found = names.find(m, node)
    except Unreadable as error:
        raise DeriveError(f"{place}: alias {target!r}: {error}") from None
    if found is None:
        try:
            value = m.value(node)
        except DeriveError:
            value = None
        if value is not None and not value.labels and value.expr.atoms(Var):
            return Named("", value.expr)
    if found is None or found.places or found.exponent is not None:
        known = sorted(system.quantities) if system is not None else []
        raise DeriveError(
            f"{place}: {target!r} is not a name of the problem{near(target, known)} ({', '.join(known) or 'no network'})"
        )
    if found.bar:
        return Named("", names.adjoint_of(m, found.expr), found.named.sequential)
    if found.instant is not None and found.instant != ("t", 0):
        return Named("", found.expr)
    return Named("", found.named.expr, found.named.sequential, found.named.axis)


def _macro(name: str, target: str) -> Macro:
    """A text that stands for another, whatever the blanks in it; not inside a longer name."""
    pieces = re.findall(r"\\[a-zA-Z]+|\S", clean(name))
    pattern = r"\s*".join(re.escape(p) + (r"(?![a-zA-Z])" if p[:1] == "\\" and p[1:].isalpha() else "") for p in pieces)
    front = r"(?<!\\)(?<![a-zA-Z\\][a-zA-Z])" if pieces and pieces[0][:1].isalpha() else ""
    back = r"(?![a-zA-Z0-9])" if pieces and pieces[-1][-1:].isalnum() and len(pieces) == 1 else ""
    meant = clean(target)
    apart = " " if meant[:1].isalpha() else ""  # \\partial(\\text{CE}) is no command \\partialC
    return Macro(name, re.compile(front + pattern + back), f"{apart}{meant} ")


# -- values -------------------------------------------------------------------------------------------------------


def _values(scope: Scope, data: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Numbers by the keys of the network (or of the declared names)."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        try:
            key = _value_key(scope, name, place)
            array(name, value)
        except DeriveError as error:
            raise DeriveError(f"{place}, values: {error}") from None
        found[key] = value
    first = scope.system.first if scope.system is not None else 1
    last = found.get("T", first)
    if not isinstance(last, int) or not first <= last <= first + FARTHEST:
        raise DeriveError(f"{place}, values: T is a whole number from {first} to {first + FARTHEST}, not {last!r}")
    return found


def _value_key(scope: Scope, name: str, place: str) -> str:
    system = scope.system
    if system is not None and (name in system.nodes or name in scope.sizes or name == "T"):
        return name
    try:
        node = parse(clean(name), scope.words)
    except Unreadable as error:
        raise DeriveError(f"{name!r}: {error}") from None
    m = Meaning(scope, Reading(), name)
    found = names.find(m, node)
    if found is None or not isinstance(found.expr, Var):
        if isinstance(node, Symbol) and (node.head in scope.sizes or node.head in scope.last):
            return node.head
        return declare(scope, name, ()).key
    v = found.expr
    if found.named.sequential and found.instant is not None and not found.instant.base:
        return f"{v.name}[{found.instant.offset}]"
    return v.name


__all__ = ["Part", "System", "parts", "read_settings", "scope_of"]
