# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# The front door. Meson builds; this file only knows the way there.

BUILD ?= build
FUZZ_SECONDS ?= 60
TIELINED = $(BUILD)/daemon/tielined

all: $(BUILD)/build.ninja ## build everything into build/
	@meson compile -C $(BUILD)
	@[ "$$(id -u)" != 0 ] || chown -R --reference=Makefile $(BUILD)

# Whoever lacks a tool is told so here, not by an error of Meson in the middle of its output.
$(BUILD)/build.ninja:
	@scripts/packages.sh require build
	@meson setup $(BUILD)

demo: as-root ## install what is needed, build, and watch a tunnel work between namespaces (root)
	@scripts/packages.sh install demo
	@echo "building in $(BUILD)/"
	@output=$$($(MAKE) --no-print-directory all 2>&1) || { echo "$$output" >&2; exit 1; }
	@scripts/demo.sh $(TIELINED)

check: as-root ## install what is needed and run every test (root, about half an hour)
	@scripts/packages.sh install check
	@scripts/check.sh

check-long: as-root ## the same with days of simulated and real time (root, hours)
	@scripts/packages.sh install cross
	@scripts/check.sh --long

check-cross: as-root ## build for s390x, arm64 and armhf, and test that by qemu-user (root)
	@scripts/packages.sh install cross
	@scripts/check.sh s390x arm64 armhf

fuzz: ## run each fuzzer for FUZZ_SECONDS (60); findings go to build-fuzz/artifacts
	@scripts/fuzz.sh $(FUZZ_SECONDS)

bench: as-root ## measure against other WireGuards, BENCH_ROUNDS (5) times (root, 40 minutes)
	@scripts/packages.sh install bench
	@$(MAKE) --no-print-directory all
	@python3 bench/run.py --build $(BUILD)

profile: as-root ## say where the time goes while a TCP stream goes through a tunnel (root, see doc/performance.md)
	@scripts/packages.sh install profile
	@$(MAKE) --no-print-directory all
	@python3 bench/hotpath.py --build $(BUILD) $(PROFILE)

deb: ## build the Debian packages into build-deb/ (any user; root also installs what that takes)
	@[ "$$(id -u)" = 0 ] && scripts/packages.sh install deb || scripts/packages.sh require deb
	@scripts/deb.sh build-deb

# `prefix` is Meson's, so that the paths inside the program and the man page agree with it.
install: all ## install; takes DESTDIR and prefix
	@$(if $(prefix),meson configure $(BUILD) -Dprefix=$(prefix) && meson compile -C $(BUILD))
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD) --no-rebuild --quiet

format: ## lay out every C file as .clang-format says
	@python3 test/tree/tree.py .c .h | xargs clang-format -i

clean: ## remove everything that was built
	@rm -rf $(BUILD) build-check build-fuzz build-deb

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

as-root:
	@[ "$$(id -u)" = 0 ] || { \
		echo "This makes network namespaces and installs packages: run it as root." >&2; exit 1; }

.PHONY: all demo check check-long check-cross fuzz bench profile deb install format clean help as-root
