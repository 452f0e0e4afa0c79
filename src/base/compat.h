/* SPDX-License-Identifier: Apache-2.0
 *
 * Included first by every .c file (through any base header): feature macros before any header of
 * the C library. */
#ifndef ODDI_BASE_COMPAT_H
#define ODDI_BASE_COMPAT_H
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1
#endif
#if defined(__GNUC__)
#define ODDI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define ODDI_PRINTF(fmt, args)
#endif
#endif
