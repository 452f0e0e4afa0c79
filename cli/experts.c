/* SPDX-License-Identifier: Apache-2.0
 * Finding an expert by name (experts.h). */
#include "cli/experts.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#define EXPERTS_SHARED "/usr/share/oddity/experts/"

static const char *experts_home(struct cli *cli, const char *variable, const char *otherwise)
{
    const char *data = getenv(variable), *home = getenv("HOME");
    if (data && data[0] == '/')
        return oddi_arena_printf(&cli->arena, "%s/oddity/experts/", data);
    if (home && home[0] == '/')
        return oddi_arena_printf(&cli->arena, "%s/%s/oddity/experts/", home, otherwise);
    return NULL;
}

const char *cli_experts_folder(struct cli *cli)
{
    return experts_home(cli, "XDG_DATA_HOME", ".local/share");
}

const char *cli_experts_cache(struct cli *cli)
{
    return experts_home(cli, "XDG_CACHE_HOME", ".cache");
}

static bool experts_is_file(const char *path)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    return path && oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_REGULAR;
}

/* Networks whose memory banks separate best come first (docs/methods/bank.md has the figures). */
static const char *const experts_order[] = {"wide_resnet50_2", "resnet50", "resnet34", "resnet18",
                                            "tf_efficientnet_lite0"};

struct experts_best {
    struct cli *cli;
    char *name;
    size_t rank;
};

static size_t experts_rank(const char *name)
{
    size_t i = 0;
    while (i < ODDI_COUNT(experts_order) &&
           strncmp(name, experts_order[i], strlen(experts_order[i])) != 0)
        i++;
    return i;
}

static int experts_look(void *user, const char *name)
{
    struct experts_best *best = user;
    const size_t rank = experts_rank(name), length = strlen(name);
    if (length < 13 || strcmp(name + length - 12, ".safetensors") != 0)
        return 0;
    if (best->name && (rank > best->rank || (rank == best->rank && strcmp(name, best->name) >= 0)))
        return 0;
    best->name = oddi_arena_strdup(&best->cli->arena, name);
    best->rank = rank;
    return best->name ? 0 : ODD_ENOMEM;
}

odd_status cli_experts_first(struct cli *cli, const char **path)
{
    const char *folder[] = {cli_experts_folder(cli), EXPERTS_SHARED};
    *path = NULL;
    for (size_t i = 0; i < ODDI_COUNT(folder); i++) {
        struct experts_best best = {.cli = cli};
        if (!folder[i] || oddi_os_list(folder[i], experts_look, &best) != 0 || !best.name)
            continue; /* a folder that is not there has no experts */
        *path = oddi_arena_printf(&cli->arena, "%s%s", folder[i], best.name);
        return *path ? ODD_OK : ODD_ENOMEM;
    }
    return ODD_OK;
}

odd_status cli_experts_find(struct cli *cli, const char *name, const char **path)
{
    const char *own = cli_experts_folder(cli);
    const char *folder[] = {own, EXPERTS_SHARED};
    if (strchr(name, '/') || experts_is_file(name)) {
        *path = name;
        return ODD_OK;
    }
    for (size_t i = 0; i < ODDI_COUNT(folder); i++) {
        const char *at =
            folder[i] ? oddi_arena_printf(&cli->arena, "%s%s.safetensors", folder[i], name) : NULL;
        if (experts_is_file(at)) {
            *path = at;
            return ODD_OK;
        }
    }
    return oddi_fail(cli->ctx, ODD_ENODATA,
                     "no expert '%s' in %s or %s; get its weights and type\n"
                     "  oddity import FILE     (a .pth, .onnx or .safetensors of the network)",
                     name, own ? own : "your data folder", EXPERTS_SHARED);
}
