"""A document to its formulas: displays and inline mathematics of .tex, .md and .txt, with their places; macros put in; rows and statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from derive.expr import DeriveError
from derive.reader.tokens import LONGEST, WORDS, clean, closing

BIGGEST = 2_000_000  # characters of a document
MOST_BYTES = 4 * BIGGEST
MOST_FORMULAS = 5_000
DISPLAYS = "equation align gather multline eqnarray flalign alignat displaymath math".split()
_ENVIRONMENT = "|".join(DISPLAYS)
_OPENING = re.compile(
    r"(?P<dollars>\$\$)"
    r"|(?<!\\)(?P<bracket>\\\[)"
    rf"|\\begin\{{(?P<env>(?:{_ENVIRONMENT})\*?)\}}"
    r"|(?:^|\n)[ \t]*(?P<fence>`{3,12})[ \t]*\{?math\}?[^\n]*\n(?:[ \t]*:[a-z-]+:[^\n]*\n)*"  # with its options, :label: name
    r"|(?<!\\)(?P<round>\\\()"
    r"|(?<![\\$])\$(?P<inline>(?:[^$\\\n]++|\\.|\n(?!\s*\n))++)\$(?!\d)",
    re.DOTALL,
)
_QUOTED = re.compile(r"[ \t]*>(?:[ \t]?>)*(?!=)")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*(.*)")
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_TICKED = re.compile(r"\$`([^`\n]+)`\$")  # $`x`$
_NAME = re.compile(r"\\([a-zA-Z]+|[0-9])")
_WRAPPED = re.compile(r"\s*\\ensuremath\s*\{")
_PLACE = re.compile(r"#([1-9])")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_MACRO = re.compile(
    r"\\(?:(?:re)?new|provide)command\*?\s*+\{?\\(?P<name>[a-zA-Z]+|[0-9])\}?\s*+(?:\[(?P<count>[0-9])\])?\s*+\{"
    r"|\\[gx]?def\s*+\\(?P<defname>[a-zA-Z]+)\s*+(?P<places>(?:#[1-9]\s*+)*)\{"
    r"|\\DeclareMathOperator\*?\s*+\{?\\(?P<opname>[a-zA-Z]+)\}?\s*+\{"
)


@dataclass(frozen=True)
class Formula:
    """One piece of mathematics: its LaTeX with macros put in, its place, and which display it is (None: inline)."""

    tex: str
    start: int
    end: int
    display: int | None


@dataclass
class Document:
    text: str
    formulas: list[Formula]
    words: set[str] = field(default_factory=set)  # operators that the document declares


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, with or without a mark, UTF-16 with one, or Latin-1 as a last resort. Raises DeriveError."""
    try:
        folder = path.is_dir()
        data = b"" if folder else read_bytes(path)
    except OSError as error:
        raise DeriveError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise DeriveError(f"{str(path)!r} is not a path: {error}") from None
    if folder:
        raise DeriveError(f"{path} is a folder: give a .tex, .md or .txt file")
    return decode(data, str(path))


def read_bytes(path: Path) -> bytes:
    """What a file holds, or one byte more than is read: a device may never end."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


_MARKS = (  # the longer ones first
    (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
)  # fmt: skip


def decode(data: bytes, where: str) -> str:
    """Bytes as text. Raises DeriveError for what isn't text, or is too much of it."""
    if len(data) > MOST_BYTES:
        raise DeriveError(f"{where}: more than {MOST_BYTES} bytes, which is what is read")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return _lines(data.decode(encoding))
            except UnicodeDecodeError:
                raise DeriveError(f"{where}: not a text file: it begins as {encoding} but isn't") from None
    if b"\x00" in data:
        raise DeriveError(f"{where}: not a text file: it holds zero bytes")
    try:
        return _lines(data.decode("utf-8"))
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        strange = sum(1 for c in text if ord(c) < 32 and c not in "\n\r\t\f")
        if strange > len(text) / 100:
            raise DeriveError(f"{where}: not a text file") from None
        return _lines(text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_document(text: str, latex: bool | None = None) -> Document:
    """The formulas of a text. Without any mathematics in it, every line with a relation is one: a text for the prompt.

    latex: comments begin with % and macros are defined (None: decided by what the text looks like).
    """
    if len(text) > BIGGEST:
        raise DeriveError(f"a document of {len(text)} characters: at most {BIGGEST} are read")
    if latex is None:
        latex = r"\documentclass" in text or r"\begin{document}" in text or r"\newcommand" in text
    # blanks keep every place where it was
    text = _blank(_COMMENT, text) if latex else text
    macros, words, text = _macros(text)
    if not latex:
        text = _without_quotes(text)
    text_without_code = _blank(_CODE, _TICKED.sub(r"$ \1 $", _without_code(text, latex)))
    formulas = _bounded(_marked(text_without_code, macros))
    if not formulas and text_without_code.strip():
        formulas = _bounded(_plain_lines(text, macros))
    return Document(text, formulas, words | _written_words(formulas))


_NAMED = re.compile(r"(?<![\\A-Za-z^_{])(?:d(?=[a-z]{3}))?([a-z]{3,})(?=\s*(?:_|\^\{?\(|&?\s*=))")


_CALLED = re.compile(r"(?<![\\A-Za-z^_{])([A-Z]{2,6}|[A-Z][a-z]{2,15}[A-Za-z]*)(?=\s*(?:\\left\s*)?\((?:[^(),]|\([^()]*\))*,)")  # CE(y, \hat y)


_FUNCTIONS = ("log", "exp", "tanh", "max", "min", "sum", "det", "diag", "softmax")  # logy_n is log y_n


def _written_words(formulas: list[Formula]) -> set[str]:
    """Names of several letters, net_{h1} and den: left sides, and runs with a script, that can be spoken."""
    runs = {run for formula in formulas for run in _NAMED.findall(formula.tex)}
    calls = {run for formula in formulas for run in _CALLED.findall(formula.tex)}
    return {run for run in runs if set(run) & set("aeiou") and run not in WORDS and not run.startswith(_FUNCTIONS)} | calls


def _bounded(found: Iterator[Formula]) -> list[Formula]:
    """So many formulas as a document may have. Raises DeriveError where there are more, or where macros make them too long."""
    formulas, size = [], 0
    for formula in found:
        formulas.append(formula)
        size += len(formula.tex)
        if len(formulas) > MOST_FORMULAS:
            raise DeriveError(f"more than {MOST_FORMULAS} formulas in one document")
        if size > 4 * BIGGEST:
            raise DeriveError(f"formulas of more than {4 * BIGGEST} characters, with the macros put in")
    return formulas


def _marked(text: str, macros: dict[str, tuple[int, str]]) -> Iterator[Formula]:
    """The displays and the inline formulas, in order. An opening without its end is no formula; each end is looked for once."""
    missing: set[str] = set()
    displays = at = 0
    while (match := _OPENING.search(text, at)) is not None:
        at = match.end()
        if match["inline"] is not None:
            yield Formula(_expand(clean(match["inline"]), macros), match.start("inline"), match.end("inline"), None)
            continue
        closing = _ending(match)
        end = re.compile(closing).search(text, at) if closing not in missing else None
        if end is None:
            missing.add(closing)
            at = match.start() + 1
            continue
        yield Formula(_expand(clean(text[at : end.start()]), macros), at, end.start(), None if match["round"] else displays)
        displays += match["round"] is None
        at = end.end()


def _ending(match: re.Match[str]) -> str:
    """The pattern of what ends a formula that begins so."""
    if match["dollars"]:
        return r"\$\$"
    if match["bracket"]:
        return r"(?<!\\)\\\]"
    if match["round"]:
        return r"(?<!\\)\\\)"
    return rf"\\end\{{{re.escape(match['env'])}\}}" if match["env"] else rf"\n[ \t]*{match['fence']}"


def _without_quotes(text: str) -> str:
    """Markdown with the signs of its quotes blanked, > at the beginning of several lines; a lone > is a relation."""
    lines = text.split("\n")
    quoted = [_QUOTED.match(line) for line in lines]
    for k, mark in enumerate(quoted):
        if mark is not None and any(quoted[j] for j in (k - 1, k + 1) if 0 <= j < len(lines)):
            lines[k] = " " * mark.end() + lines[k][mark.end() :]
    return "\n".join(lines)


def _without_code(text: str, latex: bool) -> str:
    """The text with fenced code blanked; fenced mathematics stays. In LaTeX ~~~ is room."""
    lines, code, fence = [], False, ""
    for line in text.split("\n"):
        found = _FENCE.match(line) if not latex or "~" not in line[:80].lstrip()[:1] else None
        if not fence and found and "`" not in found[2]:
            fence, code = found[1], not re.match(r"\{?math\b", found[2])
            lines.append(re.sub(r".", " ", line) if code else line)
        elif fence and found and found[1].startswith(fence) and not found[2].strip():
            lines.append(re.sub(r".", " ", line) if code else line)
            fence, code = "", False
        else:
            lines.append(re.sub(r".", " ", line) if code else line)
    return "\n".join(lines)


def _plain_lines(text: str, macros: dict[str, tuple[int, str]]) -> Iterator[Formula]:
    """A text without any mathematics marked: the whole of it, or its lines, are the mathematics."""
    if r"\begin{" in text or "\\\\" in text:
        yield Formula(_expand(clean(text), macros), 0, len(text), 0)
        return
    at = count = 0
    for line in text.split("\n"):
        if "=" in line or "\\" in line:
            yield Formula(_expand(clean(line), macros), at, at + len(line), count)
            count += 1
        at += len(line) + 1


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


# -- macros -------------------------------------------------------------------------------------------------------


def _macros(text: str) -> tuple[dict[str, tuple[int, str]], set[str], str]:
    """(name -> (arguments, body), operators, the text without the definitions)."""
    macros: dict[str, tuple[int, str]] = {}
    words: set[str] = set()
    at = tries = 0
    while (match := _MACRO.search(text, at)) is not None:
        end = closing(text, match.end() - 1)
        tries += 1
        if tries > 500:
            raise DeriveError("more than 500 macros")
        if end is None:
            at = match.end()
            continue
        body = _unwrapped(text[match.end() : end])
        name = match["name"] or match["defname"] or match["opname"]
        if match["opname"]:
            macros[name] = (0, rf"\operatorname{{{body}}}")
            words.add(body)
        else:
            macros[name] = (int(match["count"] or (match["places"] or "").count("#")), body)
        text = text[: match.start()] + re.sub(r"[^\n]", " ", text[match.start() : end + 1]) + text[end + 1 :]
        at = end + 1
    return macros, words, text


_BRACED = re.compile(r"\\(?:under|over)brace\s*\{")
_LABELLED = re.compile(r"\s*[_^]\s*\{")


def labelled(tex: str) -> Iterator[tuple[str, str]]:
    r"""(label, formula) of \underbrace{formula}_{label}."""
    for found in islice(_BRACED.finditer(tex), 20):
        end = closing(tex, found.end() - 1)
        label = _LABELLED.match(tex, end + 1) if end is not None else None
        stop = closing(tex, label.end() - 1) if label is not None else None
        if end is not None and label is not None and stop is not None:
            yield tex[label.end() : stop], tex[found.end() : end]


def _unwrapped(body: str) -> str:
    r"""\ensuremath{x} as x."""
    found = _WRAPPED.match(body)
    if found is None or closing(body, found.end() - 1) != len(body.rstrip()) - 1:
        return body
    return body.rstrip()[found.end() : -1]


def _expand(tex: str, macros: dict[str, tuple[int, str]]) -> str:
    """The formula with its macros put in, a few levels deep; what would grow too large stays as it is."""
    if not macros:
        return tex
    for _ in range(8):
        pieces: list[str] = []
        at = size = 0
        for match in _NAME.finditer(tex):
            if match[1] not in macros or match.start() < at:
                continue
            count, body = macros[match[1]]
            end, given = match.end(), []
            for _ in range(count):
                argument, end = _argument(tex, end)
                given.append(argument)
            size += match.start() - at + len(body) + sum(body.count(f"#{k + 1}") * len(a) for k, a in enumerate(given))
            if size > LONGEST:
                return tex
            body = _PLACE.sub(lambda m, given=given: _put(m, given), body)  # type: ignore[misc]
            pieces += [tex[at : match.start()], body if not body[-1:].isalpha() else body + " "]
            at = end
        if not pieces:
            break
        tex = "".join(pieces) + tex[at:]
    return tex


def _put(place: re.Match[str], given: list[str]) -> str:
    """The argument for #1, apart from a command before it: \\lVert#1 is no command \\lVertx."""
    if int(place[1]) > len(given):
        return place[0]
    argument = given[int(place[1]) - 1]
    glued = argument[:1].isalpha() and re.search(r"\\[a-zA-Z]+$", place.string[: place.start()]) is not None
    return f" {argument}" if glued else argument


def _argument(tex: str, at: int) -> tuple[str, int]:
    while at < len(tex) and tex[at].isspace():
        at += 1
    if tex[at : at + 1] == "{":
        end = closing(tex, at)
        if end is not None:
            return tex[at + 1 : end], end + 1
    match = re.compile(r"\\[a-zA-Z]+|.").match(tex, at)
    return (match[0], match.end()) if match else ("", at)
