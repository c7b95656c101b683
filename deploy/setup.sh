#!/bin/sh
# Make .venv and install Darkroom into it: `sh deploy/setup.sh STAMP`, from the repository's root (`make setup` does that).
# May be interrupted and run again at any time. Everything pip says goes to the log; what takes long is also shown.
set -eu

stamp=$1
venv=.venv
log=$venv/setup.log
pip_status=$venv/pip-status

fail() {
    echo "setup: $1" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if is_new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    fail "Darkroom needs Python 3.11 or newer; no python3, python3.13, python3.12 or python3.11 here is that."
}

# pip tells of each file; only the big ones are worth a line to someone who waits.
show_big_downloads() {
    awk '/^ *(Downloading|Using cached) .*\(([0-9][0-9.]* GB|[0-9][0-9][0-9.]* MB)\)/ {
             n = split($2, parts, "/"); split(parts[n], name, "-")
             printf "      %s %s %s %s\n", ($1 == "Using" ? "from the cache:" : "downloading"),
                    ($1 == "Using" ? $3 : name[1] " " name[2]), $(NF - 1), $NF; fflush()
         }
         /^Installing collected packages/ { print "      unpacking (about a minute)"; fflush() }'
}

run_pip() {
    { "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
        -c deploy/constraints.txt "$@" 2>&1 || echo failed >"$pip_status"; } | tee -a "$log" | show_big_downloads
    if [ -e "$pip_status" ]; then
        tail -n 15 "$log" >&2
        fail "pip could not install the packages; its whole report is in $log. Run make setup again when that is mended."
    fi
}

if ! { is_new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    echo "[1/3] Python environment in $venv ($("$python" --version))"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "python could not make $venv; on Debian and Ubuntu install python3-venv, then try again."
else
    echo "[1/3] Python environment in $venv ($("$venv/bin/python" --version), already there)"
fi
rm -f "$stamp" "$pip_status"
: >"$log"

# torch by itself and first: pinned, so that the resolver never looks for a bigger build of a newer one (README, "Sizes").
echo "[2/3] torch"
run_pip "torch==2.13.0"
echo "[3/3] Darkroom and its other packages"
run_pip -e ".[dev]"
touch "$stamp"
echo "Set up. Try: make run"
