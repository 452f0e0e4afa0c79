# SPDX-License-Identifier: Apache-2.0
# Included by src/data/CMakeLists.txt: the generator's files, relative to src/data.
set(ODDI_SYNTH_SOURCES synth/synth.c synth/draw.c synth/damage.c synth/noise.c synth/weave.c
  synth/wood.c synth/speckle.c synth/parts.c)
