/* All leaf loops of one instruction set, FM_ISA, in both precisions, and their table. Compiled once per set. */
#include "table.h"

#define real float
#define FM_BITS 32
#include "leaves.h"
#undef real
#undef FM_BITS

#define real double
#define FM_BITS 64
#include "leaves.h"
#undef real
#undef FM_BITS

#define FM_TABLE_NAME_(isa) fm_table_##isa
#define FM_TABLE_NAME(isa) FM_TABLE_NAME_(isa)
#define FM_STRING_(isa) #isa
#define FM_STRING(isa) FM_STRING_(isa)

const fm_table FM_TABLE_NAME(FM_ISA) = {
    .name = FM_STRING(FM_ISA),
    .vector_bytes = FM_VECTOR_BYTES,
    .coarse = FM_COARSE,
    .f32 = {FM_LEAVES(f32)},
    .f64 = {FM_LEAVES(f64)},
    FM_LEAF(tridiagonalise, f64),
    FM_LEAF(ql_sweeps, f64),
    FM_LEAF(reflect_rows, f64),
    FM_LEAF(rotate_rows, f64),
};
