/* SPDX-License-Identifier: Apache-2.0
 * The version of the library that runs, which may be newer than the one compiled against. */
#include "backend/host/dnnl/vendor.h"

#include <stdio.h>

void oddi_dnnl_version(char text[ODDI_VENDOR_TEXT])
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, ODDI_VENDOR_TEXT, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}
