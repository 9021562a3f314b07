# Sourced by sikpdos, test and bench, which set `root` (the checkout) and `need` (run or test). Sets `python`: the
# interpreter of $SIKPDOS_PYTHON, or else of the private environment .venv/, made or updated where it is not as
# pyproject.toml and constraints.txt want it. Every start passes here: two small processes, and no Python.

if [ -n "${SIKPDOS_PYTHON:-}" ]; then
    python=$SIKPDOS_PYTHON
    if ! command -v "$python" >/dev/null; then
        echo "sikpdos: SIKPDOS_PYTHON: no such interpreter: $python" >&2
        exit 1
    fi
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" # modules of a cluster provide packages through PYTHONPATH
else
    python=$root/.venv/bin/python
    if ! { [ -x "$python" ] && [ -r "$root/.venv/ready-$need" ] &&
        cat "$root/pyproject.toml" "$root/bin/constraints.txt" | cmp -s - "$root/.venv/ready-$need"; }; then
        for candidate in python3.12 python3.11 python3.13 python3.14 python3.10 python3 ''; do
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' </dev/null >/dev/null 2>&1 && break
        done
        if [ -z "$candidate" ]; then
            echo "sikpdos: needs Python 3.10 or newer (Debian, Ubuntu: apt install python3 python3-venv)" >&2
            exit 1
        fi
        "$candidate" -I "$root/bin/setup.py" "$need" </dev/null >&2 || exit
    fi
    unset PYTHONHOME
    export PYTHONPATH="$root"
fi
export PYTHONSAFEPATH=1 # a numpy.py in the working folder is not ours
