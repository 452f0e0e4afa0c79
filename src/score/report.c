/* SPDX-License-Identifier: Apache-2.0
 *
 * One function per part of the object. Building it needs no error plumbing: `ok` remembers the
 * first failed allocation. Every real number passes through report_real() or report_interval(),
 * so none can be undefined without a warning.
 */
#include "score/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

#define REPORT_SCHEMA "oddity.eval/1"

enum { REPORT_TYPES = 1000 }; /* what is listed by type; each costs a pass over the pictures */

struct report {
    struct odd_context *ctx;
    const struct oddi_metrics_input *in;
    json_t *root, *warnings;
    bool ok;
};

static void report_warn(struct report *r, const char *format, ...) ODDI_PRINTF(2, 3);

static void report_warn(struct report *r, const char *format, ...)
{
    char text[512];
    json_t *holder = json_object(), *line = NULL;
    va_list args;

    va_start(args, format);
    oddi_vformat(text, sizeof(text), format, args);
    va_end(args);
    if (holder && oddi_json_set_text(holder, "text", text)) /* makes it UTF-8 */
        line = json_incref(json_object_get(holder, "text"));
    r->ok &= line && json_array_append_new(r->warnings, line) == 0;
    json_decref(holder);
}

static json_t *report_object(struct report *r, json_t *parent, const char *key)
{
    json_t *object = json_object();

    r->ok &= object && oddi_json_set(parent, key, object);
    return r->ok ? object : NULL;
}

static void report_int(struct report *r, json_t *object, const char *key, uint64_t value)
{
    r->ok = r->ok && oddi_json_set_int(object, key, (int64_t)value);
}

/* `where` names the object in warnings, `why` says what is missing if the value is undefined. */
static void report_real(struct report *r, json_t *object, const char *where, const char *key,
                        double value, const char *why)
{
    r->ok = r->ok && oddi_json_set_real(object, key, value);
    if (r->ok && !isfinite(value))
        report_warn(r, "%s.%s is undefined: %s", where, key, why);
}

static void report_interval(struct report *r, json_t *object, const char *where, const char *key,
                            const struct oddi_interval *ci, const char *why)
{
    const bool defined = isfinite(ci->lo) && isfinite(ci->hi);
    json_t *pair = defined ? json_pack("[f,f]", ci->lo, ci->hi) : json_null();

    r->ok = oddi_json_set(r->ok ? object : NULL, key, pair) && r->ok;
    if (r->ok && !defined)
        report_warn(r, "%s.%s is undefined: %s", where, key, why);
}

static void report_f1max(struct report *r, json_t *parent, const char *where, double value,
                         double threshold, const char *why)
{
    char path[64];
    json_t *f1 = report_object(r, parent, "f1max");

    snprintf(path, sizeof(path), "%s.f1max", where);
    report_real(r, f1, path, "value", value, why);
    report_real(r, f1, path, "threshold", threshold, why);
    r->ok = r->ok && oddi_json_set_bool(f1, "oracle", true);
}

static const char *report_missing(const struct oddi_rank *rank)
{
    if (!rank->n_normal && !rank->n_anomalous)
        return "there is no picture";
    return rank->n_normal ? "there is no anomalous picture" : "there is no normal picture";
}

/* NULL: nothing was decided, for want of a threshold. */
static void report_misses(struct report *r, json_t *object, const char *where,
                          const struct oddi_rate *misses)
{
    const char *why = misses ? "there is no anomalous picture" : "there is no threshold";
    const struct oddi_interval none = {NAN, NAN};

    if (misses)
        report_int(r, object, "n_missed", misses->hits);
    else
        report_real(r, object, where, "n_missed", NAN, why);
    report_real(r, object, where, "miss_rate", misses ? misses->rate : NAN, why);
    report_interval(r, object, where, "miss_rate_ci", misses ? &misses->ci : &none, why);
}

static odd_status report_threshold(struct report *r)
{
    const struct oddi_metrics_input *in = r->in;
    const char *unknown = "there is no threshold";
    const bool known = in->decision || !isnan(in->threshold);
    struct oddi_at_threshold at = {.false_alarms = {.rate = NAN, .ci = {NAN, NAN}}};

    if (known) {
        odd_status status =
            oddi_rank_at_threshold(r->ctx, &in->scores, in->decision, in->threshold, &at);
        if (status != ODD_OK)
            return status;
    }
    json_t *object = report_object(r, r->root, "at_threshold");
    const char *normal = known ? "there is no normal picture" : unknown;
    report_real(r, object, "at_threshold", "threshold", in->threshold, unknown);
    report_real(r, object, "at_threshold", "false_alarm_rate", at.false_alarms.rate, normal);
    report_interval(r, object, "at_threshold", "false_alarm_rate_ci", &at.false_alarms.ci, normal);
    if (known)
        report_int(r, object, "n_false_alarms", at.false_alarms.hits);
    else
        report_real(r, object, "at_threshold", "n_false_alarms", NAN, unknown);
    report_misses(r, object, "at_threshold", known ? &at.misses : NULL);
    return ODD_OK;
}

static odd_status report_image(struct report *r, const struct oddi_rank *rank)
{
    const struct oddi_metrics_input *in = r->in;
    const char *why = report_missing(rank);
    const char *few = isnan(rank->auroc) ? why
                      : in->scores.group ? "a class has fewer than two groups"
                                         : "a class has fewer than two pictures";
    struct oddi_bootstrap b;
    const odd_status status = oddi_rank_bootstrap(r->ctx, &in->scores, &in->bootstrap, &b);

    if (status != ODD_OK)
        return status;
    json_t *image = report_object(r, r->root, "image");
    report_real(r, image, "image", "auroc", rank->auroc, why);
    report_interval(r, image, "image", "auroc_ci", &b.auroc, few);
    report_real(r, image, "image", "ap", rank->ap, why);
    report_interval(r, image, "image", "ap_ci", &b.ap, few);
    report_real(r, image, "image", "aupr_trapezoid", rank->aupr_trapezoid, why);
    report_f1max(r, image, "image", rank->f1max, rank->f1max_threshold, why);
    json_t *boot = report_object(r, r->root, "bootstrap");
    report_int(r, boot, "resamples", (uint64_t)in->bootstrap.resamples);
    report_int(r, boot, "seed", in->bootstrap.seed);
    report_real(r, boot, "bootstrap", "level", in->bootstrap.level, why);
    r->ok = r->ok && oddi_json_set_text(boot, "unit", in->scores.group ? "group" : "picture");
    report_int(r, boot, "units_normal", b.units[0]);
    report_int(r, boot, "units_anomalous", b.units[1]);
    report_int(r, boot, "units_mixed", b.units[2]);
    return ODD_OK;
}

/* "aupro" for the usual limit of 0.3, else with it: "aupro05". */
static void report_aupro(struct report *r, json_t *object, const struct oddi_pixel_metrics *p,
                         int i, const char *why)
{
    char key[32] = "aupro";

    if (p->limit[i] != 0.3)
        snprintf(key, sizeof(key), "aupro%02d", (int)lround(p->limit[i] * 100));
    report_real(r, object, "pixel", key, p->aupro[i], why);
}

static void report_pixel(struct report *r)
{
    const struct oddi_pixel_metrics *p = r->in->pixel;
    const char *why = "there is no anomalous pixel";

    if (!p) {
        r->ok = r->ok && oddi_json_set(r->root, "pixel", json_null());
        return;
    }
    if (p->n_anomalous)
        why = "there is no normal pixel";
    json_t *object = report_object(r, r->root, "pixel");
    if (r->in->pixel_size > 0)
        report_int(r, object, "size", (uint64_t)r->in->pixel_size);
    else
        r->ok = r->ok && oddi_json_set_text(object, "size", "native");
    report_int(r, object, "n_pictures", p->pictures);
    report_int(r, object, "n_normal", p->n_normal);
    report_int(r, object, "n_anomalous", p->n_anomalous);
    report_int(r, object, "n_regions", p->regions);
    report_real(r, object, "pixel", "auroc", p->auroc, why);
    report_real(r, object, "pixel", "ap", p->ap, why);
    report_f1max(r, object, "pixel", p->f1max, p->f1max_threshold, why);
    report_real(r, object, "pixel", "dice", p->dice,
                isnan(p->dice_threshold) ? "there is no threshold for pixels" : why);
    report_real(r, object, "pixel", "dice_threshold", p->dice_threshold,
                "there is no threshold for pixels");
    for (int i = 0; i < p->limits; i++)
        report_aupro(r, object, p, i, why);
}

/* ---- by type ------------------------------------------------------------------------------- */

/* The anomalous pictures, sorted by type, and room for those of one type among the normals. */
struct report_types {
    const struct oddi_metrics_input *in;
    const char **name; /* (anomalous), sorted, without repetition: `count` of them */
    size_t count;
    double *score;
    uint8_t *label, *decision;
    int64_t *group;
};

static const char *report_type_of(const struct oddi_metrics_input *in, size_t i)
{
    return in->type && in->type[i] ? in->type[i] : "";
}

static int report_compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static odd_status report_types_init(struct report *r, struct report_types *t)
{
    const struct oddi_metrics_input *in = r->in;
    const size_t n = in->scores.count;
    size_t found = 0;

    t->in = in;
    t->name = oddi_alloc_array(r->ctx, n, sizeof(*t->name));
    t->score = t->name ? oddi_alloc_array(r->ctx, n, sizeof(*t->score)) : NULL;
    t->label = t->score ? oddi_alloc_array(r->ctx, n, sizeof(*t->label)) : NULL;
    t->decision = t->label ? oddi_alloc_array(r->ctx, n, sizeof(*t->decision)) : NULL;
    t->group = t->decision ? oddi_alloc_array(r->ctx, n, sizeof(*t->group)) : NULL;
    if (!t->group)
        return ODD_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (in->scores.label[i])
            t->name[found++] = report_type_of(in, i);
    if (found > 1)
        qsort(t->name, found, sizeof(*t->name), report_compare);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || strcmp(t->name[i], t->name[t->count - 1]) != 0)
            t->name[t->count++] = t->name[i];
    return ODD_OK;
}

static void report_types_release(struct report *r, struct report_types *t)
{
    oddi_free(r->ctx, t->group);
    oddi_free(r->ctx, t->decision);
    oddi_free(r->ctx, t->label);
    oddi_free(r->ctx, t->score);
    oddi_free(r->ctx, t->name);
}

/* All normal pictures and the anomalous ones of one type. */
static struct oddi_scores report_subset(struct report_types *t, const char *name)
{
    const struct oddi_metrics_input *in = t->in;
    size_t n = 0;

    for (size_t i = 0; i < in->scores.count; i++) {
        if (in->scores.label[i] && strcmp(report_type_of(in, i), name) != 0)
            continue;
        t->score[n] = in->scores.score[i];
        t->label[n] = in->scores.label[i];
        t->group[n] = in->scores.group ? in->scores.group[i] : 0;
        t->decision[n] = in->decision ? in->decision[i] : in->scores.score[i] > in->threshold;
        n++;
    }
    return (struct oddi_scores){t->score, t->label, in->scores.group ? t->group : NULL, n};
}

/* A name of any bytes as a key, which must be UTF-8; "unnamed" for none. */
static json_t *report_key(const char *name)
{
    json_t *holder = json_object(), *key = NULL;

    if (holder && oddi_json_set_text(holder, "key", name[0] ? name : "unnamed"))
        key = json_incref(json_object_get(holder, "key"));
    json_decref(holder);
    return key;
}

static odd_status report_type(struct report *r, struct report_types *t, const char *name,
                              json_t *parent)
{
    odd_status status;
    const struct oddi_scores subset = report_subset(t, name);
    const bool known = r->in->decision || !isnan(r->in->threshold);
    struct oddi_rank rank;
    struct oddi_at_threshold at;
    char where[128];
    json_t *key = report_key(name);
    const char *why;

    r->ok &= key != NULL;
    TRY(oddi_rank_metrics(r->ctx, &subset, &rank));
    TRY(oddi_rank_at_threshold(r->ctx, &subset, t->decision, r->in->threshold, &at));
    if (!r->ok)
        goto out;
    if (json_object_get(parent, json_string_value(key))) {
        report_warn(r, "by_type: two types are both shown as '%s'; one is left out",
                    json_string_value(key));
        goto out;
    }
    snprintf(where, sizeof(where), "by_type.%s", json_string_value(key));
    json_t *object = report_object(r, parent, json_string_value(key));
    why = report_missing(&rank);
    report_int(r, object, "n", rank.n_anomalous);
    report_real(r, object, where, "auroc", rank.auroc, why);
    report_real(r, object, where, "ap", rank.ap, why);
    report_misses(r, object, where, known ? &at.misses : NULL);
out:
    json_decref(key);
    return status;
}

static odd_status report_by_type(struct report *r)
{
    odd_status status;
    struct report_types t = {0};
    json_t *object = report_object(r, r->root, "by_type");

    TRY(report_types_init(r, &t));
    if (t.count > REPORT_TYPES) {
        report_warn(r, "by_type is empty: %zu types are more than %d", t.count, REPORT_TYPES);
        goto out;
    }
    for (size_t i = 0; i < t.count && r->ok; i++)
        TRY(report_type(r, &t, t.name[i], object));
out:
    report_types_release(r, &t);
    return status;
}

void oddi_metrics_defaults(struct oddi_metrics_input *input)
{
    *input = (struct oddi_metrics_input){.threshold = NAN};
    oddi_bootstrap_defaults(&input->bootstrap);
}

static void report_head(struct report *r, const struct oddi_rank *rank)
{
    r->ok = r->ok && oddi_json_set_text(r->root, "schema", REPORT_SCHEMA) &&
            oddi_json_set_text(r->root, "oddity_version", odd_version()) &&
            oddi_json_set_text(r->root, "model_hash", r->in->model_hash);
    report_int(r, r->root, "n_normal", rank->n_normal);
    report_int(r, r->root, "n_anomalous", rank->n_anomalous);
    report_int(r, r->root, "n_seen", r->in->n_seen);
}

odd_status oddi_metrics_report(struct odd_context *ctx, const struct oddi_metrics_input *input,
                               json_t **json)
{
    odd_status status;
    struct oddi_rank rank;
    struct report r = {.ctx = ctx, .in = input, .root = json_object(), .warnings = json_array()};

    r.ok = r.root && r.warnings;
    TRY(oddi_rank_metrics(ctx, &input->scores, &rank));
    report_head(&r, &rank);
    TRY(report_threshold(&r));
    TRY(report_image(&r, &rank));
    report_pixel(&r);
    TRY(report_by_type(&r));
    r.ok = r.ok && oddi_json_set(r.root, "warnings", json_incref(r.warnings));
    if (!r.ok) {
        status = oddi_fail(ctx, ODD_ENOMEM, "out of memory: writing the evaluation");
        goto out;
    }
    *json = json_incref(r.root);
out:
    json_decref(r.warnings);
    json_decref(r.root);
    return status;
}
