"""Compile fastmf: the C leaf loops once per instruction set, every .pyx once. All metadata is in pyproject.toml."""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

LEAF_SOURCE = "fastmf/kernels/simd/leaves.c"
LEAF_FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi"]
INSTRUCTION_SETS = {  # name -> compiler flags; select.h lists the same names, best first
    "x86": {
        "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"],
        "avx2": ["-mavx2", "-mfma"],
        "baseline": [],
    },
    "other": {"baseline": []},
}
DEBUG = bool(os.environ.get("FASTMF_DEBUG"))
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "initializedcheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": True,
}
OPENMP_PROBE = """
#include <omp.h>
int main(void) {
    int team = 0;
    #pragma omp parallel num_threads(2) reduction(+:team)
    team += 1;
    return team == omp_get_max_threads() || team >= 1 ? 0 : 1;
}
"""


def architecture():
    return "x86" if platform.machine().lower() in {"x86_64", "amd64", "i686", "x86"} else "other"


def openmp_flags(compiler):
    """Compile, link and run a program with OpenMP; the flags that worked, or none at all."""
    if os.environ.get("FASTMF_NO_OPENMP"):
        return [], []
    for compile_flags, link_flags in ((["-fopenmp"], ["-fopenmp"]), (["-Xclang", "-fopenmp"], ["-lomp"])):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(OPENMP_PROBE)
            try:
                objects = compiler.compile([str(source)], output_dir=folder, extra_postargs=compile_flags)
                compiler.link_executable(objects, str(Path(folder, "probe")), extra_postargs=link_flags)
                subprocess.run([str(Path(folder, "probe"))], check=True, timeout=60)
            except Exception as error:  # any failure means: not with these flags
                reason = error
                continue
        return compile_flags, link_flags
    if os.environ.get("CIBUILDWHEEL"):
        raise SystemExit(f"fastmf: a wheel must have OpenMP, and the probe failed: {reason}")
    print(f"fastmf: no OpenMP ({reason}); the build is serial", file=sys.stderr)
    return [], []


class BuildKernels(build_ext):
    """build_ext that knows the leaf objects and asks the compiler about OpenMP once."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            raise SystemExit("fastmf: the leaf loops need GCC or Clang vector extensions; on Windows build with clang")
        compile_flags, link_flags = openmp_flags(self.compiler)
        leaves = [self.leaf_object(name, flags) for name, flags in INSTRUCTION_SETS[architecture()].items()]
        for extension in self.extensions:
            extension.extra_compile_args = ["-O2", *compile_flags]
            extension.extra_link_args = link_flags
            if extension.name == "fastmf.kernels.simd.table":
                extension.extra_objects = leaves
        super().build_extensions()

    def leaf_object(self, name, flags):
        (leaf,) = self.compiler.compile(
            [LEAF_SOURCE],
            output_dir=str(Path(self.build_temp, name)),
            macros=[("FM_ISA", name)],
            include_dirs=["fastmf/kernels/simd"],
            extra_postargs=LEAF_FLAGS + flags,
        )
        return leaf


HEADERS = sorted(str(path) for path in Path("fastmf/kernels/simd").glob("*.[hc]"))
EXTENSIONS = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=["fastmf/kernels/simd"],
        define_macros=[("FM_X86", "1")] if architecture() == "x86" else [],
        depends=HEADERS,
    )
    for path in sorted(Path("fastmf/kernels").rglob("*.pyx"))
]

setup(
    ext_modules=cythonize(EXTENSIONS, compiler_directives=DIRECTIVES, build_dir="build/cython"),
    cmdclass={"build_ext": BuildKernels},
)
