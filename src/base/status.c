/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and texts of the statuses, from the one list in oddity.h.
 */
#include "base/ctx.h"

struct status_row {
    const char *name, *text;
};

#define STATUS_ROW(name, text) {#name, text},
static const struct status_row status_rows[] = {ODD_STATUS_MAP(STATUS_ROW)};
#undef STATUS_ROW

const char *odd_status_name(odd_status status)
{
    return (size_t)status < ODDI_COUNT(status_rows) ? status_rows[status].name : "?";
}

const char *odd_status_text(odd_status status)
{
    return (size_t)status < ODDI_COUNT(status_rows) ? status_rows[status].text : "?";
}

const char *odd_version(void)
{
    return ODDITY_VERSION;
}
