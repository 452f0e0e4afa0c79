/* SPDX-License-Identifier: Apache-2.0
 * What options.c and yaml.c share; the list itself is declared in params.h. */
#ifndef ODDI_BASE_OPTIONS_H
#define ODDI_BASE_OPTIONS_H
#include "base/params.h"

#define ODDI_OPTIONS_MAX 10000
/* Appends copies of name and value; `origin` is a static string. */
odd_status oddi_options_add(struct odd_options *o, const char *name, const char *value,
                            const char *origin);
/* Drops what was added after the first `count`. */
void oddi_options_cut(struct odd_options *o, size_t count);
#endif
