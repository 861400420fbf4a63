# make verify: set up, check every claim of the paper, draw the theory figures, write the ledger.
# make architecture: draw docs/architecture.png from the imports, and write the numbers of docs/architecture.md.
# make wheel:  build wheel and sdist, install each in an empty environment, and use it in an empty folder.
# make matrix: the tests with every Python 3.11 to 3.13 that is here.
# make gallery: every experiment of the paper, small, and its figure in docs/gallery.
# make torture: kills, damaged files, full disks, nonsense: at most 20 minutes on two cores (docs/reliability.md).
# make mutants: deliberate errors in the library, each of which the tests must see; half an hour to hours (docs/reliability.md).
# make proofs: check the theorems with Coq and write proofs/record.json (docs/proved.md); RECORD=--check only compares it.
# make proofs-controls: wrong versions of the theorems, which Coq must refuse.
# make proofs-check: the compiled proofs once more, by Coq's independent checker.
# make test:   set up, run tests/ and verify/, and fail if paper_checks.md is stale.
# make docs:   build the site in build/site, which needs no network to be read; make docs-serve shows it while pages are edited.
# make examples: train the three networks of the package again (docs/play.md); half an hour on two cores.
# make portability: the tests on other processors, threads, library versions, orders and seeds; hours, see docs/reliability.md.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: examples gpu-check verify test wheel architecture matrix portability portability-short torture gallery study figures lint proofs \
	proofs-controls mutants proofs-check coq docs docs-serve docs-figures clean

verify: $(VENV)/ready
	$(BIN)/bwtheory verify --write
	$(BIN)/bwtheory figures

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal
	$(BIN)/bwtheory verify --check

wheel: $(VENV)/ready
	$(BIN)/python docs/site/package.py
	rm -rf build/dist build/wheel-environment build/sdist-environment
	$(BIN)/python -m build --outdir build/dist .
	tests/wheel.sh build/dist/*.whl build/wheel-environment
	tests/wheel.sh build/dist/*.tar.gz build/sdist-environment

architecture: $(VENV)/ready
	$(BIN)/python docs/architecture.py

# pyenv's shims answer for versions that are not active, so each is asked whether it runs.
MATRIX ?= test
matrix:
	@tested=; missing=; \
	for version in 3.11 3.12 3.13; do \
		here=; \
		for python in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python; do \
			if $$python -c pass 2>/dev/null; then here=$$python; break; fi; \
		done; \
		if [ -z "$$here" ]; then missing="$$missing $$version"; continue; fi; \
		echo "== Python $$version"; \
		$(MAKE) VENV=build/python-$$version PYTHON=$$here $(MATRIX) || exit 1; \
		tested="$$tested $$version"; \
	done; \
	echo "== make $(MATRIX) passes with Python:$${tested:- none}"; \
	[ -z "$$missing" ] || echo "== NOT tried, because there is no such interpreter here:$$missing"; \
	[ -n "$$tested" ]

portability: $(VENV)/ready
	$(BIN)/python -m tests.portability --out results/portability.json

# What CI runs of it: the kernels on the oldest processor that can be had here, shuffled, with other seeds.
portability-short: $(VENV)/ready
	$(BIN)/python -m tests.portability --only ci

# The same seed tries the same things: make torture TORTURE="--seed 7 --minutes 5 --only kills".
TORTURE ?=
torture: $(VENV)/ready
	$(BIN)/python -m tests.torture $(TORTURE)

# MUTANTS="--only variation" tries some, MUTANTS=--write all, and writes results/mutants.json and .md.
MUTANTS ?=
mutants: $(VENV)/ready
	$(BIN)/python -m tests.mutants $(MUTANTS)

# The README's gallery: every experiment at its quick settings.
gallery: $(VENV)/ready
	$(BIN)/bwtheory reproduce all --quick --device cpu --out reproduced
	mkdir -p docs/gallery
	for folder in reproduced/*-quick; do cp $$folder/figure.png docs/gallery/$$(basename $$folder -quick).png; done

# bwtheory/examples: small networks of images with a free licence.
EXAMPLE = $(BIN)/bwtheory train signal --hidden-features 128 --log-every 20 --device cpu --out build/examples
examples: $(VENV)/ready
	rm -rf build/examples
	$(EXAMPLE) --image astronaut --shrink 4 --epochs 300
	$(EXAMPLE) --image chelsea --shrink 4 --epochs 400
	$(EXAMPLE) --image coffee --shrink 5 --epochs 400 --activation siren --omega-0 20
	for run in build/examples/*; do \
		name=$$(basename $$run | cut -d- -f1); \
		mkdir -p bwtheory/examples/$$name; \
		cp $$run/config.json $$run/metrics.jsonl $$run/summary.json $$run/weights.safetensors bwtheory/examples/$$name; \
	done

# docs/choosing.md: about three hours of two cores.  The three files are the paper's cameraman and chest, and a photograph;
# with other ones the study is another one.
CAMERAMAN ?= cameraman.tif
CHEST ?= chest.png
PHOTO ?= div2k_castle.png
COMPARE = $(BIN)/bwtheory compare
STUDY = --image $(CAMERAMAN) $(CHEST) $(PHOTO) astronaut camera chelsea coffee coins --tune-on rocket moon --trials 20
STUDY += --device cpu
study: $(VENV)/ready
	$(COMPARE) signal $(STUDY) --side 64 --parameters 11600 2900 --steps 500 --seeds 2 --out study/clean
	$(COMPARE) ct $(STUDY) --side 64 --parameters 11600 --steps 300 --seeds 2 --angles 40 --out study/clean
	$(COMPARE) ct $(STUDY) --side 64 --parameters 11600 --steps 300 --seeds 2 --angles 40 --noise 0.02 --held-out 0.1 --out study/noisy
	$(COMPARE) superres $(STUDY) --side 96 --parameters 11600 --steps 200 --seeds 2 --out study/clean
	$(COMPARE) superres $(STUDY) --side 96 --parameters 11600 --steps 200 --seeds 1 --noise 0.05 --held-out 0.1 --out study/noisy
	mkdir -p results/study docs/study
	for path in clean/signal clean/ct clean/superres noisy/ct noisy/superres; do \
		name=$$(basename $$path)$$(dirname $$path | sed 's/clean//; s/noisy/-noisy/'); \
		cp study/$$path/table.md results/study/$$name.md; \
		cp study/$$path/results.json results/study/$$name.json; \
		cp study/$$path/figure.png docs/study/$$name.png; \
	done
	$(BIN)/python -m bwtheory.comparison.study results/study

# Where there is a GPU, all that needs one: make gpu-check GPU="--image cameraman.tif --ct-image chest.png" (benchmarks/README.md).
GPU ?=
gpu-check: $(VENV)/ready
	$(BIN)/python benchmarks/gpu.py $(GPU)

figures: $(VENV)/ready
	$(BIN)/bwtheory figures

docs: $(VENV)/docs-ready
	$(BIN)/python -m pytest tests/test_docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The site is in build/site: open build/site/index.html"

docs-serve: $(VENV)/docs-ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# The figures of docs/theory.md and docs/pictures.md.
DRAWN = condition_numbers spectra wavelet_supports least_squares seven_relus gram_matrices gershgorin beam grid_and_between
docs-figures: $(VENV)/ready
	$(BIN)/bwtheory figures figure1_left $(DRAWN) --out build/figures
	cp build/figures/figure1_left.png docs/psi.png
	for name in $(DRAWN); do cp build/figures/$$name.png docs; done

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "bwtheory needs Python 3.11 or newer; run: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/docs-ready: $(VENV)/ready
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

coq:
	@command -v coqc >/dev/null && libraries="$$(coqc -where)/user-contrib" && \
		test -d "$$libraries/Coquelicot" -a -d "$$libraries/Flocq" || \
		{ echo "The proofs need Coq, Coquelicot and Flocq; on Debian: apt-get install coq libcoq-coquelicot libcoq-flocq"; exit 1; }

RECORD ?=
proofs: $(VENV)/ready coq
	cd proofs && coq_makefile -f _CoqProject -o Makefile.coq && \
		$(MAKE) -j2 -f Makefile.coq $$(sed -n '/^Audit/d; s/[.]v$$/.vo/p' _CoqProject)
	$(BIN)/python -m bwtheory.proof_record $(RECORD)

proofs-controls: proofs
	$(BIN)/python -m tests.proof_controls

proofs-check: proofs
	cd proofs && coqchk -silent -o -bytecode-compiler yes -Q . BW BW.Statements

clean:
	rm -rf $(VENV) figures/out
