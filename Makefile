# make verify: set up, check every claim of the paper, draw the theory figures, write the ledger.
# make gallery: every experiment of the paper, small, and its figure in docs/gallery.
# make test:   set up, run tests/ and verify/, and fail if paper_checks.md is stale.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: verify test gallery figures lint clean

verify: $(VENV)/ready
	$(BIN)/bwtheory verify --write
	$(BIN)/bwtheory figures

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 --dist worksteal
	$(BIN)/bwtheory verify --check

# The README's gallery: every experiment at its quick settings.
gallery: $(VENV)/ready
	$(BIN)/bwtheory reproduce all --quick --device cpu --out reproduced
	mkdir -p docs/gallery
	for folder in reproduced/*-quick; do cp $$folder/figure.png docs/gallery/$$(basename $$folder -quick).png; done

figures: $(VENV)/ready
	$(BIN)/bwtheory figures

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

clean:
	rm -rf $(VENV) figures/out
