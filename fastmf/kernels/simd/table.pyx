"""Choose, once at import, the table of leaf functions for this processor or the one FASTMF_SIMD names."""

import os


cdef extern from *:
    """
    #include "table.h"

    #ifdef FM_X86
    static int fm_supports(int rank) {
        __builtin_cpu_init();
        if (rank == 0)
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
                && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
        if (rank == 1)
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        return 1;
    }
    static const fm_table *const fm_tables[] = {&fm_table_avx512, &fm_table_avx2, &fm_table_baseline};
    #else
    static int fm_supports(int rank) { (void)rank; return 1; }
    static const fm_table *const fm_tables[] = {&fm_table_baseline};
    #endif
    static const int fm_table_count = (int)(sizeof fm_tables / sizeof fm_tables[0]);
    """
    int fm_supports(int rank) nogil
    const fm_table** fm_tables
    int fm_table_count


cdef const fm_table* _chosen = NULL


cdef const fm_table* leaves() noexcept nogil:
    return _chosen


def built():
    """Names of the instruction sets in this build, best first."""
    return tuple(fm_tables[i].name.decode() for i in range(fm_table_count))


def supported():
    """Names of the instruction sets in this build that this processor has, best first."""
    return tuple(fm_tables[i].name.decode() for i in range(fm_table_count) if fm_supports(i))


def chosen():
    """Name of the instruction set in use."""
    return _chosen.name.decode()


def use(str name):
    """Use the instruction set `name` from now on; meant for start-up and for tests that compare the sets."""
    global _chosen
    names = built()
    if name not in names:
        raise ValueError(f"instruction set must be one of {', '.join(names)}, got {name!r}")
    if name not in supported():
        raise ValueError(f"instruction set {name!r} is not supported by this processor, which has {', '.join(supported())}")
    _chosen = fm_tables[names.index(name)]


try:
    use(os.environ.get("FASTMF_SIMD") or supported()[0])
except ValueError as error:
    raise ImportError(f"FASTMF_SIMD: {error}") from None
