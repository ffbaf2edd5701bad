"""Look at what an sdist and a wheel hold: python .ci/contents.py SDIST WHEEL"""

import sys
import tarfile
import zipfile
from pathlib import PurePosixPath

NEEDED_TO_BUILD = ["setup.py", "pyproject.toml", "MANIFEST.in"]
NEEDED_TO_READ = ["README.md", "CHANGELOG.md", "LICENSE", "fastmf/data/embedded/TERMS.md"]
KERNELS = [
    "fastmf/kernels/wals.pyx",
    "fastmf/kernels/wals.pyi",
    "fastmf/kernels/simd/table.pxd",
    "fastmf/kernels/simd/vector.h",
]
LEAVES = "fastmf/kernels/simd/leaves.c"  # the only .c that is written by hand


def check(sdist: str, wheel: str) -> list[str]:
    """What is wrong with the two."""
    with tarfile.open(sdist) as archive:
        sources = ["/".join(PurePosixPath(name).parts[1:]) for name in archive.getnames()]
    with zipfile.ZipFile(wheel) as archive:
        installed = archive.namelist()
    wanted = [*NEEDED_TO_BUILD, *NEEDED_TO_READ, *KERNELS, LEAVES, "tests/conftest.py", "tests/reference/wals.py"]
    wrong = [f"the sdist lacks {name}" for name in wanted if name not in sources]
    generated = [name for name in sources if name.endswith((".c", ".so", ".pyc")) and name != LEAVES]
    wrong += [f"the sdist holds {name}, which a build makes" for name in generated]

    suffixes = {PurePosixPath(name).suffix for name in installed}
    wrong += [f"the wheel holds {suffix} files" for suffix in {".c", ".h", ".pyx", ".pxd", ".pyc"} & suffixes]
    wrong += [f"the wheel holds {name}" for name in installed if not name.startswith("fastmf")]
    stubs = [name.removesuffix(".pyi") for name in installed if name.endswith(".pyi")]
    binaries = [name.partition(".")[0] for name in installed if name.endswith((".so", ".pyd"))]
    if sorted(stubs) != sorted(binaries) or not binaries:
        wrong.append(f"the wheel's compiled modules and stubs differ: {sorted(set(stubs) ^ set(binaries))}")
    ends = [
        "fastmf/py.typed",
        "fastmf/data/embedded/TERMS.md",
        "fastmf/guides/worked_example.md",
        "fastmf/guides/pictures/embedding_map.png",
        "licenses/LICENSE",
        "licenses/fastmf/data/embedded/TERMS.md",
    ]
    wrong += [f"the wheel lacks {end}" for end in ends if not any(name.endswith(end) for name in installed)]
    return wrong


if __name__ == "__main__":
    found = check(*sys.argv[1:])
    print("\n".join(found) or "sdist and wheel hold what they should")
    sys.exit(bool(found))
