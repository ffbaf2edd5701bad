/* The table of leaf functions of one instruction set: what the kernels call, typed twice by one macro. */
#ifndef FM_TABLE_H
#define FM_TABLE_H

#include <stdint.h>

#define FM_TABLE(real, name)                                                                                           \
    typedef struct {                                                                                                   \
        /* sum_j x[j] y[j], j < n */                                                                                   \
        real (*dot)(const real *x, const real *y, int64_t n);                                                          \
    } name;

FM_TABLE(float, fm_table_f32)
FM_TABLE(double, fm_table_f64)

typedef struct {
    const char *name;   /* "baseline", "avx2", "avx512" */
    int vector_bytes;
    fm_table_f32 f32;
    fm_table_f64 f64;
} fm_table;

extern const fm_table fm_table_baseline;
#ifdef FM_X86
extern const fm_table fm_table_avx2;
extern const fm_table fm_table_avx512;
#endif

#endif
