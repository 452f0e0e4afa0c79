/* SPDX-License-Identifier: Apache-2.0
 *
 * oddity synth: data sets with exact masks, made on the spot.
 */
#include "cli/cli.h"

static const struct cli_option synth_options[] = {
    {"kind", "KIND", "weave, wood, speckle or parts", CLI_ENGINE, 0},
    {"defects", "LIST", "scratch,spot,bent,missing,contamination: those to make", CLI_ENGINE, 0},
    {"seed", "N", "another seed, another set", CLI_ENGINE, 0},
    {"size", "N", "side of the pictures in pixels", CLI_ENGINE, 0},
    {"train", "N", "normal pictures to train on", CLI_ENGINE, 0},
    {"test-normal", "N", "normal pictures in the test part", CLI_ENGINE, 0},
    {"per-defect", "N", "damaged pictures of each kind", CLI_ENGINE, 0},
    {"strength", "X", "how strong the damage is; 1 is usual", CLI_ENGINE, 0},
    CLI_OPTION_THREADS,
    CLI_OPTION_QUIET,
    CLI_OPTIONS_END};

static int synth_run(struct cli *cli)
{
    odd_status status;
    struct odd_options *options = NULL;
    const char *folder = cli->word[0];
    TRY(cli_options(cli, &options));
    TRY(odd_synth(cli->ctx, folder, options));
    cli_say(cli,
            "%s: train/good, test and ground_truth are written\nnext       oddity train %s "
            "-o %s.safetensors --preset small",
            folder, folder, folder);
out:
    odd_options_free(options);
    return cli_fail(cli, status);
}

const struct cli_verb cli_verb_synth = {
    .name = "synth",
    .summary = "make a data set with defects and exact masks",
    .usage = "DIR [options]",
    .about = "Draws normal and damaged pictures of a surface or a part in MVTec's layout:\n"
             "train/good, test/good, test/DEFECT and ground_truth/DEFECT. The same options give\n"
             "the same pixels everywhere.\n",
    .examples =
        "oddity synth weave --kind weave\n"
        "oddity synth parts --kind parts --defects bent,missing --seed 7\n"
        "oddity synth tiny --kind wood --size 32 --train 40 --test-normal 8 --per-defect 4\n",
    .options = synth_options,
    .min_words = 1,
    .max_words = 1,
    .run = synth_run,
};
