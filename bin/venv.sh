# Read by bin/up and bin/test: find Python, make .venv in the checkout, install a lock into it.
# Plain POSIX sh. Says in a sentence what is missing; costs milliseconds when all is in place.

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Debian splits venv and ensurepip from Python.
can_make_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    found=
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON is '$PYTHON', which is no Python 3.11 or newer. Name one, or unset it."
        found=$PYTHON
    else
        for candidate in python3.13 python3.12 python3.11 python3 python3.14 python; do
            if new_enough "$candidate"; then
                found=${found:-$candidate}
                can_make_venv "$candidate" && found=$candidate && break
            fi
        done
    fi
    [ -n "$found" ] || fail "Python 3.11 or newer is needed and none was found. On Debian or Ubuntu:
    apt install python3 python3-venv
or name one that lies elsewhere: PYTHON=/path/to/python3.12 $0"
    can_make_venv "$found" || fail "'$found' cannot make a virtual environment: its venv module is missing. On Debian or Ubuntu:
    apt install python3-venv"
}

# install NAME: bring .venv to requirements/NAME.txt unless its marker says it is there.
install() {
    lock="$root/requirements/$1.txt"
    marker="$root/.venv/.installed-$1"
    python="$root/.venv/bin/python"
    exec 9<"$lock"
    if command -v flock >/dev/null 2>&1; then
        flock 9 # two first starts at once: the second waits for the first
    fi
    wanted=$(cksum <"$lock")
    if [ ! -x "$python" ] || [ ! -f "$marker" ] || [ "$(cat "$marker")" != "$wanted" ]; then
        # Test -O is not POSIX, but every sh here has it: is it ours?
        if [ -e "$root/.venv" ] && [ ! -O "$root/.venv" ]; then
            fail "$root/.venv belongs to another user and is not ready for this one. Start the site as that
user, or use a checkout of your own; it is left as it is."
        fi
        if ! "$python" -m pip --version >/dev/null 2>&1; then
            find_python
            echo "Making a virtual environment in $root/.venv"
            "$found" -m venv --clear "$root/.venv" || fail "The virtual environment could not be made; the lines above say why."
        fi
        echo "Installing requirements/$1.txt (a minute or two, this once)"
        "$python" -m pip install --quiet --disable-pip-version-check --no-input \
            --require-hashes -r "$lock" 9<&- ||
            fail "The packages could not be installed; the lines above say why. Running this again goes on from here."
        printf '%s\n' "$wanted" >"$marker"
    fi
    exec 9<&-
}
