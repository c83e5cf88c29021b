# Every command works from a bare clone: Python 3.11, pip, and apt for what only tests need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
JOBS ?= 2

.PHONY: setup demo test check bench format constraints system clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "== setting up $(VENV): a few minutes, most of it torch"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@touch $(STAMP)

demo: setup
	$(BIN)/python examples/demo.py

# What the tests start besides Python: a browser, a database, a JavaScript runtime.
system:
	@missing=""; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	command -v node >/dev/null || missing="$$missing nodejs"; \
	command -v bwrap >/dev/null || missing="$$missing bubblewrap"; \
	if [ -z "$$missing" ]; then echo "== browser, PostgreSQL, Node and bubblewrap are there"; \
	elif command -v apt-get >/dev/null; then \
		echo "== installing$$missing with apt"; \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "== not found:$$missing; the tests that need them will say so"; fi

# Two workers on two cores leave no cores to the threads of each; some hundreds of interpreters start, which compile nothing twice.
# In the order of their names: by the number of its tests, the cluster's file comes last, and one worker waits for the other.
test: export OMP_NUM_THREADS := 1
test: export PYTHONDONTWRITEBYTECODE :=
test: setup system
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -q

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/solvers.py
	$(BIN)/python benchmarks/normal_form.py
	$(BIN)/python benchmarks/mmd.py

# Only what this project needs: run it in a checkout whose $(VENV) holds nothing else.
constraints: setup
	(echo "# Every version that \`make setup\` installs, and what Arena is tested with. \`make constraints\` writes it anew."; \
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+cpu$$//') > constraints.txt

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
