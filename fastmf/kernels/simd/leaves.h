/* The leaf loops for one type; leaves.c includes this once for float and once for double. */
#include "vector.h"

#include "dot.h"
#include "rank_update.h"
#include "multiply.h"
#include "cholesky.h"
#include "transpose.h"
#include "wals.h"
#include "wals_cg.h"
#include "wals_subspace.h"
#include "wals_nonnegative.h"
#include "observed.h"
#include "propagate.h"
#include "wals_solve.h"
#include "panel.h"
#include "topk.h"
#include "ranks.h"
#include "coarse.h"
#include "pairs.h"
#include "pairs_coarse.h"
#include "pairs_block.h"
#include "sgd.h"
#include "svdpp.h"
#if FM_BITS == 64
#include "eigen.h"
#endif

#ifndef FM_LEAVES
#define FM_LEAF(name, bits) .name = FM_JOIN(name, bits, FM_ISA)
#define FM_LEAVES(bits)                                                                                              \
    FM_LEAF(dot, bits),                                                                                              \
    FM_LEAF(dot_wide, bits),                                                                                         \
    FM_LEAF(add_wide, bits),                                                                                         \
    FM_LEAF(rank_update, bits),                                                                                      \
    FM_LEAF(multiply, bits),                                                                                         \
    FM_LEAF(padded, bits),                                                                                           \
    FM_LEAF(wals_workspace, bits),                                                                                   \
    FM_LEAF(sgd_cell, bits),                                                                                         \
    FM_LEAF(svdpp_vector, bits),                                                                                     \
    FM_LEAF(svdpp_user, bits),                                                                                       \
    FM_LEAF(svdpp_items, bits),                                                                                      \
    FM_LEAF(propagate_row, bits),                                                                                    \
    FM_LEAF(signed_row, bits),                                                                                       \
    FM_LEAF(observed_row, bits),                                                                                     \
    FM_LEAF(wals_solve, bits),                                                                                       \
    FM_LEAF(top_k_workspace, bits),                                                                                  \
    FM_LEAF(top_k_block, bits),                                                                                      \
    FM_LEAF(ranks_workspace, bits),                                                                                  \
    FM_LEAF(ranks_block, bits),                                                                                      \
    FM_LEAF(coarse_strip, bits),                                                                                     \
    FM_LEAF(pairs_workspace, bits),                                                                                  \
    FM_LEAF(pairs_block, bits)
#endif

#undef FN
#undef LANES
#undef REAL_SQRT
#undef REAL_ABS
#undef REAL_EPSILON
#undef REAL_LEAST
#undef REAL_EXP
#undef REAL_LOG1P
#undef vec
#undef load
#undef store
#undef splat
#undef hsum
#undef sum_wide
#undef WIDE_LANES
