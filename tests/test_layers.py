"""The import graph, from the source: no cycle, and every import goes down one list of layers."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import derive

HOME = Path(derive.__file__).parent

# From the ground up; a module may import what stands in an earlier layer, never its own or a later one.
LAYERS = [
    {"expr", "definitions", "products"},
    {"ops", "blocks"},
    {"system", "adjoint", "kernels"},
    {"judge.functions", "judge.nodes", "judge.primes", "judge.labelling", "judge.facts"},
    {"judge.graph", "judge.blocks"},
    {"judge.forms"},
    {"judge.contraction", "judge.given", "judge.calculus"},
    {"judge.model", "judge.meaning"},
    {"judge.unrolled", "judge.induction"},
    {"judge.field", "judge.floats", "judge.canonical"},
    {"judge.counterexample", "judge.case"},
    {"judge.verdict"},
    {"judge"},
    {"simplify"},
    {"sweep"},
    {"pysource", "numeric", "jacobian"},
    {"crosscheck", "program", "printing.notation"},
    {"printing.names"},
    {"printing.express", "printing.latex", "printing.mathml", "printing.text", "printing.pycode", "printing.breaking", "printing.figures"},
    {"printing"},
    {"typeset"},
    {"assume", "explain", "picture", "convert"},
    {"reader.syntax", "reader.tokens", "reader.values"},
    {"reader.parser", "reader.document", "reader.systems"},
    {"reader.statements", "reader.scope", "reader.reversing"},
    {"reader.windows", "reader.blocks", "reader.braces"},
    {"reader.names"},
    {"reader.arrays", "reader.dotted", "reader.events", "reader.fillers"},
    {"reader.bigs", "reader.derivatives"},
    {"reader.objectives"},
    {"reader.calls"},
    {"reader.meaning"},
    {"reader.problem"},
    {"reader"},
    {"spelling", "solution"},
    {"export"},
    {"network"},
    {"check.lines", "check.targets", "check.readings", "check.page", "check.numbers", "check.point", "check.written", "check.spelled", "check.prose"},
    {"check.samples", "check.called", "check.splices", "check.assumptions", "check.outputs", "check.claims", "check.kinds", "check.layers"},
    {"check.renaming", "check.results", "check.given", "check.stages"},
    {"check.around", "check.said", "check.signals", "check.stationary"},
    {"check.unequal", "check.edits", "check.engine", "check.latex", "check.plain", "check.settings", "check.words"},
    {"check.groups", "check.missing", "check.trial", "check.mathml", "check.text"},
    {"check.pairs", "check.pages"},
    {"check.repair", "check.descent", "check.scalars"},
    {"check.slips", "check.define"},
    {"check.unfit", "check.walk"},
    {"check.otherwise"},
    {"check.checker"},
    {"check"},
    {"derive"},
    {"networks", "testing"},
    {"pdf"},
    {"sheet"},
    {"assignment"},
    {"cli"},
    {"__main__"},
]
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}


def module_name(path: Path) -> str:
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "derive"


SOURCES = {module_name(path): path for path in sorted(HOME.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
every_module = pytest.mark.parametrize("module", SOURCES)


def only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def walk(tree: ast.AST):
    """Every node that can run: imports inside functions count, those for type checkers don't."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if only_for_types(node):
            stack.extend(node.orelse)
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def own(name: str) -> str | None:
    """derive.ops is ops, derive is derive; None for other packages."""
    return name.removeprefix("derive.") if name == "derive" or name.startswith("derive.") else None


def imported(module: str) -> dict[str, int]:
    """The project's own modules that a module imports, with the line."""
    found: dict[str, int] = {}
    for node in walk(TREES[module]):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute"
            base = node.module or ""
            inside = [f"{base}.{alias.name}" for alias in node.names]
            known = [name for name in inside if own(name) in SOURCES and own(name) != "derive"]
            names = known if len(known) == len(inside) else [base, *known]
        for name in names:
            if (target := own(name)) is not None:
                found.setdefault(target, node.lineno)
    return found


def layer_of(module: str) -> str:
    return "networks" if module.startswith("networks") else module


@every_module
def test_every_import_of_our_own_exists(module):
    assert not [target for target in imported(module) if target not in SOURCES]


@every_module
def test_every_module_has_a_layer(module):
    assert layer_of(module) in LEVEL, "a new module: give it its place in LAYERS"


@every_module
def test_imports_go_down(module):
    here = layer_of(module)
    up = [
        f"{SOURCES[module].relative_to(HOME.parent)}:{line} imports {target}, which stands above it"
        for target, line in imported(module).items()
        if LEVEL[layer_of(target)] >= LEVEL[here] and not (target == "networks" == here and module != target)
    ]
    assert not up


def test_there_is_no_cycle():
    graph = {module: set(imported(module)) for module in SOURCES}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))
    assert len(order) == len(SOURCES)


def test_the_walk_sees_imports_in_functions_and_skips_those_for_types():
    assert "expr" in imported("ops")
    assert "ops" not in imported("expr")
    tree = ast.parse("def f():\n    import derive.sheet\nif TYPE_CHECKING:\n    import derive.cli\n")
    assert [n.names[0].name for n in walk(tree) if isinstance(n, ast.Import)] == ["derive.sheet"]


def test_the_ground_stands_alone():
    assert imported("expr") == {} == imported("definitions")


def test_the_judge_shares_only_expressions_and_the_table_with_what_it_judges():
    allowed = {"expr", "ops", "system"}
    found = {(m, target) for m in SOURCES if m.startswith("judge") for target in imported(m) if not target.startswith("judge")}
    assert {target for _, target in found} <= allowed, found


def test_the_reader_knows_no_judge():
    """What a formula says must not depend on whether it is true."""
    found = {(m, target) for m in SOURCES if m.split(".")[0] == "reader" for target in imported(m)}
    assert not {(m, t) for m, t in found if t.split(".")[0] in ("judge", "check", "network", "solution", "sweep")}


# -- text is never run --------------------------------------------------------------------------------------------

FORBIDDEN = {
    "eval",
    "exec",
    "compile",
    "parse_expr",
    "parse_latex",
    "sympify",
    "S",
    "lambdify",
    "execfile",
    "__import__",
    "Parser",
}
ALLOWED = {
    ("printing.express", "sympify"): 1,  # an exact number, never text
    ("printing.express", "S"): 1,
    ("reader.parser", "Parser"): 1,  # our own: tokens to a tree, nothing is run
    ("reader.statements", "Parser"): 1,
}


def called_names(tree: ast.AST) -> list[tuple[str, int]]:
    """The last name of whatever is called or imported: eval, sympy.sympify, from sympy import sympify as s."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
            if name == "compile" and isinstance(function, ast.Attribute) and ast.unparse(function.value) == "re":
                continue
            found.append((name, node.lineno))
        elif isinstance(node, ast.ImportFrom):
            found += [(alias.name, node.lineno) for alias in node.names if not (node.module or "").startswith("derive")]
    return found


@every_module
def test_no_module_runs_text(module):
    calls = [(name, line) for name, line in called_names(TREES[module]) if name in FORBIDDEN]
    counts = {name: sum(n == name for n, _ in calls) for name, _ in calls}
    over = {name: count for name, count in counts.items() if count > ALLOWED.get((module, name), 0)}
    assert not over, calls


@pytest.mark.parametrize(
    "text", ["eval(x)", "exec(x)", "sympy.sympify(x)", "from sympy import parse_expr", "S(x)", "compile(x, '', 'eval')"]
)
def test_the_guard_sees(text):
    assert {name for name, _ in called_names(ast.parse(text))} & FORBIDDEN


@every_module
def test_no_star_import_but_the_table(module):
    stars = [n.module for n in ast.walk(TREES[module]) if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    assert stars == (["derive.ops"] if module == "derive" else [])


def test_dynamic_imports_take_only_gallery_names():
    """import_module is given one name, which was checked against the gallery's list before."""
    uses = [
        (m, n.lineno)
        for m, tree in TREES.items()
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and ast.unparse(n.func).endswith("import_module")
    ]
    assert [m for m, _ in uses] == ["network"]
    with pytest.raises(derive.DeriveError, match="no network"):
        derive.load("..os")
