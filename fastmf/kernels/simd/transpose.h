/* Transpose of LANES x LANES values in registers: log2(LANES) rounds of interleaving row i with row i + LANES / 2. */

#ifndef FM_INTERLEAVE
#ifdef FM_SHUFFLE
#define FM_INTERLEAVE_ROWS(a, b, ...) FM_SHUFFLE(a, b, __VA_ARGS__)
#else
#define FM_INTERLEAVE_ROWS(a, b, ...) __builtin_shuffle(a, b, (FN(lanes)){__VA_ARGS__})
#endif
#define FM_LOW_2 0, 2
#define FM_HIGH_2 1, 3
#define FM_LOW_4 0, 4, 1, 5
#define FM_HIGH_4 2, 6, 3, 7
#define FM_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define FM_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define FM_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define FM_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define FM_INTERLEAVE
#endif

/* The number of lanes as one token, so that it can name the lists above. */
#undef FM_LOW
#undef FM_HIGH
#if FM_VECTOR_BYTES * 8 / FM_BITS == 16
#define FM_LOW FM_LOW_16
#define FM_HIGH FM_HIGH_16
#elif FM_VECTOR_BYTES * 8 / FM_BITS == 8
#define FM_LOW FM_LOW_8
#define FM_HIGH FM_HIGH_8
#elif FM_VECTOR_BYTES * 8 / FM_BITS == 4
#define FM_LOW FM_LOW_4
#define FM_HIGH FM_HIGH_4
#else
#define FM_LOW FM_LOW_2
#define FM_HIGH FM_HIGH_2
#endif

FM_INLINE void FN(transpose)(vec a[LANES])
{
#pragma GCC unroll 4
    for (int round = 1; round < LANES; round *= 2) {
        vec b[LANES];
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            b[2 * i] = FM_INTERLEAVE_ROWS(a[i], a[i + LANES / 2], FM_LOW);
            b[2 * i + 1] = FM_INTERLEAVE_ROWS(a[i], a[i + LANES / 2], FM_HIGH);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            a[i] = b[i];
    }
}
