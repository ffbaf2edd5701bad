/* One SIMD vector of `real`s, and the few operations the leaves need.
 *
 * Included once per type: the includer has defined `real` (float or double) and FM_BITS (32 or 64). The width follows
 * the instruction set the file is compiled for. Vectors may be loaded from any address that is aligned for a `real`.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define FM_VECTOR_BYTES 64
#define FM_REGISTERS 32
#elif defined(__AVX__)
#define FM_VECTOR_BYTES 32
#define FM_REGISTERS 16
#elif defined(__aarch64__)
#define FM_VECTOR_BYTES 16
#define FM_REGISTERS 32
#else
#define FM_VECTOR_BYTES 16
#define FM_REGISTERS 16
#endif

#ifndef FM_INLINE
#define FM_INLINE static inline __attribute__((always_inline))
#define FM_JOIN_(a, b, c) a##_##b##_##c
#define FM_JOIN(a, b, c) FM_JOIN_(a, b, c)
#define FM_BIT_NAME_32 f32
#define FM_BIT_NAME_64 f64
#define FM_PASTE_(a, b) a##b
#define FM_PASTE(a, b) FM_PASTE_(a, b)
#endif

#if FM_BITS == 32
#define REAL_SQRT __builtin_sqrtf
#define REAL_ABS __builtin_fabsf
#define REAL_EPSILON __FLT_EPSILON__
#define REAL_LEAST __FLT_MIN__
#define REAL_EXP __builtin_expf
#define REAL_LOG1P __builtin_log1pf
#else
#define REAL_SQRT __builtin_sqrt
#define REAL_ABS __builtin_fabs
#define REAL_EPSILON __DBL_EPSILON__
#define REAL_LEAST __DBL_MIN__
#define REAL_EXP __builtin_exp
#define REAL_LOG1P __builtin_log1p
#endif

/* FN(dot) is dot_f32_avx2, dot_f64_baseline, ... */
#define FN(name) FM_JOIN(name, FM_PASTE(FM_BIT_NAME_, FM_BITS), FM_ISA)
#define LANES ((int)(FM_VECTOR_BYTES / sizeof(real)))

#define vec FN(vec)
typedef real vec __attribute__((vector_size(FM_VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* Lanes as bits: what a comparison of vectors gives, all ones for true. */
#if FM_BITS == 32
typedef int32_t FN(lanes) __attribute__((vector_size(FM_VECTOR_BYTES)));
#else
typedef int64_t FN(lanes) __attribute__((vector_size(FM_VECTOR_BYTES)));
#endif

FM_INLINE vec FN(load)(const real *p) { return *(const vec *)p; }
FM_INLINE void FN(store)(real *p, vec v) { *(vec *)p = v; }
FM_INLINE vec FN(splat)(real s) { return s - (vec){0}; }

/* The sum of all lanes: halves are added, in ever narrower vectors, until one lane is left. The halves are shuffles, since
 * GCC 12 takes a loop over an array of lanes through the stack, at three times the cycles. */
#if defined(__clang__) || __GNUC__ >= 12
#define FM_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
FM_INLINE real FN(sum)(vec v)
{
#ifdef FM_SHUFFLE
#if FM_VECTOR_BYTES * 8 / FM_BITS == 16
    const __auto_type v8 = FM_SHUFFLE(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + FM_SHUFFLE(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const __auto_type v4 = FM_SHUFFLE(v8, v8, 0, 1, 2, 3) + FM_SHUFFLE(v8, v8, 4, 5, 6, 7);
    const __auto_type v2 = v4 + FM_SHUFFLE(v4, v4, 2, 3, 2, 3);
#elif FM_VECTOR_BYTES * 8 / FM_BITS == 8
    const __auto_type v4 = FM_SHUFFLE(v, v, 0, 1, 2, 3) + FM_SHUFFLE(v, v, 4, 5, 6, 7);
    const __auto_type v2 = v4 + FM_SHUFFLE(v4, v4, 2, 3, 2, 3);
#elif FM_VECTOR_BYTES * 8 / FM_BITS == 4
    const __auto_type v2 = v + FM_SHUFFLE(v, v, 2, 3, 2, 3);
#else
    const vec v2 = v;
#endif
    return v2[0] + v2[1];
#else
    real s = v[0];
    for (int j = 1; j < LANES; j++)
        s += v[j];
    return s;
#endif
}

/* The sums of four vectors, side by side: halves of two vectors become one, until four lanes are left. */
#ifndef FM_SUM_FOUR
#define FM_SUM_FOUR
#define FM_SUM_FOUR_16(type, v)                                                                                        \
    ({                                                                                                                 \
        const type ab = FM_SHUFFLE((v)[0], (v)[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +           \
                        FM_SHUFFLE((v)[0], (v)[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);      \
        const type cd = FM_SHUFFLE((v)[2], (v)[3], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +           \
                        FM_SHUFFLE((v)[2], (v)[3], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);      \
        const type s4 = FM_SHUFFLE(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +                 \
                        FM_SHUFFLE(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);                \
        const type s2 = s4 + FM_SHUFFLE(s4, s4, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);                 \
        const type s1 = s2 + FM_SHUFFLE(s2, s2, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);                 \
        FM_SHUFFLE(s1, s1, 0, 4, 8, 12);                                                                               \
    })
#define FM_SUM_FOUR_8(type, v)                                                                                         \
    ({                                                                                                                 \
        const type ab = FM_SHUFFLE((v)[0], (v)[1], 0, 1, 2, 3, 8, 9, 10, 11) +                                         \
                        FM_SHUFFLE((v)[0], (v)[1], 4, 5, 6, 7, 12, 13, 14, 15);                                        \
        const type cd = FM_SHUFFLE((v)[2], (v)[3], 0, 1, 2, 3, 8, 9, 10, 11) +                                         \
                        FM_SHUFFLE((v)[2], (v)[3], 4, 5, 6, 7, 12, 13, 14, 15);                                        \
        const type s2 = FM_SHUFFLE(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) + FM_SHUFFLE(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15); \
        const type s1 = s2 + FM_SHUFFLE(s2, s2, 1, 0, 3, 2, 5, 4, 7, 6);                                               \
        FM_SHUFFLE(s1, s1, 0, 4, 2, 6);                                                                                \
    })
#define FM_SUM_FOUR_4(type, v)                                                                                         \
    ({                                                                                                                 \
        const type ab = FM_SHUFFLE((v)[0], (v)[1], 0, 1, 4, 5) + FM_SHUFFLE((v)[0], (v)[1], 2, 3, 6, 7);               \
        const type cd = FM_SHUFFLE((v)[2], (v)[3], 0, 1, 4, 5) + FM_SHUFFLE((v)[2], (v)[3], 2, 3, 6, 7);               \
        FM_SHUFFLE(ab, cd, 0, 2, 4, 6) + FM_SHUFFLE(ab, cd, 1, 3, 5, 7);                                               \
    })
#endif
typedef real FN(four) __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real)), may_alias));
FM_INLINE FN(four) FN(sum_four)(const vec v[4])
{
#if defined(FM_SHUFFLE) && FM_VECTOR_BYTES * 8 / FM_BITS == 16
    return FM_SUM_FOUR_16(vec, v);
#elif defined(FM_SHUFFLE) && FM_VECTOR_BYTES * 8 / FM_BITS == 8
    return FM_SUM_FOUR_8(vec, v);
#elif defined(FM_SHUFFLE) && FM_VECTOR_BYTES * 8 / FM_BITS == 4
    return FM_SUM_FOUR_4(vec, v);
#else
    return (FN(four)){FN(sum)(v[0]), FN(sum)(v[1]), FN(sum)(v[2]), FN(sum)(v[3])};
#endif
}

/* Have a value loaded once: compilers load it again for each of its uses, and there are fewer ports for that than for
 * arithmetic. */
#if defined(__x86_64__) || defined(__i386__)
#define in_register(v) __asm__("" : "+v"(v))
#else
#define in_register(v) (void)(v)
#endif

#define load FN(load)
#define store FN(store)
#define splat FN(splat)
#define hsum FN(sum)

/* Vectors of doubles, to sum in float64 what is stored in either type. */
typedef double FN(doubles) __attribute__((vector_size(FM_VECTOR_BYTES), aligned(sizeof(double)), may_alias));
#define WIDE_LANES ((int)(FM_VECTOR_BYTES / sizeof(double)))
#if FM_BITS == 32
typedef float FN(half) __attribute__((vector_size(FM_VECTOR_BYTES / 2), aligned(sizeof(float)), may_alias));
FM_INLINE FN(doubles) FN(load_wide)(const float *p)
{
#if defined(__AVX512F__) /* GCC 12 takes the general form apart, at twice the cycles */
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
#else
    return __builtin_convertvector(*(const FN(half) *)p, FN(doubles));
#endif
}
FM_INLINE double FN(sum_wide)(FN(doubles) v)
{
#ifdef FM_SHUFFLE
#if FM_VECTOR_BYTES == 64
    const __auto_type v4 = FM_SHUFFLE(v, v, 0, 1, 2, 3) + FM_SHUFFLE(v, v, 4, 5, 6, 7);
    const __auto_type v2 = FM_SHUFFLE(v4, v4, 0, 1) + FM_SHUFFLE(v4, v4, 2, 3);
#elif FM_VECTOR_BYTES == 32
    const __auto_type v2 = FM_SHUFFLE(v, v, 0, 1) + FM_SHUFFLE(v, v, 2, 3);
#else
    const FN(doubles) v2 = v;
#endif
    return v2[0] + v2[1];
#else
    double s = v[0];
    for (int j = 1; j < WIDE_LANES; j++)
        s += v[j];
    return s;
#endif
}
#define sum_wide FN(sum_wide)
#else
FM_INLINE FN(doubles) FN(load_wide)(const double *p) { return load(p); }
#define sum_wide hsum
#endif

/* The sums of four vectors of doubles. */
typedef double FN(quad) __attribute__((vector_size(32), aligned(sizeof(double)), may_alias));
FM_INLINE FN(quad) FN(sum_four_wide)(const FN(doubles) v[4])
{
#if defined(FM_SHUFFLE) && FM_VECTOR_BYTES == 64
    return FM_SUM_FOUR_8(FN(doubles), v);
#elif defined(FM_SHUFFLE) && FM_VECTOR_BYTES == 32
    return FM_SUM_FOUR_4(FN(doubles), v);
#else
    return (FN(quad)){sum_wide(v[0]), sum_wide(v[1]), sum_wide(v[2]), sum_wide(v[3])};
#endif
}
