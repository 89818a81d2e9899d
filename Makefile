# Two commands on a fresh machine: make demo, make test. Both make the environment first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PIP := python -m pip install --quiet --disable-pip-version-check --no-deps
TORCH := $(shell grep '^torch==' constraints.txt)
SCENE ?=
SHOTS ?=

.PHONY: install check test test-slow test-real test-live test-studio faults faults-quick fuzz \
	fuzz-requests soak coverage mutants demo docs bench lock clean

install: $(STAMP)

# every file is the one whose digest is known; torch by itself, for its builds differ by machine
$(STAMP): pyproject.toml requirements.lock Makefile
	$(PYTHON) -m venv .venv
	$(BIN)/$(PIP) --require-hashes -r requirements.lock
	$(BIN)/$(PIP) $(TORCH)
	$(BIN)/$(PIP) --no-build-isolation -e .
	$(BIN)/python -m pip check
	touch $(STAMP)

# after a change of constraints.txt; needs uv
lock:
	grep -v '^torch==' constraints.txt | uv pip compile - --no-deps --universal --generate-hashes \
		--python-version 3.11.7 --no-header --no-annotate --quiet --output-file requirements.lock

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# one process for each of two cores: the whole suite in one takes two and a half minutes
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

test-real: $(STAMP)
	$(BIN)/python -m pytest -m real -rs

# needs the packages of system-packages.txt; skips with the reason where they are missing
test-live: $(STAMP)
	$(BIN)/python -m pytest -m live -rs

# 50 kills of train, 20 each of segment, compare, export and saving labels; disks that fill and fail
faults: $(STAMP)
	$(BIN)/python -m pytest tests/faults -m faults -rs -s

faults-quick: $(STAMP)
	CLEANPLATE_KILLS=10 $(BIN)/python -m pytest tests/faults -m faults -rs -s

# 200 000 frames, 500 breaks of a stream, 20 000 requests; CLEANPLATE_SOAK=0.1 runs a tenth
soak: $(STAMP)
	$(BIN)/python -m pytest tests/soak -m soak -rs -s

# 20 000 damaged files, and thousands of hostile command lines
fuzz: $(STAMP)
	$(BIN)/python -m pytest tests/fuzz tests/test_hostile.py -m fuzz -s

# the page in Debian's Chromium; SHOTS=FOLDER keeps pictures of its views, in both themes; a browser
# takes its time as the machine lets it: what fails is tried once more, but not whether labels are lost
LOSING_NOTHING := tests/studio/browser/test_losing_nothing.py
test-studio: export CLEANPLATE_SCREENSHOTS := $(if $(SHOTS),$(abspath $(SHOTS)))
test-studio: $(STAMP)
	$(BIN)/python -m pytest -m studio -rs $(LOSING_NOTHING)
	$(BIN)/python -m pytest -m studio -rs --ignore $(LOSING_NOTHING) \
		|| $(BIN)/python -m pytest -m studio -rs --ignore $(LOSING_NOTHING) \
			--last-failed --last-failed-no-failures none

# an environment beside ours, folder $(1), that holds $(2) and sees ours
PACKAGES := -c "import sysconfig; print(sysconfig.get_path('purelib'))"
define beside
	$(PYTHON) -m venv $(1)
	$(1)/bin/$(subst --no-deps,,$(PIP)) $(2)
	$(BIN)/python $(PACKAGES) > "$$($(1)/bin/python $(PACKAGES))/ours.pth"
endef

# schemathesis asks the studio whatever its own description allows
fuzz-requests: $(STAMP)
	$(call beside,.fuzz,schemathesis==4.32.5)
	PYTHONPATH=src .fuzz/bin/python -m pytest -m fuzz -rs -s tests/fuzz/test_requests.py

# which lines of src the quick suite runs, its threads and processes too; four to ten minutes
coverage: $(STAMP)
	$(BIN)/$(PIP) coverage==7.17.5
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# breaks a copy of the project place by place; half an hour. MODULES="measures.py" examines these
mutants: $(STAMP)
	$(call beside,.mutants/venv,cosmic-ray==8.7.0)
	rm -rf .mutants/copy && git clone --quiet . .mutants/copy
	cd .mutants/copy && PYTHONPATH=src ../venv/bin/python benchmarks/mutants.py $(MODULES)

demo: $(STAMP)
	$(BIN)/cleanplate demo --output demo $(if $(SCENE),--scene '$(SCENE)')

# the site lies in site/ and is read from files: open site/index.html
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	$(BIN)/python -m pytest -m docs tests/test_site.py

bench: $(STAMP)
	$(BIN)/python benchmarks/speed.py

clean:
	rm -rf .venv .mutants .fuzz demo site
