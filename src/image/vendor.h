/* SPDX-License-Identifier: Apache-2.0
 *
 * libvips, started once and kept on a leash; the folder's only way to it. Decoding and encoding
 * are jobs that say whether they worked.
 */
#ifndef ODDI_IMAGE_VENDOR_H
#define ODDI_IMAGE_VENDOR_H
#include "base/ctx.h"

#include <vips/vips.h>

#define ODDI_VENDOR_REASON 512
/* Does its work anew each time it is called; what it holds on failure is released. */
typedef bool oddi_vendor_job(void *arg);
/* False when the job failed, `reason` then in one line. Starts libvips with the first call. */
bool oddi_vendor_run(oddi_vendor_job *job, void *arg, char reason[ODDI_VENDOR_REASON]);
#endif
