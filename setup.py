"""Compile fastmf: the C leaf loops once per instruction set, every .pyx once. All metadata is in pyproject.toml.

Environment: FASTMF_NO_OPENMP=1 builds serial kernels; FASTMF_DEBUG=1 checks bounds of all memoryviews in kernels;
CC, CFLAGS and LDFLAGS as usual.
"""

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

SIMD = Path("fastmf/kernels/simd")
TABLE = "fastmf.kernels.simd.table"  # the extension that holds the leaves of all instruction sets
FLAGS = ["-fno-math-errno", "-fno-trapping-math", "-Wno-psabi"]
LEAF_FLAGS = ["-std=gnu11", "-O3", "-ffp-contract=fast", *FLAGS]
X86 = platform.machine().lower() in {"x86_64", "amd64", "i686", "x86"}
INSTRUCTION_SETS = {"baseline": []}  # name -> flags of the compiler; table.h has the same names
if X86:
    INSTRUCTION_SETS |= {
        "avx2": ["-mavx2", "-mfma"],
        "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"],
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
# What the results of a build depend on besides the sources: a change of it compiles everything anew.
ENVIRONMENT = [os.environ.get(name) for name in ("FASTMF_NO_OPENMP", "CC", "CFLAGS", "LDFLAGS")]
CONFIGURATION = repr((DIRECTIVES, LEAF_FLAGS, INSTRUCTION_SETS, ENVIRONMENT))
STAMP = Path("build", "configuration" + sysconfig.get_config_var("EXT_SUFFIX"))
OPENMP_PROBE = """
#include <omp.h>
int main(void)
{
    int team = 0;
#pragma omp parallel num_threads(2) reduction(+ : team)
    team += 1;
    return team > omp_get_thread_limit();
}
"""


def openmp_flags(linker):
    """Compile, link and run a program with OpenMP: the flags for compiling and for linking, both empty without it."""
    if os.environ.get("FASTMF_NO_OPENMP"):
        return [], []
    reason = ""
    for compile_flags, link_flags in ((["-fopenmp"], ["-fopenmp"]), (["-Xclang", "-fopenmp"], ["-lomp"])):
        with tempfile.TemporaryDirectory() as folder:
            source, program = Path(folder, "probe.c"), Path(folder, "probe")
            source.write_text(OPENMP_PROBE)
            try:
                command = [*linker, *compile_flags, str(source), "-o", str(program), *link_flags]
                subprocess.run(command, check=True, capture_output=True, timeout=60)
                subprocess.run([str(program)], check=True, capture_output=True, timeout=60)
                return compile_flags, link_flags
            except (OSError, subprocess.SubprocessError) as error:
                reason = reason or str(error)
    if os.environ.get("CIBUILDWHEEL"):
        raise SystemExit(f"fastmf: a wheel must have OpenMP, and the probe failed: {reason}")
    print(f"fastmf: no OpenMP ({reason}); the build is serial", file=sys.stderr)
    return [], []


class BuildKernels(build_ext):
    """build_ext that makes the leaf objects, asks the compiler about OpenMP once, and uses all processors."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        self.force = self.force or not STAMP.exists() or STAMP.read_text() != CONFIGURATION

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            raise SystemExit("fastmf: the leaf loops need GCC's vector extensions; build with GCC or Clang")
        compile_flags, link_flags = openmp_flags(self.compiler.linker_exe)
        for extension in self.extensions:
            extension.extra_compile_args = ["-O3", *FLAGS, *compile_flags]
            extension.extra_link_args = link_flags
            if extension.name == TABLE and self.is_stale(extension):
                with ThreadPoolExecutor(self.parallel) as pool:
                    extension.extra_objects = list(pool.map(self.leaf_object, INSTRUCTION_SETS))
        super().build_extensions()
        STAMP.write_text(CONFIGURATION)

    def is_stale(self, extension):
        sources = [*extension.sources, *extension.depends]
        return self.force or newer_group(sources, self.get_ext_fullpath(extension.name))

    def leaf_object(self, name):
        (leaf,) = self.compiler.compile(
            [str(SIMD / "leaves.c")],
            output_dir=str(Path(self.build_temp, name)),
            macros=[("FM_ISA", name)],
            include_dirs=[str(SIMD)],
            extra_postargs=LEAF_FLAGS + INSTRUCTION_SETS[name],
        )
        return leaf


def extension(path):
    """The extension of one .pyx. All kernels see the table of leaves; only the table itself holds their code."""
    name = ".".join(path.with_suffix("").parts)
    return Extension(
        name,
        [str(path)],
        include_dirs=[str(SIMD)],
        define_macros=[("FM_X86", "1")] if X86 else [],
        depends=sorted(map(str, SIMD.glob("*.[hc]"))) if name == TABLE else [str(SIMD / "table.h")],
    )


setup(
    ext_modules=cythonize(
        [extension(path) for path in sorted(Path("fastmf/kernels").rglob("*.pyx"))],
        compiler_directives=DIRECTIVES,
        build_dir=f"build/cython-{zlib.crc32(repr(DIRECTIVES).encode()):08x}",
    ),
    cmdclass={"build_ext": BuildKernels},
)
