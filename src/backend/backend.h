/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend is, and the plain description of one node that its kernels see. No kernel needs
 * the graph's headers. A kernel gets (buffer, offset), never a pointer from elsewhere.
 *
 * Life of a kernel on one node of a plan:  accepts -> layouts -> prepare -> run, run, ... -> done.
 */
#ifndef ODDI_BACKEND_BACKEND_H
#define ODDI_BACKEND_BACKEND_H
#include "base/ctx.h"
#include "tensor/tensor.h"

#define ODDI_MAX_SRC 6

/* Storage of a (N, C, H, W) tensor. PLAIN is row-major. C8 and C16 are (N, C/b, H, W, b) with
 * b = 8 or 16 and exist only where C is a multiple of b, so no padded channels exist anywhere. */
enum oddi_layout { ODDI_PLAIN, ODDI_C8, ODDI_C16 };

struct oddi_attr { /* meaning is in the op's file */
    int64_t i[8];
    double f[4];
};
struct oddi_buffer { /* memory of one backend; only that backend looks inside */
    void *data;
    size_t size;
};
struct oddi_arg {
    struct oddi_shape shape;
    enum oddi_type type; /* F32, or F64 under ref */
    enum oddi_layout layout;
    const struct oddi_buffer *buffer;
    size_t offset;    /* bytes; 64-byte aligned */
    uint64_t version; /* of a parameter (or what depends on parameters only); 0: always new */
};
struct oddi_task {
    const char *op, *node; /* names, for messages */
    struct oddi_attr attr;
    int src_count;
    struct oddi_arg src[ODDI_MAX_SRC], dst;
    struct oddi_arg scratch; /* shared with other nodes, valid during run */
    struct oddi_arg keep;    /* this node's own memory between runs (re-laid weights) */
    int threads;
    void *state; /* the kernel's own, made by prepare, ended by done */
};

struct oddi_kernel {
    const char *op;   /* "conv2d" */
    const char *name; /* "dnnl:conv2d"; the list of names is hashed into the model */
    bool (*accepts)(const struct oddi_task *task);
    /* src[i].layout come as they were produced; write those wanted and dst.layout. NULL: all PLAIN. */
    void (*layouts)(struct oddi_task *task);
    /* Optional. Sizes in bytes of scratch and keep; buffers are not there yet. */
    odd_status (*prepare)(struct odd_context *ctx, struct oddi_task *task, size_t *scratch, size_t *keep);
    odd_status (*run)(struct oddi_task *task); /* dst never overlaps a src unless the op says so */
    void (*done)(struct odd_context *ctx, struct oddi_task *task); /* optional */
};

/* One set of kernels, tried in table order ("winograd", "dnnl", "simd", "ref"). */
struct oddi_kernel_set {
    const char *name;
    bool (*usable)(void); /* the processor has what it needs; NULL: always */
    const struct oddi_kernel *const *kernels; /* NULL-terminated */
};

/* Layout that FOLLOW kernels use: dst and all srcs of dst's shape take src[0]'s layout. */
void oddi_layouts_follow(struct oddi_task *task);
/* Block length of a layout: 1, 8, 16. */
static inline int64_t oddi_layout_block(enum oddi_layout layout)
{
    return layout == ODDI_C16 ? 16 : layout == ODDI_C8 ? 8 : 1;
}
/* Address of an argument of the host backend. */
static inline void *oddi_host(const struct oddi_arg *arg)
{
    return (char *)arg->buffer->data + arg->offset;
}

/* Host kernel sets in order of preference; `mode` is "best", "exact" (as best, but every product of
 * a convolution is computed: no Winograd), "bf16", "simd" (no vendor) or "ref".
 * Returns a NULL-terminated array of at most 8 sets. */
void oddi_host_sets(const char *mode, const struct oddi_kernel_set *sets[8]);
/* Whether mode "bf16" has bf16 convolutions on this processor in this build. */
bool oddi_host_has_bf16(void);
/* "base", "avx2" or "avx512": what the kernels of this process use. */
const char *oddi_host_isa(void);
/* "oneDNN 2.6.3", or "none" in a build without: part of what makes bits equal. */
#define ODDI_VENDOR_TEXT 32
void oddi_host_vendor(char text[ODDI_VENDOR_TEXT]);
void oddi_dnnl_version(char text[ODDI_VENDOR_TEXT]); /* in builds that have it */
/* Preferred block layout of this processor for C channels: C16, C8 or PLAIN. */
enum oddi_layout oddi_host_blocked(int64_t channels);

/* The most that this machine computes (multiply-adds in registers, f32) and moves (copies between
 * blocks far larger than the caches, bytes read and written), as measured now in short
 * tries over a third of a second. Other work on the machine lowers both. */
struct oddi_host_peak {
    double gflops, copy_gbs;
};
odd_status oddi_host_peak(struct odd_context *ctx, int threads, struct oddi_host_peak *peak);

/* Vector updates that optimisers need, on host memory; one per instruction set, same bits for
 * any number of threads (elementwise). */
struct oddi_adam_step {
    float rate, beta1, beta2, eps;
    float decay;          /* decoupled weight decay (AdamW), 0 for Adam */
    float l2;             /* added to the gradient, 0 normally */
    float correct1, correct2; /* 1 - beta^t */
    float grad_scale;     /* from clipping, 1 normally */
};
struct oddi_sgd_step {
    float rate, momentum, decay, grad_scale;
};
/* n weights, their gradient and moments; SGD needs no v, and without m it is plain descent. */
struct oddi_moments {
    int64_t n;
    float *w, *m, *v;
    const float *g;
};
void oddi_host_adam(int threads, const struct oddi_moments *x, const struct oddi_adam_step *s);
void oddi_host_sgd(int threads, const struct oddi_moments *x, const struct oddi_sgd_step *s);
void oddi_host_average(int threads, int64_t n, float *avg, const float *w, float keep);
/* Sum of squares in double, in a fixed order. */
double oddi_host_norm2(int threads, int64_t n, const float *g);
#endif
