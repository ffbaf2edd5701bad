"""The leaf functions of the instruction set chosen at import; every kernel cimports `leaves`."""

from cython cimport floating
from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t, uint64_t


cdef extern from "table.h" nogil:
    ctypedef struct fm_wals_side:
        const void* Y
        int64_t k
        const void* unobserved
        int64_t unobserved_step
        const void* gram
        const void* eigenvalues
        int64_t cg_steps
        int64_t block_size
        double relaxation

    ctypedef struct fm_wals_row:
        const int32_t* index
        const void* weight
        const void* target
        int64_t weight_step
        int64_t target_step
        int64_t n
        const int32_t* next
        int64_t next_n
        double ridge
        double unobserved

    ctypedef struct fm_observed:
        double loss
        double residual
        double predicted

    ctypedef struct fm_lists:
        const int64_t* indptr
        const int32_t* indices

    ctypedef struct fm_catalogue:
        const void* rows
        const void* bias
        const int32_t* subset
        const void* norm
        int64_t count
        int64_t factors
        int cosine

    ctypedef struct fm_coarse_strip:
        double inverse
        double length
        double error
        double weight

    enum:
        FM_STRIP
        FM_COARSE_FACTORS

    int64_t fm_coarse_pairs(const fm_catalogue* items)

    ctypedef struct fm_search:
        fm_catalogue items
        const void* queries
        fm_lists seen
        fm_lists excluded
        int64_t k
        const int32_t* position
        const int16_t* coarse
        const fm_coarse_strip* strips

    ctypedef struct fm_sgd_rule:
        double rate
        double bias_rate
        double user_penalty
        double item_penalty
        double bias_penalty
        double mean
        int64_t factors
        int64_t width
        int loss
        int adagrad
        int nonnegative

    ctypedef struct fm_sgd_cell:
        void* P
        void* Q
        void* user_heads
        void* item_heads
        const uint32_t* place
        const void* value
        const void* weight
        int64_t weight_step
        int64_t n

    ctypedef struct fm_svdpp:
        double rate
        double implicit_rate
        double mean
        double user_penalty
        double item_penalty
        double implicit_penalty
        double bias_penalty
        int64_t factors
        int64_t width
        int adagrad
        void* Q
        void* Y
        void* item_heads

    ctypedef struct fm_svdpp_user:
        const int32_t* item
        const void* value
        const void* weight
        int64_t weight_step
        int64_t n
        double scale
        void* p
        void* head
        void* x
        void* pull

    enum:
        FM_EIGEN_ROWS

    ctypedef struct fm_sweep:
        int64_t first
        int64_t last

    ctypedef struct fm_table_f32:
        float (*dot)(const float* x, const float* y, int64_t n) noexcept nogil
        double (*dot_wide)(const double* x, const float* y, int64_t n) noexcept nogil
        void (*add_wide)(double* x, const float* y, int64_t n) noexcept nogil
        void (*multiply)(
            const float* A, const float* B, float* C, int64_t n, int64_t k, float* work
        ) noexcept nogil
        void (*rank_update)(
            const float* left, const float* right, int64_t stride, int64_t n, const float* source, float* to,
            int64_t size,
        ) noexcept nogil
        double (*sgd_cell)(const fm_sgd_rule* rule, const fm_sgd_cell* cell) noexcept nogil
        void (*svdpp_vector)(const fm_svdpp* model, const fm_svdpp_user* user) noexcept nogil
        double (*svdpp_user)(const fm_svdpp* model, const fm_svdpp_user* user) noexcept nogil
        void (*svdpp_items)(const fm_svdpp* model, const fm_svdpp_user* user) noexcept nogil
        int64_t (*padded)(int64_t n) noexcept nogil
        int64_t (*wals_workspace)(int64_t k, int64_t block_size, int64_t longest_row) noexcept nogil
        void (*observed_row)(
            const fm_wals_side* side, const fm_wals_row* row, int64_t ahead, const void* x, double* wide,
            double offset, const void* bias, fm_observed* to,
        ) noexcept nogil
        void (*propagate_row)(
            const fm_wals_side* side, const fm_wals_row* row, int64_t ahead, double p, const void* q, void* z
        ) noexcept nogil
        void (*signed_row)(const uint64_t* bits, int64_t k, double size, double times, void* y) noexcept nogil
        int (*wals_solve)(
            const fm_wals_side* side, const fm_wals_row* row, int method, void* work, void* x, void* relaxed,
            fm_observed* observed,
        ) noexcept nogil
        int64_t (*top_k_workspace)(const fm_search* search, int64_t queries) noexcept nogil
        int (*top_k_block)(
            const fm_search* search, int64_t first, int64_t count, int64_t begin, int64_t end,
            void* work, int32_t* ids, float* scores
        ) noexcept nogil
        int64_t (*ranks_workspace)(const fm_search* search, int64_t queries) noexcept nogil
        void (*ranks_block)(
            const fm_search* search, const fm_lists* targets, int64_t first, int64_t count, void* work,
            float* scores, int64_t* higher, int64_t* equal
        ) noexcept nogil
        void (*coarse_strip)(
            const fm_catalogue* items, int64_t first, double weight, int16_t* to, fm_coarse_strip* strip
        ) noexcept nogil
        int64_t (*pairs_workspace)(const fm_search* search, int64_t queries, int64_t seen) noexcept nogil
        int (*pairs_block)(
            const fm_search* search, const fm_lists* targets, int64_t first, int64_t count, void* work,
            int32_t* ids, float* scores, float* target_scores, int64_t* lost
        ) noexcept nogil

    ctypedef struct fm_table_f64:
        double (*dot)(const double* x, const double* y, int64_t n) noexcept nogil
        double (*dot_wide)(const double* x, const double* y, int64_t n) noexcept nogil
        void (*add_wide)(double* x, const double* y, int64_t n) noexcept nogil
        void (*multiply)(
            const double* A, const double* B, double* C, int64_t n, int64_t k, double* work
        ) noexcept nogil
        void (*rank_update)(
            const double* left, const double* right, int64_t stride, int64_t n, const double* source, double* to,
            int64_t size,
        ) noexcept nogil
        double (*sgd_cell)(const fm_sgd_rule* rule, const fm_sgd_cell* cell) noexcept nogil
        void (*svdpp_vector)(const fm_svdpp* model, const fm_svdpp_user* user) noexcept nogil
        double (*svdpp_user)(const fm_svdpp* model, const fm_svdpp_user* user) noexcept nogil
        void (*svdpp_items)(const fm_svdpp* model, const fm_svdpp_user* user) noexcept nogil
        int64_t (*padded)(int64_t n) noexcept nogil
        int64_t (*wals_workspace)(int64_t k, int64_t block_size, int64_t longest_row) noexcept nogil
        void (*observed_row)(
            const fm_wals_side* side, const fm_wals_row* row, int64_t ahead, const void* x, double* wide,
            double offset, const void* bias, fm_observed* to,
        ) noexcept nogil
        void (*propagate_row)(
            const fm_wals_side* side, const fm_wals_row* row, int64_t ahead, double p, const void* q, void* z
        ) noexcept nogil
        void (*signed_row)(const uint64_t* bits, int64_t k, double size, double times, void* y) noexcept nogil
        int (*wals_solve)(
            const fm_wals_side* side, const fm_wals_row* row, int method, void* work, void* x, void* relaxed,
            fm_observed* observed,
        ) noexcept nogil
        int64_t (*top_k_workspace)(const fm_search* search, int64_t queries) noexcept nogil
        int (*top_k_block)(
            const fm_search* search, int64_t first, int64_t count, int64_t begin, int64_t end,
            void* work, int32_t* ids, double* scores
        ) noexcept nogil
        int64_t (*ranks_workspace)(const fm_search* search, int64_t queries) noexcept nogil
        void (*ranks_block)(
            const fm_search* search, const fm_lists* targets, int64_t first, int64_t count, void* work,
            double* scores, int64_t* higher, int64_t* equal
        ) noexcept nogil
        void (*coarse_strip)(
            const fm_catalogue* items, int64_t first, double weight, int16_t* to, fm_coarse_strip* strip
        ) noexcept nogil
        int64_t (*pairs_workspace)(const fm_search* search, int64_t queries, int64_t seen) noexcept nogil
        int (*pairs_block)(
            const fm_search* search, const fm_lists* targets, int64_t first, int64_t count, void* work,
            int32_t* ids, double* scores, double* target_scores, int64_t* lost
        ) noexcept nogil

    ctypedef struct fm_table:
        const char* name
        int vector_bytes
        int coarse
        fm_table_f32 f32
        fm_table_f64 f64
        void (*tridiagonalise)(
            double* A, int64_t n, int64_t size, double* reflectors, double* scale, double* diagonal, double* off,
            double* work
        ) noexcept nogil
        int64_t (*ql_sweeps)(
            double* d, double* off, int64_t n, int64_t* at, fm_sweep* sweeps, double* turns, int64_t capacity
        ) noexcept nogil
        void (*reflect_rows)(
            double* rows, int64_t n, int64_t size, const double* reflectors, const double* scale
        ) noexcept nogil
        void (*rotate_rows)(double* rows, const fm_sweep* sweeps, int64_t count, const double* turns) noexcept nogil


cdef const fm_table* leaves() noexcept nogil

cdef bint coarse_leaves() noexcept nogil


cdef inline void set_entries(
    fm_wals_row* row, const int64_t* indptr, const int32_t* indices, const floating* weights, const floating* targets,
    int64_t weight_step, int64_t target_step, int64_t u,
) noexcept nogil:
    """The entries of row u among those of all rows; a step of 0 means that one value serves all."""
    row.index = indices + indptr[u]
    row.weight = weights + indptr[u] * weight_step
    row.target = targets + indptr[u] * target_step
    row.weight_step = weight_step
    row.target_step = target_step
    row.n = indptr[u + 1] - indptr[u]
