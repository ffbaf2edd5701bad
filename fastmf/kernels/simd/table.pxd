"""The leaf functions of the instruction set chosen at import; every kernel cimports `leaves`."""

from libc.stdint cimport int64_t


cdef extern from "table.h" nogil:
    ctypedef struct fm_table_f32:
        float (*dot)(const float* x, const float* y, int64_t n) noexcept nogil

    ctypedef struct fm_table_f64:
        double (*dot)(const double* x, const double* y, int64_t n) noexcept nogil

    ctypedef struct fm_table:
        const char* name
        int vector_bytes
        fm_table_f32 f32
        fm_table_f64 f64


cdef const fm_table* leaves() noexcept nogil
