/* The table of leaf functions of one instruction set: what the kernels call, typed twice by one macro. */
#ifndef FM_TABLE_H
#define FM_TABLE_H

#include <stdint.h>

/* Ask for memory that will be read soon. */
static inline void fm_prefetch(const void *at, int64_t bytes)
{
    for (int64_t line = 0; line < bytes; line += 64)
        __builtin_prefetch((const char *)at + line);
}

/* What all rows of a WALS half-step share; the arrays are of the leaf's type. The weight of a pair that is not stored is
 * the product of one number for its row and one for the row of the other side. */
typedef struct {
    const void *Y;           /* factors of the other side, rows of k */
    int64_t k;
    const void *unobserved;  /* c, one a row of Y; a step of 0 means one for all */
    int64_t unobserved_step;
    const void *gram;        /* G = Y' diag(c) Y, padded(k) square, upper triangle; diagonal in its eigenbasis */
    const void *eigenvalues; /* of G, k of them, where Y is in its eigenbasis; all methods but the primal need them */
    int64_t cg_steps;
    int64_t block_size;      /* of the subspace method */
    double relaxation;       /* omega, for rows that are relaxed */
} fm_wals_side;

/* The entries of one row: a step of 0 means that one value serves all entries. */
typedef struct {
    const int32_t *index; /* rows of Y */
    const void *weight;
    const void *target;
    int64_t weight_step, target_step;
    int64_t n;
    const int32_t *next; /* the row that is likely to be solved next, for prefetching */
    int64_t next_n;
    double ridge;
    double unobserved; /* this row's share of the weight of unobserved pairs: it multiplies c and G */
} fm_wals_row;

/* Sums over the entries of a row: see observed.h. */
typedef struct {
    double loss, residual, predicted;
} fm_observed;

/* How a row is solved. */
enum { FM_PRIMAL, FM_DUAL, FM_CG, FM_SUBSPACE, FM_NONNEGATIVE, FM_ITERATED };

/* What came of it: FM_FACTORISED is a row that was to be iterated, and was solved by its matrix after all. */
enum { FM_SOLVED, FM_INDEFINITE, FM_FACTORISED };

/* Rows of sorted numbers, as in a CSR matrix; indptr is NULL where there are none. */
typedef struct {
    const int64_t *indptr;
    const int32_t *indices;
} fm_lists;

/* Items to be scored; the arrays are of the leaf's type. */
typedef struct {
    const void *rows;      /* of `factors` each */
    const void *bias;      /* one an item, or NULL */
    const int32_t *subset; /* the items to score, ascending (in any order where there are norms); NULL for all */
    const void *norm;      /* lengths of the rows in the order of the subset, for skipping; or NULL */
    int64_t count;         /* of items to score */
    int64_t factors;
    int cosine;            /* scale queries and items to length 1 */
} fm_catalogue;

enum { FM_STRIP = 256, FM_COARSE_FACTORS = 1 << 17 }; /* items of a strip; factors up to which they may be integers */

/* What is to be known of a strip of items as integers of 16 bits: see coarse.h. */
typedef struct {
    double inverse; /* of the step between integers */
    double length;  /* of the longest row */
    double error;   /* that bounds |f|, and what rounding does to exact scores, for a query of length 1 */
    double weight;  /* the factor of queries that the biases of items are for, in all strips the same */
} fm_coarse_strip;

/* Integers of an item, two by two: its factors, and its bias if there are any. */
static inline int64_t fm_coarse_pairs(const fm_catalogue *items)
{
    return (items->factors + (items->bias != 0) + 1) / 2;
}

/* What all blocks of one search share. */
typedef struct {
    fm_catalogue items;
    const void *queries;     /* rows of `factors` each */
    fm_lists seen, excluded; /* a row a query: items it must not get */
    int64_t k;               /* >= 1 */
    /* for pairs_block */
    const int32_t *position;       /* of each item in the subset; NULL where there is none */
    const int16_t *coarse;         /* all items as integers, where there are norms; or NULL */
    const fm_coarse_strip *strips; /* of these integers */
} fm_search;

enum { FM_SQUARED, FM_ABSOLUTE, FM_LOGISTIC }; /* losses */
/* What the head of a row holds; in the third place SVD++ has another accumulator of an item, AdaGrad the square of the
 * row's length. */
enum { FM_ACCUMULATED, FM_BIAS_ACCUMULATED, FM_SQUARE, FM_IMPLICIT_ACCUMULATED = FM_SQUARE, FM_BIAS, FM_HEAD };

/* What all records of a run of SGD share. */
typedef struct {
    double rate, bias_rate;
    double user_penalty, item_penalty, bias_penalty;
    double mean;
    int64_t factors; /* over which a row's squared gradient is averaged */
    int64_t width;   /* reals a row with its padding: whole vectors */
    int loss;        /* FM_SQUARED, FM_ABSOLUTE or FM_LOGISTIC */
    int adagrad;     /* steps are rate / sqrt(accumulator), not the rate itself */
    int nonnegative; /* factors below 0 become 0 after each step */
} fm_sgd_rule;

/* The records of one cell of the grid; the arrays are of the leaf's type and begin with the cell's first row or record. */
typedef struct {
    void *P, *Q;                   /* factors, rows of `width` */
    void *user_heads, *item_heads; /* rows of FM_HEAD */
    const uint32_t *place;         /* user row + 65536 x item row */
    const void *value;
    const void *weight;            /* one a record, or a single one for all where the step is 0 */
    int64_t weight_step;
    int64_t n;
} fm_sgd_cell;

/* What all users of a run of SVD++ share; the arrays are of the leaf's type, rows of `width`, and of FM_HEAD for heads. */
typedef struct {
    double rate, implicit_rate, mean;
    double user_penalty, item_penalty, implicit_penalty, bias_penalty;
    int64_t factors; /* over which a row's squared gradient is averaged */
    int64_t width;   /* reals a row with its padding: whole vectors */
    int adagrad;     /* steps are rate / sqrt(accumulator), not the rate itself */
    void *Q, *Y;     /* item factors, and what the items of a user add to the user's vector */
    void *item_heads;
} fm_svdpp;

/* One user and the entries to go through; the arrays are of the leaf's type. */
typedef struct {
    const int32_t *item;
    const void *value;
    const void *weight;  /* one an entry, or a single one for all where the step is 0 */
    int64_t weight_step;
    int64_t n;
    double scale;        /* |N(u)|^-1/2 */
    void *p, *head;      /* of the user */
    void *x;             /* p + scale sum_j y_j: written by svdpp_user, read by svdpp_items */
    void *pull;          /* scale sum_i g_i q_i: likewise */
} fm_svdpp_user;

/* A sweep of the QL algorithm: it turns columns first - 1 and first, then those before, down to last and last + 1. */
typedef struct {
    int64_t first, last;
} fm_sweep;

enum { FM_EIGEN_ROWS = 16 }; /* rows of eigenvectors that are worked on together */

#define FM_TABLE(real, name)                                                                                           \
    typedef struct {                                                                                                   \
        /* sum_j x[j] y[j], j < n */                                                                                   \
        real (*dot)(const real *x, const real *y, int64_t n);                                                          \
        /* the same, in float64 all the way; x comes so */                                                             \
        double (*dot_wide)(const double *x, const real *y, int64_t n);                                                 \
        /* x += y, in float64 */                                                                                       \
        void (*add_wide)(double *x, const real *y, int64_t n);                                                         \
        /* to = from + L'R on and above the diagonal, of size x size */                                                \
        void (*rank_update)(const real *left, const real *right, int64_t stride, int64_t n, const real *from,          \
                            real *to, int64_t size);                                                                   \
        /* C = A B, n x k times k x padded(k); C may be A; work holds whole tile rows, 64 x padded(k) are enough */    \
        void (*multiply)(const real *A, const real *B, real *C, int64_t n, int64_t k, real *work);                     \
        /* n rounded up to whole tiles: the size of the square matrices for n factors */                               \
        int64_t (*padded)(int64_t n);                                                                                  \
        /* reals of workspace that wals_solve needs */                                                                 \
        int64_t (*wals_workspace)(int64_t k, int64_t block_size, int64_t longest_row);                                 \
        /* sums over the entries of a row x, for the objective */                                                      \
        void (*observed_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t ahead, const void *x,           \
                             double *wide, double offset, const void *bias, fm_observed *to);                          \
        /* z = p sum_j a_j q_j y_j over the entries of a row */                                                        \
        void (*propagate_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t ahead, double p,               \
                              const void *q, void *z);                                                                 \
        /* y = times y + size (1 or -1, ...), by the bits, 64 a word */                                                \
        void (*signed_row)(const uint64_t *bits, int64_t k, double size, double times, void *y);                       \
        /* x of one row by a method, the point beyond it where relaxed is not NULL, and its sums where observed is not;\
         * returns 1 when its matrix is not positive definite in this precision */                                     \
        int (*wals_solve)(const fm_wals_side *side, const fm_wals_row *row, int method, void *work, void *x,           \
                          void *relaxed, fm_observed *observed);                                                       \
        /* bytes of workspace that top_k_block needs for so many queries at a time */                                  \
        int64_t (*top_k_workspace)(const fm_search *search, int64_t queries);                                          \
        /* the best k of items begin to end - 1 for each of `count` queries; returns 1 when a score is not finite */   \
        int (*top_k_block)(const fm_search *search, int64_t first, int64_t count, int64_t begin, int64_t end,          \
                           void *work, int32_t *ids, real *scores);                                                    \
        /* bytes of workspace that ranks_block needs for so many queries at a time */                                  \
        int64_t (*ranks_workspace)(const fm_search *search, int64_t queries);                                          \
        /* for the targets of `count` queries: their scores, the items above them, and those level with a lower number */\
        void (*ranks_block)(const fm_search *search, const fm_lists *targets, int64_t first, int64_t count, void *work,\
                            real *scores, int64_t *higher, int64_t *equal);                                            \
        /* items first, first + 1, ... as a strip of integers, FM_STRIP x 2 fm_coarse_pairs */                      \
        void (*coarse_strip)(const fm_catalogue *items, int64_t first, double weight, int16_t *to,                     \
                             fm_coarse_strip *strip);                                                                  \
        /* bytes of workspace that pairs_block needs for so many queries with so many seen items at a time */          \
        int64_t (*pairs_workspace)(const fm_search *search, int64_t queries, int64_t seen);                            \
        /* for each of `count` queries: its list, as top_k_block; twice the pairs its targets lose and once their ties; \
         * the results are those of all queries */                                                                     \
        int (*pairs_block)(const fm_search *search, const fm_lists *targets, int64_t first, int64_t count, void *work, \
                           int32_t *ids, real *scores, real *target_scores, int64_t *lost);                            \
        /* the steps of all records of a cell, in order; returns the sum of their weighted losses before each step */  \
        double (*sgd_cell)(const fm_sgd_rule *rule, const fm_sgd_cell *cell);                                          \
        /* the vector x of a user */                                                                                    \
        void (*svdpp_vector)(const fm_svdpp *model, const fm_svdpp_user *user);                                        \
        /* the same and the user half of the steps; returns the sum of the weighted squared errors before them */       \
        double (*svdpp_user)(const fm_svdpp *model, const fm_svdpp_user *user);                                        \
        /* the item half, for any of the user's entries */                                                             \
        void (*svdpp_items)(const fm_svdpp *model, const fm_svdpp_user *user);                                         \
    } name;

FM_TABLE(float, fm_table_f32)
FM_TABLE(double, fm_table_f64)

typedef struct {
    const char *name;   /* "baseline", "avx2", "avx512" */
    int vector_bytes;
    int coarse; /* pairs_block may be given integers, where the processor has AVX512-VNNI */
    fm_table_f32 f32;
    fm_table_f64 f64;
    /* see eigen.h */
    void (*tridiagonalise)(double *A, int64_t n, int64_t size, double *reflectors, double *scale, double *diagonal,
                           double *off, double *work);
    int64_t (*ql_sweeps)(double *d, double *off, int64_t n, int64_t *at, fm_sweep *sweeps, double *turns,
                         int64_t capacity);
    void (*reflect_rows)(double *rows, int64_t n, int64_t size, const double *reflectors, const double *scale);
    void (*rotate_rows)(double *rows, const fm_sweep *sweeps, int64_t count, const double *turns);
} fm_table;

/* The instruction sets of a build, best first: the name, and whether this processor has it. setup.py has the compiler's
 * flags for each name. */
#ifdef FM_X86
#define FM_INSTRUCTION_SETS(X)                                                                                         \
    X(avx512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")                                  \
              && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))                             \
    X(avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))                                           \
    X(baseline, 1)
#else
#define FM_INSTRUCTION_SETS(X) X(baseline, 1)
#endif

#define FM_DECLARE(isa, has) extern const fm_table fm_table_##isa;
FM_INSTRUCTION_SETS(FM_DECLARE)

#endif
