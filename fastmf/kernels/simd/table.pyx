"""Choose, once at import, the table of leaf functions for this processor or the one FASTMF_SIMD names."""

import os


cdef extern from *:
    """
    #include "table.h"

    #define FM_ADDRESS(isa, has) &fm_table_##isa,
    #define FM_HAS(isa, has) !!(has),
    static const fm_table *const fm_tables[] = {FM_INSTRUCTION_SETS(FM_ADDRESS)};
    static const int fm_table_count = (int)(sizeof fm_tables / sizeof fm_tables[0]);

    static int fm_supports(int rank)
    {
    #ifdef FM_X86
        __builtin_cpu_init();
    #endif
        const int has[] = {FM_INSTRUCTION_SETS(FM_HAS)};
        return has[rank];
    }

    /* Has the processor what coarse scores need beyond the instruction set of their leaves? */
    static int fm_has_vnni(void)
    {
    #ifdef FM_X86
        return !!__builtin_cpu_supports("avx512vnni");
    #else
        return 0;
    #endif
    }

    #ifdef _OPENMP
    #define FM_OPENMP 1
    #else
    #define FM_OPENMP 0
    #endif
    """
    int fm_supports(int rank) nogil
    int fm_has_vnni() nogil
    const fm_table** fm_tables
    int fm_table_count
    int FM_OPENMP


cdef const fm_table* _chosen = NULL


cdef const fm_table* leaves() noexcept nogil:
    return _chosen


cdef bint coarse_leaves() noexcept nogil:
    """Whether pairs_block may be given a coarse catalogue."""
    return _chosen.coarse and fm_has_vnni()


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
        has = ", ".join(supported())
        raise ValueError(f"instruction set {name!r} is not supported by this processor, which has {has}")
    _chosen = fm_tables[names.index(name)]


def openmp():
    """Whether the kernels were built with OpenMP; without it they run serially."""
    return bool(FM_OPENMP)


try:
    use(os.environ.get("FASTMF_SIMD") or supported()[0])
except ValueError as error:
    raise ImportError(f"FASTMF_SIMD: {error}") from None
