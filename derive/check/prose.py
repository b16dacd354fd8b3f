"""What the words around a formula say: a case, a condition, a convention, another loss."""

from __future__ import annotations

import re

from derive.reader.document import Formula
from derive.reader.tokens import ELSE, IF

_IF, _IF_FAR = ("|".join(w for w in IF if w.isascii() is ascii) for ascii in (True, False))
_CASE = rf"{_IF}|case|cases|cas|caso|fall|assume|suppose|let"
SUPPOSED = re.compile(rf"(\b({_CASE})\b|{_IF_FAR})[^.。]*$", re.IGNORECASE)


NEGATED = re.compile(r"\b(not|no|never|without|unless|except|whether|regardless|matter|neither|only|even)\b|n't", re.IGNORECASE)
SUPPOSING = re.compile(rf"(?<!\w)({_CASE}|{_IF_FAR})[\s:,(]*(that |we have )?[\s(]*\$?$", re.IGNORECASE)
_THEN = r"then|so|thus|we (get|have|find|obtain)|it is|this (is|gives)|(that|which) gives|alors|on a|entonces|dann( ist)?|donc"
THEN = re.compile(rf"[\s$:,)]*(({_THEN})[\s$:,]*)*", re.IGNORECASE)  # between a condition and its display
ALL = re.compile(r"\\forall|\b(for )?(all|every|any|each)\b")
EVERY = re.compile(rf"\\text|∀|{ALL.pattern}", re.IGNORECASE)


CASE = re.compile(r"(\b(in|for|consider)\b[^.]*\bcase|^\W*case|\n\W*(case|when|if|for))\b[^.\n]*$", re.IGNORECASE)


WHEN = re.compile(
    r"\b(if|when|whenever|iff|unless|until|suppose|assume|assuming|let|such that|so that)( that| and only if)?[\s$({\\]*$",
    re.IGNORECASE,
)


FOR = re.compile(
    rf"[\s$\\\])]*(((for (every|all|any|each)( other)?( \w+)?|{_IF}|quand)\s|({_IF_FAR}))\s*(\$|\\\()|(\$|\\\()\s*\\forall(?![a-zA-Z]))"
    r"(?P<tex>[^$\\]*\\neq?[^$\\]*|[^$\\=]*[≠=][^$\\]*)(\$|\\\))"
)


OTHER_THAN = re.compile(
    r"[\s$\\)]*((is )?(different|distinct) (to|from|than)|other than|not equal to)\s+(\$|\\\()(?P<tex>\\?[a-zA-Z]+)(\$|\\\))"
)


FOR_ALL = re.compile(r"\s*\\forall(?![a-zA-Z])")


_ELSE, _ELSE_FAR = ("|".join(re.escape(w) for w in ELSE if w.isascii() is ascii) for ascii in (True, False))
OTHER = re.compile(rf"(?<![\w.])({_ELSE})(?!\w)|{_ELSE_FAR}|\b(all|any|the) other cases?\b", re.IGNORECASE)  # words that end a case
OTHERWISE = re.compile(  # of the cases of an index: at the beginning of a clause, and nothing more before the formula
    rf"(^|[.;,:!?。；，)\]]|\n|\b(and|but|or)\b)[\s$\\\]]*(or\s+)?"
    rf"((?<!\w)({_ELSE})(?!\w)|{_ELSE_FAR}|in (all|any|the) other cases?)(情况|的话|时)?"
    rf"[\s,:，：]*(({_THEN})[\s,:]*)?[\s$\\\[(]*$",
    re.IGNORECASE,
)
OTHERWISE_AFTER = re.compile(rf"[\s$\\\]),]*(({_ELSE})(?!\w)|{_ELSE_FAR})\s*([.;,)]|$|\n)")  # $B$ otherwise.
DENIED = re.compile(r"(\b(not|never|nor|neither|without|beyond|besides)\b|n't)[^.;]{0,24}$|\bwhat happens\b[^.;]{0,12}$", re.IGNORECASE)
SAID_AFTER = re.compile(r"\s*([.;,)]|$|\n\s*\n|(and|but|while|whereas)\b)")  # behind a condition that belongs to what stands before it


LAST = re.compile(r"\\?[a-zA-Z]+\s*$")


GENERAL = re.compile(
    r"\b(in general|general\w*|combin\w+|both|together|otherwise|other cases?|all other|for (all|every|each|any)|summar\w+|overall"
    r"|the jacobian|the gradient of|(either|each) case|now the|whole)\b|否则|否則|\n\s*#|\\(sub)*section|\\paragraph",
    re.IGNORECASE,
)  # words that end a case
CONVENTION = re.compile(r"summation convention|einstein|implied sum|sum(med|ming)? over repeated|repeated ind", re.IGNORECASE)


LET = re.compile(r"\b(let|given|suppose|consider|imagine|assume|say|example)\b[^.]*$", re.IGNORECASE)


ANOTHER = re.compile(
    r"\b(instead|replac\w+|alternativ\w+|another|different|chang(e|ing)|switch\w*|new)\b[^.]{0,60}\b(cost|loss|objective)\b"
    r"|\b(cost|loss|objective)\b[^.]{0,60}\binstead\b",
    re.IGNORECASE,
)


HOT = re.compile(
    r"[\s$,.:;\\\])]*(where|with|and|here|for)\s+(\$|\\\()(?P<letter>[a-zA-Z])(\$|\\\))\s+(is|denotes|being|stands for)\s+the\s+"
    r"(((index|position|number|label)\s+(of|for)\s+the\s+)?(correct|true|target|gold|right|actual|ground[- ]truth)"
    r"\s+(class|label|category|word)\b(?!-)"
    r"|index\s+of\s+the\s+(element|entry|component)\b[^.;,]{0,40}\bthat\s+is\s+\W{0,2}hot\b)(?!\s+(count|size|set|vector|distribution))",
    re.IGNORECASE,
)  # L = -log p_k, where k is the correct class


AT = re.compile(r"[\s$\\\])]*(处|處|时|時|の時|のとき|일 때)")  # H = 0 处: where it is so


_AROUND = re.compile(r"</?\w+>|[\s*_>.:$-]|\\[()]|^\s*\(?(\d+|[a-z]|[ivx]+)[.)]")


def alone_on_its_line(text: str, formula: Formula) -> str | None:
    """What stands before an inline formula that has a line of its own, "#" for a heading; None where other words stand there."""
    start, end = text.rfind("\n", 0, formula.start) + 1, text.find("\n", formula.end)
    before, after = text[start : formula.start], text[formula.end : end if end >= 0 else len(text)]
    left, right = _AROUND.sub("", before), _AROUND.sub("", after)
    return left or "." if not right and not left.strip("#") else None
