"""A document to its formulas: displays and inline mathematics of .tex, .md and .txt, with their places; macros put in; rows and statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from derive.expr import DeriveError
from derive.reader.tokens import clean

BIGGEST = 2_000_000  # characters of a document
MOST_FORMULAS = 5_000
DISPLAYS = "equation align gather multline eqnarray flalign alignat displaymath math".split()
_ENVIRONMENT = "|".join(DISPLAYS)
_FORMULA = re.compile(
    r"\$\$(?P<dollars>.*?)\$\$"
    r"|(?<!\\)\\\[(?P<bracket>.*?)(?<!\\)\\\]"
    rf"|\\begin\{{(?P<env>(?:{_ENVIRONMENT})\*?)\}}(?P<body>.*?)\\end\{{(?P=env)\}}"
    r"|(?:^|\n)[ \t]*(?P<fence>`{3,})[ \t]*\{?math\}?[^\n]*\n(?P<fenced>.*?)\n[ \t]*(?P=fence)"
    r"|(?<!\\)\\\((?P<round>.*?)(?<!\\)\\\)"
    r"|(?<![\\$])\$(?P<inline>(?:[^$\\\n]|\\.|\n(?!\s*\n))+?)\$(?!\d)",
    re.DOTALL,
)
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*(.*)")
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_MACRO = re.compile(
    r"\\(?:(?:re)?new|provide)command\*?\s*\{?\\(?P<name>[a-zA-Z]+)\}?\s*(?:\[(?P<count>\d)\])?\s*\{"
    r"|\\def\s*\\(?P<defname>[a-zA-Z]+)\s*\{"
    r"|\\DeclareMathOperator\*?\s*\{?\\(?P<opname>[a-zA-Z]+)\}?\s*\{"
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
    if path.is_dir():
        raise DeriveError(f"{path} is a folder: give a .tex, .md or .txt file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DeriveError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise DeriveError(f"{str(path)!r} is not a path: {error}") from None
    return decode(data, str(path))


def decode(data: bytes, where: str) -> str:
    """Bytes as text. Raises DeriveError for what isn't text, or is too much of it."""
    if len(data) > 4 * BIGGEST:
        raise DeriveError(f"{where}: {len(data)} bytes: at most {4 * BIGGEST} are read")
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
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
    text_without_code = _blank(_CODE, _without_code(text))
    formulas: list[Formula] = []
    displays = 0
    for match in _FORMULA.finditer(text_without_code):
        group = next(g for g in ("dollars", "bracket", "body", "fenced", "round", "inline") if match[g] is not None)
        is_display = group not in ("round", "inline")
        body = match[group]
        formulas.append(
            Formula(_expand(clean(body), macros), match.start(group), match.end(group), displays if is_display else None)
        )
        displays += is_display
        if len(formulas) > MOST_FORMULAS:
            raise DeriveError(f"more than {MOST_FORMULAS} formulas in one document")
    if not formulas and not text_without_code.strip():
        return Document(text, [], words)
    if not formulas:
        formulas = list(_plain_lines(text, macros))
    return Document(text, formulas, words)


def _without_code(text: str) -> str:
    """The text with fenced code blanked; fenced mathematics stays."""
    lines, code, fence = [], False, ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
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
    at = 0
    while (match := _MACRO.search(text, at)) is not None:
        end = _closing(text, match.end() - 1)
        if end is None:
            at = match.end()
            continue
        body = text[match.end() : end]
        name = match["name"] or match["defname"] or match["opname"]
        if match["opname"]:
            macros[name] = (0, rf"\operatorname{{{body}}}")
            words.add(body)
        else:
            macros[name] = (int(match["count"] or 0), body)
        text = text[: match.start()] + re.sub(r"[^\n]", " ", text[match.start() : end + 1]) + text[end + 1 :]
        at = end + 1
        if len(macros) > 500:
            raise DeriveError("more than 500 macros")
    return macros, words, text


def _closing(text: str, at: int) -> int | None:
    """The place of the brace that closes the one at `at`."""
    depth = 0
    for k in range(at, min(len(text), at + 20_000)):
        if text[k] == "\\":
            continue
        if text[k] == "{" and text[k - 1 : k] != "\\":
            depth += 1
        elif text[k] == "}" and text[k - 1 : k] != "\\":
            depth -= 1
            if depth == 0:
                return k
    return None


def _expand(tex: str, macros: dict[str, tuple[int, str]]) -> str:
    """The formula with its macros put in, a few levels deep; what would grow too large stays as it is."""
    if not macros:
        return tex
    pattern = re.compile(r"\\(" + "|".join(sorted(map(re.escape, macros), key=len, reverse=True)) + r")(?![a-zA-Z])")
    for _ in range(8):
        match = pattern.search(tex)
        if match is None or len(tex) > 50_000:
            break
        pieces, at = [], 0
        while (match := pattern.search(tex, at)) is not None:
            count, body = macros[match[1]]
            end, given = match.end(), []
            for _ in range(count):
                argument, end = _argument(tex, end)
                given.append(argument)
            for k, argument in enumerate(given):
                body = body.replace(f"#{k + 1}", argument)
            pieces += [tex[at : match.start()], body if not body[-1:].isalpha() else body + " "]
            at = end
        tex = "".join(pieces) + tex[at:]
    return tex


def _argument(tex: str, at: int) -> tuple[str, int]:
    while at < len(tex) and tex[at].isspace():
        at += 1
    if tex[at : at + 1] == "{":
        end = _closing(tex, at)
        if end is not None:
            return tex[at + 1 : end], end + 1
    match = re.compile(r"\\[a-zA-Z]+|.").match(tex, at)
    return (match[0], match.end()) if match else ("", at)
