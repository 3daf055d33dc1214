# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Shortcuts for common tasks. Meson does the building.

BUILD ?= build
FUZZ_SECONDS ?= 60
TIELINED = $(BUILD)/daemon/tielined

all: $(BUILD)/build.ninja ## build everything in build/
	@meson compile -C $(BUILD)
	@[ "$$(id -u)" != 0 ] || chown -R --reference=Makefile $(BUILD)

# Names missing packages before Meson fails with an error in the middle of its output.
$(BUILD)/build.ninja:
	@scripts/packages.sh require build
	@meson setup $(BUILD)

demo: as-root ## install packages, build, and show tunnels between namespaces (root)
	@scripts/packages.sh install demo
	@echo "building in $(BUILD)/"
	@output=$$($(MAKE) --no-print-directory all 2>&1) || { echo "$$output" >&2; exit 1; }
	@scripts/demo.sh $(TIELINED)

check: as-root ## install packages and run every test (root, about 40 minutes)
	@scripts/packages.sh install check
	@scripts/check.sh

check-long: as-root ## the same, with days of simulated time and long real-time tests (root, hours)
	@scripts/packages.sh install cross
	@scripts/check.sh --long

check-cross: as-root ## build for s390x, arm64 and armhf, and test with qemu-user (root)
	@scripts/packages.sh install cross
	@scripts/check.sh s390x arm64 armhf

fuzz: ## run each fuzzer for FUZZ_SECONDS (60); findings go to build-fuzz/artifacts/
	@scripts/fuzz.sh $(FUZZ_SECONDS)

bench: as-root ## compare with other WireGuards, BENCH_ROUNDS (5) times (root, 50 minutes)
	@scripts/packages.sh install bench
	@$(MAKE) --no-print-directory all
	@python3 bench/run.py --build $(BUILD)

profile: as-root ## profile a TCP stream through a tunnel (root, see doc/performance.md)
	@scripts/packages.sh install profile
	@$(MAKE) --no-print-directory all
	@python3 bench/hotpath.py --build $(BUILD) $(PROFILE)

deb: ## build the Debian packages in build-deb/ (root also installs missing packages)
	@[ "$$(id -u)" = 0 ] && scripts/packages.sh install deb || scripts/packages.sh require deb
	@scripts/deb.sh build-deb

# `prefix` is passed to Meson, so that paths in the programs and man pages agree with it.
install: all ## install; set DESTDIR and prefix
	@$(if $(prefix),meson configure $(BUILD) -Dprefix=$(prefix) && meson compile -C $(BUILD))
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --no-rebuild --quiet

format: ## format every C file with clang-format
	@python3 test/tree/tree.py .c .h | xargs clang-format -i

clean: ## remove all build directories
	@rm -rf $(BUILD) build-check build-fuzz build-deb

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

as-root:
	@[ "$$(id -u)" = 0 ] || { \
		echo "This creates network namespaces and installs packages: run it as root." >&2; exit 1; }

.PHONY: all demo check check-long check-cross fuzz bench profile deb install format clean help \
	as-root
