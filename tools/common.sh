# What the commands in this folder share. They source it; it is not run.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What a command is doing goes to stderr: stdout belongs to the programs that it runs.
say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "$1"
  exit "${2:-1}"
}

# bad_usage MESSAGE: the message, the line of the command's usage, and exit 2. The command sets `usage`.
bad_usage() {
  say "$1"
  printf '%s\n' "${usage%%$'\n'*}" >&2
  exit 2
}

# jobs GIB: as many compilers at once as there are processors and GIB gibibytes of memory for each.
jobs() {
  local processors by_memory
  processors=$(nproc)
  by_memory=$(awk -v gib="$1" '/^MemAvailable:/ {print int($2 / 1048576 / gib)}' /proc/meminfo)
  if ((by_memory < 1)); then
    by_memory=1
  fi
  echo $((by_memory < processors ? by_memory : processors))
}

# configure PRESET: cheap when nothing has changed; what CMake says is shown only if it fails.
configure() {
  local output
  if ! output=$(cd "$root" && cmake --preset "$1" 2>&1); then
    printf '%s\n' "$output" >&2
    die "configuring the preset $1 failed"
  fi
}

# build PRESET [cmake --build options...]
build() {
  local preset=$1 memory=1.5
  shift
  case $preset in
  asan | tsan) memory=2 ;;
  esac
  configure "$preset"
  (cd "$root" && cmake --build --preset "$preset" --parallel "$(jobs "$memory")" "$@") ||
    die "building the preset $preset failed"
}

# run_tests PRESET [ctest options...]: with ctest's exit status.
run_tests() {
  local preset=$1 launcher=()
  shift
  # The thread sanitizer of GCC 12 and of clang 16 aborts where the kernel places code at more random
  # addresses than it knows of (vm.mmap_rnd_bits above 28).
  if [[ $preset == tsan ]] && setarch -R true 2>/dev/null; then
    launcher=(setarch -R)
  fi
  (cd "$root" && "${launcher[@]}" ctest --preset "$preset" --parallel "$(nproc)" "$@")
}

# seconds_since T: T is a value of $SECONDS.
seconds_since() { echo "$((SECONDS - $1)) s"; }
