/* SPDX-License-Identifier: Apache-2.0
 * Finding an expert by name (experts.h). */
#include "cli/experts.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#define EXPERTS_SHARED "/usr/share/oddity/experts/"

const char *cli_experts_folder(struct cli *cli)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/')
        return oddi_arena_printf(&cli->arena, "%s/oddity/experts/", data);
    if (home && home[0] == '/')
        return oddi_arena_printf(&cli->arena, "%s/.local/share/oddity/experts/", home);
    return NULL;
}

static bool experts_is_file(const char *path)
{
    struct oddi_stat st = {.kind = ODDI_FILE_NONE};
    return path && oddi_os_stat(path, &st) == 0 && st.kind == ODDI_FILE_REGULAR;
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
