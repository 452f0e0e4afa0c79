/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of methods, from methods.def.
 */
#include "method/method.h"

#include <string.h>

static const struct oddi_method *const method_all[] = {
#define METHOD(name) &oddi_method_##name,
#define ALIAS(name, method, preset)
#include "method/methods.def"
#undef ALIAS
#undef METHOD
    NULL};
static const struct {
    const char *name, *method, *preset;
} method_alias[] = {
#define METHOD(name)
#define ALIAS(name, method, preset) {#name, #method, #preset},
#include "method/methods.def"
#undef ALIAS
#undef METHOD
    {NULL, NULL, NULL}};

const struct oddi_method *oddi_method_at(int index)
{
    return index >= 0 && index < (int)ODDI_COUNT(method_all) ? method_all[index] : NULL;
}

const struct oddi_method *oddi_method_find(const char *name)
{
    for (int i = 0; method_all[i]; i++)
        if (strcmp(method_all[i]->name, name) == 0)
            return method_all[i];
    return NULL;
}

int oddi_method_stages(const struct oddi_method *m, const struct oddi_values *v)
{
    return m->fit ? 0 : m->stages ? m->stages(v) : 1;
}

int64_t oddi_method_stage_start(const struct oddi_method *m, const struct oddi_values *v, int stage,
                                int64_t steps)
{
    return m->stage_start ? m->stage_start(v, stage, steps) : 0;
}

const char *oddi_method_stage_name(const struct oddi_method *m, const struct oddi_values *v,
                                   int stage)
{
    return m->stage_name ? m->stage_name(v, stage) : "main";
}

const char *oddi_method_alias(const char *name, const char **preset)
{
    for (size_t i = 0; method_alias[i].name; i++)
        if (strcmp(method_alias[i].name, name) == 0) {
            *preset = method_alias[i].preset;
            return method_alias[i].method;
        }
    return name;
}

const struct oddi_param oddi_expert_params[] = {
    P_TEXT("expert", "", NULL, "file of an imported network (`oddity import`)"),
    P_TEXT("network", "", NULL, "its architecture; taken from the file"),
    P_TEXT("expert-hash", "", NULL, "hash of its weights; taken from the file"), P_END};

const struct oddi_param oddi_expert_cache_params[] = {
    P_INT("expert-cache-mib", "1024", 0, 1 << 20, NULL,
          "memory for the expert's maps of training pictures in MiB"),
    P_TEXT("expert-cache-dir", "", NULL,
           "folder that keeps them for later trainings; empty: memory alone"),
    P_INT("expert-cache-disk-mib", "8192", 0, 1 << 30, NULL,
          "limit of that folder in MiB; the oldest files go"),
    P_ENUM("expert-cache-type", "f32", "f32|f16", "ours",
           "number format of the expert's maps in training: f16 halves the cache, other bits"),
    P_END};
