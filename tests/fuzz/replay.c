/* SPDX-License-Identifier: Apache-2.0
 *
 * A fuzzer without a fuzzer: runs LLVMFuzzerTestOneInput over every file of a folder and over
 * damaged copies of each, always the same ones, so that hostile input is part of every test run.
 * The libFuzzer build of the same target searches; what it finds is added to the folder.
 *
 *     fuzz_x FOLDER [COPIES]      COPIES damaged copies of each file, 400 unless said
 */
#include "base/rng.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t replay_odd_bytes[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', ',', '\n', '#', '-', '9'};

/* One of six kinds of damage; returns the new size (never above `room`). */
static size_t replay_damage(struct oddi_rng *rng, uint8_t *data, size_t size, size_t room)
{
    size_t at = size ? (size_t)oddi_rng_below(rng, size) : 0;
    size_t span = size ? 1 + (size_t)oddi_rng_below(rng, size - at) : 0;
    if (size == 0)
        return 0;
    switch (oddi_rng_below(rng, 6)) {
    case 0:
        data[at] ^= (uint8_t)(1u << oddi_rng_below(rng, 8));
        return size;
    case 1:
        data[at] = replay_odd_bytes[oddi_rng_below(rng, sizeof(replay_odd_bytes))];
        return size;
    case 2: /* an end in the middle */
        return at;
    case 3: /* something left out */
        memmove(data + at, data + at + span, size - at - span);
        return size - span;
    case 4: /* something twice */
        span = span > room - size ? room - size : span;
        memmove(data + at + span, data + at, size - at);
        return size + span;
    default: /* a number of another size */
        memset(data + at, oddi_rng_below(rng, 2) ? 0xff : 0, span < 8 ? span : 8);
        return size;
    }
}

/* The fuzzed code must not read outside of its input: each run gets a block of exactly its size. */
static void replay_run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void replay_file(const uint8_t *data, size_t size, uint64_t copies, uint8_t *work, size_t room)
{
    replay_run(data, size);
    for (uint64_t i = 0; i < copies; i++) {
        struct oddi_rng rng;
        size_t now = size;
        oddi_rng_init(&rng, size, ODDI_RNG_TEST, 0, i);
        memcpy(work, data, size);
        for (uint64_t n = 1 + oddi_rng_below(&rng, 4); n > 0; n--)
            now = replay_damage(&rng, work, now, room);
        replay_run(work, now);
    }
}

static size_t replay_read(const char *path, uint8_t *data)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return 0;
    size_t size = fread(data, 1, REPLAY_MAX, f);
    fclose(f);
    return size;
}

int main(int argc, char **argv)
{
    static uint8_t data[REPLAY_MAX], work[2 * REPLAY_MAX];
    uint64_t copies = argc > 2 ? strtoull(argv[2], NULL, 10) : 400;
    int files = 0;
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER [COPIES]\n", argv[0]);
        return 2;
    }
    replay_run(data, 0);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        replay_file(data, replay_read(path, data), copies, work, sizeof(work));
        files++;
    }
    closedir(folder);
    printf("%d files, %d runs\n", files, (int)((uint64_t)files * (copies + 1) + 1));
    return files ? 0 : 1;
}
