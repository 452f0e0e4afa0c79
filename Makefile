# SPDX-License-Identifier: Apache-2.0
# A thin front for CMake (CMakeLists.txt, CMakePresets.json). Everything lands under build/.
#
#   make            what is missing from Debian, then the release build
#   make demo       trains and evaluates on real pictures; leaves demo-out/index.html
#   make test       every test of every day, in the release build
#   make check-all  the other builds too: sanitizers, clang, no oneDNN, valgrind, coverage
#   make bench      speed
#   make install    PREFIX=/usr/local DESTDIR=
#   make format     clang-format over our sources
#   make clean      removes build/ and demo-out/
.POSIX:
.SUFFIXES:
.PHONY: all demo test check-all bench install format clean
PREFIX = /usr/local
DESTDIR =

all:
	@tools/install-deps build
	@tools/build release

demo:
	@tools/install-deps build demo
	@tools/build release
	@tools/demo demo-out

test:
	@tools/install-deps build test demo
	@tools/build release
	@tools/run-tests release -LE 'slow|perf'

check-all:
	@tools/install-deps build test demo check
	@tools/check-all

bench: all
	@cmake --build build/release --target bench
	@bench/run

install: all
	DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(PREFIX)'

format:
	@tools/install-deps format
	@tools/format

clean:
	rm -rf build demo-out
