/* SPDX-License-Identifier: Apache-2.0
 *
 * Radix sort from the lowest digit up. The digits are cut for what pixel.c sorts, a 31-bit area
 * below a 32-bit key: pixels without an area cost three passes, the others being skipped.
 */
#include "score/sort.h"

#include <stdbool.h>

enum { SORT_DIGITS = 6, SORT_BINS = 1 << 11, SORT_FEW = 48 };

static const struct {
    int shift;
    uint64_t mask;
} sort_digit[SORT_DIGITS] = {{0, 0x7ff},  {11, 0x7ff}, {22, 0x1ff},
                             {31, 0x7ff}, {42, 0x7ff}, {53, 0x7ff}};

static uint32_t sort_of(uint64_t item, int d)
{
    return (uint32_t)(item >> sort_digit[d].shift & sort_digit[d].mask);
}

/* Counts become places. False if all items share the digit. */
static bool sort_places(uint32_t bin[SORT_BINS], size_t count)
{
    uint32_t place = 0;

    for (int i = 0; i < SORT_BINS; i++) {
        const uint32_t n = bin[i];

        if (n == count)
            return false;
        bin[i] = place;
        place += n;
    }
    return true;
}

/* By insertion: for a handful, clearing the bins would take longer. */
static void sort_few(uint64_t *item, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const uint64_t held = item[i];
        size_t at = i;

        for (; at > 0 && item[at - 1] > held; at--)
            item[at] = item[at - 1];
        item[at] = held;
    }
}

void oddi_sort_u64(uint64_t *item, uint64_t *scratch, size_t count)
{
    uint32_t bin[SORT_DIGITS][SORT_BINS];
    uint64_t *from = item, *to = scratch;

    if (count <= SORT_FEW) {
        sort_few(item, count);
        return;
    }
    memset(bin, 0, sizeof(bin));
    for (size_t i = 0; i < count; i++)
        for (int d = 0; d < SORT_DIGITS; d++)
            bin[d][sort_of(item[i], d)]++;
    for (int d = 0; d < SORT_DIGITS; d++) {
        if (!sort_places(bin[d], count))
            continue;
        for (size_t i = 0; i < count; i++)
            to[bin[d][sort_of(from[i], d)]++] = from[i];
        uint64_t *const done = to;
        to = from;
        from = done;
    }
    if (from != item)
        memcpy(item, from, count * sizeof(*item));
}
