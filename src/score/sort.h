/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting by counting, and the integer that sorts as a float does.
 */
#ifndef ODDI_SCORE_SORT_H
#define ODDI_SCORE_SORT_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Items are 63 bits: a float's key above this many bits of whatever the user of it needs. */
enum { ODDI_KEY_LOW = 31 };

/* Rising in value; finite values only. Both zeros have one key. */
static inline uint32_t oddi_float_key(float value)
{
    uint32_t bits;

    value += 0.0F; /* -0 becomes +0 */
    memcpy(&bits, &value, sizeof(bits));
    return bits & 0x80000000U ? ~bits : bits | 0x80000000U;
}

static inline float oddi_key_float(uint32_t key)
{
    const uint32_t bits = key & 0x80000000U ? key & 0x7fffffffU : ~key;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Rising, in place; `scratch` has room for `count` too (below 2^32). */
void oddi_sort_u64(uint64_t *item, uint64_t *scratch, size_t count);
#endif
