/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of methods, from methods.def.
 */
#include "method/method.h"

#include <string.h>

static const struct oddi_method *const method_all[] = {
#define METHOD(name) &oddi_method_##name,
#include "method/methods.def"
#undef METHOD
    NULL};

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

const struct oddi_param oddi_expert_params[] = {
    P_TEXT("expert", "", NULL, "file of an imported network (`oddity import`)"),
    P_TEXT("network", "", NULL, "its architecture; taken from the file"),
    P_TEXT("expert-hash", "", NULL, "hash of its weights; taken from the file"), P_END};
