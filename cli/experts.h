/* SPDX-License-Identifier: Apache-2.0
 *
 * Where imported networks lie: $XDG_DATA_HOME/oddity/experts (by default
 * ~/.local/share/oddity/experts), then /usr/share/oddity/experts.
 */
#ifndef CLI_EXPERTS_H
#define CLI_EXPERTS_H
#include "cli/cli.h"

/* The user's own folder, with a "/" at its end; NULL where neither variable is set. */
const char *cli_experts_folder(struct cli *cli);
/* The same for what can be made again: $XDG_CACHE_HOME/oddity/experts/, by default in ~/.cache. */
const char *cli_experts_cache(struct cli *cli);
/* The file that a path or a name means; a name that is found nowhere is ODD_ENODATA and says what
 * to type. */
odd_status cli_experts_find(struct cli *cli, const char *name, const char **path);
/* The expert at hand that is taken where none is named: the first folder that has any, in it the
 * name that comes first in the order below, else in the alphabet. *path is NULL where there is
 * none. */
odd_status cli_experts_first(struct cli *cli, const char **path);
#endif
