"""The laws of the house: floors, what kernels may do, twins and stubs. Sources are read, not run."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import fastmf

# Each line is a floor, and each name on it a room: a module or package of fastmf. Imports go to lower floors only.
# The ground is C: the leaf loops, and the table that chooses between them.
FLOORS = (
    ("kernels.simd",),
    ("_params", "_checks", "_threads", "_random", "_optional", "_errors", "_atomic", "_memory"),
    ("kernels",),
    ("data", "_file"),
    ("retrieval",),
    ("models",),
    ("evaluation", "compat", "plots", "distributed", "translate"),
    ("sklearn",),
    ("cli",),
    ("__main__",),
)
DOOR = "fastmf"  # fastmf/__init__.py, which only gathers the public names: below the command line, above all else
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
WITHOUT_TWIN = {"wals.workspace", "wals.padded", "topk.coarse_shape"}  # sizes of arrays: they compute no result

PACKAGE = Path(fastmf.__file__).parent
TESTS = Path(__file__).parent
FILES = sorted(path for suffix in ("py", "pyx", "pxd") for path in PACKAGE.rglob(f"*.{suffix}"))
KERNELS = [path for path in FILES if path.suffix == ".pyx"]
in_checkout = pytest.mark.skipif(
    not (PACKAGE.parent / "setup.py").exists(), reason="an installed fastmf does not hold the sources of its kernels"
)


def module_of(path):
    """fastmf/data/ids.py -> "data.ids"; fastmf/data/__init__.py -> "data"; fastmf/__init__.py -> DOOR."""
    parts = [*path.relative_to(PACKAGE).parts[:-1], path.stem]
    return ".".join(part for part in parts if part != "__init__") or DOOR


ALL_MODULES = {module_of(path) for path in FILES}


def room_of(module):
    """The room a module is in: the longest name in the table that begins the module's own."""
    rooms = [room for room in FLOOR_OF if module == room or module.startswith(room + ".")]
    assert rooms, f"fastmf.{module} is in no room: add it to the table of floors"
    return max(rooms, key=len)


def statements(source, suffix):
    """The imports in a source: pairs of (module, names taken from it), no names for a plain `import module`."""
    if suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                yield "." * node.level + (node.module or ""), [alias.name for alias in node.names]
            elif isinstance(node, ast.Import):
                yield from ((alias.name, []) for alias in node.names)
        return
    source = re.sub(r"#.*|\\\n", "", source)
    pattern = r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?c?import[ \t]+(\([^)]*\)|[^\n]+)"
    for origin, listed in re.findall(pattern, source, re.MULTILINE):
        names = [name.split()[0] for name in listed.strip("() \n").split(",") if name.strip()]
        yield from [(origin, names)] if origin else [(name, []) for name in names]


def imported(source, suffix):
    """The modules of fastmf that a source imports."""
    for origin, names in statements(source, suffix):
        assert not origin.startswith("."), "imports are absolute"
        if origin.partition(".")[0] != "fastmf":
            continue
        inside = origin.partition(".")[2]
        for name in names or [""]:
            longer = ".".join(filter(None, (inside, name)))
            yield longer if longer in ALL_MODULES else inside or DOOR


def crimes(module, source, suffix):
    """What is wrong with the imports of a module."""
    if module == DOOR:
        return []
    floor, room = FLOOR_OF[room_of(module)], room_of(module)
    found = []
    for other in imported(source, suffix):
        if other == DOOR:
            if floor < FLOOR_OF["cli"]:
                found.append("goes through the door, import fastmf")
        elif room_of(other) != room and FLOOR_OF[room_of(other)] >= floor:
            found.append(f"{module} on floor {floor} imports {other} on floor {FLOOR_OF[room_of(other)]}")
    return found


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_go_down_only(path):
    assert crimes(module_of(path), path.read_text(), path.suffix) == []


@pytest.mark.parametrize(
    ("module", "suffix", "source", "number"),
    [
        ("data.ids", ".py", "from fastmf.models import WALS", 1),
        ("data.ids", ".py", "from fastmf import models, _checks", 1),
        ("data.ids", ".py", "import fastmf.evaluation as e", 1),
        ("data.ids", ".py", "def f():\n    from fastmf.retrieval import top_k", 1),
        ("compat.implicit.evaluation", ".py", "from fastmf.evaluation import lists", 1),
        ("compat.implicit.als", ".py", "from fastmf.compat.implicit.cpu import als\nfrom fastmf.models import WALS", 0),
        ("data.ids", ".py", "import fastmf", 1),
        ("data.ids", ".py", "from fastmf import Ratings", 1),
        ("data.ids", ".py", "from fastmf import _checks\nfrom fastmf.data.csr import Csr\nimport numpy", 0),
        ("_params", ".py", "from fastmf import _checks", 1),
        ("_threads", ".py", "from fastmf.kernels.simd import table", 0),
        ("_threads", ".py", "from fastmf.kernels import predict", 1),
        ("cli.demo", ".py", "import fastmf\nfrom fastmf.cli.answer import table", 0),
        ("kernels.topk", ".pyx", "from fastmf.kernels.simd.table cimport (\n    leaves, fm_search)", 0),
        ("kernels.topk", ".pyx", "from fastmf.data.ids cimport x", 1),
        ("kernels.topk", ".pyx", "cimport cython\n    from fastmf.models import \\\n        WALS  # why", 1),
        ("kernels.topk", ".pyx", "cimport fastmf.kernels.simd.table, fastmf.data", 1),
        ("kernels.simd.table", ".pxd", "from fastmf.kernels.predict cimport y", 1),
    ],
)
def test_the_law_of_floors_sees_a_crime(module, suffix, source, number):
    assert len(crimes(module, source, suffix)) == number


def test_a_module_without_a_room_is_noticed():
    with pytest.raises(AssertionError, match="in no room"):
        room_of("attic")


def test_the_door_only_gathers_names():
    body = ast.parse((PACKAGE / "__init__.py").read_text()).body
    assert all(isinstance(node, (ast.Expr, ast.ImportFrom, ast.Assign)) for node in body)
    assert sorted(fastmf.__all__) == sorted(set(fastmf.__all__))
    assert all(hasattr(fastmf, name) for name in fastmf.__all__)


# -- kernels ------------------------------------------------------------------------------------------------------


@in_checkout
def test_there_are_kernels_to_look_at():
    assert len(KERNELS) > 5


@pytest.mark.parametrize("path", KERNELS, ids=module_of)
def test_kernels_keep_their_laws(path):
    source = path.read_text()
    assert not re.search(r"^\s*#\s*cython:", source, re.MULTILINE), "directives live in setup.py only"
    assert not re.search(r"\bcimport\s+numpy|from\s+numpy\S*\s+cimport", source), "no C API of NumPy"
    assert not re.search(r"\bwith\s+gil\b", source), "errors cross nogil as return codes"
    for loop in re.findall(r"\bprange\((?:[^()]|\([^()]*\))*\)", source):
        assert "num_threads=" in loop, loop
        assert "use_threads_if=" in loop, f"one thread must enter no team: {loop}"


@in_checkout
def test_nothing_shipped_is_built_for_one_machine_or_with_unsafe_mathematics():
    settings = (PACKAGE.parent / "setup.py").read_text() + (PACKAGE.parent / "pyproject.toml").read_text()
    assert not re.search(r"-march|-mtune|-ffast-math|-Ofast|-funsafe-math", settings)


def signatures(path):
    """Functions that a stub or a twin defines, with the names of their arguments in order."""
    return {
        node.name: [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


@pytest.mark.parametrize("path", KERNELS, ids=module_of)
def test_every_compiled_module_has_a_stub_of_its_functions(path):
    compiled = import_module(f"fastmf.{module_of(path)}")
    own = {
        name: value for name, value in vars(compiled).items() if getattr(value, "__module__", "") == compiled.__name__
    }
    functions = {name for name, value in own.items() if callable(value) and not name.startswith("_")}
    assert path.with_suffix(".pyi").exists(), "no stub"
    assert set(signatures(path.with_suffix(".pyi"))) == functions


@pytest.mark.parametrize("path", [path for path in KERNELS if path.parent.name == "kernels"], ids=module_of)
def test_every_kernel_has_a_twin_with_its_arguments(path):
    reference = TESTS / "reference" / f"{path.stem}.py"
    assert reference.exists(), "no twin"
    twins = signatures(reference)
    for name, arguments in signatures(path.with_suffix(".pyi")).items():
        if f"{path.stem}.{name}" in WITHOUT_TWIN:
            continue
        assert name in twins, f"no twin of {name}"
        assert twins[name] in (arguments, [argument for argument in arguments if argument != "num_threads"])
