/* The leaf loops for one type; leaves.c includes this once for float and once for double. */
#include "vector.h"

#include "dot.h"

#ifndef FM_LEAVES
#define FM_LEAF(name, bits) .name = FM_JOIN(name, bits, FM_ISA)
#define FM_LEAVES(bits) FM_LEAF(dot, bits)
#endif

#undef FN
#undef LANES
#undef vec
#undef load
#undef store
#undef splat
#undef hsum
