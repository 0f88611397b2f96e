#!/usr/bin/env bash
# Sets up what is missing, builds, runs every test project and closes with "N passed, N failed".
#   ./test.sh              all of them
#   ./test.sh Keys Audit   those whose name contains one of the words
# CREW_TEST_TIMEOUT_SECONDS bounds each project (default 900). Logs stay in artifacts/test-logs.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
. eng/prerequisites.sh

limit_seconds=${CREW_TEST_TIMEOUT_SECONDS:-900}
logs=artifacts/test-logs
passed=0 failed=0 skipped=0 running=

# Stops the tests with us: the project runs in a process group of its own, which its timeout leads.
trap 'exit 130' INT TERM
trap '[ -z "$running" ] || kill -TERM "$running" 2>/dev/null' EXIT

install_debian_packages() {
  local missing=()
  [ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql-15)
  compgen -G '/usr/lib/*/libcrypto.so.3' >/dev/null || missing+=(libssl3)
  # The disk that forgets (tests/Faults.Tests/Shim) is built where it runs.
  command -v gcc >/dev/null && [ -f /usr/include/stdio.h ] || missing+=(gcc libc6-dev)
  # The pages are looked at in a real browser (tests/Identity.Tests).
  [ -x /usr/bin/chromium ] || missing+=(chromium)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests need these Debian packages: ${missing[*]}. Install them as root (apt-get install ${missing[*]}) and run this again." >&2
    exit 1
  fi
  # The tests start servers of their own, so the package is told not to set up and start one for the machine.
  local cluster=/etc/postgresql-common/createcluster.d/crew-tests.conf
  mkdir -p "${cluster%/*}"
  echo 'create_main_cluster = off' >"$cluster"
  apt-get update -qq </dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" </dev/null
  local code=$?
  rm -f "$cluster"
  rmdir --ignore-fail-on-non-empty "${cluster%/*}"
  if [ "$code" -ne 0 ]; then
    echo "Installing ${missing[*]} failed; the lines above say why." >&2
    exit 1
  fi
}

install_npm_packages() {
  local folder=tests/clients
  [ -f "$folder/package-lock.json" ] || return 0
  [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] ||
    (cd "$folder" && npm ci --no-audit --no-fund </dev/null)
}

build() {
  local options=()
  [ "${CI:-}" != true ] || options+=(-nodeReuse:false)
  dotnet build Crew.slnx --configuration Release --verbosity minimal "${options[@]}" </dev/null
}

# The number behind a word of the closing summary; empty when the project never came that far.
count() {
  sed -n "s/^  $1: \([0-9][0-9]*\)\$/\1/p" "$2" | tail -n 1
}

run_project() {
  local name=$1 log=$logs/$1.log started=$SECONDS complaint='' code=0 good bad left
  timeout --kill-after=10 "$limit_seconds" "artifacts/bin/$name/release/Crew.$name" --no-progress --no-ansi >"$log" 2>&1 </dev/null &
  running=$!
  wait "$running" || code=$?
  running=
  good=$(count succeeded "$log") bad=$(count failed "$log") left=$(count skipped "$log")
  if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
    complaint="was stopped after $limit_seconds seconds"
  elif [ "$((${good:-0} + ${bad:-0}))" -eq 0 ]; then
    complaint="ran no test (exit code $code); is it in Crew.slnx, and does it start?"
  elif [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
    complaint="ended with exit code $code though no test failed"
  fi
  passed=$((passed + ${good:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${left:-0}))
  if [ -n "$complaint" ] || [ "${bad:-0}" -gt 0 ]; then
    cat "$log"
    [ -z "$complaint" ] || failed=$((failed + 1))
    echo "FAILED  $name: ${complaint:-$bad failed}"
  else
    echo "ok      $name: $good passed in $((SECONDS - started)) s"
  fi
}

wanted() {
  [ "$#" -gt 1 ] || return 0
  local name=$1 word
  shift
  for word in "$@"; do
    [[ $name != *"$word"* ]] || return 0
  done
  return 1
}

finish() {
  local line="$passed passed, $failed failed"
  [ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
  echo "$line"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

require_sdk_and_node
install_debian_packages
mkdir -p "$logs"
if ! install_npm_packages; then
  echo "FAILED  npm ci in tests/clients"
  failed=1
  finish
fi
if ! build; then
  echo "FAILED  build"
  failed=1
  finish
fi

# Tests that start a server start this one.
export CREW_EXE=$PWD/artifacts/bin/Host/release/crew
for project in tests/*.Tests/*.csproj tests/Storage.Spec/*.csproj; do
  name=$(basename "$project" .csproj)
  if [ -f "$project" ] && wanted "$name" "$@"; then
    run_project "$name"
  fi
done
[ "$((passed + failed))" -gt 0 ] || echo "No test project was found${*:+ whose name contains one of: $*}."
finish
